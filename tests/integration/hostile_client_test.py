"""Garbage on port 25 (F67, F68), the order of commands, and the smuggling matrix (F69). After each attack the next session works
and the memory of smtpd-proxy has not grown."""

import random
import re
import socket
import time
import unittest

import postfix_server
from case import LOCAL, STRANGER, Case, together, wait_for_offer
from gateway import Postfix, stuffed, wait_until

BODY = b"Subject: good\r\n\r\ngood\r\n"


class HostileCase(Case):
    """One gateway for all cases of a test; `after()` proves that nothing was left behind."""

    GROWTH_KIB = 4096

    def start(self, sink=None, **options):
        self.one = sink or self.sink()
        self.gate = self.gateway(self.one, **options)
        self.ready(self.gate).quit()
        self.proxies = self.gate.workers("smtpd-proxy")
        self.before = {pid: self.gate.rss_kib(pid) for pid in self.proxies}
        self.descriptors = {pid: self.gate.descriptors(pid) for pid in self.proxies}
        for pid in self.proxies:
            self.gate.reset_peak(pid)

    def after(self):
        accepted = len(self.one.accepted)
        with self.gate.client(source="127.0.1.99") as client:
            client.hello()
            client.deliver(BODY)
            client.quit()
        self.assertEqual(len(self.one.accepted), accepted + 1)
        self.assertTrue(self.one.messages[-1].data.endswith(BODY))
        self.assertEqual(self.gate.workers("smtpd-proxy"), self.proxies)
        for pid in self.proxies:
            self.assertLess(self.gate.peak_kib(pid) - self.before[pid], self.GROWTH_KIB * self.gate.memory_factor)

    def attack(self, data, hello=False, end=socket.SHUT_WR):
        """Sends octets while reading what comes; returns all replies, up to the server's close (bounded)."""
        client = self.gate.client(source=STRANGER)
        with client:
            if hello:
                client.hello()
            received = []

            def send():
                try:
                    client.socket.sendall(data)
                    if end is not None:
                        client.socket.shutdown(end)
                except OSError:
                    pass  # it closed on us: as good

            def read():
                received.append(client.drain(timeout=20))

            together(send, read, timeout=40)
            return received[0]


def codes(octets):
    """The codes of complete replies in a stream, one a reply."""
    return [int(line[:3]) for line in octets.split(b"\r\n") if len(line) > 3 and line[3:4] == b" "]


class GarbageTest(HostileCase):
    def test_F68_octets_that_are_no_commands(self):
        self.start()
        noise = random.Random(25)
        for name, data in {
                "NULs": b"\0" * 100_000,
                "NULs in lines": b"\0\0\0\r\n" * 1000,
                "8-bit": bytes(noise.randrange(128, 256) for _ in range(20_000)),
                "noise": noise.randbytes(200_000),
                "a TLS client hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise.randbytes(600),
                "an HTTP request": b"GET / HTTP/1.1\r\nHost: gateway.example.org\r\nUser-Agent: x\r\n\r\n",
                "5 MB without a line end": b"A" * 5_000_000,
                "empty lines": b"\r\n" * 50_000,
                "line feeds": b"\n" * 100_000,
                "carriage returns": b"\r" * 100_000,
                "blanks": b"  \t \r\n" * 10_000}.items():
            with self.subTest(name):
                replies = self.attack(data)
                self.assertTrue(all(code >= 400 for code in codes(replies)), replies[:300])
                self.after()
        self.assertEqual([line for line in self.one.recipients() if LOCAL.encode() not in line], [])

    def test_F68_EHLO_of_a_megabyte_and_long_lines(self):
        self.start(limits={"errors": 0})
        for verb in (b"EHLO ", b"HELO ", b"MAIL FROM:<", b"NOOP ", b"VRFY "):
            with self.subTest(verb=verb):
                replies = self.attack(verb + b"x" * 1_000_000 + b"\r\nQUIT\r\n")
                self.assertEqual(codes(replies), [500, 221], replies[:200])
                self.after()
        with self.subTest("512 octets are allowed, RFC 5321 section 4.5.3.1.4"):
            client = self.ready(self.gate)
            client.command("NOOP " + "x" * (512 - 7), 250)

    def test_F68_a_hundred_thousand_pipelined_commands_in_one_write(self):
        self.start(limits={"errors": 0, "noops": 0})
        for line, code in ((b"NOOP\r\n", 250), (b"RSET\r\n", 250), (b"FOO\r\n", 500), (b"RCPT TO:<a@b>\r\n", 503), (b"HELP\r\n", 214)):
            with self.subTest(line=line):
                replies = codes(self.attack(line * 100_000 + b"QUIT\r\n", hello=True))
                self.assertEqual(len(replies), 100_001)
                self.assertEqual(set(replies[:-1]), {code})
                self.assertEqual(replies[-1], 221)
                self.after()

    def test_F68_the_same_with_limits_ends_at_once(self):
        self.start()
        self.assertEqual(codes(self.attack(b"FOO\r\n" * 100_000, hello=True)), [500] * 10 + [421])
        self.assertEqual(codes(self.attack(b"NOOP\r\n" * 100_000, hello=True)), [250] * 10)
        self.after()

    def test_F68_a_client_that_never_reads_is_not_read_any_more(self):
        self.start(limits={"errors": 0, "noops": 0})
        client = self.client(self.gate, receive_buffer=4096)
        client.hello()
        client.socket.settimeout(1.5)
        sent = 0
        try:
            while sent < 40_000_000:
                sent += client.socket.send(b"HELP\r\n" * 10_000)
        except TimeoutError:
            pass
        self.assertLess(sent, 40_000_000)
        self.after()

    def test_F68_many_recipients_and_transactions(self):
        self.start(recipients={"maximum": 100}, limits={"errors": 0})
        client = self.ready(self.gate)
        client.command("MAIL FROM:<a@example.com>", 250)
        client.send(b"".join(b"RCPT TO:<u%d@local.example.org>\r\n" % number for number in range(3000)))
        replies = [client.reply().code for _ in range(3000)]
        self.assertEqual((replies.count(250), replies.count(452)), (100, 2900))
        self.after()

    def test_half_close(self):
        self.start()
        with self.subTest("behind QUIT: everything before is answered and delivered"):
            replies = self.attack(f"EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<{LOCAL}>\r\nDATA\r\n".encode() + BODY + b".\r\nQUIT\r\n")
            self.assertEqual(codes(replies), [250, 250, 250, 354, 250, 221])
            self.assertEqual(len(self.one.accepted), 1)
        with self.subTest("in mid data: nothing is delivered"):
            replies = self.attack(f"EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<{LOCAL}>\r\nDATA\r\n".encode() + BODY)
            self.assertNotIn(250, codes(replies)[4:])
            self.one.wait_until_idle()
            self.assertEqual(len(self.one.messages), 1)
        with self.subTest("in mid command"):
            self.assertEqual(codes(self.attack(b"EHLO a\r\nMAIL FR"))[:1], [250])
        self.after()

    def test_F67_resets_at_every_stage(self):
        self.start()
        stages = ("EHLO a", "MAIL FROM:<a@example.com>", f"RCPT TO:<{LOCAL}>", "DATA")
        for depth in range(len(stages) + 2):
            for wait in (True, False):
                with self.subTest(depth=depth, wait=wait):
                    client = self.gate.client(source=STRANGER)
                    for line in stages[:depth]:
                        client.line(line)
                        if wait:
                            client.reply()
                    if depth > len(stages):
                        client.send(BODY + b".\r\n")
                    client.reset()
        # A message whose sender left behind its dot is still taken: all sessions are over first.
        wait_until(lambda: all(self.gate.descriptors(pid) <= self.descriptors[pid] for pid in self.proxies), what="descriptors back")
        self.after()
        self.assertLessEqual(len([message for message in self.one.messages if message.data.endswith(BODY)]), 3)

    def test_F64_slow_clients_do_not_slow_others(self):
        self.start(limits={"sessions-per-address": 0})
        slow = [self.gate.client(source=f"127.0.20.{1 + number % 250}") for number in range(400)]
        for client in slow:
            self.addCleanup(client.close)
            client.send(b"EHLO half")
        begun = time.monotonic()
        for _ in range(20):
            self.after_fast()
        self.assertLess(time.monotonic() - begun, 8)
        total = sum(self.gate.rss_kib(pid) - self.before[pid] for pid in self.proxies)
        self.assertLess(total, 400 * 64 * self.gate.memory_factor)  # KiB a session

    def after_fast(self):
        with self.gate.client(source="127.0.1.99") as client:
            client.hello()
            client.deliver(BODY)


class CommandOrderTest(Case):
    """RFC 5321 sections 4.1.1 and 4.1.4."""

    MAIL = ("MAIL FROM:<a@example.com>", 250)
    RCPT = (f"RCPT TO:<{LOCAL}>", 250)
    TABLE = (
        ("RCPT first", (("RCPT TO:<user@local.example.org>", 503),)),
        ("DATA first", (("DATA", 503),)),
        ("DATA without recipient", (MAIL, ("DATA", (503, 554)))),
        ("MAIL twice", (MAIL, ("MAIL FROM:<b@example.com>", 503), RCPT)),
        ("MAIL behind RCPT", (MAIL, RCPT, ("MAIL FROM:<b@example.com>", 503), ("RSET", 250))),
        ("RSET ends a transaction", (MAIL, RCPT, ("RSET", 250), ("DATA", 503), ("RCPT TO:<user@local.example.org>", 503))),
        ("EHLO ends a transaction", (MAIL, RCPT, ("EHLO b.example", 250), ("DATA", 503))),
        ("HELO ends a transaction", (MAIL, RCPT, ("HELO b.example", 250), ("DATA", 503))),
        ("NOOP does not", (MAIL, ("NOOP", 250), RCPT, ("HELP", 214), ("VRFY user", 252), ("RSET", 250))),
        ("verbs in any case", (("mail from:<a@example.com>", 250), ("rCpT tO:<user@local.example.org>", 250), ("rset", 250))),
        ("blank behind the colon", (("MAIL FROM: <a@example.com>", (250, 501)), ("RSET", 250))),
        ("arguments that must not be", (("DATA now", (501, 503)), ("RSET now", 501), ("RSET", 250))),
        ("arguments that must be", (("EHLO", 501), ("HELO", 501), ("MAIL", 501), ("MAIL FROM:", 501), ("VRFY", (501, 252)), ("RSET", 250))),
        ("unknown parameters", (("MAIL FROM:<a@example.com> FOO=1", 555), ("MAIL FROM:<a@example.com> AUTH=<>", (250, 555)), ("RSET", 250))),
        ("bad parameters", (("MAIL FROM:<a@example.com> SIZE=x", 501), ("MAIL FROM:<a@example.com> SIZE=1 SIZE=2", 501), ("RSET", 250))),
        ("not offered, not forwarded", (("BDAT 5 LAST", (500, 502, 503)), ("STARTTLS", (500, 502, 454)), ("AUTH LOGIN", (500, 502, 503, 530)))),
        ("never forwarded", (("XCLIENT ADDR=1.2.3.4", 500), ("XFORWARD NAME=x", 500), ("ETRN x", 500), ("TURN", (500, 502)),
                             ("PROXY TCP4 1.2.3.4 1.2.3.4 1 25", 500))),
        ("EXPN, VRFY", (("VRFY user", 252), ("EXPN list", 502))),
        ("bad senders", (("MAIL FROM:<a@@b>", 501), ("MAIL FROM:a@b.example", 501), ("MAIL FROM:<a@b", 501), ("MAIL TO:<a@b.example>", 501))),
        ("null sender", (("MAIL FROM:<>", 250), RCPT, ("RSET", 250))),
    )

    def test_order_table(self):
        sink = self.sink()
        gateway = self.gateway(sink, limits={"errors": 0})
        wait_for_offer(gateway, "SIZE")
        for name, steps in self.TABLE:
            with self.subTest(name):
                client = self.ready(gateway)
                for line, wanted in steps:
                    client.command(line, *(wanted if isinstance(wanted, tuple) else (wanted,)))
                client.quit()
        with self.subTest("MAIL before any HELO"):
            client = self.client(gateway)
            client.command("MAIL FROM:<a@example.com>", 503, 250)
        with self.subTest("QUIT before HELO"):
            self.client(gateway).quit()
        verbs = {line.split(b" ")[0].upper() for line in sink.commands}
        self.assertLessEqual(verbs, {b"EHLO", b"MAIL", b"RCPT", b"RSET", b"QUIT", b"DATA"})

    def test_early_talker_is_answered_in_order(self):
        """A client that talks before the greeting: nothing is lost and nothing is answered before the 220."""
        sink = self.sink()
        gateway = self.gateway(sink)
        client = self.client(gateway, greeting=None, prefix=b"EHLO early.example\r\nNOOP\r\n")
        client.expect(220)
        client.expect(250)
        client.expect(250)
        client.deliver(BODY)


LINE_ENDS = {"LF": b"\n", "CR": b"\r", "CRLF": b"\r\n", "CRCRLF": b"\r\r\n", "LFCR": b"\n\r", "NUL": b"\0", "CRNULLF": b"\r\0\n",
             "CRLFNUL": b"\r\n\0"}
INNER = f"MAIL FROM:<smuggled@example.com>\r\nRCPT TO:<{LOCAL}>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\n".encode()
SPLITS = ("whole", "octets", "at the dot")


class SmugglingTest(Case):
    """F69. The same octets before a strict destination, one that takes a bare LF for a line end, one that takes a bare CR, and
    Postfix: it must count one message, or none when it was refused; what is inside never becomes a command."""

    @staticmethod
    def cells(repair, splits=SPLITS):
        return [(first, second, split) for first in LINE_ENDS for second in LINE_ENDS for split in splits
                if not (first == "CRLF" and LINE_ENDS[second].startswith(b"\r\n"))  # that is the end
                and not (repair and LINE_ENDS[first].endswith(b"\r\n") and LINE_ENDS[second].startswith(b"\r\n"))]  # and so is that

    def smuggler_gateway(self, destination, repair):
        return self.gateway(destination, data={"bare-line-endings": "repair" if repair else "refuse"}, limits={"errors": 0})

    def run_matrix(self, repair):
        sinks = [self.sink(data_end=lenience) for lenience in ("strict", "lf", "cr")]
        gateways = [self.smuggler_gateway(sink, repair) for sink in sinks]
        for sink, gateway in zip(sinks, gateways):
            for first, second, split in self.cells(repair):
                with self.subTest(repair=repair, sink=sink.data_end, before=first, behind=second, split=split):
                    self.one_case(sink, gateway, LINE_ENDS[first], LINE_ENDS[second], split, repair)

    def one_case(self, sink, gateway, before, behind, split, repair):
        sink.forget()
        seen = len(sink.messages)
        is_taken = self.attack(gateway, before, behind, split, repair)
        messages = sink.messages[seen:]
        self.assertEqual(len(messages), 1 if is_taken else 0, messages)
        for line in sink.commands:
            self.assertNotIn(b"smuggled", line)
        if messages:
            self.assertIn(b"smuggled", messages[0].raw)  # inside, as text
            if repair:
                text = messages[0].raw.replace(b"\r\n", b"")
                self.assertFalse(b"\r" in text or b"\n" in text, "a bare line end was passed on")

    def attack(self, gateway, before, behind, split, repair):
        """Sends the outer message with the inner one behind its false end, and checks what the client is told; returns whether it
        was taken."""
        with gateway.client(source=STRANGER) as client:
            client.hello()
            client.envelope()
            client.command("DATA", 354)
            head = b"Subject: outer\r\n\r\nouter" + before
            tail = behind + INNER
            if split == "octets":
                client.send(b"Subject: outer\r\n\r\nouter")
                for octet in before + b"." + behind:
                    client.send(bytes([octet]))
                client.send(INNER)
            elif split == "at the dot":
                client.send(head)
                client.send(b"." + tail)
            else:
                client.send(head + b"." + tail)
            reply = client.reply()
            is_bare = any(b"\r" in end.replace(b"\r\n", b"") or b"\n" in end.replace(b"\r\n", b"") for end in (before, behind))
            is_bare = is_bare or re.search(rb"\r\n\.?\0", before + b"." + behind) is not None  # NUL where a line begins
            if is_bare and not repair:
                self.assertEqual(reply.code // 100, 5, str(reply))
            else:
                self.assertEqual(reply.code, 250, str(reply))
            client.line("QUIT")
            rest = client.drain()
            self.assertIn(codes(rest), ([221], []), rest)  # no reply to anything inside
        return repair or not is_bare

    def test_F69_refuse(self):
        self.run_matrix(repair=False)

    def test_F69_repair(self):
        self.run_matrix(repair=True)

    @unittest.skipUnless(postfix_server.is_available(), "needs root and Postfix")
    def test_F69_postfix(self):
        postfix = self.enterContext(Postfix())
        taken = 0
        for repair in (False, True):
            gateway = self.smuggler_gateway(postfix, repair)
            for first, second, split in self.cells(repair, ("whole", "at the dot")):
                with self.subTest(repair=repair, before=first, behind=second, split=split):
                    taken += self.attack(gateway, LINE_ENDS[first], LINE_ENDS[second], split, repair)
        self.assertGreater(taken, 50)
        postfix.wait_for_mail(LOCAL, taken)
        self.assertEqual(postfix.wait_until_logged(r"qmgr\[\d+\]: \w+: from=<[^>]*>, size=", taken), taken)
        self.assertNotIn("from=<smuggled", postfix.log())

    def test_F69_refusal_ends_the_session_and_harms_no_other(self):
        """What stands behind a bare line end is not believed: neither as data nor as commands."""
        sink = self.sink()
        gateway = self.gateway(sink)  # refuse is the default
        client = self.ready(gateway)
        client.envelope()
        client.command("DATA", 354)
        client.send(b"Subject: bare\r\n\r\na bare\nline feed\r\n.\r\n")
        client.expect(5)
        client.line("RSET")
        self.assertIn(codes(client.drain()), ([], [250]))
        self.ready(gateway).deliver(BODY)
        self.assertEqual(len(sink.messages), 1)

    def test_dots_pass_as_they_are(self):
        """RFC 5321 section 4.5.2, however the octets are cut."""
        sink = self.sink()
        gateway = self.gateway(sink, server={"trace": "no"})
        body = b".\r\n..\r\n...\r\n.a\r\n\r\n.\r\nend.\r\n.."
        for step in (1, 2, 3, 5, 1000):
            client = self.ready(gateway)
            client.envelope()
            client.command("DATA", 354)
            octets = stuffed(body) + b".\r\n"
            for index in range(0, len(octets), step):
                client.send(octets[index:index + step])
            client.expect(250)
            with self.subTest(step=step):
                self.assertEqual(sink.messages[-1].data, body + b"\r\n")
        with self.subTest("an empty message"):
            client = self.ready(gateway)
            client.envelope()
            client.data(b"")
            self.assertEqual(sink.messages[-1].data, b"")


if __name__ == "__main__":
    unittest.main()
