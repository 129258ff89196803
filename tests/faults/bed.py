"""What every fault lies in: a gateway, a sink with its ledger, a source with its own, and the good sender that notices how long
the others suffer."""

import contextlib
import pathlib
import tempfile
import threading
import time
from typing import NamedTuple

import checker
import ledger
from gateway import Gateway
from relay import BadWire

GOOD = "127.0.1.9"
SHORT = {"connect-timeout": "1s", "reply-timeout": "1s", "data-timeout": "1s", "end-timeout": "1s"}


class Line(NamedTuple):
    """What is printed of one fault. `broken`: empty means ok."""
    number: str
    what: str
    broken: list
    note: str = ""


class Bed:
    """Context manager. `wire`: options of a BadWire between gateway and sink (None: no wire). Other options are the Gateway's."""

    def __init__(self, *, budget=5.0, sink_options=None, wire=None, **options):
        self._stack = contextlib.ExitStack()
        try:
            self.folder = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="caronte-fault.")))
            self.path = self.folder / "sink"
            self._sink_options = sink_options or {}
            self.sink = None
            self.new_sink()
            options.setdefault("destination", SHORT)
            options.setdefault("expects_deaths", True)
            self._stack.callback(lambda: self.sink.__exit__())
            servers = options.pop("servers", None)
            if wire is not None:
                self.wire = self._stack.enter_context(BadWire(self.sink.endpoint, **wire))
            self.gateway = self._stack.enter_context(Gateway(servers or (self.sink if wire is None else self.wire.endpoint), **options))
            self.relay = tuple(options.get("relay") or ())
            self.source = ledger.Source(self.gateway, budget)
            self.budget = budget
            for number in range(8 if servers is None else 0):  # every process has served, and probed the destination
                self.source.deliver(client=f"127.0.1.{100 + number}")
            self.settle()
            if "dns" in options:
                self._wait_for_questions()
            self.baseline = checker.Baseline(self.gateway)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)

    def new_sink(self):
        """Starts the sink, or starts it again on its old port."""
        port = 0
        if self.sink:
            port = self.sink.port
            self.sink.__exit__()
        self.sink = ledger.LedgerSink(self.path, port=port, **self._sink_options)
        return self.sink

    def settle(self, timeout=20.0):
        """Every worker is ready and no session is open."""
        def is_quiet():
            return checker.is_healthy(self.gateway) and not checker.open_sessions(self.gateway)
        checker.wait_until(is_quiet, timeout, "every worker ready, no session open", 0.05)

    def _wait_for_questions(self, quiet=2.0, timeout=20.0):
        """Until dnsd has given up all its questions: each holds a socket."""
        pid = self.gateway.worker("dnsd")
        begun = since = time.monotonic()
        known = self.gateway.descriptors(pid)
        while time.monotonic() - since < quiet and time.monotonic() - begun < timeout:
            time.sleep(0.1)
            if (now := self.gateway.descriptors(pid)) != known:
                known, since = now, time.monotonic()

    def recovery(self, limit, *, tries=200):
        """I6: seconds until the good sender is served again; with what is broken when that takes longer than `limit`."""
        begun = time.monotonic()
        entry = None
        for _ in range(tries):
            entry = self.source.deliver(client=GOOD, budget=max(limit, 5.0))
            if entry.took:
                break
            if time.monotonic() - begun > limit + 10:
                break
            time.sleep(0.01)
        taken = time.monotonic() - begun
        if not entry.took:
            return taken, [f"I6: the good sender is not served: {entry.stage} {entry.code} {entry.text}"]
        return taken, [f"I6: recovery took {taken:.2f} s, {limit} s allowed"] if taken > limit else []

    def check_ledgers(self, **options):
        options.setdefault("budget", self.budget)
        options.setdefault("relay", self.relay)
        return checker.check_ledgers(list(self.source.tries), ledger.read(self.path), **options)

    def check(self, *, killed=0, memory=True, idle=True, refused=0, log=None, **options):
        """All invariants, once the fault is over; I6 is recovery()."""
        broken = self.check_ledgers(**options)
        if self.source.refused > refused:
            broken.append(f"I6: {self.source.refused} calls refused")
        broken += self.baseline.check(memory=memory)
        broken += checker.check_log(self.gateway, self.source.tries, killed=killed, folder=log)
        return broken + (checker.check_idle(self.gateway) if idle else [])


class Load:
    """Good senders side by side for as long as the context lasts; each message is in the ledgers."""

    def __init__(self, bed, threads=3, pause=0.02, size=0):
        self.bed, self.pause, self.size = bed, pause, size
        self.entries = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(f"127.0.2.{number + 1}",), daemon=True) for number in range(threads)]

    def _run(self, client):
        while not self._over.is_set():
            self.entries.append(self.bed.source.deliver(client=client, size=self.size))
            self._over.wait(self.pause)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    @property
    def served(self):
        return sum(entry.took for entry in self.entries)
