#include "sandbox/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace caronte::sandbox {

namespace {

using base::Status;
using base::system_error;

Status change_root(const Privileges& privileges) {
  // By the descriptor, where there is one: a path may have been moved since it was opened.
  if (privileges.folder >= 0) {
    if (::fchdir(privileges.folder) != 0) return system_error(errno, "fchdir");
  } else if (privileges.folder_path.empty() || privileges.folder_path.front() != '/') {
    return base::Error{EINVAL, "no folder to chroot into"};
  } else if (::chdir(privileges.folder_path.c_str()) != 0) {
    return system_error(errno, privileges.folder_path);
  }
  if (::chroot(".") != 0) return system_error(errno, "chroot");
  if (::chdir("/") != 0) return system_error(errno, "chdir");
  return base::Done{};
}

Status limit(__rlimit_resource_t resource, rlim_t value, const char* name) {
  rlimit limits{};
  if (::getrlimit(resource, &limits) != 0) return system_error(errno, name);
  if (limits.rlim_max != RLIM_INFINITY && value > limits.rlim_max) value = limits.rlim_max;
  limits.rlim_cur = limits.rlim_max = value;
  if (::setrlimit(resource, &limits) != 0) return system_error(errno, name);
  return base::Done{};
}

Status limit_resources(const Privileges& privileges) {
  if (auto status = limit(RLIMIT_CORE, 0, "RLIMIT_CORE"); !status) return status;
  if (privileges.descriptors != 0) {
    if (auto status = limit(RLIMIT_NOFILE, privileges.descriptors, "RLIMIT_NOFILE"); !status) return status;
  }
  // 0 and not "as many as there are": the limit is compared with all processes of this uid when one more is made.
  const rlim_t processes = privileges.extra_threads == 0 ? 0 : 1 + static_cast<rlim_t>(privileges.extra_threads);
  if (auto status = limit(RLIMIT_NPROC, processes, "RLIMIT_NPROC"); !status) return status;
  if (!privileges.may_write_files) {
    // A write of stderr into a file is then an error, and no death by a signal that would look like a crash.
    if (::signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return system_error(errno, "SIGXFSZ");
    if (auto status = limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE"); !status) return status;
  }
  return base::Done{};
}

Status empty_bounding_set() {
  for (unsigned long capability = 0;; ++capability) {
    const int held = ::prctl(PR_CAPBSET_READ, capability, 0UL, 0UL, 0UL);
    if (held < 0) return capability > CAP_SETPCAP ? Status(base::Done{}) : Status(system_error(errno, "PR_CAPBSET_READ"));
    if (held == 1 && ::prctl(PR_CAPBSET_DROP, capability, 0UL, 0UL, 0UL) != 0) {
      return system_error(errno, "PR_CAPBSET_DROP (CAP_SETPCAP is needed)");
    }
  }
}

Status change_ids(const Privileges& privileges) {
  const gid_t gid = privileges.gid;
  const uid_t uid = privileges.uid;
  if (::setgroups(0, nullptr) != 0) return system_error(errno, "setgroups");
  if (::setresgid(gid, gid, gid) != 0) return system_error(errno, "setresgid");
  if (::setresuid(uid, uid, uid) != 0) return system_error(errno, "setresuid");
  return base::Done{};
}

// By the system call itself: libcap would be one more library in each worker for two structs.
Status empty_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL) != 0 && errno != EINVAL) {
    return system_error(errno, "PR_CAP_AMBIENT");
  }
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return system_error(errno, "capset");
  return base::Done{};
}

Status verify(const Privileges& privileges) {
  const base::Error regained{EPERM, "privileges could be regained after they were dropped"};
  if (::setresuid(0, 0, 0) == 0 || ::seteuid(0) == 0 || ::setresgid(0, 0, 0) == 0 || ::setegid(0) == 0) return regained;
  uid_t uids[3]{};
  gid_t gids[3]{};
  if (::getresuid(&uids[0], &uids[1], &uids[2]) != 0 || ::getresgid(&gids[0], &gids[1], &gids[2]) != 0) return regained;
  for (const uid_t uid : uids) {
    if (uid != privileges.uid) return regained;
  }
  for (const gid_t gid : gids) {
    if (gid != privileges.gid) return regained;
  }
  if (::getgroups(0, nullptr) != 0) return regained;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return system_error(errno, "capget");
  for (const auto& set : sets) {
    if ((set.effective | set.permitted | set.inheritable) != 0) return regained;
  }
  return base::Done{};
}

}  // namespace

Status drop_privileges(const Privileges& privileges) {
  if (privileges.uid == 0 || privileges.gid == 0) return base::Error{EINVAL, "a worker never runs as root"};
  // Files may be read by the group of their folder (logd's); the folder says who gets there.
  ::umask(privileges.may_write_files ? 027 : 077);
  if (auto status = change_root(privileges); !status) return status;
  if (auto status = limit_resources(privileges); !status) return status;
  if (auto status = empty_bounding_set(); !status) return status;
  constexpr unsigned long kBits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                  SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  if (::prctl(PR_SET_SECUREBITS, kBits, 0UL, 0UL, 0UL) != 0) return system_error(errno, "PR_SET_SECUREBITS");
  if (auto status = change_ids(privileges); !status) return status;
  if (auto status = empty_capabilities(); !status) return status;
  // After the change of ids and, as every worker is, after exec: both set it back.
  if (::prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) != 0) return system_error(errno, "PR_SET_DUMPABLE");
  return verify(privileges);
}

}  // namespace caronte::sandbox
