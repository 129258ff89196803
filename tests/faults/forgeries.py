"""The negative control: ledgers that were forged must fail, each by its invariant, and an honest one must pass."""

import contextlib
import dataclasses

from bed import Bed, Line
from checker import check_ledgers, check_log
from ledger import FOREIGN, LOCAL, Taken, Try, content_hash


def _try(token="t1", **changes):
    return dataclasses.replace(Try(token, "127.0.1.5", [LOCAL], content_hash(token.encode()), "QUIT", 221, "", 0.1, True), **changes)


def _taken(token="t1", **changes):
    return dataclasses.replace(Taken(token, token, content_hash(token.encode()), [LOCAL], 250), **changes)


FORGERIES = (  # id, what, tries, taken, invariant that must break (None: none may)
    ("C01", "an honest ledger", [_try()], [_taken()], None),
    ("C02", "a 250 without a record", [_try()], [], "I1"),
    ("C03", "a 250 where the sink meant none", [_try()], [_taken(code=451)], "I1"),
    ("C04", "a changed octet", [_try()], [_taken(hash=content_hash(b"x"))], "I1"),
    ("C05", "another recipient", [_try()], [_taken(recipients=["other@local.example.org"])], "I1"),
    ("C06", "the body of one in the envelope of another", [_try()], [_taken(envelope_token="t2")], "I1"),
    ("C07", "a message nobody sent", [_try()], [_taken(), _taken("t9")], "I1"),
    ("C08", "a duplicate after a 250", [_try()], [_taken(), _taken()], "I2"),
    ("C09", "a second try after a 250, taken again", [_try(), _try()], [_taken(), _taken()], "I2"),
    ("C10", "a second try after a lost reply", [_try(code=451, took=False), _try()], [_taken(), _taken()], None),
    ("C11", "an unexplained 5xx", [_try(code=550, took=False)], [], "I3"),
    ("C12", "a foreign recipient", [_try(recipients=[FOREIGN])], [_taken(recipients=[FOREIGN])], "I4"),
    ("C13", "silence beyond the budget", [_try(code=-1, took=False, seconds=9.0)], [], "I5"),
    ("C14", "a late reply", [_try(seconds=9.0)], [_taken()], "I5"),
)


def forgeries():
    for number, what, tries, taken, wanted in FORGERIES:
        found = {line[:2] for line in check_ledgers(tries, taken)}
        expected = {wanted} if wanted else set()
        yield Line(number, f"control: {what}", [] if found == expected else [f"the checker finds {found or 'nothing'}, not {expected or 'nothing'}"])


def living_forgeries():
    """The same with a gateway in between: a sink that forgets, a worker that is missing, a process that spins."""
    with Bed() as bed:
        bed.sink.script["DOT"] = lambda session, _: []
        bed.source.deliver()
        found = {line[:2] for line in bed.check_ledgers()}
        yield Line("C15", "control: a sink that writes nothing", [] if found == {"I1"} else [f"the checker finds {found or 'nothing'}"])
        bed.sink.script["DOT"] = bed.sink._take
        with bed.gateway.client(source="127.0.1.5") as client:
            client.hello()
            found = bed.baseline.difference()
            for number, what, text in (("C16", "a descriptor left open", "I7: descriptors of smtpd-proxy"),
                                       ("C17", "a session left open", "I7: 1 sessions still open")):
                yield Line(number, f"control: {what}", [] if any(line.startswith(text) for line in found) else [f"the checker finds {found}"])
        bed.settle()
        with contextlib.suppress(FileNotFoundError):
            (bed.gateway.folder / "log" / "current.xml").unlink()
        found = {line[:2] for line in check_log(bed.gateway, bed.source.tries)}
        yield Line("C18", "control: a log that was thrown away", [] if found == {"I8"} else [f"the checker finds {found or 'nothing'}"])
