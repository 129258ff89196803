// Master's filter: a deny-list, for master keeps most of root's work. What it names is what neither master nor a worker
// ever needs and what has been a way out of confinement before.
#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include "config.h"
#include "sandbox/sandbox.h"
#include "wrap/seccomp.h"

namespace caronte::sandbox {

namespace {

constexpr auto kDenied = std::to_array<std::string_view>(
    {// other processes' memory and descriptors
     "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
     // mounts and namespaces
     "mount", "umount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick",
     "mount_setattr", "unshare", "setns", "quotactl", "quotactl_fd",
     // the kernel itself
     "init_module", "finit_module", "delete_module", "create_module", "kexec_load", "kexec_file_load", "bpf", "perf_event_open",
     "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "syslog", "lookup_dcookie", "vm86", "vm86old",
     "modify_ldt", "iopl", "ioperm",
     // the machine
     "reboot", "swapon", "swapoff", "acct", "sethostname", "setdomainname", "settimeofday", "clock_settime", "clock_settime64",
     "adjtimex", "clock_adjtime", "clock_adjtime64", "stime", "personality",
     // keys, file handles, special files
     "keyctl", "add_key", "request_key", "open_by_handle_at", "name_to_handle_at", "mknod", "mknodat", "fanotify_init", "vhangup"});

// Namespaces by clone, where its flags can be seen; clone3 hides them in memory, and C libraries do without it.
struct DeniedFlag {
  std::uint64_t flag;
  std::string_view name;
};
constexpr std::array kDeniedFlags{DeniedFlag{CLONE_NEWUSER, "CLONE_NEWUSER"},    DeniedFlag{CLONE_NEWNS, "CLONE_NEWNS"},
                                  DeniedFlag{CLONE_NEWPID, "CLONE_NEWPID"},      DeniedFlag{CLONE_NEWNET, "CLONE_NEWNET"},
                                  DeniedFlag{CLONE_NEWIPC, "CLONE_NEWIPC"},      DeniedFlag{CLONE_NEWUTS, "CLONE_NEWUTS"},
                                  DeniedFlag{CLONE_NEWCGROUP, "CLONE_NEWCGROUP"}};

}  // namespace

base::Status enter_master_filter() {
#ifdef CARONTE_WITHOUT_SANDBOX
  return base::Done{};
#else
  wrap::SeccompFilter filter(wrap::SeccompFilter::Default::allow);
  for (const std::string_view call : kDenied) {
#ifdef CARONTE_SANITIZERS
    if (call == "ptrace") continue;  // how LeakSanitizer looks at master when it ends
#endif
    if (auto status = filter.refuse(call, EPERM, {}); !status) return status;
  }
  for (const DeniedFlag& row : kDeniedFlags) {
    const wrap::SeccompFilter::Test test{.argument = 0, .mask = row.flag, .value = row.flag};
    if (auto status = filter.refuse("clone", EPERM, {&test, 1}); !status) return status;
  }
  if (auto status = filter.refuse("clone3", ENOSYS, {}); !status) return status;
  return filter.load();
#endif
}

std::string describe_master_filter() {
  auto calls = kDenied;
  std::sort(calls.begin(), calls.end());
  std::string text = "caronted: everything but\n";
  for (const std::string_view call : calls) text += std::string(call) + " EPERM\n";
  for (const DeniedFlag& row : kDeniedFlags) text += "clone(" + std::string(row.name) + ") EPERM\n";
  return text + "clone3 ENOSYS\n";
}

}  // namespace caronte::sandbox
