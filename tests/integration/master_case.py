"""What the tests of caronted share: its word, its status, its processes, and a caller who counts."""

import pathlib
import re
import threading

from case import STRANGER
from control_client import Control
from gateway import wait_until

USERS = {"smtpd-proxy": "_caronte-smtp", "policyd": "_caronte-policy", "dnsd": "_caronte-dns", "logd": "_caronte-log"}


def is_alive(pid):
    return pathlib.Path(f"/proc/{pid}").exists() and status(pid)["State"][0] not in "ZX"


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.split(":", 1)[0]: line.split(":", 1)[1].strip() for line in lines}


def wait_for_text(gateway, pattern, timeout=10.0, count=1):
    return wait_until(lambda: len(re.findall(pattern, gateway.stderr)) >= count and gateway.stderr, timeout,
                      f"caronted says {pattern!r}")


def settle(gateway, timeout=20.0):
    """Waits until every worker is ready again."""
    def is_ready():
        with Control(gateway.folder / "run" / "master.sock") as control:
            found, is_healthy = control.status()
        return is_healthy and found
    return wait_until(is_ready, timeout, "every worker ready")


def ask(gateway):
    with Control(gateway.folder / "run" / "master.sock") as control:
        return control.status()


def reload(gateway):
    with Control(gateway.folder / "run" / "master.sock") as control:
        return control.order("ReloadRequest")


def deliver(gateway, source=STRANGER, **options):
    with gateway.client(source=source, **options) as client:
        client.hello()
        client.deliver()


class Caller(threading.Thread):
    """Calls the gateway again and again and counts what becomes of it."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.gateway, self.refused, self.served, self.cut = gateway, 0, 0, 0
        self.is_over = False
        self.start()

    def run(self):
        while not self.is_over:
            try:
                with self.gateway.client(source=STRANGER) as client:
                    client.line("QUIT")
                    client.drain()
                self.served += 1
            except ConnectionRefusedError:
                self.refused += 1
            except (OSError, EOFError, AssertionError):
                self.cut += 1

    def end(self):
        self.is_over = True
        self.join(30)
        return self
