"""AG-8 and AG-10, Q19, Q20: more than so many messages of one client within so many minutes. That the window slides is
tests/policyd/rulings_test.cc's: its unit is the minute."""

import os
import signal
import time
import unittest

from case import RELAY, Case
from gateway import wait_until

OTHER = "127.0.1.6"
REFUSED = "550 Refused"
MAIL = "MAIL FROM:<a@example.com>"


class RateTest(Case):
    SET = {"messages": 2, "minutes": 1, "action": "refuse"}

    def test_AG_8_third_message_in_the_minute_is_refused(self):
        sink = self.sink()
        gateway = self.gateway(sink, rate=self.SET)
        client = self.ready(gateway)
        client.deliver()
        client.quit()
        client = self.ready(gateway)  # Q20: the client counts, not the session
        client.deliver()
        client.command(MAIL, REFUSED)
        client.expect_eof()
        with self.subTest("and its next sessions"):
            again = self.ready(gateway)
            again.command("MAIL FROM:<somebody.else@example.net>", REFUSED)
        with self.subTest("others are untouched"):
            self.ready(gateway, source=OTHER).deliver()
        self.assertEqual(len(sink.accepted), 3)
        record = gateway.wait_for_record(lambda record: record.get("reason") == "rate")
        self.assertEqual((record.get("value"), record.get("limit")), ("3", "2"))

    def test_Q20_accepted_MAIL_commands_count_and_refused_ones_do_not(self):
        gateway = self.gateway(self.sink(), rate=self.SET, characters={"user": "a-z", "action": "refuse"})
        client = self.ready(gateway)
        for _ in range(5):
            client.command("MAIL FROM:<a1@example.com>", REFUSED)
        for _ in range(2):
            client.command(MAIL, 250)
            client.command("RSET", 250)
        client.command(MAIL, REFUSED)

    def test_Q20_IPv6_is_counted_too(self):
        gateway = self.gateway(self.sink(), rate=self.SET)
        client = self.ready(gateway, ipv6=True)
        client.deliver()
        client.deliver()
        client.command(MAIL, REFUSED)
        self.ready(gateway).deliver()  # IPv4 is another client

    def test_AG_8_off(self):
        for name, settings in (("no element", {}), ("0", {"rate": {"messages": 0, "action": "refuse"}}),
                               ("off", {"rate": {"messages": 2, "action": "off"}})):
            with self.subTest(name):
                client = self.ready(self.gateway(self.sink(), **settings))
                for _ in range(6):
                    client.deliver()

    def test_AG_8_tarpit_holds_before_it_refuses(self):
        sink = self.sink()
        gateway = self.gateway(sink, rate={**self.SET, "action": "tarpit"}, tarpit={"delay": "1s", "early-talkers": "off"})
        client = self.ready(gateway)
        client.deliver()
        client.deliver()
        begun = time.monotonic()
        client.command(MAIL, REFUSED)
        self.assertGreaterEqual(time.monotonic() - begun, 0.95)
        client.expect_eof()

    def test_AG_8_defer_lets_it_come_later(self):
        gateway = self.gateway(self.sink(), rate={**self.SET, "action": "defer"})
        client = self.ready(gateway)
        client.deliver()
        client.deliver()
        client.command(MAIL, "451 4.7.1")
        client.command("NOOP", 250)

    def test_AG_8_trusted_and_relay_clients_are_exempt(self):
        gateway = self.gateway(self.sink(), rate=self.SET, relay=[RELAY], lists={"trusted": [OTHER]},
                               trusted={"list": "lists/trusted", "bypass-antispam": "no"})
        for source in (RELAY, OTHER):
            with self.subTest(source):
                client = self.ready(gateway, source=source)
                for _ in range(4):
                    client.deliver()

    def test_AG_8_survives_the_death_of_policyd(self):
        gateway = self.gateway(self.sink(), rate=self.SET, expects_deaths=True)
        client = self.ready(gateway)
        client.deliver()
        client.deliver()
        old = gateway.worker("policyd")
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: [pid for pid in gateway.workers("policyd") if pid != old], what="a new policyd")
        # The same session, which the new one hears of, and a new one.
        wait_until(lambda: self._limited(client), what="an answer of the new policyd")
        wait_until(lambda: self._limited(self.ready(gateway)), what="an answer of the new policyd")

    def _limited(self, client):
        reply = client.command(MAIL)
        if reply.code == 451:  # policyd was not there yet
            return False
        self.assertIn(REFUSED, reply.first)
        return True


if __name__ == "__main__":
    unittest.main()
