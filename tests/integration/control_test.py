"""caronted's control socket: status, and who may not ask (F79)."""

import random
import subprocess
import unittest

from case import Case
from control_client import Control, message
from master_case import ask, deliver, settle


class ControlTest(Case):
    def test_status(self):
        gateway = self.gateway(self.sink())
        found = settle(gateway)
        self.assertEqual(found["gateway"]["caronted"]["pid"], str(gateway.pid))
        self.assertEqual(found["gateway"]["caronted"]["state"], "ready")
        self.assertEqual(set(found["process"]), {"logd.0", "policyd.0", "smtpd-proxy.0", "smtpd-proxy.1"})
        self.assertEqual({int(facts["pid"]) for facts in found["process"].values()}, set(gateway.workers()))
        self.assertEqual({facts["state"] for facts in found["process"].values()}, {"ready"})
        self.assertEqual(set(found["listener"]), {f"127.0.0.1:{gateway.port}", f"[::1]:{gateway.port6}"})

    def test_F79_rubbish_costs_only_its_own_connection(self):
        gateway = self.gateway(self.sink())
        path = gateway.folder / "run" / "master.sock"
        chance = random.Random(79)
        for number in range(1000):
            with Control(path, timeout=10) as control:
                frame = chance.randbytes(chance.randrange(1, 300))
                if number % 3 == 0:  # a whole message of some type
                    frame = bytes([chance.randrange(60)]) + len(frame).to_bytes(4, "little") + frame
                if number % 50 == 0:
                    frame = bytes(70_000)
                control.socket.send(frame)
                if frame[:1] != message("StatusRequest")[:1]:
                    try:
                        self.assertEqual(control.socket.recv(100), b"")
                    except ConnectionResetError:
                        pass
        with self.subTest("silent connections do not keep others out"):
            silent = [Control(path) for _ in range(10)]
            self.assertTrue(ask(gateway)[1])
            for control in silent:
                control.socket.close()
        with self.subTest("nobody may not even connect"):
            for name in ("master.sock", "policyd.sock", "logd.sock"):
                script = (f"import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
                          f"s.connect({str(gateway.folder / 'run' / name)!r})")
                result = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", script],
                                        capture_output=True, text=True)
                self.assertIn("PermissionError", result.stderr)
        deliver(gateway)
        self.assertTrue(ask(gateway)[1])

    def test_F79_credentials_are_checked_behind_the_file_mode(self):
        gateway = self.gateway(self.sink())
        for name in ("master.sock", "policyd.sock", "logd.sock"):
            path = gateway.folder / "run" / name
            path.chmod(0o666)
            script = (f"import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(5)\n"
                      f"s.connect({str(path)!r}); s.send({message('StatusRequest')!r})\nprint(len(s.recv(1000)))")
            result = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", script],
                                    capture_output=True, text=True)
            self.assertIn(result.stdout.strip() or result.stderr.splitlines()[-1],
                          ("0", "ConnectionResetError: [Errno 104] Connection reset by peer", "BrokenPipeError: [Errno 32] Broken pipe"), name)


if __name__ == "__main__":
    unittest.main()
