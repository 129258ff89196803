"""policyd away (design.md section 4, last paragraph): strangers wait or get 4xx, the relay guard stays shut, the relay list and what
is past DATA go on; a new policyd is told of the live sessions."""

import os
import pathlib
import shutil
import signal
import tempfile
import time
import unittest

from case import FOREIGN, LOCAL, RELAY, STRANGER, Case
from gateway import Unexpected, build_folder, wait_until
from relay_test import DENIED, REFUSED

BODY = b"Subject: x\r\n\r\nx\r\n"


class PolicydHangsTest(Case):
    """SIGSTOP: it is there and does not answer. Master replaces it within 20 s; the test is over before."""

    def setUp(self):
        self.one = self.sink()
        self.gate = self.gateway(self.one, relay=[RELAY], limits={"errors": 0}, server={"workers": 1}, expects_deaths=True)

    def halt(self):
        """From the moment that this returns smtpd-proxy knows: a new call has waited for policyd in vain."""
        policyd = self.gate.worker("policyd")
        os.kill(policyd, signal.SIGSTOP)
        self.addCleanup(self.resume, policyd)
        begun = time.monotonic()
        client = self.client(self.gate, greeting=None)
        reply = client.expect("421 4.3.2")
        self.assertTrue(1.5 < time.monotonic() - begun < 4, time.monotonic() - begun)  # no 220 without policyd, 2 s at most
        self.assertEqual(reply.code, 421)
        client.expect_eof()
        return policyd

    @staticmethod
    def resume(pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass  # replaced meanwhile

    def test_BA_7_policyd_away(self):
        settled = self.ready(self.gate)                 # a stranger between transactions
        mailing = self.ready(self.gate)                 # behind MAIL
        mailing.command("MAIL FROM:<a@example.com>", 250)
        sending = self.ready(self.gate)                 # past DATA
        sending.envelope()
        sending.command("DATA", 354)
        sending.send(b"Subject: begun\r\n\r\n")
        relay = self.ready(self.gate, source=RELAY)
        policyd = self.halt()
        with self.subTest("strangers: MAIL and local RCPT are deferred, foreign RCPT is refused as ever"):
            settled.command("MAIL FROM:<a@example.com>", "451 4.3.0")
            mailing.command(f"RCPT TO:<{LOCAL}>", "451 4.3.0")
            mailing.command(f"RCPT TO:<{FOREIGN}>", DENIED)
        with self.subTest("the guard's tricky forms are never accepted"):
            for form, _ in REFUSED:
                mailing.send(b"RCPT TO:" + form + b"\r\n")
                mailing.expect(4, 5)
        with self.subTest("what is past DATA finishes"):
            sending.send(b"and ended\r\n.\r\n")
            sending.expect(250)
        with self.subTest("the relay list goes on, old sessions and new"):
            relay.deliver(BODY, recipients=[FOREIGN])
            fresh = self.ready(self.gate, source=RELAY)
            fresh.deliver(BODY, recipients=[FOREIGN])
        self.assertEqual([line for line in self.one.recipients() if FOREIGN.encode() not in line], [f"RCPT TO:<{LOCAL}>".encode()])
        with self.subTest("back again: the sessions of before go on"):
            self.resume(policyd)
            wait_until(lambda: self.greets(), what="a greeting")
            settled.command("RSET", 250)
            settled.deliver(BODY)
            mailing.command(f"RCPT TO:<{LOCAL}>", 250)
            mailing.data(BODY)

    def greets(self):
        try:
            with self.gate.client(source=STRANGER) as client:
                client.quit()
            return True
        except Unexpected:
            return False

    def test_policyd_that_hangs_is_replaced_within_20_s(self):
        policyd = self.halt()
        wait_until(lambda: policyd not in self.gate.workers("policyd"), 25, "policyd replaced")
        wait_until(self.greets, what="a greeting")
        self.ready(self.gate).deliver(BODY)


class PolicydDiesTest(Case):
    def test_restart_serves_at_once_and_knows_the_live_sessions(self):
        sink = self.sink()
        gateway = self.gateway(sink, limits={"sessions-per-address": 2}, relay=[RELAY], expects_deaths=True)
        first, second = self.ready(gateway), self.ready(gateway)
        first.envelope()
        self.client(gateway, greeting=421)
        exempt = [self.client(gateway, source=RELAY) for _ in range(3)]
        old = gateway.worker("policyd")
        os.kill(old, signal.SIGKILL)
        begun = time.monotonic()
        with self.subTest("another client is served at once"):
            client = self.ready(gateway, source="127.0.1.77")
            self.assertLess(time.monotonic() - begun, 2)
            wait_until(lambda: self.delivers(client), what="a delivery")
        self.assertNotEqual(gateway.worker("policyd"), old)
        with self.subTest("FW-8: the cap still holds, for the new policyd was told of the live sessions"):
            self.client(gateway, greeting=421)
        with self.subTest("the sessions themselves go on"):
            first.data(BODY)
            second.deliver(BODY)
        with self.subTest("a slot that is given back now is free"):
            second.quit()
            def admitted():
                try:
                    with gateway.client(source=STRANGER):
                        return True
                except Unexpected:
                    return False
            wait_until(admitted, what="the slot")
        for client in exempt:
            client.hello()

    @staticmethod
    def delivers(client):
        """Whether a transaction goes through; deferrals while policyd is on its way are legal."""
        try:
            client.command("RSET", 250)
            client.deliver(BODY)
            return True
        except Unexpected as error:
            if error.reply is None or error.reply.code // 100 != 4:
                raise
            return False

    def test_repeated_kills_leave_the_counters_right(self):
        gateway = self.gateway(self.sink(), limits={"sessions-per-address": 2}, expects_deaths=True)
        def both():
            """Two sessions, which is all that the cap allows; None while an old one still counts."""
            clients = []
            try:
                for _ in range(2):
                    clients.append(gateway.client(source=STRANGER))
            except Unexpected:
                for client in clients:
                    client.close()
                return None
            return clients

        for _ in range(4):
            clients = wait_until(both, what="both slots free")
            old = gateway.worker("policyd")
            os.kill(old, signal.SIGKILL)
            wait_until(lambda: gateway.workers("policyd") not in ([], [old]), what="a new policyd")
            for client in clients:
                client.close()

    def test_no_greeting_before_policyd_is_ready(self):
        """At start: while policyd is not ready nobody is accepted; after 2 s strangers get 421, the relay list is served."""
        with tempfile.TemporaryDirectory(prefix="caronte-build.") as folder:
            build, shadow = build_folder(), pathlib.Path(folder)
            shadow.chmod(0o755)
            for path in build.iterdir():
                if path.name != "policyd":
                    (shadow / path.name).symlink_to(path)
            shutil.copy("/bin/false", shadow / "policyd")
            sink = self.sink()
            gateway = self.gateway(sink, build=shadow, wait=False, expects_deaths=True, relay=[RELAY])

            def calls(source):
                try:
                    return gateway.client(source=source, greeting=None, timeout=20)
                except ConnectionRefusedError:
                    return None
            with wait_until(lambda: calls(STRANGER), 20, "the port", pause=0.001) as stranger:
                begun = time.monotonic()
                stranger.expect("421 4.3.2")
                stranger.expect_eof()
                self.assertLess(time.monotonic() - begun, 6)
            with calls(RELAY) as relay:
                relay.expect(220)
                relay.hello()
                relay.deliver(BODY, recipients=[FOREIGN])
            with calls(STRANGER) as stranger:
                stranger.expect("421 4.3.2")
        self.assertEqual(len(sink.messages), 1)


if __name__ == "__main__":
    unittest.main()
