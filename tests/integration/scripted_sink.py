"""A destination whose behaviour is scripted a stage: the part of a hostile, broken or picky mail server.

Stages: CONNECT (before the greeting), BANNER (the greeting), EHLO, HELO, MAIL, RCPT, DATA (the command), BODY (when the data
begins to flow), DOT (after the final dot), RSET, NOOP, QUIT, OTHER.

A script maps a stage to an action, to a list of actions done in turn, or to a callable(session, argument) that returns either.
Actions:
    ("delay", seconds)    wait, then go on with the next action or the ordinary reply
    ("reply", "550 No")   answer so (str or bytes, without the last CRLF) instead of the ordinary reply
    ("raw", bytes)        answer with exactly these octets
    "close"               close in order       "rst"   close by RST
    "hang"                say nothing, read nothing, until the sink ends or the peer closes
    "exit"                close everything, the listening socket too
    "ignore"              no reply, but go on reading
"""

import re
import select
import socket
import struct
import threading
import time

DEFAULT_CAPABILITIES = ("PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")
_STAGES = {b"EHLO", b"HELO", b"MAIL", b"RCPT", b"DATA", b"RSET", b"NOOP", b"QUIT"}
_ENDS = {  # what ends the data, seen from the start of a line: strictly, or as lenient servers of the field have it
    "strict": re.compile(rb"(?:\A|\r\n)\.\r\n"),
    "lf": re.compile(rb"(?:\A|\n)\.\r?\n"),
    "cr": re.compile(rb"(?:\A|\r\n?|\n)\.(?:\r\n|\r|\n)"),
}


class _End(Exception):
    """The connection is over."""


def _takes(actions):
    """Whether the first reply that a script gives is a 2xx; a script that is a function tells only when it has been played."""
    for action in actions if isinstance(actions, list) else [actions]:
        kind, value = action if isinstance(action, tuple) else (action, None)
        if kind == "reply":
            return (value if isinstance(value, str) else value.decode()).startswith("2")
        if kind is not None and kind != "delay":
            return False
    return True


class Message:
    """A message that the sink was given to the final dot. `data` is without stuffing, `raw` as on the wire without the final
    dot line; `accepted` tells whether the sink answered 250."""

    def __init__(self, sender, recipients, raw):
        self.sender, self.recipients, self.raw = sender, list(recipients), raw
        self.accepted = False

    @property
    def data(self):
        text = self.raw[1:] if self.raw.startswith(b".") else self.raw
        return text.replace(b"\r\n.", b"\r\n")

    def __repr__(self):
        return f"Message({self.sender!r}, {self.recipients!r}, {self.raw[:60]!r}...)"


class _Session(threading.Thread):
    def __init__(self, sink, connection, peer, number):
        super().__init__(daemon=True)
        self.sink, self.socket, self.peer, self.number = sink, connection, peer, number
        self.commands, self.messages = [], []
        self.body_bytes = 0        # octets read behind DATA, also of a message that never ended
        self.is_over = False
        self.had_rst = False
        self._buffer = b""
        self._sender, self._recipients = None, []

    # ------------------------------------------------------------------------------------------------ octets
    def _read(self):
        data = self.socket.recv(self.sink.read_size)
        if not data:
            raise _End
        self._buffer += data

    def send(self, data):
        self.socket.sendall(data)

    def _line(self):
        while b"\n" not in self._buffer:
            self._read()
            if len(self._buffer) > 1 << 20:
                raise _End
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line

    # ----------------------------------------------------------------------------------------------- actions
    def _act(self, stage, argument, ordinary):
        """Plays the script of a stage; returns the code that the peer was told (0: none)."""
        actions = self.sink.script.get(stage)
        if callable(actions):
            actions = actions(self, argument)
        if actions is None:
            actions = []
        elif not isinstance(actions, list):
            actions = [actions]
        told = None
        for action in actions:
            kind, value = (action, None) if isinstance(action, str) else action
            if kind == "delay":
                if self.sink.ending.wait(value):
                    raise _End
            elif kind == "reply":
                text = value.encode() if isinstance(value, str) else value
                told = int(text[:3]) if text[:3].isdigit() else 0
                self.send(text + b"\r\n")
            elif kind == "raw":
                told = 0
                self.send(value)
            elif kind == "ignore":
                told = 0
            elif kind == "close":
                raise _End
            elif kind == "rst":
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise _End
            elif kind == "hang":
                self._hang()
            elif kind == "exit":
                self.sink.exit()
                raise _End
            else:
                raise ValueError(f"unknown action {action!r}")
        if told is None:
            if ordinary:
                self.send(ordinary + b"\r\n")
                told = int(ordinary[:3])
            else:
                told = 0
        return told

    def _hang(self):
        poll = select.poll()
        poll.register(self.socket, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        while not self.sink.ending.is_set():
            if poll.poll(50):
                break
        raise _End

    # ---------------------------------------------------------------------------------------------- dialogue
    def run(self):
        try:
            self._act("CONNECT", b"", b"")
            self._act("BANNER", b"", self.sink.greeting.encode())
            while True:
                self._command(self._line())
        except _End:
            pass
        except ConnectionError:
            self.had_rst = True
        except OSError:
            pass
        finally:
            self.socket.close()
            self.is_over = True
            self.sink._changed()

    def _command(self, line):
        line = line.removesuffix(b"\r")
        verb = line.split(b" ", 1)[0].split(b":", 1)[0].upper()
        stage = verb.decode() if verb in _STAGES else "OTHER"
        self.commands.append(line)
        self.sink._changed()
        if stage == "EHLO":
            texts = [f"{self.sink.name} greets you", *self.sink.capabilities]
            self._act(stage, line, b"\r\n".join(
                f"250{' ' if i == len(texts) - 1 else '-'}{text}".encode() for i, text in enumerate(texts)))
        elif stage == "DATA":
            self._data(line)
        elif stage == "QUIT":
            self._act(stage, line, b"221 2.0.0 Bye")
            raise _End
        else:
            code = self._act(stage, line, b"500 5.5.1 What?" if stage == "OTHER" else b"250 2.0.0 Ok")
            if stage == "MAIL" and code // 100 == 2:
                self._sender, self._recipients = line, []
            elif stage == "RCPT" and code // 100 == 2:
                self._recipients.append(line)
            elif stage in ("RSET", "EHLO", "HELO"):
                self._sender, self._recipients = None, []

    def _data(self, line):
        ordinary = b"354 Go on" if self._recipients else b"554 5.5.1 No valid recipients"
        if self._act("DATA", line, ordinary) != 354:
            return
        self._act("BODY", b"", b"")
        pattern = _ENDS[self.sink.data_end]
        begin = 0
        self._buffer = bytearray(self._buffer)  # grows in place
        self.body_bytes += len(self._buffer)
        while not (match := pattern.search(self._buffer, max(0, begin - 5))):
            begin = len(self._buffer)
            self._read()
            self.body_bytes += len(self._buffer) - begin
        self._buffer = bytes(self._buffer)
        end = match.start() if self._buffer[match.start():match.start() + 1] == b"." else self._buffer.index(b".", match.start())
        message = Message(self._sender, self._recipients, self._buffer[:end])
        self._buffer = self._buffer[match.end():]
        self.messages.append(message)
        self._sender, self._recipients = None, []
        ordinary = b"250 2.0.0 Ok: queued as %d-%d" % (self.number, len(self.messages))
        # Before the reply leaves, for a test may look as soon as it has it, and the script may end the connection behind it.
        message.accepted = _takes(self.sink.script.get("DOT"))
        message.accepted = self._act("DOT", b"", ordinary) // 100 == 2
        self.sink._changed()


class ScriptedSink:
    """Context manager; see the top of the file. `small_window`: a tiny receive buffer, for the zero-window tests.
    `listening=False`: the port is taken but refuses every call until listen()."""

    def __init__(self, script=None, *, capabilities=DEFAULT_CAPABILITIES, greeting=None, address="127.0.0.1",
                 name="sink.example.net", data_end="strict", small_window=False, listening=True, port=0,
                 read_size=262144):
        self.script = dict(script or {})
        self.capabilities, self.name, self.data_end, self.read_size = list(capabilities), name, data_end, read_size
        self.greeting = greeting or f"220 {name} ESMTP"
        self.sessions = []
        self.ending = threading.Event()
        self._condition = threading.Condition()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if small_window:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind((address, port))
        self.address, self.port = self._listener.getsockname()[:2]
        self._thread = None
        if listening:
            self.listen()

    @property
    def endpoint(self):
        return self.address, self.port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.exit()
        for session in list(self.sessions):
            session.join(5)

    def listen(self):
        self._listener.listen(1024)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def exit(self):
        """Closes the listening socket and every connection."""
        self.ending.set()
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for session in list(self.sessions):
            try:
                session.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while not self.ending.is_set():
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = _Session(self, connection, peer, len(self.sessions) + 1)
            with self._condition:
                self.sessions.append(session)
                self._condition.notify_all()
            session.start()

    def _changed(self):
        with self._condition:
            self._condition.notify_all()

    def wait_for(self, predicate, timeout=10.0):
        """Waits until predicate(self) is true; AssertionError when it does not become so."""
        with self._condition:
            if not self._condition.wait_for(lambda: predicate(self), timeout):
                raise AssertionError(f"the sink waited {timeout} s in vain; commands: {self.commands[-20:]}")

    def wait_until_idle(self, timeout=10.0):
        """Waits until every connection is over."""
        self.wait_for(lambda sink: all(session.is_over for session in sink.sessions), timeout)

    @property
    def connections(self):
        return len(self.sessions)

    @property
    def commands(self):
        """All command lines of all sessions."""
        return [line for session in list(self.sessions) for line in list(session.commands)]

    def recipients(self):
        """The RCPT lines received, accepted or not."""
        return [line for line in self.commands if line.upper().startswith(b"RCPT")]

    @property
    def messages(self):
        return [message for session in list(self.sessions) for message in list(session.messages)]

    @property
    def accepted(self):
        return [message for message in self.messages if message.accepted]

    def forget(self):
        """Forgets the sessions that are over."""
        with self._condition:
            self.sessions = [session for session in self.sessions if not session.is_over]
