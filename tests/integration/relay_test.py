"""The relay guard: BA-6, BA-7, BA-8, FW-1, FW-2, FW-4, Q2, Q31. What it refuses must never be seen by the destination."""

import unittest

from case import FOREIGN, LOCAL, RELAY, STRANGER, Case, wait_for_offer

DENIED = "550 5.7.1 Relaying denied"

# (what stands behind RCPT TO:, expected: DENIED or a leading digit/code). A stranger gets none of these through.
REFUSED = (
    (b"<victim@foreign.example.net>", DENIED),
    (b"<victim%foreign.example.net@local.example.org>", DENIED),           # percent hack
    (b'<"victim@foreign.example.net"@local.example.org>', DENIED),         # quoted address as local part
    (b'<"victim%foreign.example.net"@local.example.org>', DENIED),         # the same, with a percent
    (b"<foreign.example.net!victim@local.example.org>", DENIED),           # bang path
    (b'<"foreign.example.net!victim"@local.example.org>', DENIED),
    (b"<@foreign.example.net:user@local.example.org>", DENIED),            # source routes
    (b"<@local.example.org:victim@foreign.example.net>", DENIED),
    (b"<@local.example.org,@foreign.example.net:user@local.example.org>", DENIED),
    (b"<victim@foreign.example.net@local.example.org>", 5),
    (b"<user@local.example.org@foreign.example.net>", 5),
    (b"<user@local.example.org.>", 5),                                     # trailing dot
    (b"<user@foreign.example.net.>", 5),
    (b"<user@LOCALX.example.org>", DENIED),
    (b"<user@xlocal.example.org>", DENIED),
    (b"<user@local.example.orgx>", DENIED),
    (b"<user@sub.local.example.org>", DENIED),
    (b"<user@example.org>", DENIED),                                       # the parent of a local domain
    (b"<user@org>", DENIED),
    (b"<user@.local.example.org>", 5),
    (b"<user@local..example.org>", 5),
    (b"<user@>", 5),
    (b"<@local.example.org>", 5),
    (b"<user>", 5),                                                        # only <postmaster> may lack a domain
    (b"<>", 5),
    (b"<user@[127.0.0.1]>", DENIED),                                       # literals: of this very host, too
    (b"<user@[IPv6:::1]>", DENIED),
    (b"<user@[local.example.org]>", 5),
    (b"<user@127.0.0.1>", 5),
    (b"<user@#2130706433>", 5),
    (b"<user@xn--lcal-5qa.example.org>", DENIED),                          # a look-alike, as A-label
    ("<user@l\u00f6cal.example.org>".encode(), 5),                         # the same as U-label, without SMTPUTF8
    ("<user@loc\u0430l.example.org>".encode(), 5),                         # Cyrillic a
    (b"<us\xe9r@local.example.org>", 5),                                   # 8-bit that is no UTF-8
    (b"<user@local.example.org\xc0\x80foreign.example.net>", 5),           # overlong NUL
    (b"<user\0@local.example.org>", 5),
    (b"<victim@foreign.example.net\0@local.example.org>", 5),
    (b"<user\t@local.example.org>", 5),
    (b"<user@local.example.org\t>", 5),
    (b"<us er@local.example.org>", 5),
    (b"<user @local.example.org>", 5),
    (b"<user@ local.example.org>", 5),
    (b"<user@local.example.org\r.foreign.example.net>", 5),                # bare CR
    (b"<user(comment)@local.example.org>", 5),
    (b"<user@local.example.org(comment)>", 5),
    (b"<(comment)user@foreign.example.net(@local.example.org)>", 5),
    (b'<"user@local.example.org>', 5),                                     # quotes that do not end
    (b'<"user"x@local.example.org>', 5),
    (b'<"us\\"@foreign.example.net,"@local.example.org>', 5),
    (b"<user@foreign.example.net,user@local.example.org>", 5),
    (b"<user@local.example.org,victim@foreign.example.net>", 5),
    (b"<victim=40foreign.example.net%local.example.org@foreign.example.net>", DENIED),
    (b"<user@foreign.example.net;@local.example.org>", 5),
    (b"<user@local.example.org> <victim@foreign.example.net>", 5),
    (b"<user@local.example.org>victim@foreign.example.net", 5),
    (b"victim@foreign.example.net", 5),                                    # no brackets
    (b"<<victim@foreign.example.net>>", 5),
    (b"<" + b"a" * 260 + b"@local.example.org>", 5),                       # too long: path, domain, label
    (b"<user@" + b"a" * 300 + b".example.org>", 5),
    (b"<user@" + b"a" * 64 + b".local.example.org>", 5),
    (b"<user@local.example.org> ORCPT=rfc822;victim@foreign.example.net X=1", 5),
    (b"<.user@local.example.org>", 5),
    (b"<user.@local.example.org>", 5),
    (b"<us..er@local.example.org>", 5),
    (b"<postmaster@>", 5),
    (b"<postmaster@foreign.example.net>", DENIED),
    (b"<|/bin/sh@local.example.org@foreign.example.net>", 5),
)

# Forms of local recipients that must pass.
ACCEPTED = (
    b"<user@local.example.org>",
    b"<user@LOCAL.Example.ORG>",
    b"<User@local.example.org>",
    b"<postmaster>",
    b"<PostMaster>",
    b"<postmaster@local.example.org>",
    b'<"a b"@local.example.org>',
    b"<user+tag@local.example.org>",
    b"<user=40x@local.example.org>",
    b"<o'brien@other.example.org>",
    b"<a.b.c@other.example.org>",
    b"<" + b"a" * 65 + b"@local.example.org>",  # longer than RFC 5321 4.5.3.1.1 makes everybody take: VERP, SRS
)


class TruthTableTest(Case):
    """BA-7. There is no log-in yet: relay list yes/no x recipient local/foreign, over IPv4 and IPv6. Only (no, foreign) is
    refused."""

    def test_BA_7_truth_table(self):
        for relay in (None, [RELAY, "::1"]):
            for ipv6 in (False, True):
                sink = self.sink()
                gateway = self.gateway(sink, relay=relay)
                for recipient in (LOCAL, FOREIGN):
                    with self.subTest(relay=relay, ipv6=ipv6, recipient=recipient):
                        client = self.ready(gateway, source=None if ipv6 else RELAY, ipv6=ipv6)
                        client.command("MAIL FROM:<anybody@anywhere.example.com>", 250)
                        if relay is None and recipient == FOREIGN:
                            reply = client.command(f"RCPT TO:<{recipient}>", DENIED)
                            self.assertEqual(reply.raw, b"550 5.7.1 Relaying denied.\r\n")  # Q31
                            self.assertEqual(sink.recipients(), before)
                        else:
                            client.command(f"RCPT TO:<{recipient}>", 250)
                            client.data(b"x\r\n")
                            self.assertIn(recipient.encode(), sink.messages[-1].recipients[0])
                        before = sink.recipients()

    def test_FW_2_range_of_the_relay_list_and_its_edges(self):
        sink = self.sink()
        gateway = self.gateway(sink, relay=["# a comment", "", "127.0.9.8/30", "127.0.10.1-3", "127.0.11.*"])
        for source, may in (("127.0.9.7", False), ("127.0.9.8", True), ("127.0.9.11", True), ("127.0.9.12", False),
                            ("127.0.10.1", True), ("127.0.10.3", True), ("127.0.10.4", False), ("127.0.11.255", True)):
            with self.subTest(source=source):
                client = self.ready(gateway, source=source)
                client.command("MAIL FROM:<a@example.com>", 250)
                client.command(f"RCPT TO:<{FOREIGN}>", 250 if may else DENIED)

    def test_FW_4_no_relay_addresses_unless_configured(self):
        for relay in (None, []):  # no element; an empty list
            gateway = self.gateway(self.sink(), relay=relay)
            for source in ("127.0.0.1", STRANGER):
                client = self.ready(gateway, source=source)
                client.command("MAIL FROM:<a@example.com>", 250)
                client.command(f"RCPT TO:<{FOREIGN}>", DENIED)

    def test_Q31_text_is_a_setting(self):
        gateway = self.gateway(self.sink(), replies={"relaying-denied": "550 5.7.1 Not through here"})
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com>", 250)
        self.assertEqual(client.command(f"RCPT TO:<{FOREIGN}>", 550).raw, b"550 5.7.1 Not through here\r\n")


class TrickyRecipientsTest(Case):
    """Q2: strict parsing. The destination takes everything (BA-6), so that whatever slipped by would be seen there."""

    def test_BA_7_tricky_forms_are_refused_and_never_forwarded(self):
        sink = self.sink()
        gateway = self.gateway(sink, limits={"errors": 0})
        client = self.ready(gateway)
        with self.subTest("before the destination was called"):
            settled = sink.connections
            client.command("MAIL FROM:<a@example.com>", 250)
            self.refuse_all(client)
            self.assertEqual(sink.recipients(), [])
            self.assertEqual(sink.connections, settled)  # called late: not for a refused recipient
        with self.subTest("with an open transaction there"):
            client.command(f"RCPT TO:<{LOCAL}>", 250)
            self.refuse_all(client)
            client.command("RCPT TO:<last@local.example.org>", 250)
            client.data(b"x\r\n")
            self.assertEqual(sink.recipients(), [b"RCPT TO:<user@local.example.org>", b"RCPT TO:<last@local.example.org>"])
            self.assertEqual(len(sink.messages), 1)
        with self.subTest("pipelined with a good one behind each"):
            client.command("MAIL FROM:<a@example.com>", 250)
            for form, expected in REFUSED:
                client.send(b"RCPT TO:" + form + b"\r\nRCPT TO:<good@local.example.org>\r\n")
                client.expect(expected)
                client.expect(250)
            self.assertEqual(set(sink.recipients()[2:]), {b"RCPT TO:<good@local.example.org>"})

    def refuse_all(self, client):
        for form, expected in REFUSED:
            with self.subTest(form=form):
                client.send(b"RCPT TO:" + form + b"\r\n")
                client.expect(expected)

    def test_BA_8_local_forms_pass_as_written(self):
        sink = self.sink()
        client = self.ready(self.gateway(sink))
        client.command("MAIL FROM:<a@example.com>", 250)
        for form in ACCEPTED:
            with self.subTest(form=form):
                client.send(b"RCPT TO:" + form + b"\r\n")
                client.expect(250)
                self.assertEqual(sink.recipients()[-1], b"RCPT TO:" + form)

    def test_BA_7_with_SMTPUTF8(self):
        sink = self.sink()
        gateway = self.gateway(sink, limits={"errors": 0})
        wait_for_offer(gateway, "SMTPUTF8")
        client = self.ready(gateway)
        client.command("MAIL FROM:<a@example.com> SMTPUTF8", 250)
        client.command("RCPT TO:<usér@local.example.org>", 250)
        for domain in ("löcal.example.org", "locаl.example.org", "local。example.org", "local.example.org\u200b"):
            with self.subTest(domain=domain):
                client.command(f"RCPT TO:<user@{domain}>", 5)
        for raw in (b"<us\xc3@local.example.org>", b"<us\xed\xa0\x80@local.example.org>", b"<us\xc0\xaf@local.example.org>"):
            with self.subTest(raw=raw):
                client.send(b"RCPT TO:" + raw + b"\r\n")
                client.expect(5)
        self.assertEqual(sink.recipients(), ["RCPT TO:<usér@local.example.org>".encode()])

    def test_Q2_line_feed_alone_ends_no_command(self):
        """A bare LF inside a line is either an error or a line end, but the same one for us and for the destination."""
        sink = self.sink()
        gateway = self.gateway(sink, limits={"errors": 0})
        for separator in (b"\n", b"\r", b"\n\r", b"\r\r\n", b"\0\n"):
            with self.subTest(separator=separator):
                client = self.ready(gateway)
                client.command("MAIL FROM:<a@example.com>", 250)
                client.command(f"RCPT TO:<{LOCAL}>", 250)
                client.send(b"RCPT TO:<second@local.example.org>" + separator + b"RCPT TO:<victim@foreign.example.net>\r\nRSET\r\nQUIT\r\n")
                client.drain()
        self.assertEqual([line for line in sink.recipients() if b"foreign" in line], [])
        self.assertEqual([line for line in sink.commands if b"\r" in line or b"\0" in line], [])

    def test_FW_1_relay_list_leaves_it_to_the_destination(self):
        """FW-1, FW-2: the same forms reach the destination for an address of the relay list."""
        sink = self.sink()
        gateway = self.gateway(sink, relay=[RELAY])
        client = self.ready(gateway, source=RELAY)
        client.command("MAIL FROM:<a@example.com>", 250)
        forms = [form for form, expected in REFUSED if expected == DENIED and not form.startswith(b"<@")]
        for form in forms:
            client.send(b"RCPT TO:" + form + b"\r\n")
            client.expect(250)
        self.assertEqual(sink.recipients(), [b"RCPT TO:" + form for form in forms])

    def test_local_domains_are_what_is_configured(self):
        """BA-8: the same recipient with its domain configured and not."""
        for domains, expected in ((("local.example.org",), DENIED), (("local.example.org", "foreign.example.net"), 250)):
            client = self.ready(self.gateway(self.sink(), domains=domains))
            client.command("MAIL FROM:<a@example.com>", 250)
            client.command(f"RCPT TO:<{FOREIGN}>", expected)


if __name__ == "__main__":
    unittest.main()
