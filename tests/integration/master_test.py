"""caronted: processes under their own rights, death, hang and crash loop of workers (F39 to F44), reload (F72, F73), stop (F75),
the start that fails (F35, F78, F80), the control socket (F79). `FW-`, `BA-` rows are tested elsewhere."""

import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import unittest.mock

from case import LOCAL, STRANGER, Case, together
from control_client import Control, message
from gateway import Gateway, Unexpected, build_folder, free_port, wait_until

USERS = {"smtpd-proxy": "_caronte-smtp", "policyd": "_caronte-policy", "dnsd": "_caronte-dns", "logd": "_caronte-log"}


def is_alive(pid):
    return pathlib.Path(f"/proc/{pid}").exists() and status(pid)["State"][0] not in "ZX"


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.split(":", 1)[0]: line.split(":", 1)[1].strip() for line in lines}


def wait_for_text(gateway, pattern, timeout=10.0, count=1):
    return wait_until(lambda: len(re.findall(pattern, gateway.stderr)) >= count and gateway.stderr, timeout,
                      f"caronted says {pattern!r}")


def settle(gateway, count=1, timeout=20.0):
    """Waits until every worker is ready again."""
    def is_ready():
        with Control(gateway.folder / "run" / "master.sock") as control:
            found, is_healthy = control.status()
        return is_healthy and found
    return wait_until(is_ready, timeout, "every worker ready")


def ask(gateway):
    with Control(gateway.folder / "run" / "master.sock") as control:
        return control.status()


def reload(gateway):
    with Control(gateway.folder / "run" / "master.sock") as control:
        return control.order("ReloadRequest")


def deliver(gateway, source=STRANGER, **options):
    with gateway.client(source=source, **options) as client:
        client.hello()
        client.deliver()


class Caller(threading.Thread):
    """Calls the gateway again and again and counts what becomes of it."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.gateway, self.refused, self.served, self.cut = gateway, 0, 0, 0
        self.is_over = False
        self.start()

    def run(self):
        while not self.is_over:
            try:
                with self.gateway.client(source=STRANGER) as client:
                    client.line("QUIT")
                    client.drain()
                self.served += 1
            except ConnectionRefusedError:
                self.refused += 1
            except (OSError, EOFError, AssertionError):
                self.cut += 1

    def end(self):
        self.is_over = True
        self.join(30)
        return self


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


class DeathTest(Case):
    """Catalogue D."""

    def test_F39_death_of_a_proxy_refuses_no_connection(self):
        gateway = self.gateway(self.sink(), expects_deaths=True)
        settle(gateway)
        caller = Caller(gateway)
        for _ in range(8):
            before = set(gateway.workers("smtpd-proxy"))
            os.kill(random.choice(sorted(before)), signal.SIGKILL)
            wait_until(lambda: len(set(gateway.workers("smtpd-proxy")) - before) == 1, what="a new smtpd-proxy")
            time.sleep(0.1)
        settle(gateway)
        served = caller.served
        wait_until(lambda: caller.served > served + 10, what="calls are served again")
        caller.end()
        self.assertEqual(caller.refused, 0)
        self.assertGreater(caller.served, 20)
        self.assertLessEqual(caller.cut, 16)  # those that the dead process held
        self.assertRegex(gateway.stderr, r"smtpd-proxy\.\d \(pid \d+\) killed by SIGKILL; starts again")

    def test_F39_only_proxy_leaves_calls_waiting_not_refused(self):
        gateway = self.gateway(self.sink(), server={"workers": 1}, expects_deaths=True)
        os.kill(gateway.worker("smtpd-proxy"), signal.SIGKILL)
        for _ in range(20):
            with gateway.client(source=STRANGER) as client:  # waits in the queue of the socket that master holds
                client.hello()

    def test_F39_orphan_is_taken_over_while_its_process_cannot_start(self):
        programs = OddPrograms(self, {"smtpd-proxy"})
        gateway = self.gateway(self.sink(), arguments=["-l", programs.folder], expects_deaths=True)
        settle(gateway)
        programs.behave("exit")
        os.kill(gateway.workers("smtpd-proxy")[0], signal.SIGKILL)
        wait_for_text(gateway, r"smtpd-proxy\.\d \(pid \d+\) ended with exit code 3", count=3)
        for _ in range(40):  # half of them are hashed to the orphan's socket
            with gateway.client(source=STRANGER, timeout=5) as client:
                client.line("QUIT")
                client.drain()
        self.assertFalse(ask(gateway)[1])
        programs.behave("")
        settle(gateway, timeout=40)

    def test_F40_death_of_the_others(self):
        gateway = self.gateway(self.sink(), dns={"servers": "127.0.0.1@1"}, expects_deaths=True)
        settle(gateway)
        for program in ("policyd", "dnsd", "logd"):
            with self.subTest(program):
                before = gateway.worker(program)
                os.kill(before, signal.SIGKILL)
                wait_until(lambda: gateway.workers(program) not in ([], [before]), what=f"a new {program}")
                settle(gateway)
                deliver(gateway)
        with self.subTest("all at once"):
            before = [gateway.worker(program) for program in ("policyd", "dnsd", "logd")]
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not set(before) & set(gateway.workers()), what="new workers")
            found = settle(gateway)
            deliver(gateway)
            self.assertEqual(found["process"]["policyd.0"]["restarts"], "2")
            self.assertEqual(found["process"]["smtpd-proxy.0"]["restarts"], "0")
        with self.subTest("the log tells it"):
            gateway.wait_for_record(lambda r: "policyd.0" in r.get("text", "") and "SIGKILL" in r.get("text"), name="event")

    def test_F42_crashes_are_named(self):
        # A sanitizer build would make an exit code of them.
        options = ":".join(f"handle_{name}=0" for name in ("segv", "sigbus", "sigill", "sigfpe"))
        gateway = self.gateway(self.sink(), expects_deaths=True, environment={"ASAN_OPTIONS": options})
        for number, name in ((signal.SIGSEGV, "SEGV"), (signal.SIGBUS, "BUS"), (signal.SIGILL, "ILL"), (signal.SIGFPE, "FPE")):
            settle(gateway)
            os.kill(gateway.worker("policyd"), number)
            wait_for_text(gateway, rf"policyd\.0 \(pid \d+\) killed by SIG{name}")
        settle(gateway)
        os.kill(gateway.worker("policyd"), signal.SIGSYS)
        wait_for_text(gateway, "killed by seccomp")
        settle(gateway)

    def test_F42_F71_client_of_a_crash_is_refused_for_a_while(self):
        programs = OddPrograms(self, {"smtpd-proxy"}, "crash 127.0.1.77")
        gateway = self.gateway(self.sink(), arguments=["-l", programs.folder], expects_deaths=True)
        wait_for_text(gateway, "SIGABRT")
        settle(gateway)
        self.assertIn("127.0.1.77: that client is refused for a while", gateway.stderr)

        def is_refused():
            try:
                with gateway.client(source="127.0.1.77") as client:
                    client.line("QUIT")
                    client.drain()
                return False
            except (Unexpected, EOFError, OSError):
                return True
        wait_until(is_refused, what="the penalty")
        deliver(gateway)  # the others go on

    def test_F43_hung_workers_are_replaced_within_20_s(self):
        gateway = self.gateway(self.sink(), dns={"servers": "127.0.0.1@1"}, expects_deaths=True)
        other = self.gateway(self.sink(), expects_deaths=True)
        settle(gateway)
        settle(other)

        def stop_workers():
            before = set(gateway.workers())
            started = time.monotonic()
            for pid in before:
                os.kill(pid, signal.SIGSTOP)
            wait_until(lambda: not before & set(gateway.workers()) and len(gateway.workers()) == len(before), 23, "new workers")
            settle(gateway)
            self.assertLess(time.monotonic() - started, 23)  # 20 s and a loaded machine
            self.assertEqual(len(re.findall("hangs: it answers no ping", gateway.stderr)), len(before))
            deliver(gateway)

        def stop_master():  # its workers are not held guilty of its own absence
            before = other.workers()
            os.kill(other.pid, signal.SIGSTOP)
            time.sleep(19)
            os.kill(other.pid, signal.SIGCONT)
            time.sleep(4)
            self.assertEqual(before, other.workers())
            deliver(other)

        third = self.gateway(self.sink(), expects_deaths=True)
        settle(third)

        def stop_one_proxy():  # whose queue another one takes over
            hung = third.workers("smtpd-proxy")[0]
            os.kill(hung, signal.SIGSTOP)
            clients = [third.client(source=STRANGER, greeting=None, timeout=23) for _ in range(20)]
            for client in clients:
                client.expect(220)
            self.assertEqual([pid for pid in third.deaths() if pid != hung], [])

        together(stop_workers, stop_master, stop_one_proxy)

    def test_F43_worker_that_never_becomes_ready_is_replaced(self):
        programs = OddPrograms(self, {"policyd"}, "mute")
        gateway = self.gateway(self.sink(), arguments=["-l", programs.folder], wait=False, expects_deaths=True)
        wait_for_text(gateway, "hangs: it does not become ready", 25)
        wait_for_text(gateway, "caronted: ready", 10)
        deliver(gateway)

    def test_F44_crash_loop_is_slowed_down_and_heals(self):
        programs = OddPrograms(self, {"policyd"})
        gateway = self.gateway(self.sink(), arguments=["-l", programs.folder], expects_deaths=True)
        settle(gateway)
        programs.behave("exit")
        os.kill(gateway.worker("policyd"), signal.SIGKILL)
        wait_for_text(gateway, "starts again in 800 ms")
        delays = re.findall(r"policyd\.0 .*starts again (?:in )?(.*)", gateway.stderr)
        self.assertEqual(delays[:5], ["at once", "100 ms", "200 ms", "400 ms", "800 ms"])
        self.assertLessEqual(len(delays), 7)  # one line a try
        programs.behave("")
        settle(gateway)
        deliver(gateway)

    def test_F47_broken_rules_cost_the_sender_its_life(self):
        kinds = {"number": "not expected here", "generation": "not expected here", "pong": "Pong without its Ping",
                 "ready": "Ready said twice", "prepared": "not expected here", "blame": "blames a process that it does not know",
                 "route": "not this peer's to send", "length": "malformed", "garbage": "malformed frame",
                 "huge": "frame too long"}

        def one(kind, text):
            programs = OddPrograms(self, {"smtpd-proxy"}, f"rule {kind}")
            with Gateway(self.sinks, arguments=["-l", programs.folder], expects_deaths=True) as gateway:
                wait_for_text(gateway, rf"smtpd-proxy\.0 is killed: .*{text}")
                settle(gateway)
                deliver(gateway)
                self.assertEqual(len(gateway.workers()), 4)

        self.sinks = self.sink()
        for kind, text in kinds.items():
            with self.subTest(kind):
                one(kind, text)


class OddPrograms:
    """A folder of worker programs in which those of `odd` misbehave as tests/master/odd_worker.cc has it."""

    def __init__(self, test, odd, behaviour=""):
        build = build_folder()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="caronte-odd."))
        test.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "real").mkdir()
        for program in USERS:
            real = build / program / program
            if program in odd:
                shutil.copy(build / "tests" / "master" / "odd_worker", self.folder / program)
                (self.folder / "real" / program).symlink_to(real)
            else:
                (self.folder / program).symlink_to(real)
        self.behave(behaviour)

    def behave(self, behaviour):
        new = self.folder / "behaviour.new"
        new.write_text(behaviour + "\n")
        new.rename(self.folder / "behaviour")


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
        programs = OddPrograms(self, {"smtpd-proxy"})
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
        self.assertNotIn("dnsd.0", settle(gateway)["process"])
        deliver(gateway)


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


class StartTest(Case):
    """The program as the administrator meets it: options, exit codes, messages."""

    def caronted(self, *arguments, timeout=20, prefix=()):
        return subprocess.run([*prefix, str(build_folder() / "master" / "caronted"), *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)

    def gateway_folder(self, **elements):
        """A configuration that nothing runs with yet."""
        gateway = Gateway.__new__(Gateway)
        gateway.build, gateway.expects_deaths = build_folder(), False
        gateway.folder = pathlib.Path(tempfile.mkdtemp(prefix="caronte-test."))
        self.addCleanup(shutil.rmtree, gateway.folder)
        gateway.folder.chmod(0o755)
        gateway.file = gateway.folder / "caronte.xml"
        gateway._reserved, gateway._process, gateway._born = [], None, {}
        gateway._write(None, ["local.example.org"], None, None, None, "", elements)
        self.addCleanup(lambda: [reserved.close() for reserved in gateway._reserved])
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
        programs = OddPrograms(self, {"policyd"}, "exit")
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
