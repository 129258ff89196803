"""Names of clients (AG-3, CX-3, CX-4) with a real authoritative server, dnsd and policyd killed in the middle, and the session caps
(FW-5, FW-8) over a policyd that was started anew."""

import os
import signal
import time
import unittest

from case import RELAY, STRANGER, Case
from crash import crash_while_reading
from gateway import wait_until
from name_server import DnsRelay, NameServer, free_resolver, reverse

VERIFIED, UNVERIFIED, TWO, ALIAS, LATE = "127.0.3.1", "127.0.3.2", "127.0.3.3", "127.0.3.4", "127.0.3.8"
HOSTILE = ("127.0.3.5", "127.0.3.6")
ALIAS_LOOP, NAMELESS = "127.0.3.9", "127.0.3.200"
EVENT = "no answer from the DNS servers"


class NamesTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(NameServer())

    def start(self, dns=None, **options):
        """A gateway that asks the name server through self.relay."""
        self.relay = self.enterContext(DnsRelay(self.server.endpoint))
        self.destination = self.sink()
        return self.gateway(self.destination, dns={"servers": self.relay.text, "timeout": "3s", **(dns or {})}, **options)

    def session(self, gateway, source, **options):
        """A session without mail: its record."""
        before = len(self.records_of(gateway, source or "::1"))
        with gateway.client(source=source, **options) as client:
            client.hello()
            wait_until(lambda: self.is_settled(gateway), 25, "dnsd has answered")
            client.quit()
        return wait_until(lambda: self.records_of(gateway, source or "::1")[before:], what="the record")[0]

    @staticmethod
    def is_settled(gateway):
        """No question of policyd is open."""
        return any(line.split()[-2:] == ["dns-questions", "0"] for line in gateway.control("status").stdout.splitlines())

    @staticmethod
    def records_of(gateway, address):
        return [record for record in gateway.records("session") if record.get("client") == address]

    def received(self, gateway, source, **options):
        """The trace header of a message."""
        with gateway.client(source=source, **options) as client:
            client.hello("helo.example.com")
            client.deliver()
            client.quit()
        return self.destination.messages[-1].data.split(b"\r\n")[0].decode()

    def test_AG_3_names_in_the_record(self):
        gateway = self.start()
        expected = {
            VERIFIED: ("verified", "verified.names.example"),
            UNVERIFIED: ("unverified", "elsewhere.names.example"),
            TWO: ("verified", "two.names.example"),
            ALIAS: ("verified", "alias-target.names.example"),
            NAMELESS: ("none", None),
            HOSTILE[0]: ("none", None),
            HOSTILE[1]: ("none", None),
            ALIAS_LOOP: ("unknown", None),
        }
        for address, (status, name) in expected.items():
            with self.subTest(address):
                record = self.session(gateway, address)
                self.assertEqual((record.get("name-status"), record.get("name")), (status, name))
        with self.subTest("IPv6"):
            record = self.session(gateway, None, ipv6=True)
            self.assertEqual((record.get("name-status"), record.get("name")), ("verified", "six.names.example"))
        with self.subTest("relay clients have names too"):
            self.assertNotEqual(self.session(gateway, RELAY).get("name-status"), "unknown")

    def test_AG_3_verified_names_in_the_trace_header(self):
        gateway = self.start()
        for address, name in ((VERIFIED, "verified.names.example"), (UNVERIFIED, "unknown"), (NAMELESS, "unknown")):
            self.session(gateway, address)  # from here on the answer is in dnsd's cache
            wanted = f"Received: from helo.example.com ({name} [{address}])"
            wait_until(lambda: self.received(gateway, address) == wanted, what=wanted)

    def test_AG_3_off(self):
        gateway = self.start({"reverse": "no"})
        record = self.session(gateway, VERIFIED)
        self.assertEqual((record.get("name-status"), record.get("name")), ("unknown", None))
        self.assertEqual(self.relay.questions, [])
        self.assertEqual(self.received(gateway, VERIFIED), f"Received: from helo.example.com (unknown [{VERIFIED}])")

    def test_no_dns_at_all(self):
        gateway = self.gateway(self.sink(), dns=None)
        self.assertEqual(gateway.workers("dnsd"), [])
        with gateway.client(source=VERIFIED) as client:
            client.hello()
            client.deliver()
            client.quit()
        self.assertEqual(gateway.wait_for_record().get("name-status"), "unknown")

    def test_CX_4_second_time_from_the_cache(self):
        gateway = self.start()
        for _ in range(3):
            self.session(gateway, VERIFIED)
        self.assertEqual(self.relay.asked(reverse(VERIFIED)), 1)
        self.assertEqual(self.relay.asked("verified.names.example"), 1)

    def test_CX_4_cache_maximum(self):
        gateway = self.start({"cache-minimum": "0s", "cache-maximum": "1s"})
        self.session(gateway, VERIFIED)
        wait_until(lambda: self.session(gateway, VERIFIED) is not None and self.relay.asked(reverse(VERIFIED)) > 1,
                   what="asked again after a second")

    def test_equal_questions_are_merged(self):
        gateway = self.start()
        self.relay.hold()
        clients = [self.ready(gateway, source=VERIFIED) for _ in range(10)]
        wait_until(lambda: self.relay.asked(reverse(VERIFIED)), what="the question")
        self.relay.release()
        wait_until(lambda: self.is_settled(gateway), what="the answers")
        for client in clients:
            client.quit()
        records = wait_until(lambda: (found := self.records_of(gateway, VERIFIED))[9:] and found, what="ten records")
        self.assertEqual({record.get("name") for record in records}, {"verified.names.example"})
        self.assertEqual(self.relay.asked(reverse(VERIFIED)), 1)

    def test_AG_3_slow_answers_delay_nobody(self):
        gateway = self.start({"timeout": "1s"})
        self.session(gateway, STRANGER)  # the destination is known
        self.relay.swallow()
        for address in (VERIFIED, UNVERIFIED, LATE):
            begun = time.monotonic()
            self.assertIn("(unknown [", self.received(gateway, address))
            self.assertLess(time.monotonic() - begun, 1)
        with self.subTest("after the time-out the state is unknown, though the session lasts"):
            record = self.session(gateway, TWO)
            self.assertEqual((record.get("name-status"), record.get("name")), ("unknown", None))

    def test_dead_resolver(self):
        """Delays nobody, and is told once, not once a question."""
        sink = self.destination = self.sink()
        gateway = self.gateway(sink, dns={"servers": free_resolver(), "timeout": "1s"})
        self.received(gateway, STRANGER)
        for number in range(20):
            begun = time.monotonic()
            self.received(gateway, f"127.0.4.{number}")
            self.assertLess(time.monotonic() - begun, 1)
        with gateway.client(source=VERIFIED) as client:
            client.hello()
            wait_until(lambda: self.is_settled(gateway), what="dnsd has given up")
        gateway.wait_for_record(lambda record: EVENT in (record.get("text") or ""), "event", 20)
        self.assertEqual(len([r for r in gateway.records("event") if EVENT in (r.get("text") or "")]), 1)

    def test_CX_3_other_servers_when_one_fails(self):
        silent = self.enterContext(DnsRelay(self.server.endpoint))
        silent.swallow()
        gateway = self.start(dns={"servers": f"{free_resolver()} {silent.text} {self.server.text6}", "timeout": "20s"})
        for address in (VERIFIED, TWO, ALIAS, LATE):
            self.assertEqual(self.session(gateway, address).get("name-status"), "verified")

    def test_CX_3_server_over_ipv6(self):
        gateway = self.start(dns={"servers": self.server.text6})
        self.assertEqual(self.session(gateway, VERIFIED).get("name-status"), "verified")

    def test_reload_changes_the_servers(self):
        gateway = self.start({"servers": free_resolver(), "timeout": "1s"}, expects_deaths=True)
        dnsd = gateway.worker("dnsd")
        self.assertEqual(self.session(gateway, VERIFIED).get("name-status"), "unknown")
        gateway.write_configuration(dns={"servers": self.relay.text, "timeout": "3s"})
        gateway.reload()
        self.assertEqual(self.session(gateway, VERIFIED).get("name-status"), "verified")
        with self.subTest("another port: TCP goes there too, by a dnsd that was started anew"):
            self.assertNotEqual(gateway.worker("dnsd"), dnsd)
        gateway.write_configuration(dns={"servers": self.relay.text, "timeout": "2s"})
        gateway.reload()
        dnsd = gateway.worker("dnsd")
        self.assertEqual(self.session(gateway, TWO).get("name-status"), "verified")
        self.assertEqual(gateway.worker("dnsd"), dnsd)  # nothing that concerns it
        gateway.write_configuration(dns={"servers": self.relay.text, "reverse": "no"})
        gateway.reload()
        self.assertEqual(self.session(gateway, VERIFIED).get("name-status"), "unknown")

    def test_dnsd_killed_with_a_question_open(self):
        gateway = self.start(expects_deaths=True)
        self.relay.hold()
        client = self.ready(gateway, source=VERIFIED)
        wait_until(lambda: self.relay.asked(reverse(VERIFIED)), what="the question")
        dnsd = gateway.worker("dnsd")
        os.kill(dnsd, signal.SIGKILL)
        client.deliver()  # the session goes on meanwhile
        wait_until(lambda: gateway.workers("dnsd") not in ([], [dnsd]), what="a new dnsd")
        with self.subTest("the new one is asked again, once"):
            wait_until(lambda: self.relay.asked(reverse(VERIFIED)) == 2, what="the question again")
            self.relay.release()
            wait_until(lambda: self.is_settled(gateway), what="the answer")
            client.quit()
            record = gateway.wait_for_record(lambda r: r.get("client") == VERIFIED)
            self.assertEqual(record.get("name"), "verified.names.example")
            self.assertEqual(record.get("outcome"), "delivered")

    def test_TCP_after_a_cut_answer(self):
        """An answer that does not fit into a packet is asked for again over TCP, in the sandbox too."""
        names = "".join(f"10.3.0 IN PTR a-rather-long-host-name-to-fill-the-packet-{i:03}.names.example.\n" for i in range(100))
        from name_server import ZONES
        zones = dict(ZONES)
        ZONES["127.in-addr.arpa"] += names
        try:
            server = self.enterContext(NameServer())
        finally:
            ZONES.clear()
            ZONES.update(zones)
        gateway = self.gateway(self.sink(), dns={"servers": server.text, "timeout": "3s"})
        record = self.session(gateway, "127.0.3.10")
        self.assertEqual(record.get("name-status"), "unverified")
        self.assertIn("a-rather-long-host-name", record.get("name"))


class SlotsTest(Case):
    """FW-5 and FW-8 when processes die: nobody's slot is lost, and none is given away twice."""

    def is_admitted(self, gateway, source=STRANGER):
        """One more session of the client may open."""
        with gateway.client(source=source, greeting=None) as client:
            try:
                code = client.reply().code
            except EOFError:
                return False
            if code == 220:
                client.quit()
            return code == 220

    def test_FW_5_live_sessions_count_for_a_new_policyd(self):
        sink = self.sink()
        gateway = self.gateway(sink, limits={"sessions-per-address": 2}, relay=[RELAY], server={"workers": 2}, expects_deaths=True)
        first, second = self.ready(gateway), self.ready(gateway)
        relays = [self.ready(gateway, source=RELAY) for _ in range(5)]
        for _ in range(2):
            policyd = gateway.worker("policyd")
            os.kill(policyd, signal.SIGKILL)
            wait_until(lambda: gateway.workers("policyd") not in ([], [policyd]), what="a new policyd")
            wait_until(lambda: self.is_admitted(gateway, "127.0.1.77"), what="a greeting for others")
            with self.subTest("the cap holds"):
                third = self.client(gateway, greeting=421)
                self.assertEqual(third.greeting.raw, b"421 BUSY\r\n")
                third.expect_eof()
            with self.subTest("the sessions go on"):
                first.deliver()
                relays[0].deliver(recipients=["victim@foreign.example.net"])
        with self.subTest("FW-8: a session that the new one was told of gives its slot back"):
            second.quit()
            wait_until(lambda: self.is_admitted(gateway), what="the slot")
        with self.subTest("FW-9: still exempt"):
            relays.append(self.ready(gateway, source=RELAY))
        for relay in relays:
            relay.quit()
        first.quit()
        wait_until(lambda: self.status(gateway, "sessions", "open") == 0, what="no session is open")

    def test_FW_8_sessions_of_a_dead_proxy(self):
        gateway = self.gateway(self.sink(), limits={"sessions-per-address": 2}, server={"workers": 1}, expects_deaths=True)
        clients = [self.ready(gateway) for _ in range(2)]
        self.assertFalse(self.is_admitted(gateway))
        proxy = gateway.worker("smtpd-proxy")
        os.kill(proxy, signal.SIGKILL)
        for client in clients:
            client.expect_eof()
        wait_until(lambda: self.is_admitted(gateway), what="the slots are given back")
        with self.subTest("recorded as lost"):
            wait_until(lambda: len(self.lost(gateway)) == 2, what="the records")
            self.assertEqual({record.get("client") for record in self.lost(gateway)}, {STRANGER})
            self.assertEqual(len({record.get("reference") for record in self.lost(gateway)}), 2)
            self.assertEqual(self.status(gateway, "counter", "lost"), 2)
        with self.subTest("and the cap still holds"):
            self.ready(gateway)
            self.ready(gateway)
            self.assertFalse(self.is_admitted(gateway))

    def test_FW_8_hundred_connects_and_aborts(self):
        gateway = self.gateway(self.sink(), limits={"sessions-per-address": 1})
        for number in range(100):
            client = gateway.client(source=STRANGER, greeting=None)
            if number % 2:
                client.reset()
            else:
                client.close()
            wait_until(lambda: self.status(gateway, "sessions", "open") == 0, what=f"cycle {number}")
        wait_until(lambda: self.is_admitted(gateway), what="the slot is free")

    def test_sessions_limit_of_all(self):
        gateway = self.gateway(self.sink(), limits={"sessions": 3}, relay=[RELAY])
        wait_until(lambda: self.status(gateway, "sessions", "open") == 0, what="the harness' call is over")
        clients = [self.ready(gateway, source=f"127.0.4.{number}") for number in range(3)]
        for source in ("127.0.4.9", RELAY):
            refused = self.client(gateway, source=source, greeting=421)
            self.assertIn(b"421 4.3.2", refused.greeting.raw)
            refused.expect_eof()
        clients[0].quit()
        wait_until(lambda: self.is_admitted(gateway, "127.0.4.9"), what="room again")

    def test_F71_crash_penalty(self):
        """smtpd-proxy crashes while it handles a client's octets: that client is refused; others and relay clients are not."""
        gateway = self.gateway(self.sink(), relay=[RELAY], server={"workers": 1}, expects_deaths=True)
        for source in (RELAY, STRANGER):
            client = self.ready(gateway, source=source)
            proxy = gateway.worker("smtpd-proxy")
            crash_while_reading(proxy, lambda: client.line("NOOP"))
            wait_until(lambda: gateway.workers("smtpd-proxy") not in ([], [proxy]), what="a new smtpd-proxy")
            wait_until(lambda: self.is_admitted(gateway, "127.0.1.77"), what="others are served")
            with self.subTest(source):
                self.assertEqual(self.is_admitted(gateway, source), source == RELAY)
        refused = self.client(gateway, greeting=421)
        self.assertIn(b"421 4.3.2", refused.greeting.raw)
        refused.expect_eof()
        gateway.wait_for_record(lambda record: record.get("reason") == "crash-penalty" and record.get("client") == STRANGER)
        with self.subTest("an end that is no crash has no penalty"):
            client = self.ready(gateway, source="127.0.1.78")
            proxy = gateway.worker("smtpd-proxy")
            crash_while_reading(proxy, lambda: client.line("NOOP"), signal.SIGTERM)
            wait_until(lambda: gateway.workers("smtpd-proxy") not in ([], [proxy]), what="a new smtpd-proxy")
            wait_until(lambda: self.is_admitted(gateway, "127.0.1.77"), what="others are served")
            self.assertTrue(self.is_admitted(gateway, "127.0.1.78"))

    @staticmethod
    def lost(gateway):
        return [record for record in gateway.records("session") if record.get("outcome") == "lost"]

    @staticmethod
    def status(gateway, section, name):
        for line in gateway.control("status").stdout.splitlines():
            words = line.split()
            if words[-2:-1] == [name] and words[-1].isdigit():
                return int(words[-1])
        return None


if __name__ == "__main__":
    unittest.main()
