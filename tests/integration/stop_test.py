"""The end of caronted: by signal, by the control socket (F75), by death (F41)."""

import os
import signal
import socket
import time
import unittest

from case import LOCAL, Case
from control_client import Control
from gateway import wait_until
from master_case import deliver, is_alive, wait_for_text


class StopTest(Case):
    def test_F75_idle_sessions_get_421_and_data_is_finished(self):
        gateway = self.gateway(self.sink())
        idle, late = self.ready(gateway), self.ready(gateway)
        late.command("MAIL FROM:<a@example.com>", 250)
        late.command(f"RCPT TO:<{LOCAL}>", 250)
        late.command("DATA", 354)
        late.send(b"Subject: x\r\n\r\n")
        os.kill(gateway.pid, signal.SIGTERM)
        idle.expect(421)
        wait_until(lambda: self._is_closed(gateway), what="the port is closed")
        late.send(b"x\r\n.\r\n")
        late.expect(250)
        self.assertEqual(gateway._process.wait(10), 0)
        self.assertEqual(gateway.deaths(), [pid for pid in gateway._born])
        self.assertEqual([path.name for path in (gateway.folder / "run").iterdir()], ["empty"])
        gateway._process = None
        text = (gateway.folder / "log" / "current.xml").read_text()
        self.assertIn("stopped", text.splitlines()[-2])  # logd heard the last word

    @staticmethod
    def _is_closed(gateway):
        try:
            socket.create_connection(("127.0.0.1", gateway.port), 2).close()
            return False
        except ConnectionRefusedError:
            return True

    def test_F75_second_signal_ends_at_once(self):
        gateway = self.gateway(self.sink())
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com>", 250)
        client.command(f"RCPT TO:<{LOCAL}>", 250)
        client.command("DATA", 354)
        os.kill(gateway.pid, signal.SIGTERM)
        wait_for_text(gateway, "stopping")
        time.sleep(0.5)
        self.assertIsNone(gateway._process.poll())  # waits for the message
        os.kill(gateway.pid, signal.SIGTERM)
        self.assertEqual(gateway._process.wait(3), 0)
        wait_until(lambda: not any(is_alive(pid) for pid in gateway._born), what="all gone")
        gateway._process = None

    def test_stop_by_the_control_socket(self):
        gateway = self.gateway(self.sink())
        with Control(gateway.folder / "run" / "master.sock") as control:
            self.assertEqual(control.order("StopRequest"), (True, ["stopping"]))
            self.assertRaises(EOFError, control.receive)
        self.assertEqual(gateway._process.wait(10), 0)
        gateway._process = None

    def test_F41_workers_outlive_a_killed_master_only_to_finish(self):
        gateway = self.gateway(self.sink(), expects_deaths=True)
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com>", 250)
        client.command(f"RCPT TO:<{LOCAL}>", 250)
        client.command("DATA", 354)
        workers = gateway.workers()
        os.kill(gateway.pid, signal.SIGKILL)
        gateway._process.wait()
        client.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
        client.expect(250)
        wait_until(lambda: not any(is_alive(pid) for pid in workers), what="no orphan")
        with self.subTest("the next one binds at once"):
            gateway._start(None, [])
            gateway.wait_until_ready()
            deliver(gateway)


if __name__ == "__main__":
    unittest.main()
