"""The limits of a session: FW-5 to FW-12, AG-11 with Q5 to Q7, Q10 and Q24. Each row with its setting on and off."""

import time
import unittest

from case import FOREIGN, LOCAL, RELAY, STRANGER, Case, together, wait_for_offer
from control_client import open_sessions
from gateway import Unexpected, wait_until

OTHER = "127.0.1.6"


class SessionCapTest(Case):
    """FW-5 to FW-9, Q10."""

    def test_FW_5_third_session_of_an_address_is_busy(self):
        sink = self.sink()
        gateway = self.gateway(sink, limits={"sessions-per-address": 2})
        first, second = self.client(gateway), self.client(gateway)
        third = self.client(gateway, greeting=421)
        self.assertEqual(third.greeting.raw, b"421 BUSY\r\n")  # Q10: exactly this, then close
        third.expect_eof()
        with self.subTest("another address is untouched"):
            other = self.client(gateway, source=OTHER)
            other.hello()
            other.deliver()
        with self.subTest("sessions within the limit go on, and FW-7: the refused one never reached the destination"):
            before = len(sink.messages)
            first.hello()
            first.deliver()
            self.assertEqual(len(sink.messages), before + 1)
            self.assertEqual([c for c in sink.commands if c.startswith(b"MAIL")].__len__(), 2)
        with self.subTest("Q10: a refused session does not count"):
            for _ in range(5):
                self.client(gateway, greeting=421)
            second.line("QUIT")
            second.drain()
            wait_until(lambda: self._is_admitted(gateway), what="the slot is given back")
        with self.subTest("FW-6: a refusal leaves nothing behind but its record"):
            record = gateway.wait_for_record(lambda r: r.get("outcome") == "busy")
            self.assertIn(STRANGER, record.get("client"))

    def _is_admitted(self, gateway, **options):
        try:
            with gateway.client(**{"source": STRANGER, **options}) as client:
                client.hello()
                client.quit()
            return True
        except Unexpected:
            return False

    def test_FW_5_off(self):
        gateway = self.gateway(self.sink(), limits={"sessions-per-address": 0})
        for client in [self.client(gateway) for _ in range(20)]:
            client.hello()

    def test_FW_5_default_is_five(self):
        gateway = self.gateway(self.sink(), limits=None)
        for _ in range(5):
            self.client(gateway)
        self.client(gateway, greeting=421)

    def test_FW_5_busy_text_is_a_setting(self):
        gateway = self.gateway(self.sink(), limits={"sessions-per-address": 1}, replies={"busy": "421 4.7.0 Call again later"})
        self.client(gateway)
        self.assertEqual(self.client(gateway, greeting=421).greeting.raw, b"421 4.7.0 Call again later\r\n")

    def test_Q10_IPv6_is_capped_too(self):
        gateway = self.gateway(self.sink(), limits={"sessions-per-address": 2})
        self.client(gateway, ipv6=True)
        self.client(gateway, ipv6=True)
        self.assertEqual(self.client(gateway, ipv6=True, greeting=421).greeting.raw, b"421 BUSY\r\n")
        self.client(gateway)  # IPv4 is another address

    def test_FW_8_slot_is_given_back_on_every_kind_of_close(self):
        sink = self.sink()
        gateway = self.gateway(sink, limits={"sessions-per-address": 2})
        # At rest: each process has probed the destination, and neither a probe nor the harness' own call is still open.
        sink.wait_for(lambda s: len(s.sessions) == 2 and all(session.is_over for session in s.sessions))
        wait_until(lambda: open_sessions(gateway) == 0, what="the harness' call is over")
        before = [gateway.descriptors(pid) for pid in gateway.workers("smtpd-proxy")]

        def end(number):
            client = gateway.client(source=STRANGER, greeting=None if number % 7 == 6 else 220)
            kind = number % 7
            if kind == 1:
                client.hello()
                client.quit()
            elif kind == 2:
                client.hello()
                client.envelope()
                client.reset()
            elif kind == 3:
                client.hello()
                client.envelope()
                client.command("DATA", 354)
                client.send(b"cut in the mid")
            elif kind == 4:
                client.send(b"EHL")
                client.half_close()
                client.drain()
            elif kind == 5:
                client.reset()
            client.close()

        for number in range(105):
            self.admitted(lambda: end(number))
        # Both slots are free again: two at once, whichever process holds them.
        def both():
            try:
                with gateway.client(source=STRANGER), gateway.client(source=STRANGER):
                    return True
            except Unexpected:
                return False
        wait_until(both, what="both slots free")
        wait_until(lambda: [gateway.descriptors(pid) for pid in gateway.workers("smtpd-proxy")] == before,
                   what=f"descriptors back at {before}")

    @staticmethod
    def admitted(call):
        """Again while the cap still holds the session just closed: its end may be seen a moment later."""
        deadline = time.monotonic() + 5
        while True:
            try:
                return call()
            except Unexpected as error:
                if error.reply is None or error.reply.code != 421 or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def test_FW_9_relay_list_is_exempt(self):
        gateway = self.gateway(self.sink(), relay=[RELAY], limits={"sessions-per-address": 2})
        clients = [self.client(gateway, source=RELAY) for _ in range(50)]
        for client in clients:
            client.hello()
        self.client(gateway)
        self.client(gateway)
        self.client(gateway, greeting=421)  # the same cap holds for others

    def test_sessions_over_all_addresses_are_bounded(self):
        gateway = self.gateway(self.sink(), limits={"sessions": 4, "sessions-per-address": 0})
        def fill():
            try:
                return [gateway.client(source=f"127.0.1.{i}") for i in range(10, 14)]
            except Unexpected:
                return None
        for client in wait_until(fill, what="four sessions"):
            self.addCleanup(client.close)
        self.client(gateway, source="127.0.1.20", greeting=421).expect_eof()


class ErrorsTest(Case):
    """FW-10, Q5."""

    def too_many(self, client):
        client.expect("421 4.7.0 Too many errors")
        client.expect_eof()

    def test_FW_10_third_error_ends_the_session(self):
        sink = self.sink({"RCPT": lambda _, line: ("reply", "550 5.1.1 No such user") if b"nobody" in line else None})
        gateway = self.gateway(sink, limits={"errors": 3})
        with self.subTest("unknown commands"):
            client = self.ready(gateway)
            for _ in range(3):
                client.command("FOO", 500)
            self.too_many(client)
        with self.subTest("Q5: errors of every source count, the destination's too"):
            client = self.ready(gateway)
            client.envelope()
            client.command(f"RCPT TO:<{FOREIGN}>", "550 5.7.1 Relaying denied")
            client.command("RCPT TO:<nobody@local.example.org>", "550 5.1.1 No such user")
            client.command("FOO", 500)  # the 5xx is sent before the 421
            self.too_many(client)
        with self.subTest("Q5: neither RSET nor MAIL sets the counter back"):
            client = self.ready(gateway)
            client.command("FOO", 500)
            client.command("RSET", 250)
            client.command("MAIL FROM:<a@example.com>", 250)
            client.command("FOO", 500)
            client.command("RSET", 250)
            client.hello()
            client.command("FOO", 500)
            self.too_many(client)
        with self.subTest("Q5: an accepted message does"):
            client = self.ready(gateway)
            for _ in range(3):
                client.command("FOO", 500)
                client.command("FOO", 500)
                client.deliver()
            client.command("FOO", 500)
            client.command("FOO", 500)
            client.command("FOO", 500)
            self.too_many(client)
        with self.subTest("pipelined"):
            client = self.ready(gateway)
            client.send(b"FOO\r\n" * 10)
            for _ in range(3):
                client.expect(500)
            self.too_many(client)
        record = gateway.wait_for_record(lambda r: r.get("outcome") == "errors")
        self.assertIn(STRANGER, record.get("client"))

    def test_Q5_refused_message_does_not_set_the_counter_back(self):
        sink = self.sink({"DOT": ("reply", "554 5.7.1 Not this one")})
        client = self.ready(self.gateway(sink, limits={"errors": 3}))
        for _ in range(2):
            client.envelope()
            client.data(b"Subject: x\r\n\r\nx\r\n", "554 5.7.1 Not this one")
        client.envelope()
        client.data(b"Subject: x\r\n\r\nx\r\n", "554 5.7.1 Not this one")
        self.too_many(client)

    def test_Q5_4xx_does_not_count(self):
        sink = self.sink({"RCPT": lambda _, line: ("reply", "451 4.7.1 Later") if b"later" in line else None})
        client = self.ready(self.gateway(sink, limits={"errors": 3}))
        client.envelope()
        for _ in range(12):
            client.command("RCPT TO:<later@local.example.org>", "451 4.7.1 Later")
        client.command(f"RCPT TO:<{LOCAL}>", 250)
        client.data(b"x\r\n")

    def test_FW_10_off_and_default(self):
        sink = self.sink()
        client = self.ready(self.gateway(sink, limits={"errors": 0}))
        for _ in range(50):
            client.command("FOO", 500)
        client.deliver()
        client = self.ready(self.gateway(sink))
        for _ in range(10):
            client.command("FOO", 500)
        self.too_many(client)

    def test_FW_10_relay_list_is_exempt(self):
        client = self.ready(self.gateway(self.sink(), relay=[RELAY], limits={"errors": 3}), source=RELAY)
        for _ in range(10):
            client.command("FOO", 5)
        client.deliver()


class NoopTest(Case):
    """FW-11, Q6."""

    def test_FW_11_fourth_noop_ends_the_session_without_a_word(self):
        sink = self.sink()
        gateway = self.gateway(sink, limits={"noops": 3})
        with self.subTest("one by one"):
            client = self.ready(gateway)
            for _ in range(3):
                client.command("NOOP", 250)
            client.line("NOOP")
            client.expect_eof()  # FIN and zero octets
        with self.subTest("Q6: the total counts, not the run"):
            client = self.ready(gateway)
            for command in ("NOOP", "RSET", "NOOP", "MAIL FROM:<a@example.com>", "NOOP argument", "RSET"):
                client.command(command, 250)
            client.line("noop")
            client.expect_eof()
        with self.subTest("pipelined"):
            client = self.ready(gateway)
            client.send(b"NOOP\r\n" * 10)
            for _ in range(3):
                client.expect(250)
            client.expect_eof()
        with self.subTest("Q6: an accepted message sets the counter back"):
            client = self.ready(gateway)
            for _ in range(3):
                for _ in range(3):
                    client.command("NOOP", 250)
                client.deliver()
            for _ in range(3):
                client.command("NOOP", 250)
            client.line("NOOP")
            client.expect_eof()
        self.assertNotIn(b"NOOP", [line.upper()[:4] for line in sink.commands])  # nothing is forwarded
        gateway.wait_for_record(lambda r: r.get("outcome") == "noops")

    def test_FW_11_off_and_default(self):
        sink = self.sink()
        client = self.ready(self.gateway(sink, limits={"noops": 0}))
        for _ in range(50):
            client.command("NOOP", 250)
        client.deliver()
        client = self.ready(self.gateway(sink))
        for _ in range(10):
            client.command("NOOP", 250)
        client.line("NOOP")
        client.expect_eof()

    def test_FW_11_relay_list_is_exempt(self):
        client = self.ready(self.gateway(self.sink(), relay=[RELAY], limits={"noops": 3}), source=RELAY)
        for _ in range(10):
            client.command("NOOP", 250)


class ClientTimeoutTest(Case):
    """FW-12, Q7. Time must pass here: the cases run side by side."""

    def timed_out(self, client, least, most, text="421 4.4.2"):
        begun = time.monotonic()
        client.expect(text, timeout=most + 2)
        client.expect_eof()
        self.assertTrue(least <= time.monotonic() - begun <= most, f"after {time.monotonic() - begun:.2f} s")

    @staticmethod
    def drip(client, data, pause):
        for octet in data:
            time.sleep(pause)
            client.send(bytes([octet]))

    def test_FW_12_silence_ends_the_session_octets_keep_it(self):
        sink = self.sink({"RCPT": lambda _, line: ("delay", 3.5) if b"slow" in line else None})
        gateway = self.gateway(sink, limits={"client-timeout": "2s", "command-time": 0})

        def silent_before_hello():
            self.timed_out(self.client(gateway), 1.7, 4)

        def silent_after_hello():
            self.timed_out(self.ready(gateway), 1.7, 4)

        def silent_in_a_command():
            client = self.ready(gateway)
            client.send(b"MAIL FR")
            self.timed_out(client, 1.7, 4)

        def silent_in_data():
            client = self.ready(gateway)
            client.envelope()
            client.command("DATA", 354)
            client.send(b"Subject: never ends\r\n\r\nx\r\n")
            self.timed_out(client, 1.7, 4)

        def restarted_by_each_octet():
            client = self.ready(gateway)
            self.drip(client, b"NOOP\r\n", 1.2)  # 7 s without a whole line
            client.expect(250)
            client.command("DATA", 503)

        def restarted_by_each_octet_in_data():
            client = self.ready(gateway)
            client.envelope()
            client.command("DATA", 354)
            self.drip(client, b"a\r\n.\r\n", 1.2)
            client.expect(250)

        def not_running_while_the_destination_is_awaited():
            client = self.ready(gateway)
            client.command("MAIL FROM:<a@example.com>", 250)
            client.command("RCPT TO:<slow@local.example.org>", 250)  # after 3.5 s
            client.data(b"x\r\n")

        together(silent_before_hello, silent_after_hello, silent_in_a_command, silent_in_data, restarted_by_each_octet,
                 restarted_by_each_octet_in_data, not_running_while_the_destination_is_awaited)
        self.assertEqual(len(sink.messages), 2)  # the one that fell silent never got its dot
        gateway.wait_for_record(lambda r: r.get("outcome") == "timed-out")

    def test_FW_12_off(self):
        gateway = self.gateway(self.sink(), limits={"client-timeout": 0, "command-time": 0})
        client = self.ready(gateway)
        self.assertTrue(client.is_silent(4))
        client.deliver()

    def test_Q7_whole_command_has_its_time(self):
        gateway = self.gateway(self.sink(), limits={"client-timeout": "2s", "command-time": "3s"})
        unbounded = self.gateway(self.sink(), limits={"client-timeout": "2s", "command-time": 0})

        def drip_fed_command():
            client = self.ready(gateway)
            begun = time.monotonic()
            try:
                self.drip(client, b"NOOP " + b"x" * 20, 0.4)
            except ConnectionError:
                pass
            self.assertIn(b"421 4.4.2", client.drain())
            self.assertLess(time.monotonic() - begun, 14)

        def drip_fed_command_off():
            client = self.ready(unbounded)
            self.drip(client, b"NOOP xxxxxxxx\r\n", 0.4)
            client.expect(250)

        def commands_each_have_their_own_time():
            client = self.ready(gateway)
            for _ in range(6):
                self.drip(client, b"RSET\r\n", 0.2)
                client.expect(250)

        together(drip_fed_command, drip_fed_command_off, commands_each_have_their_own_time)


class MessageSizeTest(Case):
    """AG-11, Q24."""

    LIMIT = 20000

    @staticmethod
    def message(size):
        """Exactly `size` octets, with lines that begin with dots (stuffing is not counted: RFC 1870 section 6.1)."""
        text = b"Subject: size\r\n\r\n" + b"..dots at the front\r\n" * 20
        lines = (size - len(text) - 2) // 100
        text += (b"x" * 98 + b"\r\n") * lines
        return text + b"y" * (size - len(text) - 2) + b"\r\n"

    def test_AG_11_one_octet_either_side(self):
        sink = self.sink()
        gateway = self.gateway(sink, limits={"message-size": self.LIMIT, "errors": 0})
        offer = wait_for_offer(gateway, "SIZE")
        self.assertEqual(offer["SIZE"], [str(self.LIMIT)])
        client = self.ready(gateway)
        with self.subTest("declared, at MAIL"):
            client.command(f"MAIL FROM:<a@example.com> SIZE={self.LIMIT + 1}", "552 5.3.4")
            client.command(f"MAIL FROM:<a@example.com> SIZE={self.LIMIT}", 250)
            client.command("RSET", 250)
            client.command("MAIL FROM:<a@example.com> SIZE=99999999999999999999", 5)
        with self.subTest("counted, in DATA"):
            fits = self.message(self.LIMIT)
            self.assertEqual(len(fits), self.LIMIT)
            client.deliver(fits)
            self.assertTrue(sink.messages[-1].data.endswith(fits))
            client.envelope()
            client.data(self.message(self.LIMIT + 1), "552 5.3.4")
        with self.subTest("the destination never gets the dot, the session goes on"):
            sink.wait_for(lambda s: any(session.is_over for session in s.sessions if session.messages))
            self.assertEqual(len(sink.messages), 1)
            client.deliver(b"Subject: small\r\n\r\nx\r\n")
            self.assertEqual(len(sink.messages), 2)
        with self.subTest("much too large"):
            client.envelope()
            client.data(b"x" * 70 + b"\r\n" + self.message(5_000_000), "552 5.3.4")
            self.assertEqual(len(sink.messages), 2)
            self.assertLess(max(session.body_bytes for session in sink.sessions), 3 * self.LIMIT)

    def test_AG_11_lying_SIZE_is_counted(self):
        sink = self.sink()
        gateway = self.gateway(sink, limits={"message-size": self.LIMIT})
        wait_for_offer(gateway, "SIZE")
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com> SIZE=10", 250)
        client.command(f"RCPT TO:<{LOCAL}>", 250)
        client.data(self.message(self.LIMIT + 1), "552 5.3.4")
        self.assertEqual(sink.messages, [])

    def test_AG_11_off(self):
        sink = self.sink()
        gateway = self.gateway(sink, limits={"message-size": 0})
        offer = wait_for_offer(gateway, "SIZE")
        self.assertEqual(offer["SIZE"], ["104857600"])  # the destination's own
        client = self.ready(gateway)
        client.command(f"MAIL FROM:<a@example.com> SIZE={100_000_000}", 250)
        client.command(f"RCPT TO:<{LOCAL}>", 250)
        client.data(self.message(60 * self.LIMIT))
        self.assertEqual(len(sink.messages), 1)

    def test_AG_11_offer_is_the_smaller_of_both(self):
        sink = self.sink(capabilities=["PIPELINING", "SIZE 5000", "8BITMIME"])
        gateway = self.gateway(sink, limits={"message-size": self.LIMIT})
        self.assertEqual(wait_for_offer(gateway, "SIZE", "8BITMIME")["SIZE"], ["5000"])

    def test_AG_11_size_with_suffix_and_relay_list(self):
        sink = self.sink()
        gateway = self.gateway(sink, relay=[RELAY], limits={"message-size": "16K"})
        client = self.ready(gateway)
        client.envelope()
        client.data(self.message(16 * 1024 + 1), "552 5.3.4")
        client = self.ready(gateway, source=RELAY)  # "recipient caps, size": relay is exempt, the destination decides
        client.deliver(self.message(16 * 1024 + 1))
        self.assertEqual(len(sink.messages), 1)


class RecipientsTest(Case):
    def test_recipients_of_a_message_are_bounded(self):
        sink = self.sink()
        for gateway, limit in ((self.gateway(sink, recipients={"maximum": 3}), 3), (self.gateway(sink), None)):
            client = self.ready(gateway)
            client.command("MAIL FROM:<a@example.com>", 250)
            for number in range(3):
                client.command(f"RCPT TO:<user{number}@local.example.org>", 250)
            client.command("RCPT TO:<user3@local.example.org>", "452 4.5.3" if limit else 250)
            client.data(b"x\r\n")
            self.assertEqual(len(sink.messages[-1].recipients), 3 if limit else 4)


if __name__ == "__main__":
    unittest.main()
