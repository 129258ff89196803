"""The two ledgers of a fault: what the source was told, and what the sink took. Only they are believed, never a log.

A message carries its token in the sender's local part and in its header, so that the checker sees cross-talk. The sink's record
is on disk (O_APPEND, fsync) before the sink answers: a 250 that a client has seen and the sink has not written is a loss.
"""

import hashlib
import itertools
import json
import os
import re
import threading
import time
from dataclasses import asdict, dataclass, field

from gateway import ScriptedSink, Unexpected

LOCAL = "user@local.example.org"
FOREIGN = "victim@foreign.example.net"
_TRACE = re.compile(rb"\AReceived:[^\n]*\n(?:[ \t][^\n]*\n)*")
_TOKEN = re.compile(rb"^X-Token: (\S+)\r?$", re.MULTILINE)
_PATH = re.compile(rb"<([^>]*)>")
_numbers = itertools.count(1)


@dataclass
class Try:
    """One try of the source to hand over a message. `stage`: the last step that was begun; `code`: what the client was told
    there (0: the connection ended, -1: silence beyond the budget); `seconds`: the longest wait for a reply. `took`: whether the
    final dot was answered 2xx, whatever came behind it."""
    token: str
    client: str
    recipients: list
    hash: str
    stage: str = "CONNECT"
    code: int = 0
    text: str = ""
    seconds: float = 0.0
    took: bool = False
    time: float = field(default_factory=time.time)


@dataclass
class Taken:
    """What the sink wrote when it had seen a final dot. `code`: the reply it meant to give (0: none)."""
    token: str
    envelope_token: str
    hash: str
    recipients: list
    code: int
    time: float = field(default_factory=time.time)


def content_hash(data):
    return hashlib.sha256(data).hexdigest()


def message(token, size=0):
    """A message of at least `size` octets, with lines that begin with dots."""
    head = b"X-Token: %s\r\nSubject: fault\r\n\r\n.first\r\n" % token.encode()
    line = b"..%s %s\r\n" % (token.encode(), b"x" * 60)
    return head + line * max(1, (size - len(head)) // len(line) + 1)


class Source:
    """Sends messages and writes down what it was told. `budget`: seconds that any step may take (I5)."""

    def __init__(self, gateway, budget=5.0):
        self.gateway, self.budget = gateway, budget
        self.tries = []
        self.refused = 0
        self._lock = threading.Lock()

    def deliver(self, client="127.0.1.5", recipients=(LOCAL,), size=0, token=None, rset=False, budget=None, at=None):
        """One session with one message; returns its Try and raises nothing. `rset`: a
        transaction that is withdrawn comes first. `at(stage)` is called before each step."""
        token = token or f"t{os.getpid()}-{next(_numbers)}"
        body = message(token, size)
        entry = Try(token, client, list(recipients), content_hash(body))
        with self._lock:
            self.tries.append(entry)
        try:
            self._speak(entry, body, budget or self.budget, rset, at or (lambda stage: None))
        except ConnectionRefusedError:
            with self._lock:
                self.refused += 1
            entry.code, entry.text = 0, "connection refused"
        except TimeoutError:
            entry.code, entry.text, entry.seconds = -1, "silence", budget or self.budget
        except Unexpected as error:
            entry.code, entry.text = (error.reply.code, str(error.reply)) if error.reply else (0, str(error))
            if not error.reply and "no reply within" in str(error):
                entry.code, entry.seconds = -1, budget or self.budget
        except (EOFError, OSError) as error:
            entry.code, entry.text = 0, repr(error)
        return entry

    def _speak(self, entry, body, budget, rset, at):
        def step(stage, octets, *codes):
            entry.stage = stage
            at(stage)
            begun = time.monotonic()
            try:
                client.send(octets)
            except ConnectionError:
                pass  # what it said before it closed is still to be read
            reply = client.reply()
            entry.seconds = max(entry.seconds, time.monotonic() - begun)
            entry.code, entry.text = reply.code, str(reply)
            if stage == "DOT":
                entry.took = reply.code // 100 == 2
            if reply.code not in codes:
                raise Unexpected(f"{stage}: {reply}", reply)

        at("CONNECT")
        begun = time.monotonic()
        with self.gateway.client(source=entry.client, timeout=budget) as client:
            entry.seconds = time.monotonic() - begun
            step("EHLO", b"EHLO client.example.com\r\n", 250)
            if rset:
                step("MAIL", b"MAIL FROM:<withdrawn@example.com>\r\n", 250)
                step("RCPT", b"RCPT TO:<%s>\r\n" % entry.recipients[0].encode(), 250)
                step("RSET", b"RSET\r\n", 250)
            step("MAIL", b"MAIL FROM:<%s@example.com>\r\n" % entry.token.encode(), 250)
            for recipient in entry.recipients:
                step("RCPT", b"RCPT TO:<%s>\r\n" % recipient.encode(), 250)
            step("DATA", b"DATA\r\n", 354)
            entry.stage = "BODY"
            at("BODY")
            stuffed = re.sub(rb"(?m)^\.", b"..", body)
            try:
                client.send(stuffed[:len(stuffed) // 2])
                at("HALF")
                client.send(stuffed[len(stuffed) // 2:])
            except ConnectionError:
                pass
            step("DOT", b".\r\n", 250)
            step("QUIT", b"QUIT\r\n", 221)


def _sink_code(actions):
    """What the sink's script will say at the dot: the reply's code, 250 when it says nothing of its own, 0 when it says nothing."""
    for action in actions:
        kind = action if isinstance(action, str) else action[0]
        if kind in ("close", "rst", "hang", "exit", "ignore", "raw"):
            return 0
        if kind == "reply":
            return int(action[1][:3])
    return 250


class LedgerSink(ScriptedSink):
    """A ScriptedSink that writes its ledger to `path`. at(stage, action) sets one misbehaviour, heal() ends it. The action
    "lost" at DOT: it takes the message and dies before the reply leaves (RFC 1047)."""

    def __init__(self, path, script=None, **options):
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.misbehaviour = dict(script or {})
        self.played = 0  # how often it misbehaved since at()
        super().__init__({}, **options)
        self.script = {stage: self._chosen(stage) for stage in
                       ("CONNECT", "BANNER", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "BODY", "RSET", "NOOP", "QUIT", "OTHER")}
        self.script["DOT"] = self._take

    def at(self, stage, *actions):
        self.misbehaviour = {stage: list(actions)}
        self.played = 0

    def heal(self):
        self.misbehaviour = {}

    def _actions(self, stage):
        actions = list(self.misbehaviour.get(stage, []))
        self.played += bool(actions)
        return actions

    def _chosen(self, stage):
        return lambda session, argument: self._actions(stage)

    def _take(self, session, _):
        actions = self._actions("DOT")
        is_lost = actions == ["lost"]
        taken = session.messages[-1]
        data = _TRACE.sub(b"", taken.data, count=1)
        token, sender = _TOKEN.search(data), _PATH.search(taken.sender)
        record = Taken(token[1].decode() if token else "", sender[1].split(b"@")[0].decode() if sender else "", content_hash(data),
                       [_PATH.search(line)[1].decode() for line in taken.recipients], 250 if is_lost else _sink_code(actions))
        os.write(self._file, (json.dumps(asdict(record)) + "\n").encode())
        os.fsync(self._file)
        return ["exit"] if is_lost else actions

    def __exit__(self, *error):
        super().__exit__(*error)
        os.close(self._file)


def read(path):
    """The sink's ledger."""
    with open(path, encoding="ascii") as file:
        return [Taken(**json.loads(line)) for line in file]
