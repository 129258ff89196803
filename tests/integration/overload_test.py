"""Overload: the limit of all sessions, the share that is kept for clients known to be good, and stress."""

import os
import signal
import time
import unittest

from case import RELAY, STRANGER, Case
from control_client import Control
from gateway import Unexpected, wait_until
from master_case import deliver, settle

GOOD = "127.0.1.7"
FULL = b"421 4.3.2 Too many sessions, try again later\r\n"


class OverloadCase(Case):
    def status(self, gateway):
        with Control(gateway.folder / "run" / "policyd.sock") as control:
            return {section: facts["policyd.0"] for section, facts in control.status()[0].items()}

    def wait_until_idle(self, gateway):
        wait_until(lambda: self.status(gateway)["sessions"]["open"] == "0", what="no session is open")

    def fill(self, gateway, count, first=20):
        """So many sessions of as many strangers."""
        return [self.client(gateway, source=f"127.0.1.{first + number}") for number in range(count)]

    def is_let_in(self, gateway, source):
        """A session that is ended at once."""
        try:
            with gateway.client(source=source) as client:
                client.quit()
            return True
        except Unexpected as error:
            self.assertEqual(error.reply.raw, FULL)
            return False


class ReservedShareTest(OverloadCase):
    def prepared(self, **limits):
        """A gateway of ten sessions that knows GOOD as a good sender, and has eight sessions of strangers."""
        gateway = self.gateway(self.sink(), relay=[RELAY], limits={"sessions": 10, **limits})
        self.wait_until_idle(gateway)
        deliver(gateway, source=GOOD)
        wait_until(lambda: self.status(gateway)["memory"]["senders"] == "1", what="the good delivery is known")
        self.wait_until_idle(gateway)
        self.fill(gateway, 8)
        return gateway

    def test_reserved_share_is_for_good_senders_and_relay_clients(self):
        gateway = self.prepared(reserved=20)
        for _ in range(3):
            self.assertFalse(self.is_let_in(gateway, STRANGER))
        record = gateway.wait_for_record(lambda r: r.get("reason") == "session-limit")
        self.assertEqual((record.get("client"), record.get("value"), record.get("limit")), (STRANGER, "9", "8"))
        deliver(gateway, source=GOOD)
        deliver(gateway, source=RELAY)
        with self.subTest("it is not more than what there is"):
            wait_until(lambda: self.status(gateway)["sessions"]["open"] == "8", what="the two have gone")
            self.client(gateway, source=GOOD)
            self.client(gateway, source=RELAY)
            for source in (GOOD, RELAY, STRANGER):
                self.assertFalse(self.is_let_in(gateway, source))
        self.assertGreaterEqual(int(self.status(gateway)["counter"]["refused-session-limit"]), 6)

    def test_reserved_share_off(self):
        gateway = self.gateway(self.sink(), relay=[RELAY], limits={"sessions": 10, "reserved": 0})
        self.wait_until_idle(gateway)
        deliver(gateway, source=GOOD)
        self.wait_until_idle(gateway)
        self.fill(gateway, 10)
        for source in (STRANGER, GOOD, RELAY):
            self.assertFalse(self.is_let_in(gateway, source))

    def test_a_good_sender_stays_known_over_a_restart_of_policyd(self):
        gateway = self.gateway(self.sink(), limits={"sessions": 10, "reserved": 20}, expects_deaths=True)
        self.wait_until_idle(gateway)
        deliver(gateway, source=GOOD)
        wait_until(lambda: self.status(gateway)["memory"]["senders"] == "1", what="the good delivery is known")
        os.kill(gateway.worker("policyd"), signal.SIGKILL)
        settle(gateway)
        wait_until(lambda: self.status(gateway)["sessions"]["open"] == "0", what="no session is open")
        self.fill(gateway, 8)
        self.assertFalse(self.is_let_in(gateway, STRANGER))
        self.assertTrue(self.is_let_in(gateway, GOOD))


class StressTest(OverloadCase):
    def is_stressed(self, gateway):
        return self.status(gateway)["sessions"]["stressed"] == "yes"

    def events(self, gateway):
        return [record.get("text") for record in gateway.records("event") if "under stress" in (record.get("text") or "")]

    def test_stress_begins_at_seventy_percent_and_ends_at_forty(self):
        gateway = self.gateway(self.sink(), limits={"sessions": 20, "reserved": 0})
        self.wait_until_idle(gateway)
        clients = self.fill(gateway, 13)
        self.assertFalse(self.is_stressed(gateway))
        clients += self.fill(gateway, 1, first=40)
        self.assertTrue(self.is_stressed(gateway))
        for client in clients[:5]:  # down to 9: still
            client.quit()
        wait_until(lambda: self.status(gateway)["sessions"]["open"] == "9", what="five have gone")
        self.assertTrue(self.is_stressed(gateway))
        clients[5].quit()
        wait_until(lambda: not self.is_stressed(gateway), what="the end of stress")
        gateway.wait_for_record(lambda r: "no longer under stress" in (r.get("text") or ""), name="event")
        self.assertEqual(len(self.events(gateway)), 2)  # each said once
        self.assertEqual(self.status(gateway)["counter"]["stress"], "1")
        with self.subTest("mail flows"):
            deliver(gateway)

    def test_stress_off(self):
        gateway = self.gateway(self.sink(), limits={"sessions": 0})
        self.wait_until_idle(gateway)
        self.fill(gateway, 30)
        self.assertFalse(self.is_stressed(gateway))

    def test_nobody_is_held_under_stress(self):
        gateway = self.gateway(self.sink(), limits={"sessions": 10, "reserved": 0}, tarpit={"greeting": "3s", "early-talkers": "off"})
        self.wait_until_idle(gateway)

        def greeted_after():
            begun = time.monotonic()
            with gateway.client(source=STRANGER) as client:
                took = time.monotonic() - begun
                client.quit()
            return took
        self.assertGreaterEqual(greeted_after(), 2.9)
        wait_until(lambda: self.status(gateway)["sessions"]["open"] == "0", what="no session is open")
        held = [self.client(gateway, source=f"127.0.1.{20 + number}", greeting=None) for number in range(7)]
        wait_until(lambda: self.is_stressed(gateway), what="stress")
        self.assertLess(greeted_after(), 1.5)
        for client in held:
            client.expect(220)
            client.quit()
        wait_until(lambda: not self.is_stressed(gateway), what="the end of stress")
        self.wait_until_idle(gateway)
        self.assertGreaterEqual(greeted_after(), 2.9)


if __name__ == "__main__":
    unittest.main()
