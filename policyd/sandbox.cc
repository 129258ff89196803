// Its store, beneath the state folder, and one thread that waits for the disk; no network. The calls of the store are what
// Berkeley DB makes on this and on newer C libraries: "unlink" and "unlinkat" are the same to whoever reads this.
#include "policyd/sandbox.h"

#include <fcntl.h>
#include <sched.h>

#include <array>

namespace caronte::policyd {

namespace {

using sandbox::absent;
using sandbox::allow;
using sandbox::equal;

// Of pthread_create, and nothing else: no process, no namespace.
constexpr std::uint64_t kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
                                  CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

constexpr std::uint64_t kSetxid = 33;  // of the C library alone; no header has it

constexpr std::array kRules{
    allow("clone", "the thread that waits for the disk", equal(0, kThread, "a thread")),
    absent("clone3", "its flags lie in memory, where no filter sees them: the C library falls back to clone"),
    allow("rt_sigaction", "the C library's own signal, before the first thread", equal(0, kSetxid, "SIGSETXID")),
    allow("set_robust_list", "a thread begins"),
    allow("rseq", "a thread begins"),
    allow("exit", "a thread ends"),
    allow("clock_nanosleep", "store: waits a moment for a page that is being written"),
    allow("read", "store: files"),
    allow("fcntl", "store: files are not inherited", equal(1, F_GETFD, "F_GETFD")),
    allow("fcntl", "store: files are not inherited", equal(1, F_SETFD, "F_SETFD"), equal(2, FD_CLOEXEC, "FD_CLOEXEC")),
    allow("fcntl", "store: names of its folder", equal(1, F_GETFL, "F_GETFL")),
    allow("getdents64", "store: which logs there are, what was set aside"),
    allow("getcwd", "store: its paths"),
    allow("sysinfo", "store: memory for sorting pages"),
    allow("sched_getaffinity", "store: how long to spin for a lock"),
    allow("geteuid", "store: whose folder it is"),
    allow("mkdir", "store: a fresh one"),
    allow("mkdirat", "store: a fresh one"),
    allow("rename", "store: a damaged one is set aside"),
    allow("unlink", "store: logs that are not needed any more"),
    allow("rmdir", "store: what was set aside long ago"),
};

// The store's, and as many for a predecessor that cannot die yet.
constexpr std::uint32_t kExtraThreads = 3;

}  // namespace

sandbox::Policy sandbox_policy() {
  static const std::array kPresets{sandbox::preset_core(), sandbox::preset_event_loop(), sandbox::preset_channel(),
                                   sandbox::preset_control(), sandbox::preset_folder()};
  return {"policyd", kPresets, kRules, sandbox::FolderAccess::tree, false, kExtraThreads};
}

}  // namespace caronte::policyd
