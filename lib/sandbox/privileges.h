// The way down: a worker starts as root (master has to place it into its chroot) and becomes a user of its own with nothing
// left. Called once, by worker::Worker::run(), before the sandbox is entered. Linux 4.3 and later.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace caronte::sandbox {

struct Privileges {
  std::uint32_t uid = 0;  // to become, real, effective and saved; 0 is refused
  std::uint32_t gid = 0;  // the only group; 0 is refused
  // The new root: an open folder, or (-1) a path. The descriptor stays the caller's and stays usable.
  int folder = -1;
  std::string folder_path;
  std::uint32_t descriptors = 0;    // RLIMIT_NOFILE; 0: unchanged. Never raised above the hard limit
  std::uint32_t extra_threads = 0;  // that this process will start; RLIMIT_NPROC counts by uid, so all processes of that uid
  bool may_write_files = false;     // false: RLIMIT_FSIZE 0 (a write to a file, also one behind stderr, is EFBIG)
};

// chroot and chdir, resource limits (no core files), bounding set emptied, securebits locked, supplementary groups dropped,
// ids changed, every capability set emptied, not dumpable, umask 077 (027 if it may write files); then checks that nothing can be
// regained. Needs CAP_SYS_CHROOT, CAP_SETUID, CAP_SETGID and CAP_SETPCAP: master's bounding set must keep these four.
// PR_SET_PDEATHSIG is not used: a worker outlives master to finish what is past DATA.
// Errors: whichever step the kernel refused. The process is then in between and must exit.
[[nodiscard]] base::Status drop_privileges(const Privileges& privileges);

}  // namespace caronte::sandbox
