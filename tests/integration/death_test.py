"""Death, hang and crash loop of caronted's workers (F39 to F44, F47, F71)."""

import os
import random
import re
import signal
import time
import unittest

from case import STRANGER, Case, together
from gateway import Gateway, Unexpected, wait_until
from master_case import Caller, ask, deliver, settle, wait_for_text
from odd_programs import OddPrograms


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
        programs = self.enterContext(OddPrograms({"smtpd-proxy"}))
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
        programs = self.enterContext(OddPrograms({"smtpd-proxy"}, "crash 127.0.1.77"))
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
        programs = self.enterContext(OddPrograms({"policyd"}, "mute"))
        gateway = self.gateway(self.sink(), arguments=["-l", programs.folder], wait=False, expects_deaths=True)
        wait_for_text(gateway, "hangs: it does not become ready", 25)
        wait_for_text(gateway, "caronted: ready", 10)
        deliver(gateway)

    def test_F44_crash_loop_is_slowed_down_and_heals(self):
        programs = self.enterContext(OddPrograms({"policyd"}))
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
            programs = self.enterContext(OddPrograms({"smtpd-proxy"}, f"rule {kind}"))
            with Gateway(self.sinks, arguments=["-l", programs.folder], expects_deaths=True) as gateway:
                wait_for_text(gateway, rf"smtpd-proxy\.0 is killed: .*{text}")
                settle(gateway)
                deliver(gateway)
                self.assertEqual(len(gateway.workers()), 4)

        self.sinks = self.sink()
        for kind, text in kinds.items():
            with self.subTest(kind):
                one(kind, text)


if __name__ == "__main__":
    unittest.main()
