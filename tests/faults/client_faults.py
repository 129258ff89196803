"""Part G: hostile clients, scaled to a test machine; the good sender is the judge."""

import contextlib
import time

from bed import GOOD, Bed, Line
from ledger import FOREIGN, LOCAL

GOOD_LIMIT = 0.25  # seconds, 99th percentile of the good sender


class Judge:
    """The good sender: every message of its is to be taken, and 99 of 100 within the limit. Needs 200 or more to tell."""

    def __init__(self, bed):
        self.bed, self.entries = bed, []

    def deliver(self, number):
        """What is broken at once: those that were not served."""
        new = [self.bed.source.deliver(client=GOOD) for _ in range(number)]
        self.entries += new
        return [f"good sender: {entry.stage} {entry.code} {entry.text}" for entry in new if not entry.took][:3]

    def verdict(self):
        """(99th percentile, what is broken) over all."""
        waits = sorted(entry.seconds for entry in self.entries)
        worst = waits[int(len(waits) * 0.99)]
        if len(waits) < 200:
            return worst, [f"good sender: {len(waits)} messages are too few to judge by"]
        return worst, [f"good sender waits {worst * 1000:.0f} ms"] if worst > GOOD_LIMIT else []


def slow_loris():
    """F64: 400 sessions at 5 stages, an octet now and then."""
    begins = (b"", b"EHLO x.example.com\r\n", b"EHLO x.example.com\r\nMAIL FROM:<slow@example.com>\r\n",
              b"EHLO x.example.com\r\nMAIL FROM:<slow@example.com>\r\nRCPT TO:<%s>\r\n" % LOCAL.encode(),
              b"EHLO x.example.com\r\nMAIL FROM:<slow@example.com>\r\nRCPT TO:<%s>\r\nDATA\r\n" % LOCAL.encode())
    with Bed() as bed, contextlib.ExitStack() as stack:
        clients = []
        for number in range(400):
            client = stack.enter_context(bed.gateway.client(source=f"127.0.3.{number % 250 + 1}"))
            client.send(begins[number % len(begins)])
            clients.append(client)
        judge, broken = Judge(bed), []
        for letter in b"NOOP x":
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(bytes([letter]))
            broken += judge.deliver(40)
        worst, late = judge.verdict()
        for client in clients:
            client.close()
        bed.settle()
        yield Line("F64", "400 slow clients at five stages", broken + late + bed.check(memory=False), f"good sender's p99 {worst * 1000:.0f} ms")


def idle_connections():
    """F65, scaled"""
    with Bed() as bed, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(bed.gateway.client(source=f"127.0.3.{number % 250 + 1}")) for number in range(1500)]
        used = sum(bed.gateway.rss_kib(pid) for pid in bed.gateway.workers("smtpd-proxy"))
        judge = Judge(bed)
        broken = judge.deliver(200)
        worst, late = judge.verdict()
        for client in clients:
            client.close()
        bed.settle()
        yield Line("F65", "1,500 idle connections", broken + late + bed.check(memory=False), f"good sender's p99 {worst * 1000:.0f} ms, RSS {used} KiB")


def reset_storm():
    """F67: 1,000 cycles over all stages, by RST, FIN or half-close."""
    lines = (b"EHLO x.example.com\r\n", b"MAIL FROM:<rst@example.com>\r\n", b"RCPT TO:<%s>\r\n" % LOCAL.encode(), b"DATA\r\n", b"half a message", b"QUIT\r\n")
    with Bed() as bed:
        for number in range(1000):
            client = bed.gateway.client(source=f"127.0.3.{number % 250 + 1}", greeting=None)
            with contextlib.suppress(OSError):
                client.send(b"".join(lines[:number % (len(lines) + 1)]))
                if number % 3 == 1:
                    client.half_close()
            client.reset() if number % 3 == 0 else client.close()
        bed.settle()
        judge = Judge(bed)
        broken = judge.deliver(200)
        worst, late = judge.verdict()
        if bed.gateway.deaths():
            broken.append("a worker died")
        yield Line("F67", "1,000 sessions reset, closed, half-closed at every stage", broken + late + bed.check(), f"good sender's p99 {worst * 1000:.0f} ms")


FLOODS = {
    "a line of 10 MB": b"x" * 10_000_000, "1 M empty lines": b"\r\n" * 1_000_000, "NULs": b"\0" * 1_000_000,
    "100,000 NOOP in one write": b"NOOP\r\n" * 100_000, "100,000 RSET": b"RSET\r\n" * 100_000, "EHLO of 1 MB": b"EHLO " + b"x" * 1_000_000 + b"\r\n",
    "10,000 recipients": b"EHLO x\r\nMAIL FROM:<a@example.com>\r\n" + b"RCPT TO:<%s>\r\n" % LOCAL.encode() * 10_000,
    "10,000 foreign recipients": b"EHLO x\r\nMAIL FROM:<a@example.com>\r\n" + b"RCPT TO:<%s>\r\n" % FOREIGN.encode() * 10_000,
}


def floods():
    """F68"""
    with Bed() as bed:
        judge = Judge(bed)
        for what, octets in FLOODS.items():
            with bed.gateway.client(source="127.0.3.1") as client, contextlib.suppress(OSError, EOFError):
                client.socket.settimeout(2)
                client.send(octets)
            broken = judge.deliver(30)
            if bed.gateway.deaths():
                broken.append("a worker died")
            yield Line("F68", what, broken + bed.check_ledgers())
        worst, late = judge.verdict()
        bed.settle()
        yield Line("F68", "after all floods", late + bed.check(), f"good sender's p99 {worst * 1000:.0f} ms")


def burst():
    """F70, scaled: as many new connections as one client program makes for 5 seconds."""
    with Bed() as bed:
        judge, broken, made = Judge(bed), [], 0
        begun = time.monotonic()
        while time.monotonic() - begun < 5 or len(judge.entries) < 200:
            for _ in range(20):
                made += 1
                client = bed.gateway.client(source=f"127.0.3.{made % 250 + 1}", greeting=None)
                with contextlib.suppress(OSError):
                    client.send(b"EHLO early\r\n" if made % 2 else b"")
                client.close()
            broken += judge.deliver(1)
        rate = made / (time.monotonic() - begun)
        worst, late = judge.verdict()
        bed.settle()
        yield Line("F70", "new connections without end", broken + late + bed.check(memory=False), f"{rate:.0f} a second, good sender's p99 {worst * 1000:.0f} ms")
