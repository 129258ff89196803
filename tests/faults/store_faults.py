"""Part C: the disk of policyd's store. In each: mail flows, what hell held before is held on, the log says so once."""

import contextlib
import json
import os
import pathlib
import pwd
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import checker
from bed import Bed, Line, Load
from gateway import build_folder, wait_until
from log_test import small_disk

BANNED = "127.0.3.3"  # by hand, before each fault
ALARM, RETURN = "the store cannot be written", "the store is on disk again"


def status(gateway):
    """name -> value of the section `store`; empty while policyd is away."""
    rows = (line.split("\t") for line in gateway.control("status", "-p").stdout.splitlines())
    return {row[2]: row[3] for row in rows if len(row) == 4 and row[0] == "store"}


def wait_for(gateway, state, limit):
    """Seconds until the store is there ("disk", "memory"), and what is broken when that takes longer."""
    begun = time.monotonic()
    try:
        wait_until(lambda: status(gateway).get("state") == state, limit + 10, f"store in {state}", 0.05)
    except AssertionError as error:
        return limit + 10, [str(error)]
    taken = time.monotonic() - begun
    return taken, [f"store in {state} after {taken:.1f} s, {limit} s allowed"] if taken > limit else []


def ban(gateway, address):
    """True when policyd has said that it is done."""
    return gateway.control("hell", "add", address, "-t", "1d", "-r", "a fault").returncode == 0


def write_much(gateway):
    """More than the room that is left in the last page of a log. Returns what policyd has said to be done."""
    return {address for number in range(40) if ban(gateway, address := f"198.19.0.{number}")}


def banned(gateway):
    return {line.split()[0] for line in gateway.control("hell", "list").stdout.splitlines() if line.strip()}


def says(gateway, text):
    return "".join(path.read_text(errors="replace") for path in (gateway.folder / "log").glob("*.xml")).count(text)


def serves(bed, what):
    """Mail flows and hell holds."""
    broken = []
    entry = bed.source.deliver(client="127.0.1.44")
    if not entry.took:
        broken.append(f"{what}: {entry.stage} {entry.code} {entry.text}")
    with contextlib.suppress(OSError, EOFError):
        entry = bed.source.deliver(client=BANNED)
        if entry.took:
            broken.append(f"{what}: hell has lost {BANNED}")
    return broken


def refusal(entry):
    return entry.client == BANNED


def kill_policyd(bed, limit=1.0):
    """kill -9; what is broken when it is not back in time."""
    before = bed.gateway.worker("policyd")
    os.kill(before, signal.SIGKILL)
    begun = time.monotonic()

    def is_back():
        now = bed.gateway.workers("policyd")
        return now and now != [before] and status(bed.gateway)
    wait_until(is_back, limit + 10, "a new policyd", 0.01)
    taken = time.monotonic() - begun
    return taken, [f"policyd back after {taken:.2f} s, {limit} s allowed"] if taken > limit else []


def unserved(load):
    lost = [entry for entry in load.entries if not entry.took]
    return [f"{len(lost)} of {len(load.entries)} sessions lost, the first at {lost[0].stage}: {lost[0].text}"] if lost else []


def full_disk():
    """F25"""
    with small_disk("64m") as (disk, _), Bed(server={"state": disk}, hell={}) as bed:
        broken = [] if ban(bed.gateway, BANNED) else ["hell add failed"]
        with Load(bed) as load:
            _fill(disk)
            known = write_much(bed.gateway)
            to_memory, late = wait_for(bed.gateway, "memory", 1.0)
            served = load.served
            wait_until(lambda: load.served > served + 50, 20, "mail goes on")
            broken += late + serves(bed, "disk full")
            broken += [] if ban(bed.gateway, "127.0.3.4") and len(known) == 40 else ["hell add failed while the disk is full"]
            time.sleep(2)
            (disk / "fill").unlink()
            to_disk, late = wait_for(bed.gateway, "disk", 10.0)
        broken += late + unserved(load) + serves(bed, "disk free again")
        if says(bed.gateway, ALARM) != 1 or says(bed.gateway, RETURN) != 1:
            broken.append(f"{says(bed.gateway, ALARM)} alarms, {says(bed.gateway, RETURN)} returns in the log")
        kill_policyd(bed, 10)
        if missing := (known | {BANNED, "127.0.3.4"}) - banned(bed.gateway):
            broken.append(f"lost what was written back: {missing}")
        bed.settle()
        yield Line("F25", "state disk full and free again under load", broken + bed.check(memory=False, explains=refusal),
                   f"in memory after {to_memory:.1f} s, on disk {to_disk:.1f} s after there was space, {load.served} served")


def killed_on_full_disk():
    with small_disk("64m") as (disk, _), Bed(server={"state": disk}, hell={}) as bed:
        broken = [] if ban(bed.gateway, BANNED) else ["hell add failed"]
        _fill(disk)
        write_much(bed.gateway)
        broken += wait_for(bed.gateway, "memory", 1.0)[1]
        taken, late = kill_policyd(bed, 2.0)
        broken += late
        entry = bed.source.deliver(client="127.0.1.44")
        broken += [] if entry.took else [f"{entry.stage}: {entry.text}"]
        if status(bed.gateway).get("state") != "memory":
            broken.append("the fault did not happen: not in memory")
        (disk / "fill").unlink()
        to_disk, late = wait_for(bed.gateway, "disk", 10.0)
        broken += late + serves(bed, "disk free again")
        bed.settle()
        yield Line("F25", "policyd killed while the state disk is full", broken + bed.check(memory=False, explains=refusal),
                   f"back after {taken * 1000:.0f} ms in memory, on disk {to_disk:.1f} s after there was space")


def _fill(disk):
    with open(disk / "fill", "wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass


def no_inodes():
    """F27"""
    with small_disk("64m,nr_inodes=3") as (disk, resize), Bed(server={"state": disk}, hell={}) as bed:
        broken = [] if status(bed.gateway).get("state") == "memory" else ["the fault did not happen: not in memory"]
        broken += [] if ban(bed.gateway, BANNED) else ["hell add failed"]
        broken += serves(bed, "no inodes")
        resize("64m,nr_inodes=1000")
        taken, late = wait_for(bed.gateway, "disk", 10.0)
        broken += late + serves(bed, "inodes again")
        if says(bed.gateway, ALARM) != 1:
            broken.append(f"{says(bed.gateway, ALARM)} alarms in the log")
        kill_policyd(bed, 10)
        broken += serves(bed, "after kill -9")
        bed.settle()
        bed.baseline = checker.Baseline(bed.gateway)  # now with the files of the store
        yield Line("F27", "no inodes on the state disk at the start", broken + bed.check(memory=False, explains=refusal), f"on disk {taken:.1f} s after there were some")


@contextlib.contextmanager
def loop_disk(megabytes=64):
    """An ext4 file system in a file; yields its folder."""
    with tempfile.TemporaryDirectory(prefix="caronte-disk.") as folder:
        os.chmod(folder, 0o711)
        image, disk = pathlib.Path(folder) / "image", pathlib.Path(folder) / "disk"
        disk.mkdir()
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        made = subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], capture_output=True)
        if made.returncode or subprocess.run(["mount", "-o", "loop", str(image), str(disk)], capture_output=True).returncode:
            raise unittest.SkipTest("an ext4 file system cannot be mounted here")
        try:
            yield disk
        finally:
            subprocess.run(["fsfreeze", "-u", str(disk)], capture_output=True)
            subprocess.run(["umount", "-l", str(disk)], check=True)


def _remount(disk, option):
    subprocess.run(["mount", "-o", f"remount,{option}", str(disk)], check=True, capture_output=True)


def _own_state(disk):
    """The state folder as master would make it, on a disk that it will find read-only."""
    state = disk / "state"
    state.mkdir(mode=0o700)
    user = pwd.getpwnam("_caronte-policy")
    os.chown(state, user.pw_uid, user.pw_gid)
    return state


def read_only():
    """F28"""
    with loop_disk() as disk:
        state = _own_state(disk)
        _remount(disk, "ro")
        with Bed(server={"state": state}, hell={}) as bed:
            broken = [] if status(bed.gateway).get("state") == "memory" else ["the fault did not happen: not in memory"]
            broken += [] if ban(bed.gateway, BANNED) else ["hell add failed"]
            with Load(bed) as load:
                time.sleep(3)
                broken += serves(bed, "read-only")
                _remount(disk, "rw")
                taken, late = wait_for(bed.gateway, "disk", 10.0)
            broken += late + unserved(load)
            if says(bed.gateway, ALARM) != 1:
                broken.append(f"{says(bed.gateway, ALARM)} alarms in the log")
            kill_policyd(bed, 10)
            broken += serves(bed, "after kill -9")
            bed.settle()
            bed.baseline = checker.Baseline(bed.gateway)  # now with the files of the store
            yield Line("F28", "state disk read-only at the start, then not", broken + bed.check(memory=False, explains=refusal),
                       f"on disk {taken:.1f} s after, {load.served} served")


@contextlib.contextmanager
def strace(pid, inject):
    """Injects into policyd's calls as long as the context lasts."""
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={inject.split(':')[0]}", "-e", f"inject={inject}", "-p", str(pid)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def is_traced():
        if tracer.poll() is not None:
            raise unittest.SkipTest(f"strace: {tracer.stderr.read().decode()}")
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return "TracerPid:\t0" not in text
    try:
        wait_until(is_traced, 5, "strace")
        yield
    finally:
        tracer.terminate()
        tracer.wait(10)


def failing_calls():
    """F29: the k-th call and some that follow fail. In policyd itself strace cannot make a call fail (what it puts in its place is
    none that the sandbox allows), so it is policyd's store in a program without sandbox, that ends as by kill -9."""
    program = build_folder() / "tests" / "policyd" / "store_writer"
    if not shutil.which("strace") or not program.exists():
        raise unittest.SkipTest("strace or tests/policyd/store_writer is missing")
    # What pwrite64 cannot do the library tries by write, and after EIO 100 times more.
    for error, some in (("EIO", 320), ("ENOSPC", 3)):
        for first in (1, 2, 3, 5, 8, 13, 40, 200):
            yield _failing_call(program, f"a write of the log gives {error} from call {first} on", "store/log.0000000001",
                                ["pwrite64:error=ENOSPC", f"write:error={error}:when={first}..{first + some}"])
    for first in (1, 2, 3):
        yield _failing_call(program, f"fdatasync gives EIO from call {first} on", None, [f"fdatasync:error=EIO:when={first}..{first + 2}"])
    for first in (1, 5, 12):
        yield _failing_call(program, f"a file cannot be made: openat gives ENOSPC from call {first} on", None,
                            [f"openat:error=ENOSPC:when={first + 12}..{first + 24}"])


def _failing_call(program, what, path, injections):
    with tempfile.TemporaryDirectory(prefix="caronte-store.") as folder:
        subprocess.run([str(program), folder, "0", "check"], check=True, capture_output=True)
        inject = [part for one in injections for part in ("-e", f"inject={one}")]
        only = ["-P", f"{folder}/{path}"] if path else []
        calls = ",".join(one.split(":")[0] for one in injections)
        traced = subprocess.run(["strace", "-f", "-qq", "-o", f"{folder}/trace", "-e", f"trace={calls}", *only, *inject, str(program), folder, "300"],
                                capture_output=True, text=True, timeout=60)
        checked = subprocess.run([str(program), folder, "300", "check"], capture_output=True, text=True, timeout=60)
        try:
            found, after = json.loads(traced.stdout), json.loads(checked.stdout)
        except ValueError:
            return Line("F29", what, [f"ended with {traced.returncode}, {checked.returncode}: {traced.stderr} {checked.stderr}"])
        broken = [] if "(INJECTED)" in pathlib.Path(folder, "trace").read_text() else ["the fault did not happen"]
        broken += [] if found["durable"] and found["waited_ms"] < 10_000 else [f"not on disk again: {found}"]
        broken += [f"{found['missing']} acknowledged entries are gone at once"] if found["missing"] else []
        broken += [f"{after['missing']} acknowledged entries are gone after kill -9"] if after["missing"] or not after["durable"] else []
        lines = len((traced.stderr + checked.stderr).splitlines())
        broken += [f"{lines} lines in the log: {traced.stderr} {checked.stderr}"] if lines > 4 else []
        return Line("F29", what, broken, f"{'in memory meanwhile' if found['was_in_memory'] else 'never in memory'}, on disk {found['waited_ms']} ms after the last")


def _spoil(path):
    with open(path, "r+b") as file:
        for page in range(1, max(2, path.stat().st_size // 4096)):
            file.seek(page * 4096 + 30)
            file.write(os.urandom(2000))


def damaged():
    """F30: pages, and what else may befall the files."""
    harms = {
        "a page of the senders": lambda store: _spoil(store / "senders.db"), "a page of the counters and of the clock": lambda store: _spoil(store / "meta.db"),
        "cut off": lambda store: os.truncate(store / "senders.db", 5000), "empty log": lambda store: os.truncate(sorted(store.glob("log.*"))[0], 0),
        "log gone": lambda store: [path.unlink() for path in store.glob("log.*")], "all gone": lambda store: shutil.rmtree(store),
        "not ours": lambda store: os.chown(store, 0, 0), "a rubbish file of its name": lambda store: (shutil.rmtree(store), store.write_bytes(b"x" * 10000)),
    }
    for is_running in (False, True):
        for what, harm in harms.items():
            with Bed(hell={}) as bed:
                ban(bed.gateway, BANNED)
                state = bed.gateway.folder / "state"
                if is_running:
                    harm(state / "store")
                    taken, broken = kill_policyd(bed, 2.0)
                else:
                    bed.gateway.stop()
                    harm(state / "store")
                    time.sleep(6)  # the numbers of the log's senders begin at the second of the start
                    bed.gateway._start(None, [])
                    begun = time.monotonic()
                    bed.gateway.wait_until_ready()
                    taken, broken = time.monotonic() - begun, []
                with Load(bed) as load:
                    wait_until(lambda: load.served > 20, 20, "load")
                broken += wait_for(bed.gateway, "disk", 2.0)[1] + unserved(load)
                if "pages" not in what and "senders" in what and BANNED not in banned(bed.gateway):
                    broken.append("a whole table was lost")
                with contextlib.suppress(AssertionError):
                    wait_until(lambda: "gone" in what or says(bed.gateway, "the store "), 5, "a line in the log")
                lines = says(bed.gateway, "the store ")
                if lines > 10 or (lines == 0 and "gone" not in what and not (is_running and "log" in what)):
                    broken.append(f"{lines} lines in the log")
                # Logs that go while it runs leave an older store behind, which is whole.
                if what != "all gone" and not (is_running and "log" in what) and not list(state.glob("store.*-*")):
                    broken.append("nothing was set aside")
                if not ban(bed.gateway, "127.0.3.5") or kill_policyd(bed, 10)[1] or "127.0.3.5" not in banned(bed.gateway):
                    broken.append("the fresh one does not keep")
                bed.settle()
                yield Line("F30", f"store damaged {'while it runs' if is_running else 'while stopped'}: {what}",
                           broken + bed.check_ledgers(explains=refusal), f"serving after {taken:.1f} s")


def killed_often(times, pause):
    """F32: each ban that was acknowledged is there, and each restart is quick."""
    def play():
        with Bed(hell={}) as bed:
            known, over, slowest, broken = [], threading.Event(), 0.0, []

            def add():
                for number in range(65536):
                    if over.is_set():
                        return
                    address = f"198.18.{number // 256}.{number % 256}"
                    if ban(bed.gateway, address):
                        known.append(address)
            adder = threading.Thread(target=add)
            with Load(bed, threads=3, pause=0.05) as load:
                adder.start()
                for _ in range(times):
                    time.sleep(pause + random.random() * 0.3)
                    taken, late = kill_policyd(bed)
                    slowest = max(slowest, taken)
                    broken += late
                over.set()
                adder.join()
            if missing := set(known) - banned(bed.gateway):
                broken.append(f"{len(missing)} of {len(known)} acknowledged entries are gone: {sorted(missing)[:3]}")
            if len(known) < times:
                broken.append(f"the fault did not happen: {len(known)} entries")
            set_aside = list((bed.gateway.folder / "state").glob("store.*-*"))
            broken += [f"set aside: {set_aside}"] if set_aside else []
            if status(bed.gateway).get("state") != "disk":
                broken.append("not on disk")
            bed.settle()
            yield Line("F32", f"policyd killed {times} times under load", broken + bed.check(memory=False, killed=times),
                       f"{len(known)} entries acknowledged and there, slowest restart {slowest * 1000:.0f} ms, {load.served} served")
    return play


def many_records():
    """F36, and the restart with a million records. Without a gateway: policyd's store itself, 5 million records of random keys into
    room for a million."""
    program = build_folder() / "tests" / "policyd" / "store_load"
    if not program.exists():
        raise unittest.SkipTest("tests/policyd/store_load is not built")
    with tempfile.TemporaryDirectory(prefix="caronte-store.") as folder:
        done = subprocess.run([str(program), folder, "5000000", "1000000"], capture_output=True, text=True, timeout=1200)
        broken = [] if done.returncode == 0 else [f"store_load ended with {done.returncode}: {done.stderr}"]
        found = json.loads(done.stdout) if done.stdout else {}
        for name, most in (("entries", 1_000_001), ("megabytes", 400), ("read_p99_us", 2000), ("write_p99_us", 2000), ("restart_ms", 1000)):
            if found.get(name, most + 1) > most:
                broken.append(f"{name} is {found.get(name)}, at most {most}")
        if found.get("entries", 0) < 990_000 or not found.get("kept"):
            broken.append(f"entries were lost: {found}")
        yield Line("F36", "5 million random records into room for a million", broken, " ".join(f"{k}={v}" for k, v in found.items()))


def _percentile(values, part):
    return sorted(values)[int(len(values) * part)]


def slow_disk():
    """F37"""
    if not shutil.which("strace"):
        raise unittest.SkipTest("strace is missing")
    with Bed(hell={}) as bed:
        pid = bed.gateway.worker("policyd")
        # Traced before as well: what the tracer itself costs is none of the disk's.
        times = []
        for delay in (1, 300_000):
            with strace(pid, f"fdatasync:delay_enter={delay}"):
                with Load(bed, threads=2, pause=0.005) as load:
                    time.sleep(8)
            times.append([entry.seconds for entry in load.entries])
        usual, slow = (_percentile(one, 0.99) for one in times)
        broken = unserved(load)
        if slow > usual + 0.020:
            broken.append(f"p99 of a session {slow * 1000:.1f} ms, {usual * 1000:.1f} ms before")
        yield Line("F37", "each sync of policyd takes 300 ms", broken + bed.check(memory=False),
                   f"p99 of a session {slow * 1000:.1f} ms, {usual * 1000:.1f} ms before, {len(times[1])} sessions")


def frozen_disk():
    """F38, scaled to 10 s: strangers are told 4xx or served, master answers, all heals."""
    if not shutil.which("fsfreeze"):
        raise unittest.SkipTest("fsfreeze is missing")
    with loop_disk() as disk, Bed(server={"state": disk / "state"}, hell={}, budget=15.0) as bed:
        ban(bed.gateway, BANNED)
        subprocess.run(["fsfreeze", "-f", str(disk)], check=True)
        with Load(bed, threads=2, pause=0.2) as load:
            time.sleep(10)
            begun = time.monotonic()
            answers = checker.is_healthy(bed.gateway) in (True, False)
            broken = [] if answers and time.monotonic() - begun < 2 else ["master does not answer"]
            subprocess.run(["fsfreeze", "-u", str(disk)], check=True)
            taken, late = bed.recovery(5.0)
        broken += late
        bad = [entry for entry in load.entries if not entry.took and entry.code // 100 != 4]
        if bad:
            broken.append(f"{bad[0].stage}: {bad[0].code} {bad[0].text}")
        bed.settle()
        broken += serves(bed, "after it")
        yield Line("F38", "state disk frozen for 10 s under load", broken + bed.check(memory=False, explains=refusal),
                   f"{load.served} of {len(load.entries)} served meanwhile, recovery {taken * 1000:.0f} ms")
