"""A control socket's other end, message by message: what carontectl does, and what it never would."""

import re
import pathlib
import socket
import struct

_SCHEMA = (pathlib.Path(__file__).resolve().parents[2] / "lib" / "ipc" / "schema.h").read_text()
TYPES = {name: number for number, name in enumerate(re.findall(r"^  ROW\((\w+),", _SCHEMA, re.MULTILINE))}
_NAMES = {number: name for name, number in TYPES.items()}


class _Body:
    def __init__(self, octets):
        self.octets = octets

    def integer(self, form):
        size = struct.calcsize(form)
        value, self.octets = struct.unpack(form, self.octets[:size])[0], self.octets[size:]
        return value

    def text(self):
        size = self.integer("<I")
        value, self.octets = self.octets[:size], self.octets[size:]
        return value.decode()


def message(name, body=b""):
    return struct.pack("<BI", TYPES[name], len(body)) + body


class Control:
    """`path`: one of run/*.sock."""

    def __init__(self, path, timeout=30.0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self._pending = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, name, body=b""):
        self.socket.send(message(name, body))

    def receive(self):
        """(name, body) of the next message; EOFError at the end."""
        if not self._pending:
            frame = self.socket.recv(1 << 17)
            if not frame:
                raise EOFError
            while frame:
                kind, size = struct.unpack("<BI", frame[:5])
                self._pending.append((_NAMES[kind], frame[5:5 + size]))
                frame = frame[5 + size:]
        return self._pending.pop(0)

    def status(self):
        """({section: {subject: {name: value}}}, is_healthy)"""
        self.send("StatusRequest")
        found = {}
        while True:
            name, octets = self.receive()
            body = _Body(octets)
            if name == "StatusEnd":
                return found, bool(body.integer("<B"))
            section, subject, item, value = (body.text() for _ in range(4))
            found.setdefault(section, {}).setdefault(subject, {})[item] = value

    def order(self, name):
        """ReloadRequest, StopRequest: (is_ok, lines)"""
        self.send(name)
        answer, octets = self.receive()
        assert answer == "ControlResult", answer
        body = _Body(octets)
        is_ok = bool(body.integer("<B"))
        return is_ok, [body.text() for _ in range(body.integer("<I"))]


def open_sessions(gateway):
    """As policyd counts them."""
    with Control(gateway.folder / "run" / "policyd.sock") as control:
        return int(control.status()[0]["sessions"]["policyd.0"]["open"])
