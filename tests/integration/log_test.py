"""The log and carontectl with the whole gateway: BA-3, CX-6 to CX-9, Q32; F26 (full disk), F55 (stuck logd), F77 (other hands in the
folder). Every session is in the log once, or counted there as lost, whatever happens to logd."""

import contextlib
import fcntl
import grp
import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import xml.etree.ElementTree as ElementTree

from case import FOREIGN, LOCAL, STRANGER, Case
from gateway import Gateway, wait_until

LIVE = "current.xml"


def locked(path):
    """What the file holds, read as a reader should: under a shared lock."""
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        return file.read()


def lint(text):
    """None, or what xmllint says."""
    result = subprocess.run(["xmllint", "--noout", "-"], input=text, capture_output=True)
    return None if result.returncode == 0 else result.stderr.decode(errors="replace")


class Log:
    """A log folder. records() fails when a file is not well-formed, a number comes twice, or one is missing unreported."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def files(self):
        found = [path for path in self.folder.glob("*.xml") if not path.name.startswith(".")]
        return sorted(found, key=lambda path: (path.name == LIVE, path.name))

    def texts(self):
        """The files' contents, of one moment between rotations."""
        while True:
            before = [(path.name, path.stat().st_ino) for path in self.files()]
            try:
                texts = {name: locked(self.folder / name) for name, _ in before}
                if before == [(path.name, path.stat().st_ino) for path in self.files()]:
                    return texts
            except FileNotFoundError:
                pass

    def records(self):
        found = []
        for name, text in self.texts().items():
            assert (fault := lint(text)) is None, f"{name}: {fault}"
            found += [record for record in ElementTree.fromstring(text) if record.tag != "continued"]
        return found

    def account(self, sender="smtpd-proxy"):
        """(sessions recorded, records reported as lost) of the processes of this name."""
        seen, lost, sessions = {}, {}, 0
        for record in self.records():
            if not record.get("from").startswith(sender + "."):
                continue
            life = (record.get("from"), record.get("instance"))
            numbers = range(int(record.get("first")), int(record.get("last")) + 1) if record.tag == "lost" else [int(record.get("n"))]
            if record.tag == "lost":
                assert len(numbers) == int(record.get("count"))
                lost[life] = lost.get(life, 0) + len(numbers)
            for number in numbers:
                assert number not in seen.setdefault(life, set()), f"{life}: number {number} twice"
                seen[life].add(number)
            sessions += record.tag == "session"
        for life, numbers in seen.items():
            assert numbers == set(range(1, max(numbers) + 1)), f"{life}: numbers are missing: {set(range(1, max(numbers) + 1)) - numbers}"
        return sessions, sum(lost.values())


@contextlib.contextmanager
def small_disk(size):
    """A tmpfs as root's empty folder; yields it and a function that gives it another size."""
    with tempfile.TemporaryDirectory(prefix="caronte-log.") as folder:
        os.chmod(folder, 0o711)
        disk = pathlib.Path(folder) / "log"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", disk], capture_output=True).returncode:
            raise unittest.SkipTest("a tmpfs cannot be mounted here")
        try:
            yield disk, lambda other: subprocess.run(["mount", "-o", f"remount,size={other}", disk], check=True)
        finally:
            subprocess.run(["umount", "-l", disk], check=True)


class LogCase(Case):
    def say(self, gateway, *lines):
        """One session: these commands, then QUIT; returns how long it took."""
        begun = time.monotonic()
        with gateway.client(source=STRANGER) as client:
            client.hello()
            for line in lines:
                client.line(line)
                client.reply()
            client.quit()
        return time.monotonic() - begun

    def closed_sessions(self, gateway):
        """As policyd counts them, which does not depend on the log; once no session is open any more."""
        def count():
            items = [line.split("\t") for line in gateway.control("status", "-p").stdout.splitlines()]
            if ["sessions", "policyd.0", "open", "0"] not in items:
                return None
            outcomes = ("delivered refused deferred busy errors noops timed-out aborted quiet stopped lost").split()
            return sum(int(value) for section, _, name, value in items if section == "counter" and name in outcomes)
        return wait_until(count, 20, "no session is open")


class LevelTest(LogCase):
    """BA-3, CX-6, Q32: none, 1, 2, 3, debug."""

    def record_at(self, level):
        gateway = self.gateway(self.sink(), log={"level": level})
        with gateway.client(source=STRANGER) as client:
            client.hello("client.example.com")
            client.deliver()
            client.line("RCPT TO:<x>")
            client.reply()
            client.quit()
        return gateway, gateway.wait_for_record(lambda r: STRANGER in r.get("client", ""))

    def test_CX_6_level_none_records_nothing(self):
        gateway = self.gateway(self.sink(), log={"level": "none"})
        self.say(gateway)
        gateway.write_configuration(log={"level": "1"})
        gateway.reload()
        self.say(gateway)
        self.assertEqual(len(wait_until(lambda: gateway.records("session"), 10, "a record of the second session")), 1)

    def test_CX_6_level_1_has_sessions_messages_and_recipients(self):
        gateway, record = self.record_at("1")
        self.assertEqual(record.get("outcome"), "delivered")
        self.assertEqual(record.get("helo"), "client.example.com")
        self.assertRegex(record.get("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual([recipient.get("address") for recipient in record.findall("message/recipient")], [LOCAL])
        self.assertEqual(record.findall("dialogue"), [])
        self.assertTrue(gateway.records("event"))

    def test_CX_6_level_3_adds_the_dialogue(self):
        for level in ("3", "debug"):
            with self.subTest(level):
                _, record = self.record_at(level)
                dialogue = [(line.get("from"), line.get("text")) for line in record.findall("dialogue")]
                self.assertIn(("client", "EHLO client.example.com"), dialogue)
                self.assertTrue(any(who == "gateway" and text.startswith("220 ") for who, text in dialogue), dialogue)
                self.assertTrue(record.findall("message/recipient"))

    def test_reload_lowers_the_level_BA_3(self):
        gateway, _ = self.record_at("3")
        gateway.write_configuration(log={"level": "1"})
        gateway.reload()
        self.say(gateway, b"HELP lowered")
        record = gateway.wait_for_record(lambda r: r.get("outcome") == "quiet" and not r.findall("dialogue"))
        self.assertEqual(record.tag, "session")

    def test_hostile_octets_stay_text(self):
        gateway = self.gateway(self.sink(), log={"level": "3"})
        with gateway.client(source=STRANGER) as client:
            client.send(b"HELP \x01\x1b[31m\xff\xfe</session>]]>&amp;\"'\xed\xa0\x80\\x\r\n")
            client.reply()
            client.quit()
        record = gateway.wait_for_record(lambda r: STRANGER in r.get("client", ""))
        said = [line.get("text") for line in record.findall("dialogue") if line.get("from") == "client"][0]
        self.assertEqual(said, "HELP \\x01\\x1b[31m\\xff\\xfe</session>]]>&amp;\"'\\xed\\xa0\\x80\\\\x")
        Log(gateway.folder / "log").records()


class CrashTest(LogCase):
    def test_live_file_is_well_formed_through_rotation_and_kill_9(self):
        """CX-8, CX-9: under load; no session is missing from the log or in it twice."""
        gateway = self.gateway(self.sink(), log={"rotate-size": "8K", "level": "3"}, expects_deaths=True)
        log = Log(gateway.folder / "log")
        is_done, faults, checks = threading.Event(), [], [0]

        def load():
            while not is_done.is_set():
                self.say(gateway, b"MAIL FROM:<sender@example.com>", f"RCPT TO:<{FOREIGN}>".encode())
                time.sleep(0.005)  # hundreds of records, not as many as the machine can make

        def check():
            while not is_done.is_set():
                with contextlib.suppress(FileNotFoundError):
                    if fault := lint(locked(log.folder / LIVE)):
                        faults.append(fault)
                    checks[0] += 1

        threads = [threading.Thread(target=target, daemon=True) for target in (load, load, check)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(8):
                logd = gateway.worker("logd")
                time.sleep(0.15)
                os.kill(logd, signal.SIGKILL)
                wait_until(lambda: [pid for pid in gateway.workers("logd") if pid != logd], 20, "a new logd")
            time.sleep(0.3)
        finally:
            is_done.set()
            for thread in threads:
                thread.join(30)
        self.assertEqual(faults, [])
        self.assertGreater(checks[0], 20)
        total = self.closed_sessions(gateway)
        self.assertGreater(total, 30)
        wait_until(lambda: log.account()[0] == total, 20, f"{total} sessions in the log")
        self.assertEqual(log.account(), (total, 0))
        archives = [path.name for path in log.files() if path.name != LIVE]
        self.assertGreater(len(archives), 3)
        for name in archives:
            self.assertRegex(name, r"^caronte-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(_\d{3})?\.xml$")

    def test_CX_8_rotation_by_time(self):
        gateway = self.gateway(self.sink(), log={"rotate-time": "1s"})
        wait_until(lambda: [path for path in (gateway.folder / "log").glob("caronte-*.xml")], 10, "an archive")
        total = self.closed_sessions(gateway)
        wait_until(lambda: Log(gateway.folder / "log").account() == (total, 0), 10, "all sessions in the log")

    def test_F55_stuck_logd_delays_nobody(self):
        gateway = self.gateway(self.sink(), expects_deaths=True)
        logd = gateway.worker("logd")
        usual = sorted(self.say(gateway) for _ in range(40))
        os.kill(logd, signal.SIGSTOP)
        stuck = sorted(self.say(gateway) for _ in range(40))
        os.kill(logd, signal.SIGCONT)
        # 10 ms, and what a busy machine adds to any session.
        self.assertLess(stuck[len(stuck) // 2], usual[len(usual) // 2] * 2 + 0.01)
        total = self.closed_sessions(gateway)
        wait_until(lambda: Log(gateway.folder / "log").account() == (total, 0), 20, "all sessions in the log")

    def test_graceful_stop_loses_nothing(self):
        gateway = self.gateway(self.sink())
        log = Log(gateway.folder / "log")
        before = self.closed_sessions(gateway)
        for _ in range(30):
            self.say(gateway)
        gateway.stop()
        gateway._process = None  # it has ended as it should
        self.assertEqual(log.account(), (before + 30, 0))
        self.assertIn("stop", "".join(record.get("text", "") for record in log.records() if record.tag == "event"))


class FullDiskTest(LogCase):
    """F26: mail is unaffected, and what was lost is known to the record."""

    def test_F26_loss_is_exact(self):
        with small_disk("96k") as (disk, resize), contextlib.ExitStack() as stack:
            sink = self.sink()
            gateway = stack.enter_context(Gateway(sink, server={"workers": 1}, log={"folder": disk, "level": "3"}, limits={"errors": 0},
                                                  expects_deaths=True))  # ends before the disk goes
            log = Log(disk)
            self.assertEqual(gateway.control("status").returncode, 0)
            recipients = b"".join(b"RCPT TO:<%s%d@foreign.example.net>\r\n" % (b"x" * 60, i) for i in range(60))
            for _ in range(150):  # some 1.5 MB, more than a sender keeps
                with gateway.client(source=STRANGER) as client:
                    client.hello()
                    client.send(b"MAIL FROM:<a@example.com>\r\n" + recipients)
                    for _ in range(61):
                        client.reply()
                    client.quit()
            with self.subTest("mail goes on"):
                with gateway.client(source=STRANGER) as client:
                    client.hello()
                    client.deliver()
                    client.quit()
                self.assertEqual(len(sink.messages), 1)
            with self.subTest("the file is well-formed, status tells"):
                log.records()
                wait_until(lambda: gateway.control("status").returncode == 1, 5, "status says degraded")
                status = gateway.control("status", "-p").stdout
                self.assertIn("\tstate\tfailing", status)
                self.assertIn("No space left on device", status)
            with self.subTest("kill -9 changes nothing in the account"):
                logd = gateway.worker("logd")
                os.kill(logd, signal.SIGKILL)
                wait_until(lambda: [pid for pid in gateway.workers("logd") if pid != logd], 20, "a new logd")
                log.records()
            resize("32m")
            self.say(gateway)
            total = self.closed_sessions(gateway)
            wait_until(lambda: sum(log.account()) >= total, 20, "the account is settled")
            sessions, lost = log.account()
            self.assertGreater(lost, 10)
            self.assertEqual(sessions + lost, total)
            self.assertEqual(gateway.control("status").returncode, 0)


class OtherHandsTest(LogCase):
    """F77."""

    def test_F77_moved_file(self):
        gateway = self.gateway(self.sink())
        log = Log(gateway.folder / "log")
        for i in range(4):
            self.say(gateway)
            total = self.closed_sessions(gateway)
            wait_until(lambda: log.account() == (total, 0), 10, "all sessions in the log")
            (log.folder / LIVE).rename(log.folder / f"moved-{i}.xml")
        wait_until((log.folder / LIVE).exists, 5, "a new file")
        self.say(gateway)
        total = self.closed_sessions(gateway)
        wait_until(lambda: log.account() == (total, 0), 10, "all sessions in the log")

    def test_F77_removed_folder_is_made_anew(self):
        gateway = self.gateway(self.sink(), expects_deaths=True)
        log = Log(gateway.folder / "log")
        total = self.closed_sessions(gateway)
        wait_until(lambda: log.account() == (total, 0), 10, "all sessions in the log")
        for path in log.folder.iterdir():
            path.unlink()
        log.folder.rmdir()
        self.say(gateway)
        wait_until((log.folder / LIVE).exists, 20, "folder and file")
        wait_until(lambda: [r for r in log.records() if r.tag == "session"], 10, "the session in the new file")
        self.assertEqual(pwd.getpwuid(log.folder.stat().st_uid).pw_name, "_caronte-log")


class SyslogTest(LogCase):
    def test_syslog_gets_a_line_a_record(self):
        if os.path.lexists("/dev/log"):
            self.skipTest("this machine has a logger of its own")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as logger:
            logger.bind("/dev/log")
            self.addCleanup(os.unlink, "/dev/log")
            os.chmod("/dev/log", 0o666)
            logger.settimeout(10)
            lines = []

            def take():
                with contextlib.suppress(TimeoutError):
                    while not lines or STRANGER not in lines[-1]:
                        lines.append(logger.recv(8192).decode())
            # From the beginning: the kernel keeps some ten lines for a logger that does not read.
            reader = threading.Thread(target=take, daemon=True)
            reader.start()
            gateway = self.gateway(self.sink(), log={"syslog": "yes"})
            self.say(gateway)
            reader.join(30)
            line = lines[-1]
            self.assertRegex(line, r'^<22>caronte\[\d+\]: smtpd-proxy\.\d session reference="\w+" client="127\.0\.1\.5" ')
            self.assertNotIn("\n", line)
            os.kill(gateway.worker("logd"), 0)
        # The logger has gone: nobody waits, the log goes on.
        self.say(gateway)
        total = self.closed_sessions(gateway)
        wait_until(lambda: Log(gateway.folder / "log").account() == (total, 0), 10, "all sessions in the log")


class ControlTest(LogCase):
    """carontectl."""

    def test_log_filters(self):
        gateway = self.gateway(self.sink(), log={"rotate-size": "1K"})
        with gateway.client(source="127.0.1.7") as client:
            client.hello()
            client.deliver(sender="Alice@example.com")
            client.quit()
        with gateway.client(source="127.0.2.8") as client:
            client.hello()
            client.line(b"MAIL FROM:<bob@example.com>")
            client.reply()
            client.line(f"RCPT TO:<{FOREIGN}>".encode())
            client.reply()
            client.quit()
        delivered = gateway.wait_for_record(lambda r: r.get("client") == "127.0.1.7")
        gateway.wait_for_record(lambda r: r.get("client") == "127.0.2.8")

        def found(*options):
            result = gateway.control("log", "-a", "--xml", *options)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertIsNone(lint(result.stdout.encode()))
            return {record.get("client") for record in ElementTree.fromstring(result.stdout)} & {"127.0.1.7", "127.0.2.8"}

        both, first, second, none = {"127.0.1.7", "127.0.2.8"}, {"127.0.1.7"}, {"127.0.2.8"}, set()
        for options, expected in (
                ([], both), (["--address", "127.0.1.7"], first), (["--address", "127.0.2.0/24"], second),
                (["--address", "127.0.1.1-127.0.2.9"], both), (["--sender", "alice"], first), (["--sender", "alice", "--exact"], none),
                (["--sender", "alice@EXAMPLE.com", "--exact"], first), (["--recipient", "victim@"], second),
                (["--outcome", "delivered"], first), (["--outcome", "refused,delivered"], both),
                (["--reference", delivered.get("reference")], first), (["--since", "1h"], both), (["--until", "1h"], none),
                (["--since", delivered.get("time")], both), (["--until", delivered.get("time")], none)):
            with self.subTest(" ".join(options)):
                self.assertEqual(found(*options), expected)
        text = gateway.control("log", "-a", "--sender", "alice").stdout
        self.assertRegex(text, r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d delivered  127\.0\.1\.7 ")
        self.assertIn("from <Alice@example.com>", text)
        for options in (["--address", "nonsense"], ["--outcome", "sent"], ["--since", "yesterday"], ["--unknown"], ["word"]):
            with self.subTest(" ".join(options)):
                result = gateway.control("log", *options)
                self.assertEqual((result.returncode, result.stdout), (64, ""))
                self.assertTrue(result.stderr)

    def test_log_follows_over_rotations(self):
        gateway = self.gateway(self.sink(), log={"rotate-size": "1K"})
        follower = subprocess.Popen([str(gateway.build / "carontectl" / "carontectl"), "-f", str(gateway.file), "log", "-f", "-n", "0",
                                     "--address", STRANGER], stdout=subprocess.PIPE, text=True)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(follower.stdout), daemon=True)
        reader.start()
        try:
            time.sleep(0.5)  # it has found the end; what comes from now on is new
            for _ in range(25):
                self.say(gateway)
            wait_until(lambda: len([line for line in lines if STRANGER in line]) >= 25, 15, "25 sessions on the terminal")
        finally:
            follower.terminate()
            follower.wait()
            reader.join(10)
            follower.stdout.close()
        references = re.findall(r"reference=(\w+)", "".join(lines))
        self.assertEqual(len(references), 25)
        self.assertEqual(len(set(references)), 25)
        self.assertGreater(len(list((gateway.folder / "log").glob("caronte-*.xml"))), 1)

    def test_status_is_a_health_check(self):
        gateway = self.gateway(self.sink())
        result = wait_until(lambda: (r := gateway.control("status")).returncode == 0 and r, 10, "healthy")
        for word in ("policyd.0", "smtpd-proxy.1", "uptime", "restarts", "delivered", "current.xml"):
            self.assertIn(word, result.stdout)
        with self.subTest("a hung master takes no longer than 2 s"):
            os.kill(gateway.pid, signal.SIGSTOP)
            begun = time.monotonic()
            result = gateway.control("status")
            took = time.monotonic() - begun
            os.kill(gateway.pid, signal.SIGCONT)
            self.assertEqual(result.returncode, 1)
            self.assertLess(took, 2.5)
        with self.subTest("nobody"):
            unknown = subprocess.run([str(gateway.build / "carontectl" / "carontectl"), "-r", str(gateway.folder), "status"],
                                     capture_output=True, text=True)
            self.assertEqual(unknown.returncode, 2)
            self.assertIn("not running", unknown.stderr)

    def test_stop_waits_for_the_end(self):
        gateway = self.gateway(self.sink())
        result = gateway.control("stop", timeout=45)
        self.assertEqual((result.returncode, result.stdout), (0, "stopping\nstopped\n"), result.stderr)
        self.assertEqual(gateway._process.wait(5), 0)
        self.assertEqual(gateway.control("status").returncode, 2)
        self.assertEqual(gateway.control("stop").returncode, 2)
        gateway._process = None  # it has ended as it should

    def test_control_group_may_ask_and_read(self):
        group = grp.getgrnam("daemon")
        gateway = self.gateway(self.sink(), server={"control-group": group.gr_name})
        gateway.wait_for_record(name="event")
        nobody = pwd.getpwnam("nobody")

        def run(gid, *arguments):
            # A copy, for the build folder may be closed to others.
            with tempfile.TemporaryDirectory() as folder:
                os.chmod(folder, 0o755)
                program = pathlib.Path(folder) / "carontectl"
                program.write_bytes((gateway.build / "carontectl" / "carontectl").read_bytes())
                program.chmod(0o755)
                return subprocess.run([program, "-r", gateway.folder / "run", "-L", gateway.folder / "log", *arguments],
                                      user=nobody.pw_uid, group=gid, extra_groups=[], capture_output=True, text=True, cwd="/")

        self.assertEqual(run(group.gr_gid, "status").returncode, 0)
        read = run(group.gr_gid, "log")
        self.assertEqual(read.returncode, 0, read.stderr)
        self.assertIn("starts", read.stdout)
        self.assertEqual(run(nobody.pw_gid, "status").returncode, 77)
        self.assertEqual(run(nobody.pw_gid, "log").returncode, 66)


if __name__ == "__main__":
    unittest.main()
