"""What the kernel does not grant: local ports (part A), processes, processor time, a system call (part D)."""

import re
import threading
import time

import checker
from bed import Bed, Line, Load
from confines import Cgroup, few_local_ports, own_network
from gateway import wait_until
from name_server import NameServer
from odd_programs import OddPrograms
from process_faults import kill

PORTS = (40000, 40010)
SENDERS = 50


def ports_exhausted():
    """F14: more sessions at once than there are local ports towards the destination."""
    with own_network(), Bed(budget=10.0) as bed:
        broken, ended, holding = [], [], []
        go_on = threading.Event()

        def send(client):
            def hold(stage):
                if stage == "DATA":  # its connection to the destination stands
                    holding.append(client)
                    go_on.wait(30)
            ended.append(bed.source.deliver(client=client, at=hold))
        with few_local_ports(*PORTS):
            senders = [threading.Thread(target=send, args=(f"127.0.3.{number + 1}",)) for number in range(SENDERS)]
            for sender in senders:
                sender.start()
            try:
                wait_until(lambda: len(ended) + len(holding) == SENDERS, 20, "an answer to each sender")
            finally:
                refused, held = list(ended), len(holding)
                go_on.set()
                for sender in senders:
                    sender.join()
            if not refused or not held or held > PORTS[1] - PORTS[0] + 1:
                broken.append(f"the fault did not happen: {held} held, {len(refused)} refused")
            broken += [f"{entry.stage}: {entry.text}" for entry in refused if entry.code not in (421, 451)][:3]
            if lost := [entry for entry in ended if not entry.took and entry not in refused]:
                broken.append(f"{len(lost)} that had a connection were not served: {lost[0].stage} {lost[0].text}")
            begun, number = time.monotonic(), 0
            while not bed.source.deliver(client=f"127.0.4.{number % 250 + 1}").took and time.monotonic() - begun < 5:
                number += 1
            taken = time.monotonic() - begun
            if taken > 3:
                broken.append(f"no port was given back within 3 s: {taken:.1f} s")
        late = bed.recovery(1.0)[1]
        deferred = [entry for entry in bed.source.tries if entry.code in (421, 451)]

        def told():
            return [record for record in bed.gateway.records("session") if "Cannot assign requested address" in record.get("cause", "")]
        try:
            wait_until(lambda: len(told()) >= len(deferred), 5)
        except AssertionError:
            broken.append(f"{len(deferred)} sessions were deferred, the log tells the cause of {len(told())}")
        if bed.gateway.deaths():
            broken.append("a worker died")
        yield Line("F14", f"local ports run out, {SENDERS} sessions at {PORTS[1] - PORTS[0] + 1} ports", broken + late + bed.check(),
                   f"{held} served, {len(refused)} told 4xx, then served after {taken * 1000:.0f} ms")


def fork_fails():
    """F45"""
    with Cgroup("pids") as group, Bed() as bed:
        gateway = bed.gateway
        before = gateway.workers("smtpd-proxy")
        group.take([gateway.pid, *gateway.workers()])
        group.allow_processes(1)
        kill(before[:1])
        pattern = r"smtpd-proxy\.\d cannot be started \(fork: [^)]*\); starts again in (\d+) ms"
        with Load(bed) as load:
            wait_until(lambda: "800" in re.findall(pattern, gateway.stderr), 15, "tries to start it")
            served = load.served
            wait_until(lambda: load.served > served + 20, 10, "the other one serves")
            reload = gateway.control("reload")
        delays = [int(delay) for delay in re.findall(pattern, gateway.stderr)]
        broken = [] if delays == [100 << number for number in range(len(delays))] else [f"tried again after {delays} ms"]
        if reload.returncode == 0 or "reload refused: " not in gateway.stderr:
            broken.append(f"a reload without a config-reader: {reload.stdout}{reload.stderr}")
        broken += [f"{entry.stage}: {entry.text}" for entry in load.entries if not entry.took][:3]
        if gateway.workers("smtpd-proxy") != before[1:]:
            broken.append("the fault did not happen: a process was started")
        if checker.is_healthy(gateway):
            broken.append("status is healthy without a smtpd-proxy")
        group.allow_processes("max")
        begun = time.monotonic()
        limit = delays[-1] * 2 / 1000 + 1.0  # it may just have been put off once more
        try:
            wait_until(lambda: len(gateway.workers("smtpd-proxy")) == len(before) and checker.is_healthy(gateway), limit, "a new one")
        except AssertionError as error:
            broken.append(f"I6: {error}")
        taken = time.monotonic() - begun
        gateway.reload()
        yield Line("F45", "no process can be started: the others serve, tried again ever later", broken + bed.check(killed=1, memory=False),
                   f"{load.served} served, tries after {delays} ms, back {taken:.1f} s after the end")


def starved():
    """F52: so little processor time that nothing is quick any more, for longer than a hang is waited for."""
    for milliseconds, period in ((5, 100), (2, 1000)):
        with Cgroup("cpu") as group, Bed(destination={}, budget=60.0) as bed:
            pids = [bed.gateway.pid, *bed.gateway.workers()]
            group.take(pids)
            group.allow_processor(milliseconds, period)
            with Load(bed, threads=4, pause=0) as load:
                time.sleep(25)
            denied = group.starved_seconds()
            group.allow_processor(None, period)
            broken = [f"{entry.stage}: {entry.code} {entry.text}" for entry in load.entries if not entry.took][:3]
            if denied < 10:
                broken.append(f"the fault did not happen: denied for {denied:.1f} s only")
            if [bed.gateway.pid, *bed.gateway.workers()] != pids:
                broken.append("workers were replaced")
            slowest = max((entry.seconds for entry in load.entries), default=0)
            broken += bed.recovery(1.0)[1] + bed.check(memory=False)
            yield Line("F52", f"{milliseconds} ms of processor time in {period} ms, for 25 s: slow but right", broken,
                       f"{load.served} served, longest step {slowest:.1f} s")


def call_denied():
    """F54: a system call that a worker needs is not allowed, as after a change of the C library."""
    names = ("smtpd-proxy", "policyd", "dnsd", "logd")
    with OddPrograms(set(names)) as programs, NameServer() as server, \
            Bed(dns={"servers": f"127.0.0.1@{server.endpoint[1]}"}, arguments=["-l", programs.folder]) as bed:
        for name in names:
            pattern = rf"{name}\.\d \(pid \d+\) killed by seccomp \(SIGSYS\): system call \d+ \(epoll_p?wait\); " \
                      r"starts again (?:at once|in (\d+) ms)"
            programs.behave("deny")
            kill(bed.gateway.workers(name)[:1])
            broken = []
            try:
                wait_until(lambda: "400" in re.findall(pattern, bed.gateway.stderr), 10)
            except AssertionError:
                broken.append(f"master does not name the call: {bed.gateway.stderr[-300:]}")
            programs.behave("")
            bed.settle()
            found = re.findall(pattern, bed.gateway.stderr)
            delays = [int(delay) for delay in found if delay]
            # It says that it is ready and dies of its first wait: the first five deaths are free.
            if delays != [100 << number for number in range(len(delays))] or found.count("") > 5:
                broken.append(f"tried again after {found} ms")
            yield Line("F54", f"{name} may not wait for events: the log names the call", broken + bed.recovery(1.0)[1] + bed.check_ledgers(),
                       f"{found.count('')} tries at once, then after {delays} ms")
        yield Line("F54", "after all denied calls", bed.check(killed=1, memory=False))
