"""A real authoritative name server (nsd) on a loopback port, and a relay of UDP packets in front of it that counts, holds or
swallows them.

    with NameServer() as server, DnsRelay(server.endpoint) as relay:
        Gateway(sink, dns={"servers": relay.text})

Every zone of ZONES is served: 127/8, ::1 and the host names that they lead to.
"""

import os
import pathlib
import random
import select
import shutil
import socket
import subprocess
import tempfile
import threading

from gateway import wait_until

NSD = shutil.which("nsd") or "/usr/sbin/nsd"

HEAD = "$TTL 60\n@ IN SOA ns.names.example. hostmaster.names.example. 1 3600 600 86400 30\n@ IN NS ns.names.example.\n"
ZONES = {
    "names.example": """
ns              IN A    127.0.0.1
verified        IN A    127.0.3.1
two             IN A    127.0.3.3
alias-target    IN A    127.0.3.4
elsewhere       IN A    127.0.3.99
late            IN A    127.0.3.8
six             IN AAAA ::1
""",
    "127.in-addr.arpa": r"""
1.3.0           IN PTR  Verified.Names.EXAMPLE.
2.3.0           IN PTR  elsewhere.names.example.
3.3.0           IN PTR  elsewhere.names.example.
3.3.0           IN PTR  two.names.example.
4.3.0           IN CNAME 4.0/26.3.0
4.0/26.3.0      IN PTR  alias-target.names.example.
5.3.0           IN PTR  evil\"><script>.names.example.
6.3.0           IN PTR  a\013\010b.names.example.
7.3.0           IN PTR  a.broken.names.example.
8.3.0           IN PTR  late.names.example.
9.3.0           IN CNAME 9.3.0
""",
    "ip6.arpa": "1" + ".0" * 31 + " IN PTR six.names.example.\n",
}


def _free_port():
    """A port below those of outgoing connections that is free for UDP and TCP, IPv4 and IPv6: nsd takes all four."""
    for _ in range(200):
        port = random.randrange(12000, 30000)
        try:
            for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    with socket.socket(family, kind) as probe:
                        probe.bind((host, port))
            return port
        except OSError:
            continue
    raise RuntimeError("no free port")


class NameServer:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="caronte-nsd."))
        self.endpoint = "127.0.0.1", _free_port()
        configuration = (f"server:\n  ip-address: 127.0.0.1@{self.endpoint[1]}\n  ip-address: ::1@{self.endpoint[1]}\n  server-count: 1\n  username: \"\"\n  chroot: \"\"\n"
                         f"  zonesdir: \"{self.folder}\"\n  database: \"\"\n  pidfile: \"{self.folder}/pid\"\n"
                         f"  xfrdfile: \"{self.folder}/xfrd\"\n  zonelistfile: \"{self.folder}/zones\"\n  xfrdir: \"{self.folder}\"\n"
                         f"  hide-version: yes\nremote-control:\n  control-enable: no\n")
        for number, (zone, records) in enumerate(ZONES.items()):
            (self.folder / f"zone{number}").write_text(f"$ORIGIN {zone}.\n{HEAD}{records}")
            configuration += f"zone:\n  name: \"{zone}\"\n  zonefile: \"zone{number}\"\n"
        (self.folder / "nsd.conf").write_text(configuration)
        self.log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen([NSD, "-d", "-c", str(self.folder / "nsd.conf")], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        try:
            wait_until(self._answers, what="nsd answers")
        except AssertionError as error:
            text = (self.folder / "log").read_text()
            self.close()
            raise AssertionError(f"{error}: {text}") from None

    def _answers(self):
        question = b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05names\x07example\x00\x00\x06\x00\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.1)
            try:
                client.connect(self.endpoint)
                client.send(question)
                return client.recv(512)[3] & 15 == 0
            except OSError:
                return False

    @property
    def text(self):
        """As in <dns servers="...">."""
        return f"{self.endpoint[0]}@{self.endpoint[1]}"

    @property
    def text6(self):
        return f"::1@{self.endpoint[1]}"

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class DnsRelay:
    """Hands questions on to `target` and answers back; hold() keeps the questions until release(), swallow() drops them.
    `questions`: names asked, in lower case, oldest first."""

    def __init__(self, target):
        self._target = target
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._wake, self._woken = os.pipe()
        self.questions = []
        self._mode, self._held = "pass", []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def text(self):
        return "127.0.0.1@%d" % self._socket.getsockname()[1]

    def hold(self):
        self._mode = "hold"

    def swallow(self):
        self._mode = "swallow"

    def release(self):
        with self._lock:
            self._mode, held, self._held = "pass", self._held, []
        for packet, client in held:
            self._answer(packet, client)

    def asked(self, name):
        return self.questions.count(name)

    def _answer(self, packet, client):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.settimeout(2)
            server.connect(self._target)
            try:
                server.send(packet)
                self._socket.sendto(server.recv(65536), client)
            except OSError:
                pass

    def _run(self):
        while True:
            if self._wake in select.select([self._socket, self._wake], [], [])[0]:
                return
            packet, client = self._socket.recvfrom(65536)
            self.questions.append(self._name(packet))
            with self._lock:
                mode = self._mode
                if mode == "hold":
                    self._held.append((packet, client))
            if mode == "pass":
                self._answer(packet, client)

    @staticmethod
    def _name(packet):
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
            at += 1 + packet[at]
        return ".".join(labels)

    def close(self):
        os.write(self._woken, b"x")
        self._thread.join()
        self._socket.close()
        os.close(self._wake)
        os.close(self._woken)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def reverse(address):
    """"1.3.0.127.in-addr.arpa" """
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"


def free_resolver():
    """A UDP port of 127.0.0.1 on which nobody answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1@%d" % probe.getsockname()[1]
