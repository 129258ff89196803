"""A real Postfix as destination: its own configuration, queue, data folder and ports; runs beside any other Postfix."""

import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log/postfix.log
maillog_file_prefixes = {folder}/log
myhostname = destination.example.org
mydestination =
mynetworks = {networks}
inet_interfaces = {address}, ::1
inet_protocols = all
smtpd_banner = $myhostname ESMTP Postfix
smtpd_relay_restrictions = {relay}
smtpd_recipient_restrictions =
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtputf8_enable = yes
strict_rfc821_envelopes = yes
message_size_limit = {message_size}
virtual_mailbox_limit = 0
virtual_mailbox_base = {folder}/mail
virtual_mailbox_domains = {domains}
virtual_mailbox_maps = texthash:{folder}/users
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_transport = virtual
transport_maps = inline:{{ {{load.example.org = discard:}} }}
relay_domains = load.example.org
relay_recipient_maps =
default_transport = discard:
default_process_limit = 100
debug_peer_list =
alias_maps =
local_header_rewrite_clients =
local_recipient_maps =
{extra}
"""

_MASTER = """\
{address}:{port} inet n - n - {limit} smtpd
[::1]:{port} inet n - n - {limit} smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def is_available():
    return os.geteuid() == 0 and shutil.which("postfix", path="/usr/sbin:/usr/bin") is not None


def _free_port(address):
    """A port below the ephemeral range, free on `address` and ::1."""
    for _ in range(200):
        port = random.randrange(12000, 30000)
        try:
            for family, host in ((socket.AF_INET, address), (socket.AF_INET6, "::1")):
                with socket.socket(family, socket.SOCK_STREAM) as probe:
                    probe.bind((host, port))
            return port
        except OSError:
            continue
    raise RuntimeError("no free port")


class Postfix:
    """Context manager. `users`: local parts known in each of `domains`; mail for load.example.org is taken and thrown away,
    and so is foreign mail when relaying is allowed (`open_relay`, as a destination that trusts its gateway blindly: BA-6)."""

    def __init__(self, users=("user", "postmaster"), domains=("local.example.org", "other.example.org"), *, address="127.0.0.1",
                 open_relay=True, message_size=200_000_000, process_limit=100, extra=""):
        self.address, self.domains, self.users = address, list(domains), list(users)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="caronte-postfix."))
        self._process = None
        try:
            self._start(open_relay, message_size, process_limit, extra)
        except BaseException:
            self.stop()
            raise

    def _start(self, open_relay, message_size, process_limit, extra):
        self.folder.chmod(0o755)
        for name in ("queue", "data", "log", "mail", "etc"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix", "postfix")
        (self.folder / "mail").chmod(0o777)
        self.users_lines = [f"{user}@{domain} {domain}/{user}/" for domain in self.domains for user in self.users]
        (self.folder / "users").write_text("\n".join(self.users_lines) + "\n")
        for domain in self.domains:
            (self.folder / "mail" / domain).mkdir()
            shutil.chown(self.folder / "mail" / domain, "nobody", "nogroup")
        self.port = _free_port(self.address)
        (self.folder / "etc" / "main.cf").write_text(_MAIN.format(
            folder=self.folder, address=self.address, message_size=message_size, domains=", ".join(self.domains),
            networks="127.0.0.0/8 [::1]/128" if open_relay else "", extra=extra, uid=65534, gid=65534,
            relay="permit_mynetworks, reject_unauth_destination"))
        (self.folder / "etc" / "master.cf").write_text(
            _MASTER.format(address=self.address, port=self.port, limit=process_limit))
        # start-fg prepares the queue, starts Postfix's master and waits for its end.
        self._process = subprocess.Popen(["/usr/sbin/postfix", "-c", str(self.folder / "etc"), "start-fg"],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=(self.folder / "stderr").open("wb"))
        deadline = time.monotonic() + 30
        while True:
            try:
                for host in (self.address, "::1"):
                    with socket.create_connection((host, self.port), 5) as connection:
                        if not connection.recv(4).startswith(b"220"):
                            raise RuntimeError("Postfix does not greet: " + self.log())
                        connection.sendall(b"QUIT\r\n")
                return
            except ConnectionError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("Postfix does not start: " + self.log()) from None
                time.sleep(0.05)

    @property
    def endpoint(self):
        return self.address, self.port

    @property
    def endpoint6(self):
        return "::1", self.port

    def log(self):
        texts = [(self.folder / "stderr").read_text(errors="replace")]
        path = self.folder / "log" / "postfix.log"
        return "".join(texts + [path.read_text(errors="replace")] if path.exists() else texts)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _master(self):
        try:
            return int((self.folder / "queue" / "pid" / "master.pid").read_text())
        except (OSError, ValueError):
            return None

    def stop(self):
        if self._process and self._process.poll() is None:
            master = self._master()  # a child of the script that we started; ends its own children
            if master:
                os.kill(master, signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                for pid in filter(None, (master, self._process.pid)):
                    os.kill(pid, signal.SIGKILL)
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def mailbox(self, address):
        """The messages delivered to an address, as stored (LF line ends, Postfix's own header lines in front)."""
        user, domain = address.split("@")
        return [path.read_bytes() for path in sorted((self.folder / "mail" / domain / user / "new").glob("*"))]

    def wait_for_mail(self, address, count=1, timeout=30.0):
        """Waits until `count` messages are in the mailbox and returns them, as split by split_stored()."""
        deadline = time.monotonic() + timeout
        while len(mail := self.mailbox(address)) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(mail)} of {count} messages for {address}; Postfix says:\n{self.log()[-3000:]}")
            time.sleep(0.05)
        return [split_stored(message) for message in mail]

    def wait_until_logged(self, pattern, count=1, timeout=30.0):
        """Waits until a regular expression matches `count` times in the log."""
        deadline = time.monotonic() + timeout
        while (found := len(re.findall(pattern, self.log()))) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{pattern!r}: {found} of {count} in Postfix's log:\n{self.log()[-3000:]}")
            time.sleep(0.1)
        return found


def split_stored(message):
    """(gateway's Received: field, the rest with CRLF line ends) of a stored message: Postfix's own fields are dropped, up to
    its Received: field. AssertionError when the gateway's field does not follow."""
    fields = re.split(rb"\n(?![ \t])", message)
    index = 0
    while not fields[index].startswith(b"Received:"):
        index += 1
    assert b"by destination.example.org" in fields[index], fields[index]
    trace = fields[index + 1]
    assert trace.startswith(b"Received:"), f"no trace header of the gateway: {fields[:index + 2]!r}"
    return trace, b"\n".join(fields[index + 2:]).replace(b"\n", b"\r\n")
