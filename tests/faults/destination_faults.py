"""Part A of the catalogue: the destination is down, dies, hangs, lies."""

import socket
import threading
import time

from bed import Bed, Line, Load
from gateway import wait_until
from ledger import LOCAL

STAGES = ("CONNECT", "BANNER", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "DOT", "RSET", "QUIT")
ACTIONS = {
    "exit": ["exit"], "rst": ["rst"], "close": ["close"], "hang": ["hang"],
    "garbage": [("raw", b"\x00\xff\x1b[2J 999 rubbish\r25\r\n")],
}
BIG = 600_000  # more than the buffers of both sides hold when the sink reads nothing


def cells(action):
    """F02: one column of the table, ten stages."""
    def run():
        with Bed() as bed:
            for stage in STAGES:
                bed.sink.at(stage, *ACTIONS[action])
                entry = bed.source.deliver(rset=stage == "RSET", size=BIG if stage == "BODY" else 0)
                broken = []
                allowed = 3.0 if action == "hang" else 1.0
                if entry.seconds > allowed:
                    broken.append(f"{entry.stage} took {entry.seconds:.1f} s, {allowed} s allowed")
                if entry.stage in ("MAIL", "RCPT", "DATA", "BODY", "DOT") and entry.code // 100 not in (0, 4):
                    broken.append(f"{entry.stage} was answered {entry.text!r}")
                try:
                    wait_until(lambda: bed.sink.played, 2)  # a QUIT comes behind the client's 221
                except AssertionError:
                    broken.append("the fault did not happen")
                told = f"{entry.stage} {entry.code or 'closed'}"
                bed.sink.heal()
                if action == "exit":
                    bed.new_sink()
                taken, late = bed.recovery(1.0)
                # Processor and log are looked at once a column: they take a second each.
                broken += late + bed.check(idle=stage == STAGES[-1])
                yield Line("F02", f"destination: {action} at {stage}", broken, f"{told}, recovery {taken * 1000:.0f} ms")
    return run


def down():
    """F01"""
    with Bed() as bed:
        bed.sink.exit()
        entries = [bed.source.deliver() for _ in range(5)]
        broken = [f"answered {entry.code} {entry.text}" for entry in entries if entry.code not in (421, 451)]
        slowest = max(entry.seconds for entry in entries)
        if slowest > 1.0:
            broken.append(f"took {slowest:.1f} s")
        bed.new_sink()
        taken, late = bed.recovery(1.0)
        yield Line("F01", "destination down, then up", broken + late + bed.check(), f"421 after {slowest * 1000:.0f} ms, recovery {taken * 1000:.0f} ms")


def lost_reply():
    """F03: the destination has the message and dies before it says so; the client tries again (RFC 1047)."""
    with Bed() as bed:
        broken = []
        for _ in range(5):
            bed.sink.at("DOT", "lost")
            first = bed.source.deliver()
            if first.took:
                broken.append("250 without the destination's reply")
            bed.sink.heal()
            bed.new_sink()
            second = bed.source.deliver(token=first.token)
            if not second.took:
                broken.append(f"second try: {second.text}")
        yield Line("F03", "destination dies between the final dot and its reply, 5 times", broken + bed.check())


def black_hole():
    """F05, by a sink that neither reads nor says a word and does not close; others go on."""
    with Bed() as bed:
        broken = []
        for stage in ("MAIL", "BODY"):
            with_others = []
            bed.sink.script[stage] = lambda session, line: ["hang"] if b"hole" in (session.commands[-1] + (session._sender or b"")) else []
            victim = []
            thread = threading.Thread(target=lambda: victim.append(bed.source.deliver(token=f"hole-{stage}", size=BIG)))
            thread.start()
            while thread.is_alive():
                with_others.append(bed.source.deliver(client="127.0.1.6"))
            thread.join()
            if victim[0].code // 100 not in (0, 4):
                broken.append(f"{stage}: {victim[0].text}")
            if not all(entry.took for entry in with_others) or max(entry.seconds for entry in with_others) > 0.5:
                broken.append(f"{stage}: others waited {max(entry.seconds for entry in with_others):.2f} s")
        yield Line("F05", "established connection becomes a black hole; others go on", broken + bed.check())


def in_pieces():
    """The wire delays and cuts: one octet at a time, then odd pieces with a delay, both ways."""
    patience = {"reply-timeout": "60s", "data-timeout": "60s", "end-timeout": "60s"}  # seven thousand pieces, on a machine that sleeps too long
    for piece, delay, size in ((1, 0.0, 2_000), (7, 0.001, 20_000), (1460, 0.005, 300_000)):
        with Bed(wire={"piece": piece, "delay": delay}, budget=70.0, destination=patience) as bed:
            entries = [bed.source.deliver(size=size) for _ in range(2)]
            broken = [f"{entry.stage}: {entry.text}" for entry in entries if not entry.took]
            yield Line("F05", f"wire in pieces of {piece}, {delay * 1000:.0f} ms each", broken + bed.check(memory=False),
                       f"{bed.wire.carried} octets, longest step {max(entry.seconds for entry in entries):.1f} s")


def cut_wire():
    """F05 proper: the wire goes dead without a word, at four stages, and comes back."""
    with Bed(wire={}) as bed:
        for stage in ("RCPT", "DATA", "BODY", "DOT"):
            def on_stage(now):
                if now == stage:
                    bed.wire.is_dead = True
            entry = bed.source.deliver(at=on_stage, size=BIG)
            broken = [] if entry.code // 100 == 4 and entry.seconds < 3 else [f"{entry.stage}: {entry.code} {entry.text} after {entry.seconds:.1f} s"]
            bed.wire.is_dead = False
            taken, late = bed.recovery(1.0)
            yield Line("F05", f"wire goes dead at {stage}", broken + late + bed.check_ledgers(), f"{entry.stage} {entry.code} after {entry.seconds:.1f} s")
        yield Line("F05", "after all cuts", bed.check(memory=False))


def full_queue():
    """F06"""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fill = []
        for _ in range(4):
            fill.append(socket.socket())
            fill[-1].setblocking(False)
            fill[-1].connect_ex(full.getsockname())
        with Bed(servers=full.getsockname()) as bed:
            entry = bed.source.deliver()
            broken = [] if entry.code == 421 else [f"{entry.stage}: {entry.text}"]
            if entry.seconds > 2:
                broken.append(f"took {entry.seconds:.1f} s")
            yield Line("F06", "accept queue full: 421 at the deadline of 1 s", broken + bed.check(), f"{entry.code} after {entry.seconds:.1f} s")
        for one in fill:
            one.close()


def slow():
    """F07, scaled: 0.6 s a reply, more in all than the deadline of one, 3 s."""
    with Bed(destination={"reply-timeout": "3s", "end-timeout": "3s"}) as bed:
        bed.sink.misbehaviour = {stage: [("delay", 0.6)] for stage in ("BANNER", "EHLO", "MAIL", "RCPT", "DATA", "DOT")}
        entry = bed.source.deliver(recipients=[LOCAL] * 3, budget=10.0)
        broken = [] if entry.took else [f"{entry.stage}: {entry.text}"]
        bed.sink.heal()
        taken, late = bed.recovery(1.0)
        yield Line("F07", "slow destination, 0.6 s a reply", broken + late + bed.check(budget=10.0))


def zero_window():
    """F08, scaled: 20 MB against a destination that reads nothing behind DATA."""
    with Bed(sink_options={"small_window": True}) as bed:
        bed.sink.at("BODY", "hang")
        pids = bed.gateway.workers("smtpd-proxy")
        for pid in pids:
            bed.gateway.reset_peak(pid)
        before = {pid: bed.gateway.rss_kib(pid) for pid in pids}
        entry = bed.source.deliver(size=20_000_000, budget=10.0)
        grown = max(bed.gateway.peak_kib(pid) - before[pid] for pid in pids)
        broken = [] if entry.code // 100 in (0, 4) else [f"{entry.stage}: {entry.text}"]
        if grown > 512 * bed.gateway.memory_factor:
            broken.append(f"smtpd-proxy grew by {grown} KiB")
        bed.sink.heal()
        taken, late = bed.recovery(1.0)
        yield Line("F08", "destination stops reading, 20 MB", broken + late + bed.check(budget=10.0), f"grew {grown} KiB, {entry.stage} {entry.code}")


HOSTILE = {
    "a line of 1 MB": b"250 " + b"x" * 1_000_000 + b"\r\n", "20,000 continuation lines": b"250-go on\r\n" * 20_000 + b"250 end\r\n",
    "NUL": b"250 a\x00b\r\n", "bare CR": b"250 a\rb\r\n", "a bare LF": b"250 a\n", "two digits": b"25\r\n", "code 999": b"999 what\r\n",
    "code 000": b"000 what\r\n", "no code": b"hello\r\n", "rubbish that is no UTF-8": b"\xff\xfe\xfd\x80\r\n",
    "two codes in a reply": b"250-a\r\n550 b\r\n", "an empty line": b"\r\n", "354 out of place": b"354 go on\r\n",
    "control characters": b"250 \x1b[2Jclear\x07\r\n",
}


def hostile_replies():
    """F10: at RCPT."""
    with Bed() as bed:
        pids = bed.gateway.workers("smtpd-proxy")
        for what, octets in HOSTILE.items():
            bed.sink.at("RCPT", ("raw", octets))
            entry = bed.source.deliver()
            broken = [] if entry.code // 100 in (0, 2, 4) else [f"{entry.stage}: {entry.text}"]
            if any(ord(letter) < 32 and letter not in "\r\n" for letter in entry.text):
                broken.append(f"reached the client: {entry.text!r}")
            bed.sink.heal()
            taken, late = bed.recovery(1.0)
            if bed.gateway.workers("smtpd-proxy") != pids:
                broken.append("a worker died")
                pids = bed.gateway.workers("smtpd-proxy")
            yield Line("F10", f"hostile reply: {what}", broken + late + bed.check_ledgers(), f"{entry.stage} {entry.code or 'closed'}")
        yield Line("F10", "after all hostile replies", bed.check())


def busy():
    """F11: what the destination says is passed on; no other server is asked."""
    with Bed() as bed:
        for stage, text in (("BANNER", "421 4.3.2 busy"), ("BANNER", "554 5.3.2 no"), ("MAIL", "451 4.3.0 later"), ("RCPT", "421 4.3.2 bye"),
                            ("RCPT", "450 4.2.0 grey"),
                            ("DATA", "451 4.3.0 later"), ("DOT", "452 4.2.2 full"), ("DOT", "421 4.3.2 bye")):
            bed.sink.at(stage, ("reply", text))
            entry = bed.source.deliver()
            broken = [] if entry.code // 100 == 4 else [f"{entry.stage}: {entry.text}"]
            bed.sink.heal()
            taken, late = bed.recovery(1.0)
            yield Line("F11", f"destination says {text} at {stage}", broken + late + bed.check_ledgers(), f"{entry.stage} {entry.text.splitlines()[0]}")
        for stage, text in (("RCPT", "550 5.1.1 unknown"), ("DOT", "554 5.6.0 content")):
            bed.sink.at(stage, ("reply", text))
            entry = bed.source.deliver()
            broken = [] if entry.text.startswith(text) else [f"{entry.stage}: {entry.text}"]
            bed.sink.heal()
            yield Line("F11", f"destination says {text} at {stage}: passed on", broken)
        yield Line("F11", "after all replies", bed.check(explains=lambda entry: entry.text.startswith(("550 5.1.1 unknown", "554 5.6.0 content"))))


def flapping():
    """F12: it comes and goes under load."""
    with Bed() as bed:
        with Load(bed) as load:
            for _ in range(8):
                bed.sink.exit()
                time.sleep(0.15)
                bed.new_sink()
                time.sleep(0.15)
        taken, late = bed.recovery(1.0)
        other = [entry for entry in load.entries if not entry.took and entry.code // 100 not in (0, 4)]
        broken = [f"{other[0].stage}: {other[0].text}"] if other else []
        yield Line("F12", "destination comes and goes 8 times under load", broken + late + bed.check(), f"{load.served} of {len(load.entries)} served")
