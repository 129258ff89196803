// The presets: rows that several workers share.
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>

#include "config.h"
#include "sandbox/sandbox.h"

namespace caronte::sandbox {

namespace {

// All but the flags that do not change what a futex operation is; the kernel reads 32 bits.
constexpr std::uint64_t kFutexOperation = 0xFFFFFFFFU & ~static_cast<unsigned>(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);

constexpr std::array kCore{
    allow("brk", "memory"),
    allow("mmap", "memory and sealed files, never executable", masked(2, PROT_EXEC, 0, "no PROT_EXEC")),
    allow("mprotect", "heaps that grow, never executable", masked(2, PROT_EXEC, 0, "no PROT_EXEC")),
    allow("mremap", "memory"),
    allow("munmap", "memory"),
    allow("madvise", "memory given back", equal(2, MADV_DONTNEED, "MADV_DONTNEED")),
    allow("futex", "locks of the C library", masked(1, kFutexOperation, FUTEX_WAIT, "FUTEX_WAIT")),
    allow("futex", "locks of the C library", masked(1, kFutexOperation, FUTEX_WAKE, "FUTEX_WAKE")),
    allow("futex", "locks of the C library", masked(1, kFutexOperation, FUTEX_WAIT_BITSET, "FUTEX_WAIT_BITSET")),
    allow("clock_gettime", "time, where the vDSO has to ask the kernel"),
    allow("gettimeofday", "time, where the vDSO has to ask the kernel"),
    allow("getrandom", "seeds"),
    allow("getpid", "abort, seeds"),
    allow("gettid", "abort"),
    allow("tgkill", "abort", own_process(0)),
    allow("rt_sigprocmask", "abort"),
    allow("rt_sigreturn", "return from a signal handler"),
    allow("restart_syscall", "continues after SIGSTOP"),
    allow("exit_group", "end"),
    allow("write", "a last line on stderr"),
    allow("close", "descriptors"),
};

constexpr std::array kEventLoop{
    allow("epoll_ctl", "event loop"),
    allow("epoll_wait", "event loop"),
    allow("epoll_pwait", "event loop, where there is no epoll_wait"),
};

constexpr std::array kChannel{
    allow("recvmsg", "frames and descriptors from the other processes"),
    allow("sendmsg", "frames to the other processes", masked(2, MSG_FASTOPEN, 0, "no MSG_FASTOPEN")),
    allow("fcntl", "channels are non-blocking", equal(1, F_SETFL, "F_SETFL")),
    allow("fcntl", "configuration and lists of a reload are sealed", equal(1, F_GET_SEALS, "F_GET_SEALS")),
    allow("lseek", "size of the configuration and lists of a reload"),
};

constexpr std::array kControl{
    allow("accept4", "carontectl, on the listening socket that master made"),
    allow("getsockopt", "who asks", equal(1, SOL_SOCKET, "SOL_SOCKET"), equal(2, SO_PEERCRED, "SO_PEERCRED")),
    allow("getsockopt", "who asks", equal(1, SOL_SOCKET, "SOL_SOCKET"), equal(2, SO_PEERGROUPS, "SO_PEERGROUPS")),
};

constexpr std::array kFolder{
    allow("openat", "files of the folder"),
    allow("renameat", "rotation"),
    allow("renameat2", "rotation"),
    allow("unlinkat", "rotation"),
    allow("fstat", "sizes"),
    allow("newfstatat", "sizes"),
    allow("pread64", "look at the end of a file"),
    allow("pwrite64", "write at a place"),
    allow("ftruncate", "cut off a torn end"),
    allow("fdatasync", "safe on disk"),
    allow("flock", "readers see whole records"),
};

#ifdef CARONTE_SANITIZERS
constexpr std::array kSanitizer{
    allow("sched_yield", "sanitizer: locks"),
    allow("sigaltstack", "sanitizer: reports"),
    allow("rt_sigaction", "sanitizer: reports"),
    allow("madvise", "sanitizer: shadow memory"),
    allow("getrlimit", "sanitizer: size of the stack"),
    allow("prlimit64", "sanitizer: size of the stack"),
    allow("sched_getaffinity", "sanitizer: size of the stack"),
    refuse("openat", "sanitizer: maps, symbols"),
    refuse("open", "sanitizer: maps, symbols"),
    refuse("readlink", "sanitizer: own name"),
    refuse("readlinkat", "sanitizer: own name"),
    refuse("newfstatat", "sanitizer: symbols"),
    refuse("stat", "sanitizer: symbols"),
    refuse("access", "sanitizer: symbols"),
    refuse("faccessat", "sanitizer: symbols"),
    refuse("prctl", "sanitizer: reports"),
    refuse("ioctl", "sanitizer: colours of reports"),
    allow("pipe", "sanitizer: whether memory can be read"),
    allow("pipe2", "sanitizer: whether memory can be read"),
    allow("read", "sanitizer: whether memory can be read"),
};
#endif

}  // namespace

std::span<const Rule> preset_core() {
  return kCore;
}
std::span<const Rule> preset_event_loop() {
  return kEventLoop;
}
std::span<const Rule> preset_channel() {
  return kChannel;
}
std::span<const Rule> preset_control() {
  return kControl;
}
std::span<const Rule> preset_folder() {
  return kFolder;
}

std::span<const Rule> preset_sanitizer() {
#ifdef CARONTE_SANITIZERS
  return kSanitizer;
#else
  return {};
#endif
}

}  // namespace caronte::sandbox
