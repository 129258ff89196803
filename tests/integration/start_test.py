"""caronted as the administrator meets it: options, exit codes, messages; processes under their own rights; the start that fails
(F35, F44, F78, F80)."""

import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import time
import unittest

from case import STRANGER, Case
from gateway import Gateway, build_folder, wait_until
from master_case import USERS, ask, deliver, is_alive, settle, status
from odd_programs import OddPrograms


class RightsTest(Case):
    def test_each_worker_has_its_own_uid_and_nothing_else(self):
        gateway = self.gateway(self.sink(), dns={"servers": "127.0.0.1@1"})
        settle(gateway)
        self.assertEqual(status(gateway.pid)["Uid"].split()[0], "0")
        # NET_BIND_SERVICE SETUID SETGID SETPCAP SYS_CHROOT KILL CHOWN DAC_READ_SEARCH
        kept = sum(1 << number for number in (10, 7, 6, 8, 18, 5, 0, 2))
        for name in ("CapBnd", "CapPrm", "CapEff"):
            self.assertEqual(int(status(gateway.pid)[name], 16) & ~kept, 0, name)
        self.assertEqual(status(gateway.pid)["Seccomp"], "2")
        seen = set()
        for program, user in USERS.items():
            entry = pwd.getpwnam(user)
            seen.add(entry.pw_uid)
            for pid in gateway.workers(program):
                with self.subTest(program):
                    facts = status(pid)
                    self.assertEqual(facts["Uid"].split(), [str(entry.pw_uid)] * 4)
                    self.assertEqual(facts["Gid"].split(), [str(entry.pw_gid)] * 4)
                    self.assertEqual(facts["Groups"], "")
                    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                        self.assertEqual(int(facts[name], 16), 0, name)
                    self.assertEqual((facts["NoNewPrivs"], facts["Seccomp"]), ("1", "2"))
                    self.assertEqual(pathlib.Path(f"/proc/{pid}/environ").read_bytes(), b"")
                    for number in (0, 1):
                        self.assertEqual(os.readlink(f"/proc/{pid}/fd/{number}"), "/dev/null")
                    self.assertEqual(os.getsid(pid), pid)  # no terminal reaches it
        self.assertEqual(len(seen), len(USERS))
        self.assertEqual(len(gateway.workers()), 5)

    def test_folders_have_the_right_owners(self):
        gateway = self.gateway(self.sink())
        for name, user, mode in (("run", "root", 0o755), ("run/empty", "root", 0o555), ("state", USERS["policyd"], 0o700),
                                 ("log", USERS["logd"], 0o2750)):
            found = (gateway.folder / name).stat()
            self.assertEqual((pwd.getpwuid(found.st_uid).pw_name, found.st_mode & 0o7777), (user, mode), name)
        self.assertEqual(int((gateway.folder / "run/caronted.pid").read_text()), gateway.pid)
        for name in ("master.sock", "policyd.sock", "logd.sock"):
            found = (gateway.folder / "run" / name).stat()
            self.assertEqual(found.st_uid, 0)
            self.assertEqual(found.st_mode & 0o007, 0, name)  # others cannot even connect


class StartTest(Case):
    """The program as the administrator meets it: options, exit codes, messages."""

    def caronted(self, *arguments, timeout=20, prefix=()):
        return subprocess.run([*prefix, str(build_folder() / "master" / "caronted"), *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)

    def gateway_folder(self, **elements):
        """A configuration that nothing runs with yet."""
        gateway = self.gateway(None, domains=["local.example.org"], is_started=False, **elements)
        Gateway.ensure_users()
        return gateway

    def start(self, gateway, *arguments, timeout=20, prefix=()):
        return self.caronted("-f", str(gateway.file), "-l", str(gateway.build), *arguments, timeout=timeout, prefix=prefix)

    def test_options(self):
        self.assertRegex(self.caronted("-V").stdout, r"^caronted \d+\.\d+")
        for wrong in (["-x"], ["more"], ["-f"], ["-F", "x"]):
            result = self.caronted(*wrong)
            self.assertEqual(result.returncode, 64, wrong)
            self.assertIn("usage: caronted", result.stderr)

    def test_n_checks_the_configuration(self):
        gateway = self.gateway_folder()
        result = self.start(gateway, "-n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertFalse((gateway.folder / "run").exists())  # nothing is touched
        text = gateway.file.read_text()
        line = next(number for number, one in enumerate(text.splitlines(), 1) if "<server" in one)
        gateway.file.write_text(text.replace('workers="2"', 'workers="2000000"'))
        result = self.start(gateway, "-n")
        self.assertEqual(result.returncode, 78)
        self.assertRegex(result.stderr, rf"(?m)^{re.escape(str(gateway.file))}:{line}: server workers: .*\d")
        result = self.start(gateway, "-F")
        self.assertEqual(result.returncode, 78)
        self.assertRegex(self.caronted("-n", "-f", "/nonexistent/x.xml").stderr, "/nonexistent/x.xml")

    def test_F35_second_instance(self):
        gateway = self.gateway(self.sink())
        started = time.monotonic()
        result = self.start(gateway, "-F")
        self.assertLess(time.monotonic() - started, 1 + 2)  # 1 s and a loaded machine
        self.assertEqual(result.returncode, 69)
        self.assertIn("already running", result.stderr)
        deliver(gateway)
        self.assertEqual(int((gateway.folder / "run/caronted.pid").read_text()), gateway.pid)
        ask(gateway)

    def test_F78_missing_user(self):
        gateway = self.gateway_folder()
        without = gateway.folder / "passwd"
        without.write_text("".join(line for line in open("/etc/passwd") if not line.startswith(USERS["dnsd"])))
        script = f'mount --bind {without} /etc/passwd && exec "$0" "$@"'
        result = self.start(gateway, "-F", prefix=["unshare", "-m", "sh", "-c", script])
        self.assertEqual(result.returncode, 78, result.stderr)
        self.assertRegex(result.stderr, r"user _caronte-dns is missing; run \S+/users")

    def test_F78_wrong_rights(self):
        def spoil_state(folder):
            (folder / "state").mkdir(mode=0o700)
            (folder / "state" / "something").touch()

        def spoil_log(folder):
            (folder / "log").mkdir()
            (folder / "log").chmod(0o777)
            os.chown(folder / "log", pwd.getpwnam(USERS["logd"]).pw_uid, -1)

        def spoil_run(folder):
            (folder / "run").mkdir()
            (folder / "run").chmod(0o777)

        def spoil_empty(folder):
            (folder / "run").mkdir(mode=0o755)
            (folder / "run" / "empty").mkdir(mode=0o755)
            (folder / "run" / "empty" / "file").touch()

        for name, spoil, text in (("state", spoil_state, "belongs to uid 0; chown"), ("log", spoil_log, "mode 0777"),
                                  ("run", spoil_run, "mode 0777"), ("run/empty", spoil_empty, "is not empty")):
            with self.subTest(name):
                gateway = self.gateway_folder()
                spoil(gateway.folder)
                started = time.monotonic()
                result = self.start(gateway, "-F")
                self.assertLess(time.monotonic() - started, 1 + 2)
                self.assertEqual(result.returncode, 78, result.stderr)
                self.assertIn(f"{gateway.folder / name}: ", result.stderr)
                self.assertIn(text, result.stderr)

    def test_empty_folders_of_root_are_handed_over(self):
        gateway = self.gateway_folder()
        for name in ("state", "log"):
            (gateway.folder / name).mkdir()
        result = self.start(gateway)
        self.assertEqual(result.returncode, 0, result.stderr)
        self._stop(gateway)
        self.assertEqual(pwd.getpwuid((gateway.folder / "state").stat().st_uid).pw_name, USERS["policyd"])
        self.assertEqual((gateway.folder / "state").stat().st_mode & 0o7777, 0o700)
        self.assertEqual(pwd.getpwuid((gateway.folder / "log").stat().st_uid).pw_name, USERS["logd"])

    def _stop(self, gateway):
        pid = int((gateway.folder / "run/caronted.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not is_alive(pid), 20, "caronted ends")

    def test_daemon_answers_when_its_parent_returns(self):
        gateway = self.gateway_folder()
        result = self.start(gateway)
        self.assertEqual(result.returncode, 0, result.stderr)
        try:
            with gateway.client(source=STRANGER) as client:
                client.hello()
            pid = int((gateway.folder / "run/caronted.pid").read_text())
            self.assertEqual(os.getsid(pid), pid)
            self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
            self.assertEqual({os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)}, {"/dev/null"})
        finally:
            self._stop(gateway)

    def test_daemon_that_cannot_start_says_so(self):
        gateway = self.gateway_folder(listens=None)
        for listen in gateway.endpoints:
            family = socket.AF_INET6 if ":" in listen["address"] else socket.AF_INET
            gateway._reserved.pop(0).close()
            taken = socket.create_server((listen["address"], int(listen["port"])), family=family)
            self.addCleanup(taken.close)
        result = self.start(gateway)
        self.assertEqual(result.returncode, 71)
        self.assertRegex(result.stderr, r"cannot listen: .*Address already in use")
        with self.subTest("programs missing"):
            gateway = self.gateway_folder()
            result = self.caronted("-f", str(gateway.file), "-l", "/nonexistent")
            self.assertEqual(result.returncode, 69)
            self.assertIn("/nonexistent/logd", result.stderr)

    def test_F44_start_without_policyd_fails(self):
        programs = self.enterContext(OddPrograms({"policyd"}, "exit"))
        gateway = self.gateway_folder()
        result = self.caronted("-f", str(gateway.file), "-l", str(programs.folder), timeout=60)
        self.assertEqual(result.returncode, 70, result.stderr)
        self.assertIn("the workers do not become ready", result.stderr)
        self.assertFalse((gateway.folder / "run/caronted.pid").exists())

    def test_F80_taken_port_is_tried_again(self):
        gateway = self.gateway_folder()
        taken = socket.create_server(("127.0.0.1", 0))
        gateway.endpoints.append({"address": "127.0.0.1", "port": taken.getsockname()[1]})
        gateway.write_configuration()
        result = self.start(gateway)
        try:
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertRegex(result.stderr, r"ALARM: not listening on 127\.0\.0\.1:\d+: Address already in use")
            with gateway.client(source=STRANGER) as client:
                client.hello()
            found, is_healthy = ask(gateway)
            self.assertFalse(is_healthy)
            self.assertIn({"state": "failed"}, found["listener"].values())
            taken.close()
            settle(gateway, timeout=15)
            for _ in range(10):
                with gateway.client(source=STRANGER, listen=2) as client:
                    client.hello()
        finally:
            self._stop(gateway)

    def test_notify(self):
        gateway = self.gateway_folder()
        path = str(gateway.folder / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(20)
            process = subprocess.Popen([str(gateway.build / "master" / "caronted"), "-F", "-f", str(gateway.file), "-l", str(gateway.build)],
                                       env={"NOTIFY_SOCKET": path}, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                def wait_for(state):
                    while not (said := manager.recv(4096).decode()).startswith(state):
                        self.assertEqual(said, "WATCHDOG=1")
                    return said
                wait_for("READY=1")
                wait_for("WATCHDOG=1")
                process.send_signal(signal.SIGHUP)
                self.assertRegex(wait_for("RELOADING=1"), r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
                wait_for("READY=1")
                process.send_signal(signal.SIGTERM)
                wait_for("STOPPING=1")
                self.assertEqual(process.wait(20), 0)
            finally:
                process.kill()
                process.wait()


if __name__ == "__main__":
    unittest.main()
