"""Reload of caronted (F72, F73): all or nothing, and no session is lost by it."""

import os
import pathlib
import random
import re
import signal
import socket
import time
import unittest
import unittest.mock

from case import LOCAL, STRANGER, Case
from gateway import free_port, wait_until
from master_case import Caller, ask, deliver, reload, settle, wait_for_text
from odd_programs import OddPrograms


class ReloadTest(Case):
    def test_good_reload_takes_effect_and_drops_no_session(self):
        gateway = self.gateway(self.sink(), limits={"noops": 2})
        held = self.ready(gateway)
        held.command("MAIL FROM:<a@example.com>", 250)
        gateway.write_configuration(limits={"noops": 5}, replies={"relaying-denied": "550 5.7.1 Not here"})
        self.assertEqual(reload(gateway), (True, unittest.mock.ANY))
        held.command("RCPT TO:<x@foreign.example.net>", 550)
        self.assertEqual(ask(gateway)[0]["gateway"]["caronted"]["generation"], "2")
        with gateway.client(source=STRANGER) as client:
            client.hello()
            for _ in range(5):
                client.command("NOOP", 250)
            client.command("MAIL FROM:<a@example.com>", 250)
            self.assertEqual(client.command("RCPT TO:<x@foreign.example.net>", 550).first, "550 5.7.1 Not here")
        held.command(f"RCPT TO:<{LOCAL}>", 250)
        held.command("DATA", 354)
        held.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
        held.expect(250)

    def test_F72_bad_reload_keeps_the_old_configuration(self):
        gateway = self.gateway(self.sink())
        held = self.ready(gateway)
        good = gateway.file.read_text()
        server = good.index("<server ")
        bad = {
            "empty": "", "truncated": good[:len(good) // 2], "not XML": "hello", "unknown element": good.replace("<domains>", "<x/><domains>"),
            "unknown attribute": good.replace("<server ", '<server colour="red" '), "out of range": good.replace('workers="2"', 'workers="-1"'),
            "wrong type": good.replace('workers="2"', 'workers="two"'), "two roots": good + "<caronte/>",
            "bad UTF-8": good.encode().replace(b"gateway.", b"gate\xffway."), "document type": good.replace("<caronte>", "<!DOCTYPE x><caronte>"),
            "duplicate element": good[:server] + '<server name="x.example.org"/>' + good[server:], "deep": "<a>" * 10000,
            "huge": good + " " * 20_000_000,
        }
        for name, text in bad.items():
            with self.subTest(name):
                gateway.file.write_bytes(text if isinstance(text, bytes) else text.encode())
                is_ok, lines = reload(gateway)
                self.assertFalse(is_ok)
                self.assertRegex(lines[0], rf"^{re.escape(str(gateway.file))}(:\d+)?: ")
        with self.subTest("missing"):
            gateway.file.unlink()
            self.assertFalse(reload(gateway)[0])
        with self.subTest("folder"):
            gateway.file.mkdir()
            self.assertFalse(reload(gateway)[0])
            gateway.file.rmdir()
        with self.subTest("pipe"):
            os.mkfifo(gateway.file)
            self.assertFalse(reload(gateway)[0])
            gateway.file.unlink()
        held.deliver()
        deliver(gateway)
        found, is_healthy = ask(gateway)
        self.assertTrue(is_healthy)
        self.assertEqual(found["gateway"]["caronted"]["generation"], "1")
        gateway.file.write_text(good)
        self.assertTrue(reload(gateway)[0])
        self.assertIn("reload refused: ", gateway.stderr)

    def test_what_cannot_change_is_refused(self):
        gateway = self.gateway(self.sink())
        changes = {"state": {"server": {"state": "/tmp/elsewhere"}}, "run": {"server": {"run": "/tmp/elsewhere"}},
                   "workers": {"server": {"workers": 3}}, "folder": {"log": {"folder": "/tmp/elsewhere"}}}
        for name, change in changes.items():
            with self.subTest(name):
                original = {element: gateway._settings["elements"].get(element) for element in change}
                gateway.write_configuration(**change)
                is_ok, lines = reload(gateway)
                self.assertFalse(is_ok)
                self.assertRegex(lines[-1], rf"{name}: cannot change by a reload")
                gateway._settings["elements"].update(original)
                for element, value in original.items():
                    if value is None:
                        del gateway._settings["elements"][element]
        self.assertFalse(pathlib.Path("/tmp/elsewhere").exists())

    def test_worker_that_does_not_answer_refuses_the_reload(self):
        gateway = self.gateway(self.sink(), limits={"noops": 2})
        policyd = gateway.worker("policyd")
        os.kill(policyd, signal.SIGSTOP)
        gateway.write_configuration(limits={"noops": 5})
        is_ok, lines = reload(gateway)
        self.assertFalse(is_ok)
        self.assertRegex(lines[-1], r"no answer within 5000 ms from policyd\.0")
        os.kill(policyd, signal.SIGCONT)

        def noops():
            with gateway.client(source=STRANGER) as client:
                client.hello()
                return client.send(b"NOOP\r\n" * 6) or client.drain().count(b"250")
        self.assertEqual(noops(), 2)
        self.assertTrue(reload(gateway)[0])
        self.assertEqual(noops(), 5)

    def test_listeners_come_and_go(self):
        gateway = self.gateway(self.sink())
        port = free_port()
        gateway.endpoints.append({"address": "127.0.0.1", "port": port})
        gateway.write_configuration()
        self.assertTrue(reload(gateway)[0])
        for _ in range(10):  # both slots
            with gateway.client(source=STRANGER, listen=2) as client:
                client.hello()
        with self.subTest("a session outlives its listener"):
            held = gateway.client(source=STRANGER, listen=2)
            gone = gateway.endpoints.pop()
            gateway.write_configuration()
            self.assertTrue(reload(gateway)[0])

            def is_refused():
                try:
                    socket.create_connection(("127.0.0.1", port), 2).close()
                    return False
                except ConnectionRefusedError:
                    return True
            wait_until(is_refused, what="the port is closed")
            held.hello()
            held.deliver()
            held.close()
        with self.subTest("a port that is taken refuses the reload"):
            with socket.create_server(("127.0.0.1", port)):
                gateway.endpoints.append(gone)
                gateway.write_configuration()
                is_ok, lines = reload(gateway)
                self.assertFalse(is_ok)
                self.assertRegex(lines[-1], rf"listen: 127\.0\.0\.1:{port}: Address already in use")
                deliver(gateway)
            self.assertTrue(reload(gateway)[0])
            with gateway.client(source=STRANGER, listen=2) as client:
                client.hello()

    def test_F73_hundred_reloads_leak_nothing_and_drop_nothing(self):
        gateway = self.gateway(self.sink(), relay=["127.0.9.1"])
        settle(gateway)
        self.assertTrue(reload(gateway)[0])
        before = {pid: gateway.descriptors(pid) for pid in [gateway.pid, *gateway.workers()]}
        held = self.ready(gateway)
        caller = Caller(gateway)
        for number in range(100):
            gateway.write_configuration(limits={"noops": 10 + number % 2, "sessions-per-address": 0})
            self.assertTrue(reload(gateway)[0])
        for _ in range(1000):
            os.kill(gateway.pid, signal.SIGHUP)
        self.assertTrue(reload(gateway)[0])
        held.deliver()
        caller.end()
        self.assertEqual((caller.refused, caller.cut), (0, 0))
        generation = int(ask(gateway)[0]["gateway"]["caronted"]["generation"])
        self.assertGreaterEqual(generation, 103)
        self.assertLess(generation, 600)  # signals were coalesced
        held.quit()

        def leaks():
            return {pid: (count, gateway.descriptors(pid)) for pid, count in before.items() if gateway.descriptors(pid) > count}
        wait_until(lambda: not leaks(), what="descriptors back")

    def noops(self, gateway):
        """How many NOOPs each of ten sessions is granted: the mark of the configuration that its smtpd-proxy uses."""
        granted = set()
        for _ in range(10):
            with gateway.client(source=STRANGER) as client:
                client.hello()
                client.send(b"NOOP\r\n" * 20)
                granted.add(client.drain().count(b"250"))
        return granted

    def test_worker_that_dies_during_reloads_gets_what_is_in_force(self):
        gateway = self.gateway(self.sink(), expects_deaths=True)
        settle(gateway)
        expected = 10
        for number in range(12):
            wanted = 3 + number
            gateway.write_configuration(limits={"noops": wanted, "sessions-per-address": 0})
            os.kill(random.choice(gateway.workers()), signal.SIGKILL)
            expected = wanted if reload(gateway)[0] else expected
            settle(gateway)
            self.assertEqual(self.noops(gateway), {expected})

    def test_worker_that_starts_during_a_reload_is_waited_for(self):
        programs = self.enterContext(OddPrograms({"smtpd-proxy"}))
        gateway = self.gateway(self.sink(), arguments=["-l", programs.folder], expects_deaths=True)
        settle(gateway)
        programs.behave("slow 1500")
        before = gateway.workers("smtpd-proxy")
        os.kill(before[0], signal.SIGKILL)
        wait_for_text(gateway, "SIGKILL; starts again at once")
        gateway.write_configuration(limits={"noops": 4, "sessions-per-address": 0})
        started = time.monotonic()
        self.assertTrue(reload(gateway)[0])
        self.assertGreater(time.monotonic() - started, 0.5)
        self.assertTrue(settle(gateway))
        self.assertEqual(self.noops(gateway), {4})

    def test_lists_are_read_again_when_they_change(self):
        gateway = self.gateway(self.sink(), relay=["127.0.9.1", "127.0.9.2", "127.0.9.3"])

        def may_relay(source):
            with gateway.client(source=source) as client:
                client.hello()
                client.command("MAIL FROM:<a@example.com>", 250)
                client.line("RCPT TO:<x@foreign.example.net>")
                return client.reply().code == 250

        self.assertTrue(may_relay("127.0.9.1"))
        self.assertFalse(may_relay("127.0.9.4"))
        gateway.write_list("relay", ["127.0.9.1", "127.0.9.2", "127.0.9.3", "127.0.9.4"])
        wait_until(lambda: may_relay("127.0.9.4"), 15, "the list is read again")
        with self.subTest("a list that shrank waits"):
            gateway.write_list("relay", ["127.0.9.1"])
            wait_for_text(gateway, "shrank by half", 15)
            self.assertTrue(may_relay("127.0.9.4"))
            self.assertTrue(reload(gateway)[0])
            self.assertFalse(may_relay("127.0.9.4"))

    def test_dnsd_comes_and_goes(self):
        gateway = self.gateway(self.sink())
        self.assertEqual(gateway.workers("dnsd"), [])
        gateway.write_configuration(dns={"servers": "127.0.0.1@1"})
        self.assertTrue(reload(gateway)[0])
        self.assertIn("dnsd.0", settle(gateway)["process"])
        gateway.write_configuration(dns=None)
        self.assertTrue(reload(gateway)[0])
        wait_until(lambda: not gateway.workers("dnsd"), what="dnsd ends")
        wait_until(lambda: "dnsd.0" not in settle(gateway)["process"], what="master knows")
        deliver(gateway)


if __name__ == "__main__":
    unittest.main()
