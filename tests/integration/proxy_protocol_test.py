"""The PROXY protocol (haproxy.org, version 1 and 2) on listeners that name their trusted senders: required from these, never
believed from others. LOCAL, UNKNOWN and a missing header give no class, and no cap falls on the balancer's own address."""

import socket
import struct
import unittest

from case import FOREIGN, LOCAL, RELAY, STRANGER, Case
from gateway import Unexpected, wait_until

BALANCER = "127.0.2.1"      # trusted to send headers
OUTSIDER = "127.0.3.1"      # not
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
DENIED = "550 5.7.1 Relaying denied"


def v1(client, port=40000, destination="192.0.2.25"):
    family = "TCP6" if ":" in client else "TCP4"
    return f"PROXY {family} {client} {destination} {port} 25\r\n".encode()


def v2(client, port=40000, tlvs=b"", command=1, family=None, destination=None):
    is_v6 = ":" in client
    kind = socket.AF_INET6 if is_v6 else socket.AF_INET
    addresses = (socket.inet_pton(kind, client) + socket.inet_pton(kind, destination or ("2001:db8::25" if is_v6 else "192.0.2.25"))
                 + struct.pack("!HH", port, 25))
    family = family if family is not None else (0x21 if is_v6 else 0x11)
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack("!H", len(addresses) + len(tlvs)) + addresses + tlvs


class ProxyProtocolTest(Case):
    def start(self, **options):
        options.setdefault("relay", [RELAY, "203.0.113.9", "2001:db8::9", BALANCER, OUTSIDER])
        self.one = self.sink()
        self.gate = self.gateway(self.one, listens=[
            {"address": "127.0.0.1"},
            {"address": "127.0.0.1", "proxy-protocol": "127.0.2.0/24"},
            {"address": "::1", "proxy-protocol": "::1"}], **options)

    def call(self, header, source=BALANCER, listen=1, **options):
        return self.client(self.gate, listen=listen, source=source, prefix=header, **options)

    def assert_class(self, client, is_relay):
        client.hello()
        client.command("MAIL FROM:<a@example.com>", 250)
        client.command(f"RCPT TO:<{FOREIGN}>", 250 if is_relay else DENIED)
        client.command(f"RCPT TO:<{LOCAL}>", 250)
        client.data(b"x\r\n")
        client.quit()

    def test_client_in_the_header_is_the_client(self):
        self.start()
        for header, is_relay, shown in (
                (v1("203.0.113.9"), True, b"[203.0.113.9]"), (v1("203.0.113.10"), False, b"[203.0.113.10]"),
                (v1("2001:db8::9", destination="2001:db8::25"), True, b"[IPv6:2001:db8::9]"),
                (v1("2001:db8::a", destination="2001:db8::25"), False, b"[IPv6:2001:db8::a]"),
                (v2("203.0.113.9"), True, b"[203.0.113.9]"), (v2("203.0.113.10"), False, b"[203.0.113.10]"),
                (v2("2001:db8::9"), True, b"[IPv6:2001:db8::9]"), (v2("2001:db8::a"), False, b"[IPv6:2001:db8::a]"),
                (v2("203.0.113.10", tlvs=b"\x04\x00\x10" + b"\0" * 16 + b"\x20\x00\x05hello"), False, b"[203.0.113.10]"),
                (v2("::ffff:203.0.113.9"), True, b"[203.0.113.9]")):  # an IPv4-mapped address is that IPv4 address
            with self.subTest(header=header):
                self.assert_class(self.call(header), is_relay)
                self.assertIn(shown, self.one.messages[-1].data.split(b"\r\nx")[0])
        with self.subTest("over IPv6"):
            self.assert_class(self.call(v1("203.0.113.9"), source=None, listen=2), True)
            self.assert_class(self.call(v2("203.0.113.10"), source=None, listen=2), False)
        record = self.gate.wait_for_record(lambda r: "203.0.113.10" in (r.get("client") or ""))
        self.assertNotIn(BALANCER, record.get("client"))

    def test_header_in_pieces_and_with_commands_behind(self):
        self.start()
        for header in (v1("203.0.113.10"), v2("203.0.113.10")):
            client = self.client(self.gate, listen=1, source=BALANCER, greeting=None)
            for octet in header:
                client.send(bytes([octet]))
            client.expect(220)
            client.hello()
            client = self.call(header + b"EHLO behind.example\r\nNOOP\r\n")
            client.expect(250)
            client.expect(250)
            client.command("NOOP", 250)

    def refused(self, header, **options):
        """No greeting, or a refusal; in any case the end, and nothing is believed."""
        client = self.call(header + b"EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<" + FOREIGN.encode() + b">\r\nQUIT\r\n", greeting=None,
                           **options)
        answer = client.drain(timeout=8)
        self.assertNotIn(b"220", answer[:3], answer)
        self.assertNotIn(b"250", answer, answer)

    def test_header_is_required_from_trusted_senders(self):
        self.start(limits={"client-timeout": "3s"})
        self.refused(b"")  # a missing header: the balancer is on the relay list, and still
        for header in (b"PROXY\r\n", b"PROXY TCP4 203.0.113.9\r\n", b"proxy TCP4 203.0.113.9 192.0.2.25 1 25\r\n",
                       b"PROXY TCP5 203.0.113.9 192.0.2.25 1 25\r\n", b"PROXY TCP4 2001:db8::9 2001:db8::25 1 25\r\n",
                       b"PROXY TCP4  203.0.113.9 192.0.2.25 1 25\r\n", b"PROXY TCP4 203.0.113.9 192.0.2.25 65536 25\r\n",
                       b"PROXY TCP4 203.0.113.9 192.0.2.25 01 25\r\n", b"PROXY TCP4 203.0.113.9 192.0.2.25 1 25\n",
                       b"PROXY TCP4 0203.0.113.9 192.0.2.25 1 25\r\n", b"PROXY TCP4 203.0.113.9 192.0.2.25 1 25 x\r\n",
                       b"PROXY UNKNOWN " + b"x" * 120 + b"\r\n", b"PROXY TCP4 " + b"1" * 5000,
                       SIGNATURE + b"\x31\x11\0\x0c" + b"\0" * 12, SIGNATURE + b"\x22\x11\0\x0c" + b"\0" * 12,
                       SIGNATURE + b"\x21\x11\0\x04" + b"\0" * 4, SIGNATURE + b"\x21\x11\xff\xff" + b"\0" * 70_000,
                       b"\r\n\r\n\0\r\nQUIX\n" + b"\x21\x11\0\x0c" + b"\0" * 12):
            with self.subTest(header=header[:60]):
                self.refused(header)
        with self.subTest("silence"):
            client = self.client(self.gate, listen=1, source=BALANCER, greeting=None, timeout=15)
            self.assertNotIn(b"220", client.drain())
        self.assertEqual(self.one.recipients(), [])
        self.assert_class(self.call(v1("203.0.113.10")), False)

    def test_header_is_never_believed_from_others(self):
        self.start()
        with self.subTest("on the balancers' listener a stranger gets nowhere, with or without a header"):
            self.refused(v1("203.0.113.9"), source=OUTSIDER)
            self.refused(v2("203.0.113.9"), source=OUTSIDER)
            self.refused(b"", source=OUTSIDER)
        with self.subTest("on an ordinary listener it is just a bad command, even from the balancer's address"):
            client = self.client(self.gate, listen=0, source=STRANGER, prefix=v1("203.0.113.9"))
            client.expect(500)
            self.assert_class(client, False)
            client = self.client(self.gate, listen=0, source=STRANGER, prefix=v2("203.0.113.9"), greeting=None)
            self.assertNotIn(b"250", client_says(client))
        self.assertEqual([line for line in self.one.recipients() if FOREIGN.encode() in line], [])

    def test_LOCAL_and_UNKNOWN_give_no_class(self):
        self.start()  # the balancer's own address is on the relay list
        for header in (b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN 203.0.113.9 192.0.2.25 1 25\r\n", v2("203.0.113.9", command=0),
                       SIGNATURE + b"\x20\x00\0\0", v2("203.0.113.9", family=0x00), v2("203.0.113.9", family=0x12),
                       SIGNATURE + b"\x21\x31\x00\xd8" + b"/tmp/x" + b"\0" * 210):
            with self.subTest(header=header[:40]):
                self.assert_class(self.call(header), False)

    def test_FW_5_caps_count_the_client_and_never_the_balancer(self):
        self.start(limits={"sessions-per-address": 2})
        first, _ = self.call(v1("198.51.100.7")), self.call(v2("198.51.100.7"))
        self.call(v1("198.51.100.7"), greeting=421).expect_eof()
        for number in range(20, 30):  # ten others behind the same balancer
            self.call(v1(f"198.51.100.{number}"))
        for _ in range(5):  # nobody in particular: health checks
            self.call(b"PROXY UNKNOWN\r\n")
            self.call(SIGNATURE + b"\x20\x00\0\0")
        with self.subTest("Q10: IPv6 by /64"):
            self.call(v1("2001:db8:1::1", destination="2001:db8::25"))
            self.call(v2("2001:db8:1::ffff:2"))
            self.call(v1("2001:db8:1:0:a::3", destination="2001:db8::25"), greeting=421)
            self.call(v1("2001:db8:1:1::1", destination="2001:db8::25"))
        with self.subTest("FW-9: relay list by the header's address"):
            for _ in range(5):
                self.call(v1("203.0.113.9"))
        first.quit()

        def admitted():
            try:
                self.call(v1("198.51.100.7"))
                return True
            except Unexpected:
                return False
        wait_until(admitted, what="the slot is given back")

    def test_off(self):
        """Without proxy-protocol the same octets from the same address are no header."""
        self.one = self.sink()
        self.gate = self.gateway(self.one, relay=["203.0.113.9"])
        client = self.client(self.gate, source=BALANCER, prefix=v1("203.0.113.9"))
        client.expect(500)
        self.assert_class(client, False)


def client_says(client):
    client.send(b"\r\nQUIT\r\n")
    return client.drain()


if __name__ == "__main__":
    unittest.main()
