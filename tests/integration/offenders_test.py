"""AX-5 to AX-7: who breaks the rules again and again is banned for a while, with its range, or held at each call instead. On and
off. Greylisting, of which AX-5 and AX-6 speak too, is not built yet."""

import time
import unittest

from case import Case
from gateway import Unexpected, wait_until

# One /29 and its neighbour.
CLIENT, NEIGHBOUR, STRANGER = "127.0.1.9", "127.0.1.14", "127.0.1.17"
REFUSED = "550 Refused"
HELL = "554 5.7.1 Refused"
UNKNOWN = {"RCPT": ("reply", "550 5.1.1 Unknown user")}


class OffendersTest(Case):
    SETTINGS = {"recipients": {"invalid": 2, "action": "refuse"}, "hell": {"time": "1h"}}

    def offenders(self, **attributes):
        attributes = {name.replace("_", "-"): value for name, value in attributes.items()}
        return {"offences": 2, "within": "1m", "ban": "1m", **attributes}

    def offend(self, gateway, source=CLIENT):
        with gateway.client(source=source) as client:
            client.hello()
            client.command("MAIL FROM:<a@example.com>", 250)
            client.command("RCPT TO:<nobody1@local.example.org>", 550)
            client.command("RCPT TO:<nobody2@local.example.org>", REFUSED)
            client.expect_eof()

    def is_banned(self, gateway, source=CLIENT):
        try:
            with gateway.client(source=source) as client:
                client.hello()
                client.quit()
            return False
        except Unexpected as error:
            self.assertTrue(error.reply.first.startswith(HELL), error)
            return True

    def test_AX_5_second_offence_bans_for_a_while(self):
        gateway = self.gateway(self.sink(UNKNOWN), repeat_offenders=self.offenders(ban="2s"), **self.SETTINGS)
        self.offend(gateway)
        self.assertFalse(self.is_banned(gateway))
        self.offend(gateway)
        self.assertTrue(self.is_banned(gateway))
        self.assertFalse(self.is_banned(gateway, NEIGHBOUR))
        listed = gateway.control("hell", "list").stdout
        self.assertIn(CLIENT, listed)
        self.assertIn("repeat-offenders", listed)
        with self.subTest("free again, and the count begins anew"):
            wait_until(lambda: not self.is_banned(gateway), what="the end of the ban", pause=0.2)
            self.offend(gateway)
            self.assertFalse(self.is_banned(gateway))

    def test_AX_5_one_session_is_one_offence(self):
        gateway = self.gateway(self.sink(), repeat_offenders=self.offenders(), hell={},
                               characters={"user": "a-z", "domain": "a-z.", "action": "refuse"})
        client = self.client(gateway, source=CLIENT)
        client.hello()
        for _ in range(5):
            client.command("MAIL FROM:<a1@example.com>", REFUSED)
        client.quit()
        self.assertFalse(self.is_banned(gateway))

    def test_AX_5_offences_of_long_ago_do_not_count(self):
        gateway = self.gateway(self.sink(UNKNOWN), repeat_offenders=self.offenders(within="1s"), **self.SETTINGS)
        for _ in range(3):
            self.offend(gateway)
            time.sleep(2.1)  # the window is told to the second
        self.assertFalse(self.is_banned(gateway))

    def test_AX_5_off(self):
        for name, settings in (("no element", {}), ("0", {"repeat_offenders": {"offences": 0}})):
            with self.subTest(name):
                gateway = self.gateway(self.sink(UNKNOWN), **settings, **self.SETTINGS)
                for _ in range(4):
                    self.offend(gateway)
                self.assertFalse(self.is_banned(gateway))

    def test_AX_5_nobody_is_banned_for_what_honest_servers_do(self):
        gateway = self.gateway(self.sink(), repeat_offenders=self.offenders(), hell={}, sender={"null": "refuse"})
        for _ in range(4):
            with gateway.client(source=CLIENT) as client:
                client.hello()
                client.command("MAIL FROM:<>", REFUSED)
        self.assertFalse(self.is_banned(gateway))

    def test_AX_5_a_white_client_is_not_banned(self):
        """Q9: what a human has listed no machine bans; here the range is the neighbour's alone then."""
        gateway = self.gateway(self.sink(UNKNOWN), repeat_offenders=self.offenders(range4=29), lists={"white": [CLIENT]},
                               white={"list": "lists/white"}, **self.SETTINGS)
        self.offend(gateway)
        self.offend(gateway)
        self.assertFalse(self.is_banned(gateway))
        self.offend(gateway, NEIGHBOUR)
        self.assertTrue(self.is_banned(gateway, NEIGHBOUR))
        self.assertFalse(self.is_banned(gateway))

    def test_AX_7_the_range_offends_and_is_banned_together(self):
        gateway = self.gateway(self.sink(UNKNOWN), repeat_offenders=self.offenders(range4=29), **self.SETTINGS)
        self.offend(gateway)
        self.offend(gateway, NEIGHBOUR)
        for source in (CLIENT, NEIGHBOUR, "127.0.1.8"):
            self.assertTrue(self.is_banned(gateway, source), source)
        self.assertFalse(self.is_banned(gateway, STRANGER))

    def test_AX_7_off_each_address_is_its_own(self):
        gateway = self.gateway(self.sink(UNKNOWN), repeat_offenders=self.offenders(range4=32), **self.SETTINGS)
        self.offend(gateway)
        self.offend(gateway, NEIGHBOUR)
        self.assertFalse(self.is_banned(gateway) or self.is_banned(gateway, NEIGHBOUR))

    def test_AX_7_extra_tarpit_instead_of_a_ban(self):
        gateway = self.gateway(self.sink(UNKNOWN), repeat_offenders=self.offenders(tarpit="1s"),
                               tarpit={"early-talkers": "off"}, **self.SETTINGS)

        def greeting_time(source=CLIENT):
            begun = time.monotonic()
            self.client(gateway, source=source)
            return time.monotonic() - begun
        self.offend(gateway)
        self.assertLess(greeting_time(), 0.9)
        self.offend(gateway)
        self.assertGreaterEqual(greeting_time(), 0.95)
        self.assertLess(greeting_time(STRANGER), 0.9)


if __name__ == "__main__":
    unittest.main()
