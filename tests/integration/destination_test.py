"""The destination: called late, passed on word for word, never believed. BA-4, BA-5, BA-12, FW-7, faults F01 to F12.

A 250 for a message is given if and only if the destination gave it to the final dot."""

import socket
import time
import unittest

from case import FOREIGN, LOCAL, Case, peek, together, wait_for_offer
from gateway import Gateway, ScriptedSink, free_port, wait_until

BODY = b"Subject: hello\r\n\r\nhello\r\n"
SHORT = {"connect-timeout": "1s", "reply-timeout": "1s", "data-timeout": "1s", "end-timeout": "1s"}


def converse(client, body=BODY, timeout=8):
    """A whole delivery, one command at a time, up to the first refusal or the end. Returns (replies, at which command);
    'done' when the final dot got its 2xx, and None as last reply for an end without a word."""
    replies = []
    for line in ("EHLO client.example.com", "MAIL FROM:<a@example.com>", f"RCPT TO:<{LOCAL}>", "DATA", None):
        try:
            client.send(body + b".\r\n" if line is None else line.encode() + b"\r\n")
            replies.append(client.reply(timeout))
        except (EOFError, ConnectionError):
            replies.append(None)
        if replies[-1] is None or replies[-1].code >= 400:
            return replies, line or "."
    return replies, "done"


class DownTest(Case):
    """BA-4, F01, F06: nobody answers."""

    def test_BA_4_refused_connection(self):
        port = free_port()
        gateway = self.gateway(("127.0.0.1", port))
        client = self.ready(gateway)
        begun = time.monotonic()
        client.command("MAIL FROM:<a@example.com>", 250)
        client.command(f"RCPT TO:<{LOCAL}>", "421 4.3.2")
        self.assertLess(time.monotonic() - begun, 1.5)
        client.expect_eof()
        with self.subTest("F01: the next session succeeds as soon as it is there"):
            sink = self.sink(port=port)
            client = self.ready(gateway)
            client.deliver(BODY)
            self.assertEqual(len(sink.messages), 1)
        with self.subTest("foreign recipients are refused for good even so"):
            sink.exit()
            client = self.ready(gateway)
            client.command("MAIL FROM:<a@example.com>", 250)
            client.command(f"RCPT TO:<{FOREIGN}>", "550 5.7.1")

    def test_F06_full_queue_is_a_deadline_not_a_hang(self):
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            fill = []
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(full.getsockname())
                fill.append(one)
            gateway = self.gateway(full.getsockname(), destination={"connect-timeout": "1s"})
            client = self.ready(gateway)
            client.command("MAIL FROM:<a@example.com>", 250)
            begun = time.monotonic()
            client.command(f"RCPT TO:<{LOCAL}>", "421 4.3.2")
            self.assertTrue(0.8 < time.monotonic() - begun < 3)
            client.expect_eof()
            for one in fill:
                one.close()


class CalledLateTest(Case):
    def test_no_connection_before_the_first_accepted_recipient(self):
        """Design 4.5, FW-7."""
        sink = self.sink()
        gateway = self.gateway(sink)
        wait_for_offer(gateway, "SMTPUTF8")
        sink.wait_until_idle()
        probes = sink.connections
        client = self.client(gateway)
        for line, code in (("EHLO a.example", 250), ("NOOP", 250), ("RSET", 250), ("VRFY user", 252), ("EXPN list", 502), ("HELP", 214),
                           ("MAIL FROM:<a@example.com>", 250), (f"RCPT TO:<{FOREIGN}>", 550), ("DATA", (503, 554)), ("RSET", 250),
                           ("MAIL FROM:<b@example.com>", 250)):
            client.command(line, *(code if isinstance(code, tuple) else (code,)))
        self.assertEqual(sink.connections, probes)
        client.command(f"RCPT TO:<{LOCAL}>", 250)
        self.assertEqual(sink.connections, probes + 1)
        self.assertEqual([line.split(b" ")[0] for line in sink.sessions[-1].commands], [b"EHLO", b"MAIL", b"RCPT"])
        self.assertIn(b"b@example.com", sink.sessions[-1].commands[1])

    def test_MAIL_and_RCPT_are_pipelined_only_if_offered(self):
        for capabilities in (["PIPELINING", "8BITMIME"], ["8BITMIME"]):
            ahead = []
            sink = self.sink({"MAIL": lambda session, _: ahead.append(peek(session)),
                              "RCPT": lambda session, _: ahead.append(peek(session))}, capabilities=capabilities)
            gateway = self.gateway(sink)
            client = self.ready(gateway)
            client.send(f"MAIL FROM:<a@example.com>\r\nRCPT TO:<{LOCAL}>\r\nRCPT TO:<x@local.example.org>\r\n")
            for _ in range(3):
                client.expect(250)
            with self.subTest(capabilities=capabilities):
                if "PIPELINING" in capabilities:
                    self.assertIn(b"RCPT TO:", b"".join(ahead))
                else:
                    self.assertEqual(b"".join(ahead), b"")
            client.data(BODY)

    def test_DATA_is_never_sent_before_every_recipient_is_answered(self):
        ahead = []
        sink = self.sink({"RCPT": lambda session, _: ahead.append(peek(session))})
        client = self.ready(self.gateway(sink))
        recipients = "".join(f"RCPT TO:<u{i}@local.example.org>\r\n" for i in range(5))
        client.send(f"MAIL FROM:<a@example.com>\r\n{recipients}DATA\r\n")
        for code in (250, 250, 250, 250, 250, 250, 354):
            client.expect(code)
        self.assertNotIn(b"DATA", b"".join(ahead))
        client.send(BODY + b".\r\n")
        client.expect(250)

    def test_pipelined_client_with_every_recipient_refused(self):
        sink = self.sink({"RCPT": ("reply", "550 5.1.1 Nobody of this name")})
        client = self.ready(self.gateway(sink))
        client.send(f"MAIL FROM:<a@example.com>\r\nRCPT TO:<{LOCAL}>\r\nRCPT TO:<{FOREIGN}>\r\nDATA\r\nRSET\r\n")
        client.expect(250)
        client.expect("550 5.1.1 Nobody of this name")
        client.expect("550 5.7.1")
        client.expect(503, 554)
        client.expect(250)
        self.assertNotIn(b"DATA", sink.commands)


class WordForWordTest(Case):
    def test_replies_are_passed_on_word_for_word(self):
        cases = {
            "MAIL": b"553 5.1.8 <a@example.com>: Sender not liked,  twice  spaced",
            "RCPT": b"550-5.1.1 First line\r\n550-5.1.1\r\n550 5.1.1 Last line: \xc3\xa9",
            "DATA": b"451 4.3.0 Not just now",
            "DOT": b"554-5.7.1 A message\r\n554 5.7.1 of two lines",
        }
        sink = self.sink()
        gateway = self.gateway(sink)
        for stage, text in cases.items():
            with self.subTest(stage=stage):
                sink.script = {stage: ("reply", text)}
                client = self.ready(gateway)
                replies, _ = converse(client)
                self.assertEqual(replies[-1].raw, text + b"\r\n")
                sink.script = {}
                client.command("RSET", 250)
                client.deliver(BODY)  # the session goes on
        with self.subTest("acceptances, too"):
            for stage, text in (("RCPT", b"250 2.1.5 Welcome"), ("RCPT", b"251 2.1.5 Will forward"), ("DOT", b"250 2.6.0 id=4711 taken")):
                sink.script = {stage: ("reply", text)}
                replies, _ = converse(self.client(gateway))
                self.assertEqual(replies[{"RCPT": 2, "DOT": 4}[stage]].raw, text + b"\r\n")

    def test_refused_MAIL_answers_every_recipient_of_the_transaction(self):
        for text in ("550 5.1.8 Bad sender", "451 4.1.8 Sender later", "550-5.1.8 Bad sender\r\n550 5.1.8 in two lines"):
            sink = self.sink({"MAIL": lambda _, line, text=text: ("reply", text) if b"bad@" in line else None})
            client = self.ready(self.gateway(sink))
            with self.subTest(text=text):
                client.command("MAIL FROM:<bad@example.com>", 250)
                for user in "abc":
                    self.assertEqual(client.command(f"RCPT TO:<{user}@local.example.org>").raw, text.encode() + b"\r\n")
                client.command(f"RCPT TO:<{FOREIGN}>", "550 5.7.1")
                client.command("DATA", 503, 554)
                client.command("RSET", 250)
                client.deliver(BODY)
                self.assertEqual(len(sink.accepted), 1)


class BusyTest(Case):
    """BA-12, F11."""

    def test_BA_12_busy_greeting_is_reproduced(self):
        for greeting in ("421 Server BUSY", "421-4.3.2 Two\r\n421 4.3.2 lines", "450 4.3.2 Odd but temporary"):
            busy = self.sink(greeting=greeting)
            gateway = self.gateway(busy)
            client = self.ready(gateway)
            with self.subTest(greeting=greeting):
                client.command("MAIL FROM:<a@example.com>", 250)
                reply = client.command(f"RCPT TO:<{LOCAL}>")
                self.assertEqual(reply.raw, greeting.encode() + b"\r\n")
                client.expect_eof()
            with self.subTest("not busy any more", greeting=greeting):
                busy.greeting = "220 ready"
                self.ready(gateway).deliver(BODY)
                self.assertEqual(len(busy.messages), 1)

    def test_BA_12_busy_at_EHLO(self):
        sink = self.sink({"EHLO": ("reply", "421 4.3.2 Going down")})
        client = self.ready(self.gateway(sink))
        client.command("MAIL FROM:<a@example.com>", 250)
        self.assertEqual(client.command(f"RCPT TO:<{LOCAL}>").raw, b"421 4.3.2 Going down\r\n")
        client.expect_eof()

    def test_5xx_greeting_is_our_fault_and_never_the_senders(self):
        for script, greeting in (({}, "554 5.7.1 Go away"), ({"EHLO": ("reply", "550 5.7.1 Not you"),
                                                              "HELO": ("reply", "550 5.7.1 Not you")}, None)):
            gateway = self.gateway(self.sink(script, greeting=greeting))
            client = self.ready(gateway)
            with self.subTest(greeting=greeting):
                client.command("MAIL FROM:<a@example.com>", 250)
                client.command(f"RCPT TO:<{LOCAL}>", 421)
                client.expect_eof()
                gateway.wait_for_record(lambda r: "5.7.1" in str(r.attrib), name="event")  # the alarm

    def test_F11_421_in_mid_session(self):
        sink = self.sink({"RCPT": [("reply", "421 4.3.2 Shutting down"), "close"]})
        client = self.ready(self.gateway(sink))
        client.command("MAIL FROM:<a@example.com>", 250)
        self.assertEqual(client.command(f"RCPT TO:<{LOCAL}>").raw, b"421 4.3.2 Shutting down\r\n")


_LONG = 1 << 20
GARBAGE = {
    "a line of 1 MB": b"250 " + b"a" * _LONG + b"\r\n",
    "a line without end": b"250 " + b"a" * _LONG,
    "100000 continuation lines": b"250-x\r\n" * 100_000 + b"250 x\r\n",
    "NUL": b"250 a\0b\r\n",
    "bare CR": b"250 a\rb\r\n",
    "bare LF": b"250 a\n",
    "25": b"25\r\n",
    "code 999": b"999 a\r\n",
    "code 199": b"199 a\r\n",
    "code 600": b"600 a\r\n",
    "no code": b"hello there\r\n",
    "empty line": b"\r\n",
    "codes that differ": b"250-a\r\n550 b\r\n",
    "escape sequences": b"250 \x1b[2J\r\n",
    "a letter in the code": b"2S0 a\r\n",
}


class HostileDestinationTest(Case):
    """F02, F03, F05, F10. Stages x actions: the session ends with 4xx, and the next one works."""

    STAGES = ("CONNECT", "BANNER", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "DOT")
    BEFORE = {"CONNECT": 2, "BANNER": 2, "EHLO": 2, "MAIL": 2, "RCPT": 2, "DATA": 3, "BODY": 4, "DOT": 4}  # replies that are 2xx, 3xx

    def failed_softly(self, client, stage, body=BODY):
        replies, _ = converse(client, body)
        last = replies[-1]
        self.assertIsNotNone(last, f"the connection ended without a reply; before: {[str(r) for r in replies]}")
        self.assertEqual(last.code // 100, 4, str(last))
        self.assertTrue(all(32 <= octet < 127 or octet in b"\r\n" for octet in last.raw), last.raw)
        self.assertLess(len(last.raw), 600)
        self.assertEqual(len(replies) - 1, self.BEFORE[stage], [str(reply) for reply in replies])

    def cell(self, gateway, sink, stage, action, **options):
        """One cell of the matrix, then the good sender's turn."""
        sink.script = {stage: action}
        with gateway.client() as client:
            self.failed_softly(client, stage, **options)
        sink.script = {}
        accepted = len(sink.accepted)
        with gateway.client() as client:
            client.hello()
            client.deliver(BODY)
        self.assertEqual(len(sink.accepted), accepted + 1)

    def setUp(self):
        self.one = self.sink()
        self.gate = self.gateway(self.one, destination=SHORT)

    def test_F02_close_and_rst_at_each_stage(self):
        for stage in self.STAGES:
            for action in ("close", "rst"):
                with self.subTest(stage=stage, action=action):
                    self.cell(self.gate, self.one, stage, action)

    def test_F05_hang_at_each_stage(self):
        def column(stage):
            with ScriptedSink() as sink, Gateway(sink, destination=SHORT) as gateway:
                begun = time.monotonic()
                self.cell(gateway, sink, stage, "hang", body=BODY)
                self.assertLess(time.monotonic() - begun, 5)
        for some in (self.STAGES[:4], self.STAGES[4:]):
            together(*(lambda stage=stage: column(stage) for stage in some))

    def test_F02_exit_at_each_stage(self):
        for stage in self.STAGES:
            with self.subTest(stage=stage):
                port = self.one.port
                self.one.script = {stage: "exit"}
                with self.gate.client() as client:
                    self.failed_softly(client, stage)
                with self.gate.client() as client:  # nobody there any more
                    client.hello()
                    client.command("MAIL FROM:<a@example.com>", 250)
                    client.command(f"RCPT TO:<{LOCAL}>", 421)
                self.one = self.sink(port=port)
                with self.gate.client() as client:
                    client.hello()
                    client.deliver(BODY)

    def test_F10_garbage_at_each_stage(self):
        proxies = self.gate.workers("smtpd-proxy")
        for pid in proxies:
            self.gate.reset_peak(pid)
        before = {pid: self.gate.rss_kib(pid) for pid in proxies}
        for stage in ("BANNER", "EHLO", "MAIL", "RCPT", "DATA", "DOT"):
            for name, octets in GARBAGE.items():
                if name == "a line without end":
                    continue
                with self.subTest(stage=stage, garbage=name):
                    self.cell(self.gate, self.one, stage, ("raw", octets))
        for pid in proxies:
            self.assertLess(self.gate.peak_kib(pid) - before[pid], 6000 * self.gate.memory_factor)

    def test_F10_reply_of_the_wrong_kind(self):
        """A 354 where a 250 belongs, a 250 where a 354 belongs, a 3xx to the final dot."""
        for stage, text in (("BANNER", b"354 go\r\n"), ("EHLO", b"354 go\r\n"), ("RCPT", b"354 go\r\n"), ("DATA", b"250 ok\r\n"), ("DOT", b"354 go on\r\n")):
            with self.subTest(stage=stage, text=text):
                self.cell(self.gate, self.one, stage, ("raw", text))

    def test_F03_reply_ahead_of_the_dot_is_no_acceptance(self):
        """A 250 that comes while the message still streams must not be taken for the answer to the dot."""
        for then in ("close", "rst", "hang"):
            with self.subTest(then=then):
                self.one.script = {"BODY": [("raw", b"250 2.0.0 Ok: queued as early\r\n"), then]}
                with self.gate.client() as client:
                    client.hello()
                    client.envelope()
                    client.command("DATA", 354)
                    client.send(BODY)
                    time.sleep(0.2)  # the early reply is on its way before the dot is: after it, nobody could tell
                    try:
                        client.send(b"x" * 70 + b"\r\n.\r\n")
                        reply = client.reply(8)
                    except ConnectionError:
                        self.fail("no reply")
                    self.assertEqual(reply.code // 100, 4, str(reply))
                self.assertEqual(self.one.messages, [])

    def test_F10_reply_without_request(self):
        """Two replies to one command: nothing is accepted on the strength of the second."""
        for stage in ("MAIL", "RCPT", "DATA"):
            with self.subTest(stage=stage):
                first = b"354 go\r\n" if stage == "DATA" else b"250 ok\r\n"
                self.one.script = {stage: ("raw", first + b"250 and another\r\n"), "DOT": ("reply", "550 5.7.1 No")}
                with self.gate.client() as client:
                    replies, where = converse(client)
                    self.assertNotEqual(where, "done", [str(reply) for reply in replies])
                self.one.script = {}
        with self.subTest("between transactions"):
            self.one.script = {"DOT": ("raw", b"250 taken\r\n250 and another\r\n")}
            with self.gate.client() as client:
                client.hello()
                client.deliver(BODY)
                self.one.script = {"RCPT": ("reply", "550 5.1.1 No such user")}
                client.command("MAIL FROM:<a@example.com>", 250)
                reply = client.command(f"RCPT TO:<{LOCAL}>")
                self.assertGreaterEqual(reply.code, 400, str(reply))

    def test_half_a_reply_then_silence(self):
        for stage in ("RCPT", "DOT"):
            with self.subTest(stage=stage):
                self.cell(self.gate, self.one, stage, [("raw", b"250 2.0.0 O"), "hang"])

    def test_slow_but_willing(self):
        """F07: a slow destination delays its own session only."""
        with ScriptedSink({"RCPT": lambda _, line: ("delay", 4) if b"slow" in line else None}) as sink, Gateway(sink) as gateway:
            def slow():
                with gateway.client() as client:
                    client.hello()
                    client.deliver(BODY, recipients=["slow@local.example.org"])

            def others():
                for _ in range(10):
                    with gateway.client() as client:
                        begun = time.monotonic()
                        client.hello()
                        client.deliver(BODY)
                        self.assertLess(time.monotonic() - begun, 2)
            together(slow, slow, others)
            self.assertEqual(len(sink.accepted), 12)

    def test_body_refused_in_mid_stream(self):
        """A 5xx that arrives before the dot is no verdict on the message, but never a 250 either; nothing hangs."""
        for words in (b"552 5.3.4 Enough\r\n", b"552-5.3.4 Enough\r\n552 5.3.4 is enough\r\n", b"421 4.3.2 Going down\r\n", b"garbage\r\n"):
            for ending in ("close", "hang"):
                with self.subTest(words=words, ending=ending):
                    self.one.script = {"BODY": [("raw", words), ending]}
                    with self.gate.client() as client:
                        client.hello()
                        client.envelope()
                        client.command("DATA", 354)
                        client.send(b"x" * 70 + b"\r\n")
                        client.send((b"y" * 98 + b"\r\n") * 20_000 + b".\r\n")
                        reply = client.reply(8)
                        self.assertGreaterEqual(reply.code, 400, str(reply))
                        if not words.startswith(b"552"):
                            self.assertEqual(reply.code // 100, 4, str(reply))
        self.assertEqual(self.one.messages, [])


class BackPressureTest(Case):
    def test_F08_destination_that_takes_no_data(self):
        sink = self.sink({"BODY": "hang"}, small_window=True)
        gateway = self.gateway(sink, destination={"data-timeout": "3s"})
        proxies = gateway.workers("smtpd-proxy")
        client = self.ready(gateway)
        client.envelope()
        client.command("DATA", 354)
        before = {pid: gateway.rss_kib(pid) for pid in proxies}
        for pid in proxies:
            gateway.reset_peak(pid)
        block, total, taken = (b"z" * 98 + b"\r\n") * 655, 200_000_000, 0
        client.socket.settimeout(1.0)
        try:
            while taken < total:
                taken += client.socket.send(block)
        except (TimeoutError, BlockingIOError):
            pass
        self.assertLess(taken, total / 2, "no back-pressure to the client")
        for pid in proxies:
            self.assertLess(gateway.peak_kib(pid) - before[pid], 1024 * gateway.memory_factor)
        with self.subTest("given up after data-timeout: the rest is thrown away, and the answer to the dot is a 4xx"):
            client.socket.settimeout(10)
            client.send(b"\r\n.\r\n")
            client.expect(451, timeout=10)
            client.command("RSET", 250)
        self.assertEqual(sink.messages, [])

    def test_slow_reader_gets_every_octet(self):
        """The same with a destination that wakes up: nothing is lost or doubled."""
        sink = self.sink({"BODY": ("delay", 1.0)}, small_window=True)
        gateway = self.gateway(sink, server={"trace": "no"})
        client = self.ready(gateway)
        client.envelope()
        body = b"".join(b"%08d " % number + b"x" * 60 + b"\r\n" for number in range(100_000))
        client.data(body)
        self.assertEqual(sink.messages[0].data, body)


class AnewTest(Case):
    def test_destination_that_closes_between_transactions_is_called_anew(self):
        for ending in ("close", "rst"):
            sink = self.sink({"DOT": [("reply", "250 2.0.0 taken"), ending]})
            gateway = self.gateway(sink)
            client = self.ready(gateway)
            for number in range(3):
                with self.subTest(ending=ending, number=number):
                    client.deliver(BODY)
            self.assertEqual(len(sink.accepted), 3)
            self.assertEqual(len([session for session in sink.sessions if session.messages]), 3)

    def test_destination_that_says_421_between_transactions_is_called_anew(self):
        sink = self.sink({"DOT": [("reply", "250 2.0.0 taken"), ("delay", 0.1), ("raw", b"421 4.4.2 Idle too long\r\n"), "close"]})
        client = self.ready(self.gateway(sink))
        client.deliver(BODY)
        sink.wait_for(lambda s: s.sessions[-1].is_over)
        time.sleep(0.05)
        client.deliver(BODY)
        self.assertEqual(len(sink.accepted), 2)

    def test_same_connection_serves_several_transactions(self):
        sink = self.sink()
        client = self.ready(self.gateway(sink))
        for _ in range(5):
            client.deliver(BODY)
        client.envelope()
        client.command("RSET", 250)
        client.deliver(BODY)
        self.assertEqual([len(session.messages) for session in sink.sessions if session.messages], [6])
        self.assertEqual({tuple(message.recipients) for message in sink.messages}, {(f"RCPT TO:<{LOCAL}>".encode(),)})


class PromiseTest(Case):
    """EHLO offers what every server of the destination offers; what was promised and is then lacking is a 451."""

    PARAMETERS = {"8BITMIME": " BODY=8BITMIME", "SMTPUTF8": " SMTPUTF8", "DSN": " RET=HDRS ENVID=x", "SIZE": " SIZE=100"}

    def test_extensions_are_offered_only_as_the_destination_offers_them(self):
        every = ["PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"]
        for lacking in ("8BITMIME", "SMTPUTF8", "DSN"):
            sink = self.sink(capabilities=[one for one in every if one != lacking] + ["XCLIENT NAME", "STARTTLS", "CHUNKING", "ETRN", "BURL"])
            gateway = self.gateway(sink)
            needs_8bit = {"SMTPUTF8"} if lacking == "8BITMIME" else set()  # RFC 6531 section 3.1
            others = [one.split()[0] for one in every if one.split()[0] not in {lacking, *needs_8bit}]
            with self.subTest(lacking=lacking):
                offer = wait_for_offer(gateway, *others)
                self.assertNotIn(lacking, offer)
                self.assertFalse({"XCLIENT", "STARTTLS", "CHUNKING", "ETRN", "BURL"} & set(offer))  # never what we do not handle
                client = self.ready(gateway)
                client.command(f"MAIL FROM:<a@example.com>{self.PARAMETERS[lacking]}", "555 5.5.4")
                for one in others:
                    client.command(f"MAIL FROM:<a@example.com>{self.PARAMETERS.get(one, '')}", 250)
                    client.command("RSET", 250)

    def test_extensions_reach_the_destination(self):
        sink = self.sink()
        gateway = self.gateway(sink)
        wait_for_offer(gateway, "SIZE", "8BITMIME", "SMTPUTF8", "DSN")
        client = self.ready(gateway)
        client.command("MAIL FROM:<usér@example.com> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ314159", 250)
        client.command(f"RCPT TO:<{LOCAL}> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;other@example.org", 250)
        client.data("Subject: é\r\n\r\né\r\n".encode())
        mail, recipient = (line.decode().upper() for line in sink.commands[-3:-1])
        for word in ("<USÉR@EXAMPLE.COM>", "BODY=8BITMIME", "SMTPUTF8", "RET=HDRS", "ENVID=QQ314159"):
            self.assertIn(word, mail)
        for word in ("NOTIFY=SUCCESS,DELAY", "ORCPT=RFC822;OTHER@EXAMPLE.ORG"):
            self.assertIn(word, recipient)

    def test_missing_promised_capability_is_temporary_and_probed_afresh(self):
        for promised, parameter in (("8BITMIME", " BODY=8BITMIME"), ("SMTPUTF8", " SMTPUTF8"), ("DSN", " RET=FULL")):
            sink = self.sink()
            gateway = self.gateway(sink)
            wait_for_offer(gateway, promised)
            client = self.ready(gateway)
            sink.capabilities = [one for one in sink.capabilities if one != promised]
            with self.subTest(promised=promised):
                client.command(f"MAIL FROM:<a@example.com>{parameter}", 250)
                client.command(f"RCPT TO:<{LOCAL}>", 451)
                self.assertEqual(sink.recipients(), [])
                def withdrawn():
                    with gateway.client() as fresh:
                        return promised not in fresh.hello()
                wait_until(withdrawn, what="a fresh probe")
                self.ready(gateway).deliver(BODY)


class HopsTest(Case):
    def test_more_than_fifty_received_fields_are_a_loop(self):
        """RFC 5321 section 6.3, design 4.6."""
        sink = self.sink()
        gateway = self.gateway(sink)
        client = self.ready(gateway)

        def message(count, body=b"x\r\n"):
            return b"Subject: hops\r\n" + b"rEceived: from a by b;\r\n\tSat, 21 Nov 2026 21:00:00 +0000\r\n" * count + b"\r\n" + body

        client.deliver(message(48))
        client.envelope()
        client.data(message(52), "554 5.4.6")
        client.command("RSET", 250)
        self.assertEqual(len(sink.messages), 1)  # the destination never got the dot
        client.deliver(message(10, b"Received: in the body\r\n" * 100))
        self.assertEqual(len(sink.messages), 2)


class TraceTest(Case):
    def test_one_trace_header_in_front(self):
        sink = self.sink()
        gateway = self.gateway(sink)
        without = self.gateway(sink, server={"trace": "no"})
        client = self.ready(gateway)
        client.deliver(BODY, recipients=[LOCAL, "secret@local.example.org"])
        data = sink.messages[-1].data
        self.assertTrue(data.endswith(BODY))
        trace = data[:-len(BODY)]
        self.assertTrue(trace.startswith(b"Received: from client.example.com "), trace)
        self.assertRegex(trace, rb"\[127\.0\.1\.5\]")
        self.assertRegex(trace, rb"\bby gateway\.example\.org\b")
        self.assertRegex(trace, rb"\bwith ESMTP\b")
        self.assertRegex(trace, rb"\bid [0-9A-Za-z.-]+")
        self.assertRegex(trace, rb";\s+(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [ 0-9]\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")
        self.assertNotIn(b"local.example.org", trace)  # no recipient
        self.assertEqual(trace.count(b"\r\n"), len([line for line in trace.split(b"\r\n") if line]))
        with self.subTest("off"):
            self.ready(without).deliver(BODY)
            self.assertEqual(sink.messages[-1].data, BODY)
        with self.subTest("HELO, IPv6"):
            client = self.client(gateway, ipv6=True)
            client.command("HELO [IPv6:::1]", 250)
            client.deliver(BODY)
            self.assertRegex(sink.messages[-1].data, rb"\AReceived: from \[IPv6:::1\] [^;]*\[IPv6:::1\][^;]*\bwith SMTP\b")
        with self.subTest("a HELO that would break the header"):
            client = self.client(gateway)
            client.command("HELO x(y;z\"\\)", 250, 501)
            if client.command("MAIL FROM:<a@example.com>").code == 250:
                client.command(f"RCPT TO:<{LOCAL}>", 250)
                client.data(BODY)
                self.assertTrue(sink.messages[-1].data.endswith(BODY))


if __name__ == "__main__":
    unittest.main()
