"""Part G: hostile clients, scaled to a test machine; the good sender is the judge."""

import contextlib
import time

from bed import GOOD, Bed, Line
from ledger import FOREIGN, LOCAL

GOOD_LIMIT = 0.25  # seconds, 99th percentile of the good sender


def percentile(entries, part=0.99):
    waits = sorted(entry.seconds for entry in entries)
    return waits[min(len(waits) - 1, int(len(waits) * part))]


def judged(bed, number):
    """The good sender meanwhile: (99th percentile, what is broken)."""
    entries = [bed.source.deliver(client=GOOD) for _ in range(number)]
    broken = [f"good sender: {entry.stage} {entry.code} {entry.text}" for entry in entries if not entry.took][:3]
    worst = percentile(entries)
    return worst, broken + ([f"good sender waits {worst * 1000:.0f} ms"] if worst > GOOD_LIMIT else [])


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
        worst, broken = 0, []
        for letter in b"NOOP x":
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(bytes([letter]))
            waited, found = judged(bed, 15)
            worst, broken = max(worst, waited), broken + found
        for client in clients:
            client.close()
        bed.settle()
        yield Line("F64", "400 slow clients at five stages", broken + bed.check(memory=False), f"good sender's p99 {worst * 1000:.0f} ms")


def idle_connections():
    """F65, scaled"""
    with Bed() as bed, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(bed.gateway.client(source=f"127.0.3.{number % 250 + 1}")) for number in range(1500)]
        used = sum(bed.gateway.rss_kib(pid) for pid in bed.gateway.workers("smtpd-proxy"))
        worst, broken = judged(bed, 50)
        for client in clients:
            client.close()
        bed.settle()
        yield Line("F65", "1,500 idle connections", broken + bed.check(memory=False), f"good sender's p99 {worst * 1000:.0f} ms, RSS {used} KiB")


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
        worst, broken = judged(bed, 30)
        if bed.gateway.deaths():
            broken.append("a worker died")
        yield Line("F67", "1,000 sessions reset, closed, half-closed at every stage", broken + bed.check(), f"good sender's p99 {worst * 1000:.0f} ms")


FLOODS = {
    "a line of 10 MB": b"x" * 10_000_000, "1 M empty lines": b"\r\n" * 1_000_000, "NULs": b"\0" * 1_000_000,
    "100,000 NOOP in one write": b"NOOP\r\n" * 100_000, "100,000 RSET": b"RSET\r\n" * 100_000, "EHLO of 1 MB": b"EHLO " + b"x" * 1_000_000 + b"\r\n",
    "10,000 recipients": b"EHLO x\r\nMAIL FROM:<a@example.com>\r\n" + b"RCPT TO:<%s>\r\n" % LOCAL.encode() * 10_000,
    "10,000 foreign recipients": b"EHLO x\r\nMAIL FROM:<a@example.com>\r\n" + b"RCPT TO:<%s>\r\n" % FOREIGN.encode() * 10_000,
}


def floods():
    """F68"""
    with Bed() as bed:
        for what, octets in FLOODS.items():
            with bed.gateway.client(source="127.0.3.1") as client, contextlib.suppress(OSError, EOFError):
                client.socket.settimeout(2)
                client.send(octets)
            worst, broken = judged(bed, 20)
            if bed.gateway.deaths():
                broken.append("a worker died")
            yield Line("F68", what, broken + bed.check_ledgers(), f"good sender's p99 {worst * 1000:.0f} ms")
        bed.settle()
        yield Line("F68", "after all floods", bed.check())


def burst():
    """F70, scaled: as many new connections as one client program makes for 5 seconds."""
    with Bed() as bed:
        entries, made = [], 0
        begun = time.monotonic()
        while time.monotonic() - begun < 5:
            for _ in range(20):
                made += 1
                client = bed.gateway.client(source=f"127.0.3.{made % 250 + 1}", greeting=None)
                with contextlib.suppress(OSError):
                    client.send(b"EHLO early\r\n" if made % 2 else b"")
                client.close()
            entries.append(bed.source.deliver(client=GOOD))
        rate = made / (time.monotonic() - begun)
        broken = [f"good sender: {entry.stage} {entry.code} {entry.text}" for entry in entries if not entry.took][:3]
        worst = percentile(entries)
        if worst > GOOD_LIMIT:
            broken.append(f"good sender waits {worst * 1000:.0f} ms")
        bed.settle()
        yield Line("F70", "new connections without end", broken + bed.check(memory=False), f"{rate:.0f} a second, good sender's p99 {worst * 1000:.0f} ms")
