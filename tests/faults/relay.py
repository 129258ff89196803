"""A wire between gateway and sink that can be bad: it delays, cuts what it carries into small pieces, or goes dead without a word."""

import select
import socket
import threading
import time


class BadWire:
    """Context manager; listens on `endpoint` and connects to `target`. `piece`: octets handed on at a time; `delay`: seconds before
    each piece; `is_dead`: nothing is read or handed on, nothing is closed."""

    def __init__(self, target, piece=65536, delay=0.0):
        self.target, self.piece, self.delay, self.is_dead = target, piece, delay, False
        self.carried = 0
        self._is_over = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.endpoint = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._is_over = True
        self._listener.close()

    def _accept(self):
        while not self._is_over:
            try:
                if not select.select([self._listener], [], [], 0.1)[0]:
                    continue
                caller = self._listener.accept()[0]
            except (OSError, ValueError):
                return
            try:
                called = socket.create_connection(self.target, 5)
            except OSError:
                caller.close()
                continue
            ends = [caller, called]
            for end in ends:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            both = threading.Barrier(2, action=lambda ends=ends: [end.close() for end in ends])
            for source, sink in (ends, reversed(ends)):
                threading.Thread(target=self._carry, args=(source, sink, both), daemon=True).start()

    def _carry(self, source, sink, both):
        try:
            while not self._is_over:
                if self.is_dead or not select.select([source], [], [], 0.05)[0]:
                    time.sleep(0.01 if self.is_dead else 0)
                    continue
                data = source.recv(self.piece)
                if not data:
                    break
                if self.delay:
                    time.sleep(self.delay)
                sink.sendall(data)
                self.carried += len(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        both.wait()
