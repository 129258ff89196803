"""Narrow places to put a gateway into: a network of its own, a control group. Where the machine grants none, the fault is skipped."""

import contextlib
import ctypes
import fcntl
import itertools
import os
import pathlib
import socket
import struct
import time
import unittest

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_numbers = itertools.count(1)


@contextlib.contextmanager
def own_network():
    """Puts this thread, and the threads and processes that it starts meanwhile, into a network of loopback alone."""
    with open("/proc/thread-self/ns/net", "rb") as before:
        if _LIBC.unshare(_CLONE_NEWNET) != 0:
            raise unittest.SkipTest(f"no network name space: {os.strerror(ctypes.get_errno())}")
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
                fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
            yield
        finally:
            if _LIBC.setns(before.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def few_local_ports(first, last):
    """In own_network() only: no other ports for outgoing connections."""
    path = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
    usual = path.read_text()
    try:
        path.write_text(f"{first} {last}")
    except OSError as error:
        raise unittest.SkipTest(f"{path}: {error.strerror}") from None
    try:
        yield
    finally:
        path.write_text(usual)


def _mounted(controller):
    """(folder, version) of the hierarchy that has this controller."""
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind == "cgroup" and controller in options.split(","):
            return pathlib.Path(folder), 1
        if kind == "cgroup2" and controller in (pathlib.Path(folder) / "cgroup.controllers").read_text().split():
            return pathlib.Path(folder), 2
    raise unittest.SkipTest(f"no control group of {controller} on this machine")


class Cgroup:
    """Context manager: a group of one controller, "pids" or "cpu". Its processes must have ended before it is left."""

    def __init__(self, controller):
        top, self.version = _mounted(controller)
        self.folder = top / f"caronte-fault.{os.getpid()}.{next(_numbers)}"
        try:
            if self.version == 2 and controller not in (top / "cgroup.subtree_control").read_text().split():
                (top / "cgroup.subtree_control").write_text(f"+{controller}")
            self.folder.mkdir()
        except OSError as error:
            raise unittest.SkipTest(f"no control group of {controller} may be made: {error}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        deadline = time.monotonic() + 5
        while True:
            try:
                self.folder.rmdir()
                return
            except OSError:  # the last of them is still being buried
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def take(self, pids):
        for pid in pids:
            (self.folder / "cgroup.procs").write_text(str(pid))

    def allow_processes(self, most):
        """`most`: a number, or "max"; those that are there stay."""
        (self.folder / "pids.max").write_text(str(most))

    def allow_processor(self, milliseconds, period):
        """So many milliseconds in every `period` milliseconds, for all of them together; None: no bound."""
        quota = None if milliseconds is None else milliseconds * 1000
        if self.version == 2:
            (self.folder / "cpu.max").write_text(f"{'max' if quota is None else quota} {period * 1000}")
        else:
            (self.folder / "cpu.cfs_period_us").write_text(str(period * 1000))
            (self.folder / "cpu.cfs_quota_us").write_text(str(-1 if quota is None else quota))

    def starved_seconds(self):
        """For how long they have been denied the processor."""
        found = dict(line.split() for line in (self.folder / "cpu.stat").read_text().splitlines())
        return int(found["throttled_usec"]) / 1e6 if self.version == 2 else int(found["throttled_time"]) / 1e9
