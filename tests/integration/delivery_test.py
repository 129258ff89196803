"""Real mail through the gateway: real Postfix as destination, real clients (swaks, smtp-source, smtplib, curl), IPv4 and IPv6.
BA-1, BA-2, BA-5, BA-8, CX-13."""

import hashlib
import os
import random
import re
import shutil
import smtplib
import subprocess
import time
import unittest

import postfix_server
from case import FOREIGN, LOCAL, Case, wait_for_offer
from gateway import Gateway, Postfix, Smtp, wait_until

MANY = [f"user{number}" for number in range(50)]
REFUSING = """\
smtpd_sender_restrictions = check_sender_access inline:{{refused@example.com=550 5.7.1 Not from you}, {later@example.com=450 4.7.1 Come again}}
header_checks = regexp:{{/^Subject: refuse me/ REJECT content is not for us}}
"""


def text(size, seed=1):
    """A message of about `size` octets: printable lines of every length up to 998, dots at their start now and then."""
    source = random.Random(seed)
    letters = bytes(range(33, 127)) + b"     "
    block = bytes(source.choice(letters) for _ in range(4096))
    lines, length = [b"From: <sender@example.com>", b"Subject: octets %d" % seed, b""], 80
    while length < size:
        count = source.randrange(0, 999)
        begin = source.randrange(len(block) - 998)
        line = (b"." if source.random() < 0.05 else b"") + block[begin:begin + count]
        lines.append(line[:998].rstrip(b" "))
        length += len(lines[-1]) + 2
    return b"\r\n".join(lines) + b"\r\n"


@unittest.skipUnless(postfix_server.is_available(), "needs root and Postfix")
class DeliveryCase(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postfix = cls.enterClassContext(Postfix(users=["user", "postmaster", *MANY], extra=REFUSING))
        cls.gate = cls.enterClassContext(Gateway(cls.postfix))
        cls.gate6 = cls.enterClassContext(Gateway(cls.postfix.endpoint6))
        wait_for_offer(cls.gate, "8BITMIME", "DSN")

    def setUp(self):
        for domain in self.postfix.domains:
            for box in (self.postfix.folder / "mail" / domain).iterdir():
                shutil.rmtree(box)


class PythonClientTest(DeliveryCase):
    def test_BA_5_octet_for_octet_but_for_one_trace_header(self):
        message = text(30_000)
        for gateway in (self.gate, self.gate6):      # towards IPv4 and IPv6
            for ipv6 in (False, True):               # from IPv4 and IPv6
                with self.subTest(destination=gateway.destinations, ipv6=ipv6):
                    self.setUp()
                    self.ready(gateway, ipv6=ipv6).deliver(message)
                    (trace, rest), = self.postfix.wait_for_mail(LOCAL)
                    self.assertEqual(rest, message)
                    self.assertIn(b"[IPv6:::1]" if ipv6 else b"[127.0.1.5]", trace)
                    self.assertIn(b"by gateway.example.org", trace)

    def test_ten_mebibytes(self):
        message = text(10 * 1024 * 1024, seed=10)
        self.assertGreaterEqual(len(message), 10 * 1024 * 1024)
        for number, ipv6 in enumerate((False, True)):
            begun = time.monotonic()
            self.ready(self.gate, ipv6=ipv6, timeout=60).deliver(message)
            self.assertLess(time.monotonic() - begun, 30)
            for _, rest in self.postfix.wait_for_mail(LOCAL, number + 1):
                self.assertEqual(hashlib.sha256(rest).digest(), hashlib.sha256(message).digest())

    def test_fifty_recipients(self):
        recipients = [f"{user}@{domain}" for user, domain in zip(MANY, self.postfix.domains * 25)]
        message = text(2000)
        client = self.ready(self.gate)
        client.deliver(message, recipients=recipients)
        with self.subTest("pipelined"):
            lines = ["MAIL FROM:<sender@example.com>", *(f"RCPT TO:<{recipient}>" for recipient in recipients), "DATA"]
            client.send("".join(line + "\r\n" for line in lines))
            for _ in range(51):
                client.expect(250)
            client.expect(354)
            client.send(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            client.expect(250)
        for recipient in recipients:
            self.assertEqual([rest for _, rest in self.postfix.wait_for_mail(recipient, 2)], [message, message])

    def test_several_messages_a_session(self):
        client = self.ready(self.gate)
        messages = [text(1000 + number, seed=number) for number in range(8)]
        for number, message in enumerate(messages):
            if number % 3 == 1:
                client.envelope("abandoned@example.com")
                client.command("RSET", 250)
            if number % 3 == 2:
                client.hello()
            client.deliver(message)
        client.quit()
        delivered = [rest for _, rest in self.postfix.wait_for_mail(LOCAL, len(messages))]
        self.assertEqual(sorted(delivered), sorted(messages))

    def test_a_whole_session_in_one_write(self):
        message = b"Subject: pipelined\r\n\r\nx\r\n"
        one = f"MAIL FROM:<a@example.com>\r\nRCPT TO:<{LOCAL}>\r\nDATA\r\n".encode()
        client = self.client(self.gate)
        client.send(b"EHLO a.example\r\n" + (one + message + b".\r\n") * 5 + b"QUIT\r\n")
        client.expect(250)
        for _ in range(5):
            for code in (250, 250, 354, 250):
                client.expect(code)
        client.expect(221)
        client.expect_eof()
        self.assertEqual([rest for _, rest in self.postfix.wait_for_mail(LOCAL, 5)], [message] * 5)

    def test_refusals_of_postfix_word_for_word(self):
        """CX-13: the destination knows its users. What it tells us is what it would have told the client."""
        commands = {
            "unknown user": ("sender@example.com", "nobody@local.example.org", b"", "550 5.1.1"),
            "refused sender": ("refused@example.com", LOCAL, b"", "550 5.7.1"),
            "deferred sender": ("later@example.com", LOCAL, b"", "450 4.7.1"),
            "refused content": ("sender@example.com", LOCAL, b"Subject: refuse me\r\n\r\nx\r\n", "550 5.7.1"),
        }
        for name, (sender, recipient, body, code) in commands.items():
            replies = []
            for endpoint in (self.postfix.endpoint, ("127.0.0.1", self.gate.port)):
                with Smtp(*endpoint) as client:
                    client.hello()
                    reply = client.command(f"MAIL FROM:<{sender}>")
                    if reply.code == 250:
                        reply = client.command(f"RCPT TO:<{recipient}>")
                    if reply.code == 250:
                        client.command("DATA", 354)
                        client.send(body + b".\r\n")
                        reply = client.reply()
                    replies.append(reply.raw)
            with self.subTest(name):
                self.assertEqual(replies[0], replies[1])
                self.assertTrue(replies[1].startswith(code.encode()), replies)

    def test_acceptance_is_postfixs_own(self):
        reply = self.ready(self.gate).deliver()
        identity = re.fullmatch(r"2\.0\.0 Ok: queued as (\w+)", reply.text)
        self.assertTrue(identity, reply)
        self.postfix.wait_until_logged(rf"{identity[1]}: to=<{LOCAL}>.*status=sent")

    def test_BA_6_open_relay_behind_us_stays_shut(self):
        with Smtp(*self.postfix.endpoint) as direct:  # it takes everything from our address
            direct.hello()
            direct.envelope(recipients=[FOREIGN])
        client = self.ready(self.gate)
        client.command("MAIL FROM:<a@example.com>", 250)
        client.command(f"RCPT TO:<{FOREIGN}>", "550 5.7.1 Relaying denied")

    def test_EHLO_offers_what_postfix_offers_and_we_handle(self):
        with Smtp(*self.postfix.endpoint) as direct:
            own = set(direct.hello())
        offer = set(self.ready(self.gate).hello())
        known = {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"}
        self.assertEqual(offer & known, own & known)
        self.assertLessEqual(offer, known | {"HELP"})
        self.assertIn("CHUNKING", own)  # for the line above to mean something

    def test_8BITMIME_and_SMTPUTF8_and_DSN_through(self):
        client = self.ready(self.gate)
        message = "Subject: Grüße\r\n\r\nGrüße aus Köln\r\n".encode()
        client.command("MAIL FROM:<jörg@example.com> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=one", 250)
        client.command(f"RCPT TO:<{LOCAL}> NOTIFY=NEVER ORCPT=rfc822;{LOCAL}", 250)
        client.data(message)
        self.assertEqual([rest for _, rest in self.postfix.wait_for_mail(LOCAL)], [message])
        self.postfix.wait_until_logged("from=<jörg@example.com>")

    def test_smtplib(self):
        message = text(5000)
        for host, port in (("127.0.0.1", self.gate.port), ("::1", self.gate.port6)):
            self.setUp()
            with smtplib.SMTP(host, port, local_hostname="smtplib.example.com", timeout=20) as client:
                for _ in range(3):
                    self.assertEqual(client.sendmail("sender@example.com", [LOCAL, "user1@local.example.org"], message), {})
                with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught:
                    client.sendmail("sender@example.com", [FOREIGN], message)
                self.assertEqual(caught.exception.recipients[FOREIGN][0], 550)
                refused = client.sendmail("sender@example.com", [LOCAL, "nobody@local.example.org"], message)
                self.assertEqual(list(refused), ["nobody@local.example.org"])
            self.assertEqual([rest for _, rest in self.postfix.wait_for_mail(LOCAL, 4)], [message] * 4)


class ToolTest(DeliveryCase):
    """The clients of the field, as an administrator would use them."""

    def run_tool(self, *command, data=None, code=0, timeout=60):
        if not shutil.which(command[0], path=os.environ.get("PATH", "") + ":/usr/sbin"):
            self.skipTest(f"{command[0]} is not installed")
        result = subprocess.run(command, input=data, capture_output=True, timeout=timeout,
                                env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin"})
        self.assertEqual(result.returncode, code, result.stdout[-2000:] + result.stderr[-2000:])
        return (result.stdout + result.stderr).decode(errors="replace")

    def test_swaks(self):
        common = ["swaks", "--helo", "swaks.example.com", "--from", "sender@example.com", "--body", "hello from swaks", "--timeout", "20s"]
        to4 = ["--server", "127.0.0.1", "--port", str(self.gate.port)]
        self.run_tool(*common, *to4, "--to", LOCAL)
        self.run_tool(*common, *to4, "--to", LOCAL, "--pipeline")
        self.run_tool(*common, "-6", "--server", "::1", "--port", str(self.gate.port6), "--to", LOCAL)
        self.run_tool(*common, *to4, "--to", ",".join(f"{user}@local.example.org" for user in MANY), "--pipeline")
        with self.subTest("refusals"):
            output = self.run_tool(*common, *to4, "--to", FOREIGN, code=24)
            self.assertIn("550 5.7.1 Relaying denied", output)
            output = self.run_tool(*common, *to4, "--to", "nobody@local.example.org", code=24)
            self.assertIn("User unknown in virtual mailbox table", output)
        for _, rest in self.postfix.wait_for_mail(LOCAL, 3):
            self.assertIn(b"hello from swaks", rest)
        for user in MANY:
            self.postfix.wait_for_mail(f"{user}@local.example.org")

    def test_smtp_source(self):
        before = len(re.findall(r"relay=none.*status=sent \(load\.example\.org\)", self.postfix.log()))
        target = ["-f", "source@example.com", "-t", "sink@load.example.org", "-M", "source.example.com"]
        with Gateway(self.postfix, domains=["local.example.org", "load.example.org"]) as gateway:
            self.run_tool("smtp-source", "-s", "10", "-m", "100", "-l", "5000", *target, f"127.0.0.1:{gateway.port}")
            with self.subTest("several messages a session"):
                self.run_tool("smtp-source", "-d", "-s", "5", "-m", "100", "-l", "1000", *target, f"127.0.0.1:{gateway.port}")
            with self.subTest("IPv6, 50 recipients"):
                self.run_tool("smtp-source", "-6", "-s", "2", "-m", "4", "-r", "50", *target, f"[::1]:{gateway.port6}")
            with self.subTest("10 MiB"):
                self.run_tool("smtp-source", "-m", "2", "-l", str(10 * 1024 * 1024), *target, f"127.0.0.1:{gateway.port}")
            self.postfix.wait_until_logged(r"relay=none.*status=sent \(load\.example\.org\)", before + 100 + 100 + 4 * 50 + 2)

    def test_curl(self):
        message = b"Subject: from curl\r\n\r\n" + b".hello\r\n" * 1000
        path = self.gate.folder / "message"
        path.write_bytes(message)
        for host in (f"127.0.0.1:{self.gate.port}", f"[::1]:{self.gate.port6}"):
            self.setUp()
            self.run_tool("curl", "-sS", "--max-time", "20", f"smtp://{host}/curl.example.com", "--mail-from", "sender@example.com",
                          "--mail-rcpt", LOCAL, "--mail-rcpt", "user2@local.example.org", "--upload-file", str(path))
            self.assertEqual([rest for _, rest in self.postfix.wait_for_mail(LOCAL)], [message])
        self.run_tool("curl", "-sS", "--max-time", "20", f"smtp://127.0.0.1:{self.gate.port}/curl.example.com", "--mail-from",
                      "sender@example.com", "--mail-rcpt", FOREIGN, "--upload-file", str(path), code=55)


@unittest.skipUnless(postfix_server.is_available(), "needs root and Postfix")
class ConcurrencyTest(Case):
    SESSIONS = 500

    def test_five_hundred_sessions_at_once(self):
        """In step: all 500 are open, then all behind EHLO, ..., then all 500 messages stream, so that all are truly at once."""
        with Postfix(process_limit=self.SESSIONS + 20) as postfix, Gateway(
                postfix, limits={"sessions-per-address": 0}, domains=["local.example.org", "load.example.org"],
                destination={"connect-timeout": "30s", "reply-timeout": "60s", "end-timeout": "60s"}) as gateway:
            proxies = gateway.workers("smtpd-proxy")
            before = {pid: (gateway.rss_kib(pid), gateway.descriptors(pid)) for pid in proxies}
            clients = [gateway.client(source=f"127.0.3.{1 + number % 250}", ipv6=False, timeout=60) for number in range(self.SESSIONS)]
            for client in clients:
                self.addCleanup(client.close)

            def all_say(octets, code):
                for client in clients:
                    client.send(octets)
                for client in clients:
                    client.expect(code)

            all_say(b"EHLO many.example.com\r\n", 250)
            all_say(b"MAIL FROM:<many@example.com>\r\n", 250)
            all_say(b"RCPT TO:<sink@load.example.org>\r\n", 250)
            all_say(b"DATA\r\n", 354)
            all_say(b"Subject: many\r\n\r\n" + b"x" * 70 + b"\r\n.\r\n", 250)
            grown = sum(gateway.rss_kib(pid) - before[pid][0] for pid in proxies)
            self.assertLess(grown, self.SESSIONS * 64 * gateway.memory_factor)  # KiB a session
            all_say(b"QUIT\r\n", 221)
            postfix.wait_until_logged(r"status=sent \(load\.example\.org\)", self.SESSIONS, timeout=60)
            wait_until(lambda: all(gateway.descriptors(pid) <= before[pid][1] for pid in proxies), what=f"descriptors back at {before}")


class ListenTest(Case):
    """BA-1, BA-2."""

    def test_BA_1_one_address_or_all(self):
        sink = self.sink()
        gateway = self.gateway(sink, listens=[{"address": "127.0.4.1"}])
        with Smtp("127.0.4.1", gateway.port):
            pass
        with self.assertRaises(ConnectionRefusedError):
            Smtp("127.0.4.2", gateway.port)
        gateway = self.gateway(sink, listens=[{"address": "0.0.0.0"}, {"address": "::"}])
        for address in ("127.0.4.1", "127.0.4.2"):
            with Smtp(address, gateway.port):
                pass
        with Smtp("::1", gateway.port6) as client:
            client.hello()
            client.deliver()
        with self.assertRaises(ConnectionRefusedError):
            Smtp("::1", gateway.port) if gateway.port != gateway.port6 else self.fail("one port for both")

    def test_BA_2_port_is_a_setting(self):
        gateway = self.gateway(self.sink(), listens=[{"address": "127.0.4.1"}, {"address": "127.0.4.1"}])
        first, second = (int(listen["port"]) for listen in gateway.endpoints)
        self.assertNotEqual(first, second)
        for listen in (0, 1):
            client = self.client(gateway, listen=listen)
            client.hello()
            client.deliver()


if __name__ == "__main__":
    unittest.main()
