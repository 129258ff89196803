"""Part H: reload, stop, log files, disks, under load."""

import os
import re
import signal
import time

import checker
from bed import Bed, Line, Load
from checker import wait_until
from log_test import Log, small_disk

BROKEN = {
    "truncated": lambda text: text[:len(text) // 2], "empty": lambda text: "",
    "unknown element": lambda text: text.replace("</caronte>", "<what/></caronte>"),
    "unknown attribute": lambda text: text.replace("<log ", '<log what="x" '), "wrong type": lambda text: text.replace('workers="2"', 'workers="two"'),
    "out of range": lambda text: text.replace('workers="2"', 'workers="100000"'),
    "element twice": lambda text: text.replace("</caronte>", '<log level="1"/></caronte>'),
    "10 MB": lambda text: text + "<!--" + "x" * 10_000_000 + "-->", "10,000 deep": lambda text: "<a>" * 10_000 + "</a>" * 10_000,
    "bad UTF-8": lambda text: text.replace("gateway.example.org", "gate\udcffway.example.org"), "not XML": lambda text: "\x7fELF" * 100,
    "no listener": lambda text: re.sub("<listen[^>]*>", "", text),
    "missing list": lambda text: text.replace("</caronte>", '<relay list="lists/none"/></caronte>'),
    "port out of range": lambda text: text.replace('port="', 'port="7', 1),
    "entity": lambda text: text.replace("gateway.example.org", "&what;"),
}


def bad_reloads():
    """F72: the old configuration goes on."""
    with Bed() as bed:
        good = bed.gateway.file.read_bytes()
        with Load(bed, threads=2) as load:
            for what, change in BROKEN.items():
                bed.gateway.file.write_bytes(change(good.decode()).encode(errors="surrogateescape"))
                begun = time.monotonic()
                done = bed.gateway.control("reload")
                taken = time.monotonic() - begun
                broken = ["was taken"] if done.returncode == 0 else []
                broken += ["says nothing"] if not (done.stdout + done.stderr).strip() else []
                broken += [f"took {taken:.1f} s"] if taken > 2 else []
                said = "".join((done.stdout + done.stderr).strip().splitlines()[-1:])
                yield Line("F72", f"reload, configuration {what}", broken, f"{taken * 1000:.0f} ms: {said}"[:150])
            for what, make in (("is missing", lambda path: None), ("is a folder", os.mkdir), ("is a FIFO", os.mkfifo)):
                bed.gateway.file.unlink()
                make(bed.gateway.file)
                done = _forced_reload(bed.gateway)
                yield Line("F72", f"reload, configuration {what}", [] if done else ["was taken"])
                if bed.gateway.file.is_dir():
                    bed.gateway.file.rmdir()
                else:
                    bed.gateway.file.unlink(missing_ok=True)
                bed.gateway.file.write_bytes(good)
        lost = [entry for entry in load.entries if not entry.took]
        broken = [f"{len(lost)} sessions lost, the first at {lost[0].stage}: {lost[0].text}"] if lost else []
        bed.gateway.reload()
        yield Line("F72", "after all broken configurations, under load", broken + bed.check(memory=False), f"{load.served} served")


def _forced_reload(gateway):
    """Asks over the socket, since carontectl reads the same file; True when it was refused."""
    with checker.Control(gateway.folder / "run" / "master.sock") as control:
        return not control.order("ReloadRequest")[0]


def hundred_reloads():
    """F73"""
    with Bed() as bed:
        with Load(bed) as load:
            for _ in range(100):
                bed.gateway.reload()
        lost = [entry for entry in load.entries if not entry.took]
        broken = [f"{len(lost)} sessions lost, the first at {lost[0].stage}: {lost[0].text}"] if lost else []
        if bed.gateway.deaths():
            broken.append("a worker died")
        yield Line("F73", "100 reloads under load", broken + bed.check(memory=False), f"{load.served} served, {len(lost)} lost")


def hangup_storm():
    with Bed() as bed:
        with Load(bed) as load:
            for _ in range(1000):
                os.kill(bed.gateway.pid, signal.SIGHUP)
                time.sleep(0.002)
        lost = [entry for entry in load.entries if not entry.took]
        broken = [f"{len(lost)} sessions lost, the first at {lost[0].stage}: {lost[0].text}"] if lost else []
        bed.settle()
        yield Line("F73", "1,000 SIGHUP in 2 s under load", broken + bed.check(memory=False), f"{load.served} served, {len(lost)} lost")


def stopped_under_load():
    """F75"""
    with Bed() as bed:
        bed.sink.misbehaviour = {"DOT": [("delay", 0.3)]}
        with Load(bed, threads=4) as load:
            wait_until(lambda: load.served > 8, 20, "load")
            bed.sink.played, served = 0, load.served
            wait_until(lambda: bed.sink.played, 10, "a message past its dot")
            begun = time.monotonic()
            bed.gateway.stop()  # raises unless exit code 0 and nobody left
            taken = time.monotonic() - begun
        broken = [] if taken < 30 else [f"took {taken:.1f} s"]
        if load.served == served:
            broken.append("the fault did not happen: nothing was past the dot")
        past = [entry for entry in load.entries if entry.stage == "DOT" and not entry.took]
        if past:
            broken.append(f"{len(past)} messages past the dot were dropped: {past[0].code} {past[0].text}")
        broken += bed.check_ledgers()
        bed.gateway._process = None  # it has ended as it should
        yield Line("F75", "SIGTERM under load: messages past the dot are finished", broken + checker.check_log(bed.gateway, bed.source.tries), f"{taken:.1f} s")


def log_moved():
    """F77: other hands in the log folder, under load; what they took away still counts."""
    with Bed() as bed:
        folder = bed.gateway.folder / "log"
        with Load(bed) as load:
            for number in range(5):
                wait_until(lambda: (folder / "current.xml").exists(), 10, "a live file")
                (folder / "current.xml").rename(folder / f"moved-{number}.xml")
                time.sleep(0.3)
        lost = [entry for entry in load.entries if not entry.took]
        broken = [f"{len(lost)} sessions lost"] if lost else []
        yield Line("F77", "live log file moved away 5 times under load", broken + bed.check(memory=False), f"{load.served} served")


def _is_degraded(gateway):
    """As carontectl has it, which asks logd too."""
    return gateway.control("status").returncode == 1


def full_log_disk():
    """F26"""
    with small_disk("96k") as (disk, resize):
        with Bed(log={"folder": disk, "level": "3"}) as bed:
            with Load(bed, threads=2) as load:
                wait_until(lambda: _is_degraded(bed.gateway), 30, "status tells of the full disk", 0.2)
                served = load.served
                wait_until(lambda: load.served > served + 50, 20, "mail goes on")
            broken = [f"{entry.stage}: {entry.text}" for entry in load.entries if not entry.took][:3]
            # More than the senders keep (1 MiB each), so that something is lost.
            for _ in range(40):
                bed.source.deliver(recipients=[f"{'x' * 60}{number}@local.example.org" for number in range(400)])
            resize("64m")
            bed.source.deliver()
            wait_until(lambda: not _is_degraded(bed.gateway), 20, "healthy again", 0.2)
            yield Line("F26", "log disk full: mail goes on, the loss is counted", broken + bed.check(memory=False, log=disk),
                       f"{load.served} served, {Log(disk).account()[1]} records lost and counted")
