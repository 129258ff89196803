"""Makes a worker crash at a chosen moment: while it handles the octets of a client (ptrace; needs root)."""

import ctypes
import os
import platform
import signal
import struct

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_LIBC.ptrace.restype = ctypes.c_long
_CONT, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO, _SEIZE, _INTERRUPT = 7, 24, 0x4200, 0x420E, 0x4206, 0x4207
_TRACESYSGOOD, _WALL, _ENTRY = 1, 0x40000000, 1
_RECVFROM = {"x86_64": 45, "aarch64": 207}.get(platform.machine())


def _ptrace(request, pid, address=0, data=0):
    if _LIBC.ptrace(request, pid, address, data) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"ptrace {request}: {os.strerror(error)}")


def _system_call(pid):
    """Number of the call that is being entered; None otherwise."""
    info = ctypes.create_string_buffer(88)
    _ptrace(_GET_SYSCALL_INFO, pid, len(info), ctypes.addressof(info))
    return struct.unpack_from("Q", info, 24)[0] if info.raw[0] == _ENTRY else None


def crash_while_reading(pid, speak, number=signal.SIGSEGV):
    """The worker gets this signal as soon as it reads from a client; speak() makes a client send something."""
    _ptrace(_SEIZE, pid, 0, _TRACESYSGOOD)
    _ptrace(_INTERRUPT, pid)
    os.waitpid(pid, _WALL)
    speak()
    is_reading = False
    while True:
        _ptrace(_CONT if is_reading else _SYSCALL, pid)
        _, status = os.waitpid(pid, _WALL)
        if not os.WIFSTOPPED(status):
            return
        if os.WSTOPSIG(status) == number:
            # Sanitizers have a last word before they end it by a signal of their own.
            while os.WIFSTOPPED(status):
                stop = os.WSTOPSIG(status)
                _ptrace(_CONT, pid, 0, 0 if stop & 0x80 or stop == signal.SIGTRAP else stop)
                _, status = os.waitpid(pid, _WALL)
            return
        if not is_reading and os.WSTOPSIG(status) == signal.SIGTRAP | 0x80 and _system_call(pid) == _RECVFROM:
            is_reading = True
            os.kill(pid, number)
