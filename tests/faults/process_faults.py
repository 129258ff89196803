"""Part D: processes die, hang, run out of something."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time

import checker
from bed import Bed, Line, Load
from gateway import build_folder, wait_until
from name_server import NameServer

PROXY_RECOVERY, OTHER_RECOVERY, HUNG_RECOVERY = 0.2, 1.0, 20.0  # seconds
CLIENT_STAGES = ("EHLO", "MAIL", "RCPT", "DATA", "BODY", "HALF", "DOT", "ANSWER", "QUIT")


def _dns(names):
    return {"servers": f"127.0.0.1@{names.endpoint[1]}"}


def kill(pids, number=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def replaced(gateway, before, names, limit):
    """Seconds until none of `before` is left and every worker is ready again; with what is broken."""
    begun = time.monotonic()

    def is_back():
        now = [pid for name in names for pid in gateway.workers(name)]
        return not set(now) & set(before) and len(now) == len(before) and checker.is_healthy(gateway)
    try:
        wait_until(is_back, limit + 10, "new workers", 0.01)
    except AssertionError as error:
        return limit + 10, [f"I6: {error}"]
    taken = time.monotonic() - begun
    return taken, [f"I6: {names} back after {taken:.2f} s, {limit} s allowed"] if taken > limit else []


def proxy_killed():
    """F39: all smtpd-proxy at once, at nine stages of a client. Each in a gateway of its own: a second death within a short time is
    slowed down (F44)."""
    for stage in CLIENT_STAGES:
        with Bed() as bed:
            broken, note = _proxy_killed_at(bed, stage)
            yield Line("F39", f"smtpd-proxy killed, all of them, client at {stage}", broken, note)


def _proxy_killed_at(bed, stage):
    def strike():
        kill(bed.gateway.workers("smtpd-proxy"))

    def on_stage(now):
        if now == stage:
            strike()
    if stage == "ANSWER":
        bed.sink.script["DOT"] = lambda session, line: strike() or bed.sink._take(session, line)
    entry = bed.source.deliver(at=on_stage, size=200_000)
    bed.sink.script["DOT"] = bed.sink._take
    taken, broken = bed.recovery(PROXY_RECOVERY)
    if entry.took != (stage == "QUIT"):
        broken.append(f"{entry.stage}: {entry.code} {entry.text}")
    if entry.code // 100 not in (0, 2):
        broken.append(f"{entry.stage}: {entry.text}")
    if stage == "ANSWER":
        again = bed.source.deliver(token=entry.token, size=200_000)
        broken += [] if again.took else [f"second try: {again.text}"]
    bed.settle()
    return broken + bed.check(idle=False, killed=1, memory=False), f"recovery {taken * 1000:.0f} ms"


def proxy_killed_under_load():
    with Bed() as bed:
        with Load(bed) as load:
            for _ in range(6):
                before = bed.gateway.workers("smtpd-proxy")
                os.kill(before[0], signal.SIGKILL)
                wait_until(lambda: len(set(bed.gateway.workers("smtpd-proxy")) - set(before)) == 1, 10, "a new smtpd-proxy")
                time.sleep(0.2)
        lost = [entry for entry in load.entries if not entry.took]
        broken = [] if len(lost) <= 18 else [f"{len(lost)} of {len(load.entries)} sessions hit"]
        bed.settle()
        yield Line("F39", "one smtpd-proxy of two killed 6 times under load: no call refused", broken + bed.check(killed=18, memory=False),
                   f"{load.served} served, {len(lost)} cut")


def others_killed():
    """F40"""
    with NameServer() as names, Bed(dns=_dns(names)) as bed:
        for victims in (("policyd",), ("dnsd",), ("logd",), ("policyd", "dnsd", "logd")):
            with Load(bed) as load:
                wait_until(lambda: load.served > 10, 10, "load")
                before = [pid for name in victims for pid in bed.gateway.workers(name)]
                kill(before)
                taken, broken = replaced(bed.gateway, before, victims, OTHER_RECOVERY)
                served = load.served
                wait_until(lambda: load.served > served + 10, 10, "load is served again")
            slowest = max(entry.seconds for entry in load.entries)
            if slowest > 2.5:
                broken.append(f"a client waited {slowest:.1f} s")
            bed.settle()
            yield Line("F40", f"killed under load: {', '.join(victims)}", broken + bed.check(memory=False),
                       f"back after {taken * 1000:.0f} ms, longest wait {slowest * 1000:.0f} ms, {load.served} of {len(load.entries)} served")


def crashes():
    """F42"""
    with NameServer() as names, Bed(dns=_dns(names)) as bed:
        kills = 0
        for name in ("smtpd-proxy", "policyd", "dnsd", "logd"):
            for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGSYS):
                bed.settle()  # nobody is being served, so nobody is refused for the crash
                before = bed.gateway.workers(name)
                kill(before, number)
                kills += len(before)
                taken, broken = replaced(bed.gateway, before, [name], OTHER_RECOVERY + 0.5)
                said = "killed by seccomp" if number == signal.SIGSYS else f"killed by {number.name}"
                pattern = rf"{name}\.\d \(pid {before[0]}\) [^\n]*{said}"
                try:
                    wait_until(lambda: re.search(pattern, bed.gateway.stderr), 2)
                except AssertionError:
                    broken.append(f"master does not say that {name} ({before[0]}) was {said}: {bed.gateway.stderr[-600:]}")
                bed.settle()
                yield Line("F42", f"{name} gets {number.name}", broken + bed.recovery(1.0)[1] + bed.check_ledgers(), f"back after {taken * 1000:.0f} ms")
                # Back-off is a property of F44; here each death is to be the first.
        yield Line("F42", "after all crashes", bed.check(killed=kills, memory=False))


def hung():
    """F43: every worker of a gateway hangs at once; the calls meanwhile wait or are told 4xx, none is refused."""
    with NameServer() as names, Bed(dns=_dns(names), budget=25.0) as bed:
        before = bed.gateway.workers()
        kill(before, signal.SIGSTOP)
        with Load(bed, threads=2, pause=0.2) as load:
            taken, broken = replaced(bed.gateway, before, ("smtpd-proxy", "policyd", "dnsd", "logd"), HUNG_RECOVERY)
            wait_until(lambda: load.served > 10, 30, "load is served again")
        if bed.gateway.stderr.count("hangs: it answers no ping") != len(before):
            broken.append("master does not say that they hung")
        bed.settle()
        yield Line("F43", "every worker hangs at once", broken + bed.check(killed=10, memory=False), f"back after {taken:.1f} s")


def master_killed():
    """F41: what is past the dot is finished, then everybody goes; the next start binds at once."""
    with Bed(destination={"end-timeout": "10s"}) as bed:
        gateway = bed.gateway
        bed.sink.at("DOT", ("delay", 1.0))
        workers = gateway.workers()
        found = []
        thread = threading.Thread(target=lambda: found.append(bed.source.deliver()))
        thread.start()
        wait_until(lambda: bed.sink.played, 5, "the final dot")
        os.kill(gateway.pid, signal.SIGKILL)
        gateway._process.wait()
        begun = time.monotonic()
        thread.join()
        broken = [] if found[0].took else [f"past the dot: {found[0].stage} {found[0].code} {found[0].text}"]
        bed.sink.heal()
        try:
            wait_until(lambda: not [pid for pid in workers if _is_alive(pid)], 10, "the workers' end")
        except AssertionError as error:
            broken.append(f"orphans: {error}")
        taken = time.monotonic() - begun
        gateway._start(None, [])
        gateway.wait_until_ready()
        late = bed.recovery(1.0)[1]
        bed.settle()
        yield Line("F41", "master killed with a message past its dot", broken + late + bed.check(memory=False, killed=1), f"workers gone after {taken:.1f} s")


def _is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _short_of_descriptors(folder, number):
    """A build folder like the real one, whose caronted starts with so few descriptors; nobody may lower them from outside later."""
    real, fake = build_folder(), pathlib.Path(folder)
    for path in real.iterdir():
        if path.is_dir() and path.name != "master":
            (fake / path.name).symlink_to(path)
    (fake / "master").mkdir()
    program = fake / "master" / "caronted"
    program.write_text(f'#!/bin/sh\nexec prlimit --nofile={number}:{number} {real}/master/caronted "$@"\n')
    program.chmod(0o755)
    return fake


def out_of_descriptors():
    """F51"""
    with tempfile.TemporaryDirectory(prefix="caronte-few.") as folder, \
            Bed(server={"workers": 1}, build=_short_of_descriptors(folder, 200)) as bed:
        clients = []
        try:
            for _ in range(300):
                clients.append(bed.gateway.client(source="127.0.1.7", greeting=None, timeout=5))
            time.sleep(0.5)
            broken = checker.check_idle(bed.gateway)
        finally:
            for client in clients:
                client.close()
        taken, late = bed.recovery(1.0)
        bed.settle()
        if bed.gateway.deaths():
            broken.append("a worker died")
        yield Line("F51", "descriptors run out, 300 clients at 200 descriptors: no spinning, heals", broken + late + bed.check(memory=False),
                   f"recovery {taken * 1000:.0f} ms")


def logd_stuck():
    """F55"""
    with Bed() as bed:
        usual = sorted(bed.source.deliver().seconds for _ in range(40))
        logd = bed.gateway.worker("logd")
        os.kill(logd, signal.SIGSTOP)
        try:
            stuck = sorted(bed.source.deliver().seconds for _ in range(200))
        finally:
            os.kill(logd, signal.SIGCONT)
        broken = [] if stuck[100] < usual[20] + 0.010 else [f"median {stuck[100] * 1000:.1f} ms instead of {usual[20] * 1000:.1f} ms"]
        yield Line("F55", "logd stuck: nobody waits, nothing is lost unreported", broken + bed.check(),
                   f"median {stuck[100] * 1000:.1f} ms, {usual[20] * 1000:.1f} ms before")


def suspended():
    """F60, scaled: all processes stand still for 6 seconds; a session of before goes on or is closed by 421."""
    with Bed() as bed:
        pids = [bed.gateway.pid, *bed.gateway.workers()]
        with bed.gateway.client(source="127.0.1.5") as client:
            client.hello()
            kill(pids, signal.SIGSTOP)
            time.sleep(6)
            kill(pids, signal.SIGCONT)
            client.line("NOOP")
            reply = client.reply()
            broken = [] if reply.code in (250, 421) else [f"after the sleep: {reply}"]
        taken, late = bed.recovery(1.0)
        time.sleep(2)
        if [bed.gateway.pid, *bed.gateway.workers()] != pids:
            broken.append("workers were replaced")
        yield Line("F60", "all processes stopped for 6 s and resumed", broken + late + bed.check(), f"then {reply.code}")


def second_instance():
    """F35"""
    with Bed() as bed:
        gateway = bed.gateway
        begun = time.monotonic()
        done = subprocess.run([str(gateway.build / "master" / "caronted"), "-F", "-f", str(gateway.file), "-l", str(gateway.build)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        broken = [] if done.returncode not in (0, None) else ["the second instance started"]
        if time.monotonic() - begun > 1.0:
            broken.append(f"took {time.monotonic() - begun:.1f} s")
        yield Line("F35", "second instance", broken + bed.recovery(1.0)[1] + bed.check(), f"exit code {done.returncode}")
