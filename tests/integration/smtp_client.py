"""A raw SMTP client: sends exactly the octets that a test wants and reads replies strictly (RFC 5321 section 4.2)."""

import re
import select
import socket
import struct
import time
from typing import NamedTuple

_LINE = re.compile(rb"([2-5][0-9][0-9])([- ])?([^\r\n\0]*)\r\n")


class Reply(NamedTuple):
    """One reply. `lines` are the texts behind the code, `raw` the octets as received."""
    code: int
    lines: list
    raw: bytes

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def first(self):
        """The first line with its code, as in `550 5.1.1 Unknown`."""
        return f"{self.code} {self.lines[0]}" if self.lines[0] else str(self.code)

    def __str__(self):
        return self.raw.decode("utf-8", "backslashreplace").rstrip("\r\n")


class Unexpected(AssertionError):
    """The server answered otherwise than expected; `reply` is what it said (None: it closed or was silent)."""

    def __init__(self, message, reply=None):
        super().__init__(message)
        self.reply = reply


class Smtp:
    """One connection. `source`: local address to call from (IPv4: any of 127.0.0.0/8). All waiting is bounded by `timeout`
    seconds. `prefix` is sent at once, before the greeting is read (a PROXY header). `greeting`: code to expect, None: do not
    read it."""

    def __init__(self, address, port, source=None, timeout=10.0, greeting=220, prefix=b"", receive_buffer=None):
        self.timeout = timeout
        self._buffer = b""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self.socket.settimeout(timeout)
            if receive_buffer:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if source:
                self.socket.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: the port is chosen a connection
                self.socket.bind((source, 0))
            self.socket.connect((address, port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if prefix:
                self.socket.sendall(prefix)
            self.greeting = self.expect(greeting) if greeting is not None else None
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    # ------------------------------------------------------------------------------------------------------- sending
    def send(self, data):
        """Exactly these octets; text is sent as UTF-8."""
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def line(self, text):
        self.send((text.encode() if isinstance(text, str) else text) + b"\r\n")

    # ----------------------------------------------------------------------------------------------------- receiving
    def _fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no reply within {self.timeout} s; read so far: {self._buffer[:200]!r}")
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(262144)
        finally:
            self.socket.settimeout(self.timeout)
        self._buffer += data
        return data

    def reply(self, timeout=None):
        """The next reply; EOFError when the server has closed, TimeoutError when it is silent."""
        deadline = time.monotonic() + (timeout or self.timeout)
        start, lines, code = 0, [], None
        while True:
            end = self._buffer.find(b"\r\n", start)
            if end < 0:
                if not self._fill(deadline):
                    raise EOFError(f"connection closed; read so far: {self._buffer[:200]!r}")
                continue
            match = _LINE.fullmatch(self._buffer, start, end + 2)
            if not match or (code is not None and match[1] != code):
                raise Unexpected(f"malformed reply: {self._buffer[:200]!r}")
            code, start = match[1], end + 2
            lines.append(match[3].decode("utf-8", "backslashreplace"))
            if match[2] != b"-":
                break
        raw, self._buffer = self._buffer[:start], self._buffer[start:]
        return Reply(int(code), lines, raw)

    def expect(self, *codes, timeout=None):
        """Reads one reply and demands one of these codes (250, or 5 for any 5xx) or first-line prefixes ("550 5.7.1")."""
        try:
            reply = self.reply(timeout)
        except (EOFError, ConnectionError) as error:
            raise Unexpected(f"expected {codes}, but the connection ended: {error!r}") from None
        except TimeoutError as error:
            raise Unexpected(f"expected {codes}, but: {error}") from None
        for code in codes:
            if isinstance(code, str):
                if f"{reply.code} {reply.lines[0]}".startswith(code):
                    return reply
            elif code in (reply.code, reply.code // 100):
                return reply
        raise Unexpected(f"expected {codes}, got: {reply}", reply)

    def command(self, line, *codes, timeout=None):
        """Sends a line and expects a reply; without codes any reply is taken."""
        self.line(line)
        return self.expect(*codes, timeout=timeout) if codes else self.reply(timeout)

    def expect_eof(self, timeout=None):
        """The server closes in order (FIN) and has sent nothing more."""
        deadline = time.monotonic() + (timeout or self.timeout)
        try:
            while self._fill(deadline):
                pass
        except TimeoutError:
            raise Unexpected(f"expected the end of the connection, it is open; unread: {self._buffer[:200]!r}") from None
        if self._buffer:
            raise Unexpected(f"expected the end of the connection, got {self._buffer[:200]!r}")

    def drain(self, timeout=None):
        """Reads until the server closes (in order or by RST), in bounded time; returns what came."""
        deadline = time.monotonic() + (timeout or self.timeout)
        try:
            while self._fill(deadline):
                pass
        except ConnectionError:
            pass
        data, self._buffer = self._buffer, b""
        return data

    def is_silent(self, seconds):
        """Nothing arrives for so long (neither octets nor the end). For proving an absence only."""
        return not self._buffer and not select.select([self.socket], [], [], seconds)[0]

    # ------------------------------------------------------------------------------------------------------- dialogue
    def hello(self, name="client.example.com"):
        """EHLO; returns the keywords offered, as a dict keyword -> parameters."""
        reply = self.command(f"EHLO {name}", 250)
        return {line.split()[0].upper(): line.split()[1:] for line in reply.lines[1:]}

    def envelope(self, sender="sender@example.com", recipients=("user@local.example.org",)):
        self.command(f"MAIL FROM:<{sender}>", 250)
        for recipient in recipients:
            self.command(f"RCPT TO:<{recipient}>", 250)

    def data(self, message, *codes):
        """DATA, the message (with CRLF line ends; dots are stuffed here) and the final dot; returns the reply to the dot."""
        self.command("DATA", 354)
        self.send(stuffed(message) + b".\r\n")
        return self.expect(*(codes or (250,)))

    def deliver(self, message=b"Subject: test\r\n\r\nhello\r\n", sender="sender@example.com",
                recipients=("user@local.example.org",)):
        """A whole transaction; returns the reply to the dot."""
        self.envelope(sender, recipients)
        return self.data(message)

    def quit(self):
        self.command("QUIT", 221)
        self.expect_eof()
        self.close()


def stuffed(message):
    """Dot-stuffing (RFC 5321 section 4.5.2); a missing last line end is added."""
    if message and not message.endswith(b"\r\n"):
        message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..")
