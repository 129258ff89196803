// The sandbox as a table: what a worker may ask of the kernel once it runs. Rows name system calls, shared presets name
// rows that several workers need; everything else kills the process by SIGSYS. Landlock (as far as the kernel has it), no-new-privs
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
  refuse,       // EACCES: what libraries merely try
  unsupported,  // EOPNOTSUPP: they then take another way
  absent,       // ENOSYS, as if the kernel did not know it: they then take an older way
};

// A test of one argument, compared as 64 bits; all tests of a rule must hold.
enum class Comparison : std::uint8_t {
  always,
  equal,
  not_equal,
  masked_equal,  // (argument & mask) == value
  own_process,   // equal to the id of this process, as of enter()
};
struct ArgumentTest {
  std::uint8_t argument = 0;  // 0 to 5
  Comparison comparison = Comparison::always;
  std::uint64_t mask = 0;  // masked_equal only
  std::uint64_t value = 0;
  std::string_view name{};  // of the value, for the golden file
};

// {system call, tests, reason}. A call may have several rules: one that holds is enough; a rule without tests
// that refuses gives way to any that allows.
struct Rule {
  std::string_view call;
  Action action = Action::allow;
  ArgumentTest first{};
  ArgumentTest second{};
  ArgumentTest third{};
  std::string_view reason;  // why this worker needs it; part of the golden file
};

// How rows are written: allow("fcntl", "reason", equal(1, F_SETFL, "F_SETFL")).
[[nodiscard]] constexpr ArgumentTest equal(std::uint8_t argument, std::uint64_t value, std::string_view name) {
  return {argument, Comparison::equal, 0, value, name};
}
[[nodiscard]] constexpr ArgumentTest masked(std::uint8_t argument, std::uint64_t mask, std::uint64_t value, std::string_view name) {
  return {argument, Comparison::masked_equal, mask, value, name};
}
[[nodiscard]] constexpr ArgumentTest own_process(std::uint8_t argument) {
  return {argument, Comparison::own_process, 0, 0, "own process"};
}
[[nodiscard]] constexpr Rule allow(std::string_view call, std::string_view reason, ArgumentTest first = {},
                                   ArgumentTest second = {}, ArgumentTest third = {}) {
  return {call, Action::allow, first, second, third, reason};
}
[[nodiscard]] constexpr Rule refuse(std::string_view call, std::string_view reason, ArgumentTest first = {},
                                    ArgumentTest second = {}, ArgumentTest third = {}) {
  return {call, Action::refuse, first, second, third, reason};
}

[[nodiscard]] constexpr Rule absent(std::string_view call, std::string_view reason) {
  return {call, Action::absent, {}, {}, {}, reason};
}
[[nodiscard]] constexpr Rule unsupported(std::string_view call, std::string_view reason, ArgumentTest first) {
  return {call, Action::unsupported, first, {}, {}, reason};
}

// Landlock: what of the file system stays reachable. Everything else, TCP bind and connect (unless `tcp_connect`),
// abstract sockets and signals to others are denied where the kernel's ABI knows them.
enum class FolderAccess : std::uint8_t {
  none,
  read_write,  // files of the folder
  tree,        // folders within it too: made, renamed, removed
};

struct Policy {
  std::string_view worker;  // name in logs and of the golden file
  std::span<const std::span<const Rule>> presets;
  std::span<const Rule> rules;
  FolderAccess folder = FolderAccess::none;  // others: the one open folder descriptor given to enter()
  bool may_connect_tcp = false;              // dnsd: resolvers over TCP, to the ports given to enter() only
  // RLIMIT_NPROC beyond the first thread (Privileges::extra_threads). It counts by uid: a predecessor that a hanging disk
  // keeps from dying still counts.
  std::uint32_t extra_threads = 0;
};

// Shared presets. Each worker's own row set: sandbox::Policy <worker>::sandbox_policy() in <folder>/sandbox.h.
[[nodiscard]] std::span<const Rule> preset_core();        // memory, time, exit, signals returning, futex
[[nodiscard]] std::span<const Rule> preset_event_loop();  // epoll as libevent uses it
[[nodiscard]] std::span<const Rule> preset_channel();     // sendmsg, recvmsg, close, what lib/ipc needs
[[nodiscard]] std::span<const Rule> preset_control();     // worker::ControlServer
[[nodiscard]] std::span<const Rule> preset_folder();      // files beneath one open folder (logd, policyd)
[[nodiscard]] std::span<const Rule> preset_sanitizer();   // empty but in builds with --enable-sanitizers; enter() adds it itself

struct Entry {
  const Policy* policy = nullptr;
  int folder = -1;                             // for a FolderAccess but none
  std::span<const std::uint16_t> tcp_ports{};  // for may_connect_tcp; from Landlock's ABI 4 on nothing else is reached
};

// The last step before the first byte from outside: no-new-privs, Landlock, seccomp (default action: SIGSYS, which kills the
// process unless it has set a handler before, see worker/forbidden_call.h; a foreign architecture kills without that). Errors: the
// kernel refuses seccomp. A kernel without Landlock, or with an old ABI, is no error: `landlock_abi()` tells what there was (0:
// nothing). Does nothing in a build with --disable-sandbox.
[[nodiscard]] base::Status enter(const Entry& entry);
[[nodiscard]] int landlock_abi() noexcept;

// Master's filter: everything but a deny-list (ptrace, mount, bpf, modules, kexec, keyctl, io_uring, userfaultfd, perf),
// which gets EPERM; it survives exec, so it holds for the workers too. Sets no-new-privs. To be called last, before the
// first worker is started.
[[nodiscard]] base::Status enter_master_filter();

// The rules by name, one a line, sorted: the golden file.
[[nodiscard]] std::string describe(const Policy& policy);
[[nodiscard]] std::string describe_master_filter();  // what it refuses

}  // namespace caronte::sandbox
