"""The tarpit over real SMTP (AX-12, AG-9, Q21, AG-16): who is held, for how long, at whose cost; and what the log says of it."""

import os
import signal
import time
import unittest

from case import LOCAL, RELAY, STRANGER, Case
from gateway import PROBE_SOURCE, wait_until

HOLD = 1.5   # seconds; what is not held answers in well under half of it
QUICK = 0.7
LONG = "10m"  # a hold that no test sees the end of


class TarpitCase(Case):
    def timed(self, call):
        """The result of the call and the seconds that it took."""
        begun = time.monotonic()
        result = call()
        return result, time.monotonic() - begun

    def quick(self, call):
        """Not held: one of three tries is quick, for the machine may be busy."""
        times = []
        for _ in range(3):
            result, seconds = self.timed(call)
            times.append(seconds)
            if seconds < QUICK:
                return result
        self.fail(f"held: {times}")

    def held(self, call):
        result, seconds = self.timed(call)
        self.assertGreaterEqual(seconds, HOLD - 0.01)
        return result

    def settled(self, sink, processes=1):
        """Connections to the mail server once the probes are over."""
        sink.wait_for(lambda s: len(s.sessions) >= processes and all(session.is_over for session in s.sessions))
        return sink.connections


class GreetingTest(TarpitCase):
    def test_AX_12_everybody_waits_for_the_greeting(self):
        gateway = self.gateway(self.sink(), tarpit={"greeting": "1500ms"}, relay=[RELAY])
        client = self.held(lambda: self.client(gateway))
        client.hello()
        client.deliver()
        with self.subTest("but not who is exempt"):
            self.quick(lambda: self.client(gateway, source=RELAY))

    def test_AX_12_off(self):
        for tarpit in (None, {"greeting": "0s"}):
            with self.subTest(tarpit=tarpit):
                self.quick(lambda gateway=self.gateway(self.sink(), tarpit=tarpit): self.client(gateway))

    def test_AX_12_observe_holds_nobody(self):
        gateway = self.gateway(self.sink(), tarpit={"greeting": "1500ms"}, server={"observe": "yes"})
        self.quick(lambda: self.client(gateway))

    def test_held_sessions_cost_no_connection_and_keep_nobody_out(self):
        sink = self.sink()
        gateway = self.gateway(sink, relay=[PROBE_SOURCE], tarpit={"greeting": LONG, "maximum": 60}, server={"workers": 1},
                               limits={"sessions-per-address": 0})
        settled = self.settled(sink)
        proxy = gateway.worker("smtpd-proxy")
        before = gateway.descriptors(proxy)
        clients = [self.client(gateway, source=f"127.0.2.{i + 1}", greeting=None) for i in range(60)]
        for client in clients[:30]:
            client.send("EHLO too.early.example\r\nNOOP\r\n")
        wait_until(lambda: gateway.descriptors(proxy) == before + 60, what="60 sessions")
        self.assertTrue(all(client.is_silent(0) for client in clients))
        with self.subTest("above the maximum nobody is held"):
            late = self.quick(lambda: self.client(gateway))
            late.hello()
            late.deliver()
        self.assertEqual(sink.connections, settled + 1)
        with self.subTest("a hang-up is seen, whatever lies unread; its place is free again"):
            for number, client in enumerate(clients):
                client.reset() if number % 2 else client.close()
            wait_until(lambda: gateway.descriptors(proxy) <= before + 2, what="no session is held any more")
            record = gateway.wait_for_record(lambda r: r.get("client") == "127.0.2.60")
            self.assertEqual((record.get("outcome"), record.get("hung-up")), ("aborted", "yes"))


class EarlyTalkerTest(TarpitCase):
    def talk(self, gateway):
        """Greeted or not, a client that talks at once."""
        client = self.client(gateway, greeting=None)
        client.line("EHLO talker.example.com")
        return client

    def test_AX_12_early_talkers_are_refused(self):
        gateway = self.gateway(self.sink(), tarpit={"greeting": "500ms", "early-talkers": "refuse"})
        client = self.talk(gateway)
        refusal = client.expect(5)
        client.expect_eof()
        record = gateway.wait_for_record(lambda r: r.get("reason") == "early-talker")
        self.assertEqual((record.get("outcome"), record.get("reply")), ("refused", refusal.first))
        with self.subTest("whoever waits is greeted"):
            self.client(gateway).hello()

    def test_AX_12_early_talkers_off_and_log(self):
        for action in ("off", "log"):
            with self.subTest(action):
                gateway = self.gateway(self.sink(), tarpit={"greeting": "500ms", "early-talkers": action})
                client = self.talk(gateway)
                client.expect(220)
                client.expect(250)
                client.quit()
                record = gateway.wait_for_record()
                checks = [(c.get("name"), c.get("action"), c.get("observed")) for c in record.findall("check")]
                self.assertEqual(checks, [("early-talker", "log", "yes")] if action == "log" else [])


class HeloTest(TarpitCase):
    RATE = {"messages": 1, "minutes": 10}

    def offend(self, gateway):
        """A client whose second MAIL is too many."""
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com>", 250)
        client.command("RSET", 250)
        return client

    def test_AG_9_Q21_offenders_are_held_before_the_refusal_and_at_HELO_in_their_next_sessions(self):
        sink = self.sink()
        gateway = self.gateway(sink, rate={**self.RATE, "action": "tarpit"}, tarpit={"delay": "1500ms", "hang-ups": 0},
                               server={"workers": 1})
        settled = self.settled(sink)
        client = self.offend(gateway)
        self.held(lambda: client.command("MAIL FROM:<a@example.com>", "550"))
        client.expect_eof()
        with self.subTest("Q21: the next session, its greeting at once and its HELO late"):
            client = self.quick(lambda: self.client(gateway))
            self.held(client.hello)
            self.held(lambda: client.command("HELO again.example.com", 250))
        with self.subTest("another client is not"):
            self.quick(lambda: self.ready(gateway, source="127.0.1.77"))
        self.assertEqual(sink.connections, settled)

    def test_AG_9_off(self):
        gateway = self.gateway(self.sink(), rate={**self.RATE, "action": "refuse"}, tarpit={"delay": "1500ms", "hang-ups": 0})
        client = self.offend(gateway)
        _, seconds = self.timed(lambda: client.command("MAIL FROM:<a@example.com>", "550"))
        self.assertLess(seconds, QUICK)
        self.quick(lambda: self.ready(gateway))


class HangUpTest(TarpitCase):
    def leave_twice(self, **tarpit):
        gateway = self.gateway(self.sink(), relay=[PROBE_SOURCE], tarpit={"greeting": LONG, "within": "10m", "early-talkers": "off", **tarpit})
        for _ in range(2):
            known = len(gateway.records("session"))
            self.client(gateway, greeting=None).close()
            wait_until(lambda: len(gateway.records("session")) > known, what="the record of the hang-up")
        return gateway

    def test_AG_16_who_left_the_tarpit_twice_is_closed_at_once(self):
        gateway = self.leave_twice(**{"hang-ups": 2})
        client = self.client(gateway, greeting=None)
        client.drain(5)  # the end of the connection, with or without a word
        record = gateway.wait_for_record(lambda r: r.get("reason") == "hang-ups")
        self.assertEqual((record.get("value"), record.get("limit"), record.get("hung-up")), ("2", "2", None))
        with self.subTest("another client is held as ever"):
            self.assertTrue(self.client(gateway, source="127.0.1.77", greeting=None).is_silent(QUICK))

    def test_AG_16_off(self):
        gateway = self.leave_twice(**{"hang-ups": 0})
        self.assertTrue(self.client(gateway, greeting=None).is_silent(QUICK))


class RecordTest(TarpitCase):
    """What the log says of checks, and how a sender's refusal leads to it."""

    def test_AG_12_a_reference_leads_from_the_refusal_to_the_record(self):
        for reference in ("yes", "no"):
            with self.subTest(reference=reference):
                gateway = self.gateway(self.sink(), sender={"null": "refuse"}, replies={"reference": reference})
                client = self.ready(gateway)
                refusal = client.command("MAIL FROM:<>", "550")
                client.drain()
                record = gateway.wait_for_record(lambda r: r.get("reason") == "null-sender")
                message = record.find("message")
                self.assertEqual((message.get("reason"), message.get("reply")), ("null-sender", refusal.first))
                self.assertGreater(int(record.get("line")), 0)
                if reference == "no":
                    self.assertNotIn(record.get("reference"), refusal.text)
                    continue
                self.assertTrue(refusal.text.endswith(f"[{record.get('reference')}]"), refusal.text)
                told = refusal.text.rsplit(" ", 1)[1]
                for text in (told, told.strip("[]").upper()):
                    found = gateway.control("log", text)
                    self.assertEqual(found.returncode, 0, found.stderr)
                    self.assertIn(STRANGER, found.stdout)
                self.assertEqual(gateway.control("log", "0" * 13).stdout, "")
                self.assertEqual(gateway.control("log", "rubbish").returncode, 64)

    def test_AG_2_checks_in_the_record_by_level(self):
        expected = {("log", "1"): [("null-sender", "log", "yes")], ("refuse", "1"): [("null-sender", "refuse", "no")],
                    ("log", "2"): [("null-sender", "log", "yes")],
                    ("refuse", "2"): [("null-sender", "refuse", "no")]}
        for (action, level), checks in expected.items():
            with self.subTest(action=action, level=level):
                gateway = self.gateway(self.sink(), sender={"null": action}, rate={"messages": 100}, log={"level": level})
                client = self.ready(gateway)
                client.command("MAIL FROM:<>", 250 if action == "log" else 550)
                client.close()
                record = gateway.wait_for_record()
                found = [(c.get("name"), c.get("action"), c.get("observed")) for c in record.findall("check") if c.get("hit") == "yes"]
                self.assertEqual(found, checks)
                passed = [c for c in record.findall("check") if c.get("hit") == "no"]
                self.assertEqual(bool(passed), level == "2", passed)  # what found nothing is level 2's
                for check in record.findall("check"):
                    self.assertTrue({"name", "hit", "observed", "value", "limit"} <= set(check.attrib), check.attrib)


class StagesTest(TarpitCase):
    def test_policyd_hangs_during_a_question(self):
        """Strangers get 451 within 2 s; when it answers again, the session goes on, and its late answer is no answer to the next."""
        gateway = self.gateway(self.sink(), sender={"null": "refuse"}, server={"workers": 1}, expects_deaths=True)
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com>", 250)
        client.command("RSET", 250)
        policyd = gateway.worker("policyd")
        os.kill(policyd, signal.SIGSTOP)
        try:
            reply, seconds = self.timed(lambda: client.command("MAIL FROM:<>", "451 4.3.0"))
            self.assertLess(seconds, 4)
            client.command("MAIL FROM:<a@example.com>", "451 4.3.0")
        finally:
            os.kill(policyd, signal.SIGCONT)

        def is_answered():
            reply = client.command("MAIL FROM:<a@example.com>")
            return reply.code == 250
        wait_until(is_answered, what="policyd answers again", pause=0.05)
        client.command(f"RCPT TO:<{LOCAL}>", 250)
        client.data(b"Subject: x\r\n\r\nx\r\n")

    def test_policyd_dies_and_its_successor_knows_the_stages(self):
        gateway = self.gateway(self.sink(), sender={"null": "refuse"}, server={"workers": 1}, expects_deaths=True)
        client = self.ready(gateway)
        policyd = gateway.worker("policyd")
        os.kill(policyd, signal.SIGKILL)
        wait_until(lambda: gateway.workers("policyd") not in ([], [policyd]), what="another policyd")

        def is_refused():
            reply = client.command("MAIL FROM:<>")
            if reply.code == 451:
                return False
            self.assertEqual(reply.code, 550)
            return True
        wait_until(is_refused, what="a verdict", pause=0.05)


if __name__ == "__main__":
    unittest.main()
