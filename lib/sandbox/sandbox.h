// The sandbox as a table: what a worker may ask of the kernel once it runs. Rows name system calls, shared presets name
// rows that several workers need; everything else kills the process. Landlock (as far as the kernel has it), no-new-privs
// and rlimits come with it. The rules by name are golden files in tests/sandbox/, so that a widening shows in a diff.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace caronte::sandbox {

enum class Action : std::uint8_t {
  allow,
  refuse,  // EACCES: what libraries merely try
};

// A test of one argument; all tests of a rule must hold.
enum class Comparison : std::uint8_t { always, equal, not_equal, masked_equal };
struct ArgumentTest {
  std::uint8_t argument = 0;  // 0 to 5
  Comparison comparison = Comparison::always;
  std::uint64_t mask = 0;     // masked_equal only
  std::uint64_t value = 0;
};

// {system call, tests, reason}. A call may have several rules: one that holds is enough.
struct Rule {
  std::string_view call;
  Action action = Action::allow;
  ArgumentTest first{};
  ArgumentTest second{};
  ArgumentTest third{};
  std::string_view reason;  // why this worker needs it; part of the golden file
};

// Landlock: what of the file system stays reachable. Everything else, TCP bind and connect (unless `tcp_connect`),
// abstract sockets and signals to others are denied where the kernel's ABI knows them.
enum class FolderAccess : std::uint8_t { none, read_write };

struct Policy {
  std::string_view worker;                      // name in logs and of the golden file
  std::span<const std::span<const Rule>> presets;
  std::span<const Rule> rules;
  FolderAccess folder = FolderAccess::none;     // read_write: the one open folder descriptor given to enter()
  bool may_connect_tcp = false;                 // dnsd: resolvers over TCP
};

// Shared presets.
[[nodiscard]] std::span<const Rule> preset_core();         // memory, time, exit, signals returning, futex
[[nodiscard]] std::span<const Rule> preset_event_loop();   // epoll as libevent uses it
[[nodiscard]] std::span<const Rule> preset_channel();      // sendmsg, recvmsg, close, what lib/ipc needs
[[nodiscard]] std::span<const Rule> preset_folder();       // files beneath one open folder (logd; policyd later)
[[nodiscard]] std::span<const Rule> preset_sanitizer();    // empty but in builds with --enable-sanitizers

struct Entry {
  const Policy* policy = nullptr;
  int folder = -1;  // for FolderAccess::read_write
};

// The last step before the first byte from outside: no-new-privs, Landlock, seccomp (default action: kill the process,
// also for a foreign architecture). Errors: the kernel refuses seccomp. A kernel without Landlock, or with an old ABI,
// is no error: `landlock_abi()` tells what there was.
[[nodiscard]] base::Status enter(const Entry& entry);
[[nodiscard]] int landlock_abi() noexcept;

// Master's filter: everything but a deny-list (ptrace, mount, bpf, modules, kexec, keyctl, io_uring, userfaultfd, perf),
// which gets EPERM; it survives exec, so it holds for the workers too.
[[nodiscard]] base::Status enter_master_filter();

// The rules by name, one a line, sorted: the golden file.
[[nodiscard]] std::string describe(const Policy& policy);

}  // namespace caronte::sandbox
