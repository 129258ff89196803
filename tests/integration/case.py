"""What the SMTP tests share: a TestCase that ends its gateways and sinks, and helpers to run things side by side."""

import threading
import unittest

from gateway import Gateway, ScriptedSink, wait_until

LOCAL = "user@local.example.org"
FOREIGN = "victim@foreign.example.net"
STRANGER = "127.0.1.5"
RELAY = "127.0.9.1"


class Case(unittest.TestCase):
    """sink() and gateway() last until the test ends."""

    def sink(self, script=None, **options):
        return self.enterContext(ScriptedSink(script, **options))

    def gateway(self, servers, **options):
        return self.enterContext(Gateway(servers, **options))

    def client(self, gateway, **options):
        options.setdefault("source", None if options.get("ipv6") else STRANGER)
        client = self.enterContext(gateway.client(**options))
        return client

    def ready(self, gateway, hello=True, **options):
        """A client that has said EHLO."""
        client = self.client(gateway, **options)
        client.hello()
        return client


def wait_for_offer(gateway, *keywords, timeout=10.0, listen=None):
    """Waits until EHLO offers all these keywords, that is until the destination has been probed; returns the whole offer."""
    def offer():
        with gateway.client(source=STRANGER, listen=listen) as client:
            offered = client.hello()
            client.quit()
        return offered if all(keyword in offered for keyword in keywords) else None
    return wait_until(offer, timeout, f"EHLO with {keywords}", pause=0.1)


def together(*calls, timeout=60.0):
    """Runs the calls side by side and raises the first error: for tests that must let time pass."""
    errors, threads = [], []

    def run(call):
        try:
            call()
        except BaseException as error:  # handed to the test's own thread
            errors.append(error)

    for call in calls:
        threads.append(threading.Thread(target=run, args=(call,), daemon=True))
        threads[-1].start()
    for thread in threads:
        thread.join(timeout)
        if thread.is_alive():
            errors.append(AssertionError(f"not done within {timeout} s"))
    if errors:
        raise errors[0]


def peek(session, seconds=0.15):
    """Sink side: the octets that the gateway has sent ahead of the reply that we still owe it (within `seconds`)."""
    import select
    import socket
    ahead = session._buffer
    if select.select([session.socket], [], [], seconds)[0]:
        ahead += session.socket.recv(65536, socket.MSG_PEEK)
    return ahead
