#include "master/privileges.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/fd.h"
#include "sandbox/sandbox.h"

namespace caronte::master {

namespace {

struct KeptCapability {
  unsigned number;
  const char* reason;
};
constexpr std::array kKept{
    KeptCapability{CAP_NET_BIND_SERVICE, "listen on port 25"},
    KeptCapability{CAP_SETUID, "a worker becomes its user"},
    KeptCapability{CAP_SETGID, "and its group"},
    KeptCapability{CAP_SETPCAP, "a worker empties its bounding set and locks its securebits"},
    KeptCapability{CAP_SYS_CHROOT, "a worker enters its empty folder"},
    KeptCapability{CAP_KILL, "workers have other uids"},
    KeptCapability{CAP_CHOWN, "folders and control sockets get their owners"},
    KeptCapability{CAP_DAC_READ_SEARCH, "the state folder lets only policyd in; lists may belong to an editor"},
};

constexpr std::uint64_t bit(unsigned number) noexcept {
  return std::uint64_t{1} << number;
}

base::Status cut_capabilities() {
  std::uint64_t kept = 0;
  for (const KeptCapability& row : kKept) kept |= bit(row.number);
  for (unsigned number = 0; number < 64; ++number) {
    if ((kept & bit(number)) != 0 || ::prctl(PR_CAPBSET_READ, number, 0, 0, 0) != 1) continue;
    if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) return base::system_error(errno, "cutting the bounding set");
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return base::system_error(errno, "capget");
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const auto half = static_cast<std::uint32_t>(kept >> (32 * i));
    sets[i].permitted &= half;
    sets[i].effective = sets[i].permitted;
    sets[i].inheritable = 0;
  }
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return base::system_error(errno, "capset");
  return base::Done{};
}

void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  constexpr rlim_t kMost = 1U << 20U;  // fs.nr_open of nearly every system
  if (limit.rlim_max < kMost) {
    const rlimit wanted{kMost, kMost};
    if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) return;
  }
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

base::Status limit_privileges() {
  for (int opened = 0; opened >= 0 && opened <= STDERR_FILENO;) {
    opened = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (opened > STDERR_FILENO) ::close(opened);
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(022);
  raise_descriptor_limit();
  if (const base::Fd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)); score) {
    [[maybe_unused]] const ssize_t written = ::write(score.get(), "-900", 4);  // refused in some containers: no harm
  }
  if (::geteuid() != 0) return base::Done{};
  if (auto status = cut_capabilities(); !status) return status;
  return sandbox::enter_master_filter();
}

std::uint64_t descriptor_limit() noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : 1024;
}

}  // namespace caronte::master
