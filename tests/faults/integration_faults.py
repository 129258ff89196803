"""Faults that need no ledger: the integration tests, and the proof of the sandbox, that bear their numbers. Run as they are."""

import pathlib
import re
import subprocess
import time
import unittest

import gateway
from bed import Line

WORKERS = ("smtpd-proxy", "policyd", "dnsd", "logd")


def _single(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _single(test)
        else:
            yield test


def tests_of(number):
    """All integration tests whose name bears this row's number."""
    files = sorted(pathlib.Path(gateway.__file__).parent.glob("*_test.py"))
    suite = unittest.defaultTestLoader.loadTestsFromNames([path.stem for path in files])
    return [test for test in _single(suite) if re.search(rf"_{number}(_|$)", test.id().rsplit(".", 1)[1])]


def row(number):
    """A group: one line a test. No test is a failure, for then one was renamed."""
    def run():
        tests = tests_of(number)
        if not tests:
            yield Line(number, "no integration test bears this number", ["nothing was run"])
        for test in tests:
            result = unittest.TestResult()
            begun = time.monotonic()
            test.run(result)
            if result.skipped:
                raise unittest.SkipTest(f"{test.id()}: {result.skipped[0][1]}")
            what = re.sub(r"F\d\d ", "", test.id().rsplit(".", 1)[1].removeprefix("test_").replace("_", " "))
            broken = [line for where, text in result.failures + result.errors for line in (str(where), *text.splitlines())]
            yield Line(number, what, broken, f"{time.monotonic() - begun:.1f} s")
    return run


def _hostile_test(part):
    program = gateway.build_folder() / "tests" / "sandbox" / "hostile_test"
    if not program.exists():
        raise unittest.SkipTest(f"{program} is not built")
    for worker in WORKERS:
        done = subprocess.run([str(program), str(gateway.build_folder()), worker, part], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=300)
        if done.returncode == 77:
            raise unittest.SkipTest(done.stdout.splitlines()[0])
        lines = (done.stdout + done.stderr).splitlines()
        yield worker, [] if done.returncode == 0 else lines or [f"ended with {done.returncode}"], lines[-1] if lines else ""


def broken_rules():
    """F47: towards master as an integration test, towards each worker by hostile frames."""
    yield from row("F47")()
    for worker, broken, note in _hostile_test("frames"):
        yield Line("F47", f"hostile frames to {worker}: the sender is blamed, the receiver goes on", broken, note)


def hostile_workers():
    """F48"""
    for worker, broken, note in _hostile_test("acts"):
        yield Line("F48", f"{worker} tries what it must not be able to do", broken, note)
