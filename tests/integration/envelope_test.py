"""What MAIL and RCPT may say: AG-2, AG-4 to AG-7, AX-22, AX-25, IW-2 to IW-4, the texts of refusals (AG-12 to AG-14), what each
action does, observe="yes". Each row with its setting on and off."""

import time
import unittest

from case import FOREIGN, LOCAL, RELAY, STRANGER, Case, wait_for_offer

OTHER = "127.0.1.6"
REFUSED = "550 Refused"
UNKNOWN = "550 5.1.1 Unknown user"


def picky(*unknown):
    """A destination's script that knows all but these local parts."""
    return {"RCPT": lambda session, argument: ("reply", UNKNOWN) if any(name in argument for name in unknown) else []}


def checks(record, name=None):
    """The <check> elements of a session's record."""
    return [check for check in record.iter("check") if name in (None, check.get("name"))]


class EnvelopeCase(Case):
    def record(self, gateway, source=STRANGER):
        """Of the one session that this client has had, once it is over."""
        return gateway.wait_for_record(lambda record: record.get("client") == source)

    def noted(self, gateway, name, source=STRANGER):
        """The one <check> of this name in that record."""
        found = checks(self.record(gateway, source), name)
        self.assertEqual(len(found), 1, name)
        return found[0]


class NullSenderTest(EnvelopeCase):
    """AG-2, Q23."""

    def test_AG_2_null_sender_ends_the_connection(self):
        sink = self.sink()
        gateway = self.gateway(sink, sender={"null": "refuse"})
        client = self.ready(gateway)
        client.command("MAIL FROM:<>", REFUSED)
        client.expect_eof()
        record = self.record(gateway)
        self.assertEqual((record.get("outcome"), record.get("reason")), ("refused", "null-sender"))
        self.assertEqual(record.get("line"), str(self.line_of(gateway, "<sender")))
        self.assertFalse([line for line in sink.commands if line.startswith(b"MAIL")])
        with self.subTest("others are untouched"):
            self.ready(gateway, source=OTHER).deliver()
        with self.subTest("Q23: what is malformed is 501 at any setting"):
            self.ready(gateway, source=OTHER).command("MAIL FROM:<@>", 501)

    @staticmethod
    def line_of(gateway, text):
        return next(i for i, line in enumerate(gateway.file.read_text().splitlines(), 1) if text in line)

    def test_AG_2_off(self):
        for name, settings in (("default", {}), ("no element", {"sender": None}), ("accept", {"sender": {"null": "accept"}})):
            with self.subTest(name):
                gateway = self.gateway(self.sink(), **settings)
                client = self.ready(gateway)
                client.command("MAIL FROM:<@>", 501)
                client.deliver(sender="")

    def test_AG_2_relay_clients_are_exempt(self):
        gateway = self.gateway(self.sink(), relay=[RELAY], sender={"null": "refuse"})
        self.ready(gateway, source=RELAY).deliver(sender="")

    def test_IW_6_trusted_clients_are_exempt_if_they_bypass_the_antispam(self):
        for bypass, code in (("yes", 250), ("no", REFUSED)):
            with self.subTest(bypass):
                gateway = self.gateway(self.sink(), lists={"trusted": [STRANGER]}, sender={"null": "refuse"},
                                       trusted={"list": "lists/trusted", "bypass-antispam": bypass})
                self.ready(gateway).command("MAIL FROM:<>", code)


class CharactersTest(EnvelopeCase):
    """AG-4, AX-22."""

    SETS = {"user": "a-z.", "domain": "a-z.", "helo": "a-z.", "action": "refuse"}

    def test_AG_4_AX_22_other_characters_are_refused(self):
        sink = self.sink()
        gateway = self.gateway(sink, characters=self.SETS)
        client = self.ready(gateway)
        with self.subTest("AG-4: MAIL, user part and domain"):
            client.command("MAIL FROM:<a!b@example.com>", REFUSED)
            client.command("MAIL FROM:<ab@exam-ple.com>", REFUSED)
        client.command("MAIL FROM:<a.b@example.com>", 250)
        with self.subTest("AX-22: RCPT too, and the session goes on"):
            client.command("RCPT TO:<user1@local.example.org>", REFUSED)
            client.command(f"RCPT TO:<{LOCAL}>", 250)
        client.data(b"Subject: x\r\n\r\nx\r\n")
        client.quit()
        self.assertEqual([message.recipients for message in sink.accepted], [[b"RCPT TO:<%s>" % LOCAL.encode()]])
        self.assertFalse([line for line in sink.commands if b"user1" in line])
        record = self.record(gateway)
        self.assertEqual({recipient.get("reason") for recipient in record.iter("recipient")} - {None}, {"recipient-characters"})

    def test_AX_22_helo(self):
        gateway = self.gateway(self.sink(), characters=self.SETS)
        client = self.client(gateway)
        client.hello("client-1.example.com")
        client.command("MAIL FROM:<ab@example.com>", REFUSED)
        client.hello("client.example.com")
        client.command("MAIL FROM:<ab@example.com>", 250)

    def test_AG_4_only_ASCII_is_tested(self):
        gateway = self.gateway(self.sink(), characters=self.SETS)
        wait_for_offer(gateway, "SMTPUTF8")
        client = self.ready(gateway)
        client.command("MAIL FROM:<j\u00fcrgen@b\u00fccher.example> SMTPUTF8", 250)
        client.command("RCPT TO:<us\u00e9r@local.example.org>", 250)
        client.command("RCPT TO:<us\u00e9r-1@local.example.org>", REFUSED)

    def test_AG_4_AX_22_off(self):
        for name, settings in (("no element", {}), ("off", {"characters": {**self.SETS, "action": "off"}})):
            with self.subTest(name):
                gateway = self.gateway(self.sink(), **settings)
                client = self.client(gateway)
                client.hello("client-1.example.com")
                client.deliver(sender="a!b@exam-ple.com", recipients=["user1@local.example.org"])

    def test_AG_4_default_sets_take_what_practice_needs(self):
        gateway = self.gateway(self.sink(), characters={})
        client = self.client(gateway)
        client.hello("[127.0.1.5]")
        client.deliver(sender="bounce+a=b.example_1'x/y#z@mail-1.example.com", recipients=["o'neil+tag@local.example.org"])
        client.command('MAIL FROM:<"a b"@example.com>', REFUSED)


class InvalidRecipientsTest(EnvelopeCase):
    """AG-5, Q22."""

    SET = {"invalid": 3, "action": "refuse"}

    def test_AG_5_third_unknown_user_ends_the_session(self):
        sink = self.sink(picky(b"nobody"))
        gateway = self.gateway(sink, recipients=self.SET)
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com>", 250)
        client.command("RCPT TO:<nobody1@local.example.org>", UNKNOWN)
        client.command(f"RCPT TO:<{LOCAL}>", 250)
        client.command("RCPT TO:<nobody2@local.example.org>", UNKNOWN)
        client.command("RCPT TO:<nobody3@local.example.org>", REFUSED)
        client.expect_eof()
        sink.wait_until_idle()
        self.assertFalse(sink.messages)
        self.assertNotIn(b"DATA", sink.commands)
        record = self.record(gateway)
        self.assertEqual((record.get("reason"), record.get("value"), record.get("limit")), ("invalid-recipients", "3", "3"))

    def test_AG_5_counts_the_session_and_not_the_message(self):
        gateway = self.gateway(self.sink(picky(b"nobody")), recipients=self.SET)
        client = self.ready(gateway)
        for i in range(2):
            client.command("MAIL FROM:<a@example.com>", 250)
            client.command(f"RCPT TO:<nobody{i}@local.example.org>", UNKNOWN)
            client.command("RSET", 250)
        client.command("MAIL FROM:<a@example.com>", 250)
        client.command("RCPT TO:<nobody9@local.example.org>", REFUSED)
        client.expect_eof()

    def test_Q22_relay_denials_count_and_deferrals_do_not(self):
        script = {"RCPT": lambda session, argument: ("reply", "451 4.2.1 Later") if b"busy" in argument else []}
        gateway = self.gateway(self.sink(script), recipients=self.SET)
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com>", 250)
        for i in range(5):
            client.command(f"RCPT TO:<busy{i}@local.example.org>", "451 4.2.1 Later")
        for _ in range(2):
            client.command(f"RCPT TO:<{FOREIGN}>", "550 5.7.1 Relaying denied")
        client.command(f"RCPT TO:<{FOREIGN}>", REFUSED)
        client.expect_eof()

    def test_AG_5_off(self):
        for name, settings in (("default", {}), ("0", {"recipients": {"invalid": 0, "action": "refuse"}}),
                               ("off", {"recipients": {"invalid": 3, "action": "off"}})):
            with self.subTest(name):
                gateway = self.gateway(self.sink(picky(b"nobody")), limits={"errors": 0}, **settings)
                client = self.ready(gateway)
                client.command("MAIL FROM:<a@example.com>", 250)
                for i in range(12):
                    client.command(f"RCPT TO:<nobody{i}@local.example.org>", UNKNOWN)
                client.command(f"RCPT TO:<{LOCAL}>", 250)
                client.data(b"x\r\n")

    def test_AG_5_the_last_one_is_foreseen_where_the_destination_has_just_refused_it(self):
        """A passive check: it needs another one that asks at RCPT."""
        sink = self.sink(picky(b"nobody"))
        gateway = self.gateway(sink, recipients=self.SET, backscatter={"messages": 100})
        first = self.ready(gateway, source=OTHER)
        first.command("MAIL FROM:<a@example.com>", 250)
        first.command("RCPT TO:<nobody@local.example.org>", UNKNOWN)
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com>", 250)
        client.command("RCPT TO:<nobody@local.example.org>", UNKNOWN)  # never alone
        client.command("RCPT TO:<nobody2@local.example.org>", UNKNOWN)
        before = len(sink.recipients())
        client.command("RCPT TO:<nobody@local.example.org>", REFUSED)
        client.expect_eof()
        self.assertEqual(len(sink.recipients()), before)


class ValidRecipientsTest(EnvelopeCase):
    """AG-6, AG-7."""

    def recipients(self, client, numbers, *codes):
        for i in numbers:
            client.command(f"RCPT TO:<user{i}@local.example.org>", *codes)

    def test_AG_6_fourth_valid_recipient_blocks_the_message(self):
        sink = self.sink()
        gateway = self.gateway(sink, recipients={"valid": 4, "action": "refuse"})
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com>", 250)
        self.recipients(client, range(3), 250)
        self.recipients(client, [3], REFUSED)
        client.expect_eof()
        sink.wait_until_idle()
        self.assertFalse(sink.messages)
        record = self.record(gateway)
        self.assertEqual((record.get("reason"), record.get("value"), record.get("limit")), ("valid-recipients", "4", "4"))

    def test_AG_6_off(self):
        for name, settings in (("default", {}), ("0", {"recipients": {"valid": 0, "action": "refuse"}})):
            with self.subTest(name):
                client = self.ready(self.gateway(self.sink(), **settings))
                client.deliver(recipients=[f"user{i}@local.example.org" for i in range(20)])

    def test_AG_6_defer_blocks_the_message_and_not_the_session(self):
        sink = self.sink()
        gateway = self.gateway(sink, recipients={"valid": 3, "action": "defer"})
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com>", 250)
        self.recipients(client, range(2), 250)
        self.recipients(client, [2], "451 4.7.1")
        client.command("DATA", 4, 5)
        client.quit()
        sink.wait_until_idle()
        self.assertFalse(sink.messages)

    def test_AG_7_only_with_invalid_ones(self):
        gateway = self.gateway(self.sink(picky(b"nobody")),
                               recipients={"valid": 4, "valid-needs-invalid": 2, "action": "refuse"})
        with self.subTest("none is invalid"):
            self.ready(gateway, source=OTHER).deliver(recipients=[f"user{i}@local.example.org" for i in range(8)])
        for name, order in (("invalid first", "iivvv"), ("invalid last", "vvvvi"), ("between", "vivv")):
            with self.subTest(name):
                client = self.ready(gateway)
                client.command("MAIL FROM:<a@example.com>", 250)
                for i, kind in enumerate(order):
                    user, reply = (f"user{i}", 250) if kind == "v" else (f"nobody{i}", UNKNOWN)
                    client.command(f"RCPT TO:<{user}@local.example.org>", reply)
                last = "nobody9" if name != "invalid first" else "user9"
                if name == "between":
                    client.command("RCPT TO:<nobody8@local.example.org>", UNKNOWN)
                    last = "user9"
                client.command(f"RCPT TO:<{last}@local.example.org>", REFUSED)
                client.expect_eof()


class LocalSenderTest(EnvelopeCase):
    """IW-2 to IW-4."""

    CLAIM = "MAIL FROM:<boss@local.example.org>"

    def test_IW_2_local_sender_from_a_stranger_is_refused(self):
        sink = self.sink()
        gateway = self.gateway(sink, sender={"local-unauthorised": "refuse"})
        client = self.ready(gateway)
        client.command(self.CLAIM, "550 5.7.1 Refused")
        client.command("MAIL FROM:<boss@OTHER.example.org>", "550 5.7.1 Refused")
        client.command("MAIL FROM:<boss@sub.local.example.org>", 250)
        client.command("RSET", 250)
        with self.subTest("Q26: the null sender is never local"):
            client.deliver(sender="")
        client.deliver()
        client.quit()
        self.assertFalse([line for line in sink.commands if b"boss@local" in line])
        record = self.record(gateway)
        self.assertEqual(record.get("outcome"), "delivered")
        self.assertEqual([check.get("name") for check in checks(record)], ["local-unauthorised"] * 2)

    def test_IW_2_who_is_authorised(self):
        settings = {"sender": {"local-unauthorised": "refuse"}}
        with self.subTest("relay list"):
            gateway = self.gateway(self.sink(), relay=[RELAY], **settings)
            self.ready(gateway, source=RELAY).deliver(sender="boss@local.example.org")
            self.ready(gateway).command(self.CLAIM, 5)
        with self.subTest("trusted list, whether or not it bypasses the antispam"):
            for bypass in ("yes", "no"):
                gateway = self.gateway(self.sink(), lists={"trusted": [STRANGER]},
                                       trusted={"list": "lists/trusted", "bypass-antispam": bypass}, **settings)
                self.ready(gateway).deliver(sender="boss@local.example.org")
                self.ready(gateway, source=OTHER).command(self.CLAIM, 5)

    def test_IW_2_off(self):
        for name, settings in (("default", {}), ("off", {"sender": {"local-unauthorised": "off"}})):
            with self.subTest(name):
                gateway = self.gateway(self.sink(), **settings)
                client = self.ready(gateway)
                client.deliver(sender="boss@local.example.org")
                client.quit()
                self.assertEqual(checks(self.record(gateway)), [])

    def test_IW_4_a_false_local_sender_is_not_white(self):
        """The white list exempts from the character sets, and from nothing else that is refused here."""
        white = {"lists": {"white": [STRANGER]}, "white": {"list": "lists/white"},
                 "characters": {"user": "a-z", "action": "refuse"}}
        odd = "MAIL FROM:<boss1@local.example.org>"
        with self.subTest("the ordinary rules, and the log has it (H of the manual)"):
            gateway = self.gateway(self.sink(), sender={"local-unauthorised": "score", "points": 4}, **white)
            client = self.ready(gateway)
            client.command("MAIL FROM:<joe1@example.com>", 250)
            client.command("RSET", 250)
            client.command(odd, REFUSED)
            client.deliver(sender="boss@local.example.org")
            client.quit()
            hit = [check for check in checks(self.record(gateway), "local-unauthorised") if check.get("hit") == "yes"]
            self.assertEqual([check.get("points") for check in hit], ["4"])
        for action in ("off", "log"):
            with self.subTest(f"{action}: it stays white"):
                gateway = self.gateway(self.sink(), sender={"local-unauthorised": action}, **white)
                self.ready(gateway).command(odd, 250)


class UnlistedRecipientTest(EnvelopeCase):
    """Lists of recipients of a domain (Q3): 550 5.1.1 before the destination hears of it."""

    def test_a_recipient_who_is_not_listed(self):
        sink = self.sink()
        gateway = self.gateway(sink, lists={"users": ["user"]}, replies={"bogus": "yes"},
                               domains=[{"name": "local.example.org", "recipients": "lists/users"}, "other.example.org"])
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com>", 250)
        reply = client.command("RCPT TO:<nobody@local.example.org>")
        self.assertRegex(reply.first, r"^550 5\.1\.1 No such recipient here \[[0-9a-z]{13}\]$")
        for good in ("user@local.example.org", "USER@LOCAL.example.org", "postmaster@local.example.org", "postmaster",
                     "nobody@other.example.org"):
            client.command(f"RCPT TO:<{good}>", 250)
        client.data(b"x\r\n")
        self.assertFalse([line for line in sink.recipients() if b"nobody@local" in line])

    def test_off(self):
        gateway = self.gateway(self.sink())
        self.ready(gateway).deliver(recipients=["nobody@local.example.org"])

    def test_AG_5_it_counts_as_invalid(self):
        gateway = self.gateway(self.sink(), lists={"users": ["user"]}, recipients={"invalid": 2, "action": "refuse"},
                               domains=[{"name": "local.example.org", "recipients": "lists/users"}])
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com>", 250)
        client.command("RCPT TO:<nobody@local.example.org>", "550 5.1.1")
        client.command("RCPT TO:<nobody@local.example.org>", REFUSED)
        client.expect_eof()


class BackscatterTest(EnvelopeCase):
    """AX-25."""

    def bounce(self, gateway, recipient=LOCAL, *codes):
        with gateway.client(source=STRANGER) as client:
            client.hello()
            client.command("MAIL FROM:<>", 250)
            client.command(f"RCPT TO:<{recipient}>", *(codes or (250,)))

    def test_AX_25_further_bounces_of_one_recipient_are_refused(self):
        sink = self.sink()
        gateway = self.gateway(sink, backscatter={"messages": 2, "within": "2s"})
        self.bounce(gateway)
        self.bounce(gateway, LOCAL.upper().replace("USER", "user"))
        begun = time.monotonic()
        self.bounce(gateway, LOCAL, REFUSED)
        with self.subTest("others are untouched"):
            self.bounce(gateway, "other@local.example.org")
            self.ready(gateway).deliver()
        with self.subTest("until none has come for so long"):
            for _ in range(3):  # each within the time of the one before, together longer than it
                time.sleep(1)
                self.bounce(gateway, LOCAL, REFUSED)
            self.assertGreater(time.monotonic() - begun, 2)
            time.sleep(2.1)
            self.bounce(gateway)

    def test_AX_25_off(self):
        for name, settings in (("no element", {}), ("0", {"backscatter": {"messages": 0}}),
                               ("off", {"backscatter": {"messages": 2, "action": "off"}})):
            with self.subTest(name):
                gateway = self.gateway(self.sink(), **settings)
                for _ in range(6):
                    self.bounce(gateway)


class RepliesTest(EnvelopeCase):
    """AG-12 to AG-14."""

    def refusal(self, gateway):
        with gateway.client(source=STRANGER) as client:
            client.hello()
            return client.command("MAIL FROM:<>", 550)

    def test_AG_12_default_text_and_its_reference(self):
        gateway = self.gateway(self.sink(), sender={"null": "refuse"})
        reply = self.refusal(gateway).first
        self.assertRegex(reply, r"^550 Refused \[[0-9a-z]{13}\]$")
        reference = reply[len("550 Refused ["):-1]
        self.assertEqual(self.record(gateway).get("reference"), reference)
        self.assertIn("null-sender", gateway.control("log", "--reference", reference).stdout)

    def test_AG_12_without_reference(self):
        gateway = self.gateway(self.sink(), sender={"null": "refuse"}, replies={"reference": "no"})
        self.assertEqual(self.refusal(gateway).raw, b"550 Refused\r\n")

    def test_AG_13_bogus_texts(self):
        gateway = self.gateway(self.sink(), sender={"null": "refuse"}, replies={"bogus": "yes", "refused": "550 Custom text"})
        replies = [self.refusal(gateway) for _ in range(40)]
        texts = {reply.first for reply in replies}
        self.assertGreater(len(texts), 20)
        for text in texts:
            self.assertTrue(text.startswith("550 "), text)
            for word in ("Refused", "Custom", "["):  # AG-13 before AG-14; no reference, which would tell the software
                self.assertNotIn(word, text)

    def test_AG_13_off(self):
        gateway = self.gateway(self.sink(), sender={"null": "refuse"}, replies={"bogus": "no", "reference": "no"})
        self.assertEqual({self.refusal(gateway).raw for _ in range(10)}, {b"550 Refused\r\n"})

    def test_AG_14_custom_text(self):
        gateway = self.gateway(self.sink(), sender={"null": "refuse", "local-unauthorised": "refuse"},
                               replies={"refused": "550 Messaggio respinto"})
        self.assertRegex(self.refusal(gateway).first, r"^550 Messaggio respinto \[[0-9a-z]{13}\]$")
        self.ready(gateway).command("MAIL FROM:<a@local.example.org>", "550 5.7.1 Messaggio respinto [")


class ActionsTest(EnvelopeCase):
    """Off, log, score, refuse, defer, tarpit, ban; observe="yes"."""

    TARPIT = {"greeting": "0s", "delay": "1s", "hang-ups": "0", "early-talkers": "off"}

    def mail(self, action, *codes, **settings):
        gateway = self.gateway(self.sink(), sender={"null": action, "points": 4}, **settings)
        client = self.ready(gateway)
        client.command("MAIL FROM:<>", *codes)
        return gateway, client

    def test_log_decides_nothing_and_says_what_it_would_have_done(self):
        gateway, client = self.mail("log", 250)
        client.quit()
        noted = self.noted(gateway, "null-sender")
        self.assertEqual((noted.get("hit"), noted.get("observed"), noted.get("action")), ("yes", "yes", "log"))

    def test_hits_are_counted(self):
        gateway, client = self.mail("refuse", REFUSED)
        self.assertRegex(gateway.control("status").stdout, r"hit-null-sender\s+1\b")
        self.assertNotIn("observed-null-sender", gateway.control("status").stdout)
        gateway, client = self.mail("log", 250)
        self.assertRegex(gateway.control("status").stdout, r"observed-null-sender\s+1\b")

    def test_score_adds_points(self):
        gateway, client = self.mail("score", 250)
        client.quit()
        noted = self.noted(gateway, "null-sender")
        self.assertEqual((noted.get("points"), noted.get("observed")), ("4", "no"))

    def test_defer_is_451_and_the_session_goes_on(self):
        _, client = self.mail("defer", "451 4.7.1 Try again later [")
        client.deliver()

    def test_AG_9_tarpit_holds_then_refuses_and_the_next_session_waits_at_HELO(self):
        """Q21."""
        sink = self.sink()
        gateway = self.gateway(sink, sender={"null": "tarpit"}, tarpit=self.TARPIT)
        client = self.ready(gateway)
        begun = time.monotonic()
        client.command("MAIL FROM:<>", REFUSED)
        self.assertGreaterEqual(time.monotonic() - begun, 0.95)
        client.expect_eof()
        again = self.client(gateway)
        begun = time.monotonic()
        again.hello()
        self.assertGreaterEqual(time.monotonic() - begun, 0.95)
        again.deliver()
        with self.subTest("others do not wait"):
            other = self.client(gateway, source=OTHER)
            begun = time.monotonic()
            other.hello()
            self.assertLess(time.monotonic() - begun, 0.9)

    def test_AG_9_off_without_a_tarpit_it_is_refused_at_once(self):
        gateway, client = self.mail("tarpit", REFUSED)
        client.expect_eof()
        self.assertEqual(self.record(gateway).get("reason"), "null-sender")
        again = self.client(gateway)
        begun = time.monotonic()
        again.hello()
        self.assertLess(time.monotonic() - begun, 0.9)

    def test_ban_refuses_and_the_next_connection_is_in_hell(self):
        gateway, client = self.mail("ban", REFUSED, hell={"time": "60s"})
        client.expect_eof()
        self.assertEqual(self.client(gateway, greeting=554).greeting.first[:7], "554 5.7")
        self.ready(gateway, source=OTHER)

    def test_ban_off_without_hell_it_is_only_refused(self):
        gateway, client = self.mail("ban", REFUSED)
        client.expect_eof()
        self.ready(gateway)

    def test_a_session_keeps_the_settings_with_which_it_began(self):
        gateway = self.gateway(self.sink(), sender={"null": "refuse"})
        old = self.ready(gateway)
        gateway.write_configuration(sender={"null": "accept"})
        gateway.reload()
        middle = self.ready(gateway)
        middle.command("MAIL FROM:<>", 250)
        old.command("MAIL FROM:<>", REFUSED)
        gateway.write_configuration(sender={"null": "refuse"})
        gateway.reload()
        middle.command("RSET", 250)
        middle.command("MAIL FROM:<>", 250)
        self.ready(gateway).command("MAIL FROM:<>", REFUSED)

    def test_observe_turns_all_into_log(self):
        strict = {"sender": {"null": "ban", "local-unauthorised": "refuse"}, "recipients": {"invalid": 1, "valid": 1, "action": "ban"},
                  "characters": {"user": "x", "domain": "x", "helo": "x", "action": "refuse"},
                  "backscatter": {"messages": 1}, "rate": {"messages": 1, "action": "refuse"}, "hell": {}, "tarpit": self.TARPIT}
        for observe in ("yes", "no"):
            with self.subTest(observe=observe):
                gateway = self.gateway(self.sink(picky(b"nobody")), server={"observe": observe}, **strict)
                client = self.ready(gateway)
                if observe == "no":
                    client.command("MAIL FROM:<>", 5)
                    continue
                for _ in range(3):
                    client.command("MAIL FROM:<>", 250)
                    client.command(f"RCPT TO:<{LOCAL}>", 250)
                    client.command("RCPT TO:<nobody@local.example.org>", UNKNOWN)
                    client.data(b"x\r\n")
                client.deliver(sender="boss@local.example.org")
                client.quit()
                record = self.record(gateway)
                found = {check.get("name") for check in checks(record)}
                self.assertEqual(found, {"null-sender", "local-unauthorised", "helo-characters", "sender-characters", "rate",
                                         "recipient-characters", "backscatter", "invalid-recipients", "valid-recipients"})
                self.assertEqual({check.get("observed") for check in checks(record)}, {"yes"})
                self.assertEqual(record.get("outcome"), "delivered")
                self.ready(gateway)  # nobody was banned


if __name__ == "__main__":
    unittest.main()
