"""The invariants I1 to I9: what must hold after every fault. Each check returns a list of `I<n>: what`; empty is good."""

import collections
import contextlib
import os
import pathlib
import re
import time

from control_client import Control, open_sessions
from gateway import wait_until
from log_test import Log


def explained_by_nothing(_):
    return False


def check_ledgers(tries, taken, *, budget=5.0, relay=(), domains=("local.example.org", "other.example.org"),
                  explains=explained_by_nothing):
    """I1 to I5 from the two ledgers. `explains(Try)`: whether the configuration, or the sink's own reply, explains its 5xx."""
    broken = []
    by_token, sent = collections.defaultdict(list), collections.defaultdict(list)
    for record in taken:
        by_token[record.token].append(record)
    for entry in tries:
        sent[entry.token].append(entry)
    for entry in tries:
        name = f"{entry.token} ({entry.client}, {entry.stage} {entry.code})"
        if entry.took:
            same = [one for one in by_token[entry.token] if one.code // 100 == 2]
            if not same:
                broken.append(f"I1: {name}: 250 without a record of the sink")
            elif not any(one.hash == entry.hash for one in same):
                broken.append(f"I1: {name}: not what was sent")
            elif not any(sorted(one.recipients) == sorted(entry.recipients) for one in same):
                broken.append(f"I1: {name}: for {same[0].recipients}, not {entry.recipients}")
        if entry.code // 100 == 5 and not explains(entry):
            broken.append(f"I3: {name}: {entry.text}")
        if entry.code < 0 or entry.seconds > budget:
            broken.append(f"I5: {name}: {entry.seconds:.1f} s, {budget} s allowed")
    for token, records in by_token.items():
        took = [record for record in records if record.code // 100 == 2]
        seen = sent.get(token)
        if not seen:
            broken.append(f"I1: {token!r} came out of nowhere")
            continue
        # Each accepted copy needs a try of its own, and none may follow a try that was told 250.
        if len(took) > 1 and (len(took) > len(seen) or any(entry.took for entry in seen[:-1])):
            broken.append(f"I2: {token}: {len(took)} times in the sink after {len(seen)} tries")
        for record in records:
            if record.envelope_token != token:
                broken.append(f"I1: {token} came in the envelope of {record.envelope_token!r}")
            foreign = [one for one in record.recipients if one.rsplit("@", 1)[-1].lower() not in domains]
            if foreign and seen[0].client not in relay:
                broken.append(f"I4: {token}: relayed to {foreign} for {seen[0].client}")
    return broken


def is_healthy(gateway):
    """As master says."""
    with Control(gateway.folder / "run" / "master.sock") as control:
        return control.status()[1]


class Baseline:
    """What the gateway is like at rest: processes, their descriptors and memory, by name."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.processes = self._processes()
        quiet = 0
        while quiet < 3:  # our own calls for the status are over
            time.sleep(0.04)
            now = self._processes()
            is_same = all([fds for fds, _ in now[name]] == [fds for fds, _ in facts] for name, facts in self.processes.items())
            quiet, self.processes = quiet + 1 if is_same else 0, now
        self.kinds = {name: self._kinds(name) for name in self.processes}

    def _processes(self):
        """name -> sorted [(descriptors, RSS in KiB)]"""
        found = {"caronted": [self._facts(self.gateway.pid)]}
        for name in ("smtpd-proxy", "policyd", "dnsd", "logd"):
            found[name] = sorted(self._facts(pid) for pid in self.gateway.workers(name))
        return found

    def _facts(self, pid):
        return self.gateway.descriptors(pid), self.gateway.rss_kib(pid)

    def _kinds(self, name):
        """What the descriptors of the processes of this name are, counted."""
        found = collections.Counter()
        for pid in [self.gateway.pid] if name == "caronted" else self.gateway.workers(name):
            for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    found[re.sub(r"\d+", "", os.readlink(link))] += 1
        return found

    def difference(self, memory=True):
        try:
            now = self._processes()
        except (OSError, AssertionError) as error:
            return [f"I7: {error!r}"]
        broken = []
        for name, before in self.processes.items():
            if len(now[name]) != len(before):
                broken.append(f"I7: {len(now[name])} {name}, not {len(before)}")
            elif [fds for fds, _ in now[name]] != [fds for fds, _ in before]:
                more, less = self._kinds(name) - self.kinds[name], self.kinds[name] - self._kinds(name)
                broken.append(f"I7: descriptors of {name}: {[f for f, _ in now[name]]}, not {[f for f, _ in before]}: "
                              f"more {dict(more)}, less {dict(less)}")
            # A heap that has been used once does not shrink to the page: 5 % and 1 MiB.
            elif memory and before and max(r for _, r in now[name]) > max(r for _, r in before) * 1.05 + 1024:
                broken.append(f"I7: memory of {name}: {now[name]}, not {before}")
        try:
            if not is_healthy(self.gateway):
                broken.append("I7: status is not healthy")
            if sessions := open_sessions(self.gateway):
                broken.append(f"I7: {sessions} sessions still open")
        except (OSError, EOFError) as error:
            broken.append(f"I7: no status: {error!r}")
        return broken

    def check(self, timeout=10.0, memory=True):
        """I7, as soon as it holds."""
        try:
            wait_until(lambda: not self.difference(memory), timeout, pause=0.1)
        except AssertionError:
            time.sleep(0.3)  # our last call for the status is over
            return self.difference(memory)
        return []


def check_log(gateway, tries, *, killed=0, folder=None):
    """I8: no number of the log is missing unreported or comes twice, and every 250 is recorded, or lost and counted. `killed`:
    how many messages may have died with a killed smtpd-proxy before they were recorded. `folder`: of the log, when it is elsewhere."""
    log = Log(folder or gateway.folder / "log")
    tokens = [entry.token for entry in tries if entry.took]

    def missing():
        recorded = set(re.findall(rb'sender="([^"@]+)@', b"".join(log.texts().values())))
        lost = log.account()[1]
        gone = [token for token in tokens if token.encode() not in recorded]
        return gone if len(gone) > lost + killed else []
    try:
        wait_until(lambda: not missing(), 5, pause=0.2)
        return []
    except AssertionError as error:
        gone = missing() if "not within" in str(error) else []
        return [f"I8: {len(gone)} messages are not recorded: {gone[:3]}" if gone else f"I8: {error}"]


def check_idle(gateway, seconds=1.0):
    """I9: nobody spins."""
    pids = [gateway.pid, *gateway.workers()]
    before = {pid: gateway.cpu_seconds(pid) for pid in pids}
    begun = time.monotonic()
    time.sleep(seconds)
    broken = []
    for pid in pids:
        try:
            used = (gateway.cpu_seconds(pid) - before[pid]) / (time.monotonic() - begun)
        except OSError:
            continue
        if used > 0.2:
            broken.append(f"I9: process {pid} uses {used:.0%} of a processor at rest")
    return broken
