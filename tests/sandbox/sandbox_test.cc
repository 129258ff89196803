// enter() and the master's filter, each tried in a child process: what is allowed works, the rest kills or is refused.
#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

#include "base/fd.h"
#include "config.h"
#include "sandbox/sandbox.h"

namespace caronte::tests {

namespace {

using sandbox::allow;
using sandbox::equal;
using sandbox::masked;
using sandbox::refuse;
using sandbox::unsupported;

constexpr int kEnterFailed = 99;
constexpr int kDiedBySignal = 1000;

// Runs `act` in a child after `prepare`; its exit code, or kDiedBySignal + the signal.
template <class Prepare, class Act>
int outcome_of(Prepare prepare, Act act) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!prepare()) ::_exit(kEnterFailed);
    ::_exit(act());
  }
  int status = 0;
  CPPUNIT_ASSERT_EQUAL(child, ::waitpid(child, &status, 0));
  return WIFSIGNALED(status) ? kDiedBySignal + WTERMSIG(status) : WEXITSTATUS(status);
}

template <class Act>
int outcome_inside(const sandbox::Policy& policy, Act act, int folder = -1) {
  return outcome_of([&] { return sandbox::enter({.policy = &policy, .folder = folder}).is_ok(); }, act);
}

constexpr int kKilled = kDiedBySignal + SIGSYS;

sandbox::Policy core_policy() {
  static const std::array kPresets{sandbox::preset_core()};
  return {"test", kPresets, {}, sandbox::FolderAccess::none, false};
}

long raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  return ::syscall(number, a, b, c, d, e, f);
}

}  // namespace

class SandboxTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SandboxTest);
#ifndef CARONTE_WITHOUT_SANDBOX
  CPPUNIT_TEST(what_is_allowed_works);
  CPPUNIT_TEST(what_is_not_listed_kills_the_process);
  CPPUNIT_TEST(memory_is_never_executable);
  CPPUNIT_TEST(only_the_own_process_is_signalled);
  CPPUNIT_TEST(locks_are_of_the_plain_kind);
  CPPUNIT_TEST(a_refused_call_gets_eacces);
  CPPUNIT_TEST(an_unsupported_form_leaves_the_others);
  CPPUNIT_TEST(all_tests_of_a_rule_must_hold);
  CPPUNIT_TEST(one_of_several_rules_is_enough);
  CPPUNIT_TEST(no_new_privileges_are_set);
#ifdef __x86_64__
  CPPUNIT_TEST(a_foreign_architecture_kills);
#endif
  CPPUNIT_TEST(landlock_leaves_only_the_folder);
  CPPUNIT_TEST(landlock_forbids_tcp);
  CPPUNIT_TEST(a_policy_that_needs_a_folder_is_refused_without);
  CPPUNIT_TEST(master_is_refused_what_it_never_needs);
  CPPUNIT_TEST(master_keeps_the_rest);
#endif
  CPPUNIT_TEST_SUITE_END();

 public:
  void what_is_allowed_works() {
    CPPUNIT_ASSERT_EQUAL(7, outcome_inside(core_policy(), [] {
                           std::string text(1 << 20, 'x');  // memory from the kernel
                           return raw(SYS_getpid) > 0 && text.size() > 9 ? 7 : 8;
                         }));
    CPPUNIT_ASSERT_EQUAL(kDiedBySignal + SIGABRT, outcome_inside(core_policy(), []() -> int { std::abort(); }));
  }

  void what_is_not_listed_kills_the_process() {
    for (const long number : std::initializer_list<long>{SYS_socket, SYS_execve, SYS_getppid, SYS_kill, SYS_uname, 9999}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(std::to_string(number), kKilled, outcome_inside(core_policy(), [=] {
                                     raw(number);
                                     return 0;
                                   }));
    }
  }

  void memory_is_never_executable() {
    const auto map = [](int protection) {
      return [=] { return ::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : 1; };
    };
    CPPUNIT_ASSERT_EQUAL(0, outcome_inside(core_policy(), map(PROT_READ | PROT_WRITE)));
    CPPUNIT_ASSERT_EQUAL(kKilled, outcome_inside(core_policy(), map(PROT_READ | PROT_WRITE | PROT_EXEC)));
    CPPUNIT_ASSERT_EQUAL(kKilled, outcome_inside(core_policy(), map(PROT_EXEC)));
    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const auto protect = [=](int protection) { return [=] { return ::mprotect(page, 4096, protection) == 0 ? 0 : 1; }; };
    CPPUNIT_ASSERT_EQUAL(0, outcome_inside(core_policy(), protect(PROT_READ)));
    CPPUNIT_ASSERT_EQUAL(kKilled, outcome_inside(core_policy(), protect(PROT_READ | PROT_EXEC)));
    ::munmap(page, 4096);
  }

  void only_the_own_process_is_signalled() {
    const auto signal = [](pid_t process) {
      return [=] { return raw(SYS_tgkill, process == 0 ? ::getpid() : process, raw(SYS_gettid), 0) == 0 ? 0 : 1; };
    };
    CPPUNIT_ASSERT_EQUAL(0, outcome_inside(core_policy(), signal(0)));
    CPPUNIT_ASSERT_EQUAL(kKilled, outcome_inside(core_policy(), signal(::getpid())));
  }

  void locks_are_of_the_plain_kind() {
    static int word = 0;
    const auto futex = [](long operation) {
      return [=] { return raw(SYS_futex, reinterpret_cast<long>(&word), operation, 1) == 0 ? 0 : 1; };
    };
    CPPUNIT_ASSERT_EQUAL(0, outcome_inside(core_policy(), futex(1)));               // FUTEX_WAKE
    CPPUNIT_ASSERT_EQUAL(0, outcome_inside(core_policy(), futex(1 | 128)));         // private
    CPPUNIT_ASSERT_EQUAL(kKilled, outcome_inside(core_policy(), futex(6)));         // FUTEX_LOCK_PI
    CPPUNIT_ASSERT_EQUAL(kKilled, outcome_inside(core_policy(), futex(11 | 128)));  // FUTEX_WAIT_REQUEUE_PI
  }

  void a_refused_call_gets_eacces() {
    static constexpr std::array kRules{refuse("socket", "test")};
    static const std::array kPresets{sandbox::preset_core()};
    const sandbox::Policy policy{"test", kPresets, kRules, sandbox::FolderAccess::none, false};
    CPPUNIT_ASSERT_EQUAL(EACCES, outcome_inside(policy, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0; }));
  }

  void an_unsupported_form_leaves_the_others() {
    static constexpr std::array kRules{allow("socket", "test", masked(1, 0xF, SOCK_DGRAM, "SOCK_DGRAM")),
                                       unsupported("socket", "test", masked(1, 0xF, SOCK_STREAM, "SOCK_STREAM"))};
    static const std::array kPresets{sandbox::preset_core()};
    const sandbox::Policy policy{"test", kPresets, kRules, sandbox::FolderAccess::none, false};
    const auto open = [](int type) { return [=] { return ::socket(AF_UNIX, type, 0) >= 0 ? 0 : errno; }; };
    CPPUNIT_ASSERT_EQUAL(0, outcome_inside(policy, open(SOCK_DGRAM)));
    CPPUNIT_ASSERT_EQUAL(EOPNOTSUPP, outcome_inside(policy, open(SOCK_STREAM)));
    CPPUNIT_ASSERT_EQUAL(kKilled, outcome_inside(policy, open(SOCK_SEQPACKET)));
  }

  void all_tests_of_a_rule_must_hold() {
    static constexpr std::array kRules{allow("socket", "test", equal(0, AF_UNIX, "AF_UNIX"), equal(1, SOCK_DGRAM, "SOCK_DGRAM"))};
    static const std::array kPresets{sandbox::preset_core()};
    const sandbox::Policy policy{"test", kPresets, kRules, sandbox::FolderAccess::none, false};
    const auto open = [](int domain, int type) { return [=] { return ::socket(domain, type, 0) >= 0 ? 0 : 1; }; };
    CPPUNIT_ASSERT_EQUAL(0, outcome_inside(policy, open(AF_UNIX, SOCK_DGRAM)));
    CPPUNIT_ASSERT_EQUAL(kKilled, outcome_inside(policy, open(AF_UNIX, SOCK_STREAM)));
    CPPUNIT_ASSERT_EQUAL(kKilled, outcome_inside(policy, open(AF_INET, SOCK_DGRAM)));
  }

  void one_of_several_rules_is_enough() {
    static constexpr std::array kRules{allow("fcntl", "test", equal(1, F_GETFL, "F_GETFL")),
                                       allow("fcntl", "test", equal(1, F_GETFD, "F_GETFD"))};
    static const std::array kPresets{sandbox::preset_core()};
    const sandbox::Policy policy{"test", kPresets, kRules, sandbox::FolderAccess::none, false};
    const auto ask = [](int command) { return [=] { return ::fcntl(0, command) >= 0 || errno == EBADF ? 0 : 1; }; };
    CPPUNIT_ASSERT_EQUAL(0, outcome_inside(policy, ask(F_GETFL)));
    CPPUNIT_ASSERT_EQUAL(0, outcome_inside(policy, ask(F_GETFD)));
    CPPUNIT_ASSERT_EQUAL(kKilled, outcome_inside(policy, ask(F_GETOWN)));
  }

  void no_new_privileges_are_set() {
    static constexpr std::array kRules{allow("prctl", "test")};
    static const std::array kPresets{sandbox::preset_core()};
    const sandbox::Policy policy{"test", kPresets, kRules, sandbox::FolderAccess::none, false};
    constexpr long kGetNoNewPrivileges = 39;
    CPPUNIT_ASSERT_EQUAL(1, outcome_inside(policy, [] { return static_cast<int>(raw(SYS_prctl, kGetNoNewPrivileges)); }));
  }

#ifdef __x86_64__
  void a_foreign_architecture_kills() {
    CPPUNIT_ASSERT_EQUAL(kKilled, outcome_inside(core_policy(), [] {
                           long result = 20;  // getpid of i386, which as such would be allowed
                           asm volatile("int $0x80" : "+a"(result) : : "memory");
                           return 0;
                         }));
    CPPUNIT_ASSERT_EQUAL(kKilled, outcome_inside(core_policy(), [] {
                           raw(0x40000000L | SYS_getpid);  // x32
                           return 0;
                         }));
  }
#endif

  void landlock_leaves_only_the_folder() {
    if (sandbox::landlock_abi() == 0) return;
    static constexpr std::array kRules{allow("openat", "test"), allow("unlinkat", "test"), allow("renameat", "test"),
                                       allow("mkdirat", "test"), allow("ftruncate", "test")};
    static const std::array kPresets{sandbox::preset_core()};
    std::string name = "/tmp/caronte-sandbox-test-XXXXXX";
    CPPUNIT_ASSERT(::mkdtemp(name.data()) != nullptr);
    {
      const base::Fd folder(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      const sandbox::Policy policy{"test", kPresets, kRules, sandbox::FolderAccess::read_write, false};
      const sandbox::Policy nothing{"test", kPresets, kRules, sandbox::FolderAccess::none, false};
      const auto make = [&] {
        const int file = ::openat(folder.get(), "one", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0 || ::ftruncate(file, 3) != 0) return 1;
        if (::renameat(folder.get(), "one", folder.get(), "two") != 0) return 2;
        return ::unlinkat(folder.get(), "two", 0) == 0 ? 0 : 3;
      };
      const auto open = [&](int where, const char* file, int flags) {
        return [=] { return ::openat(where, file, flags | O_CLOEXEC, 0600) >= 0 ? 0 : errno; };
      };
      CPPUNIT_ASSERT_EQUAL(0, outcome_inside(policy, make, folder.get()));
      CPPUNIT_ASSERT_EQUAL(EACCES, outcome_inside(policy, open(AT_FDCWD, "/etc/passwd", O_RDONLY), folder.get()));
      CPPUNIT_ASSERT_EQUAL(EACCES, outcome_inside(policy, open(folder.get(), "../../etc/passwd", O_RDONLY), folder.get()));
      CPPUNIT_ASSERT_EQUAL(EACCES, outcome_inside(policy, open(AT_FDCWD, "/tmp", O_RDONLY | O_DIRECTORY), folder.get()));
      const auto make_folder = [&] { return ::mkdirat(folder.get(), "sub", 0700) == 0 ? 0 : errno; };
      CPPUNIT_ASSERT_EQUAL(EACCES, outcome_inside(policy, make_folder, folder.get()));
      CPPUNIT_ASSERT_EQUAL(EACCES, outcome_inside(nothing, open(AT_FDCWD, "/etc/passwd", O_RDONLY)));
    }
    CPPUNIT_ASSERT_EQUAL(0, ::rmdir(name.c_str()));
  }

  void landlock_forbids_tcp() {
    if (sandbox::landlock_abi() < 4) return;
    static constexpr std::array kRules{allow("socket", "test"), allow("bind", "test"), allow("connect", "test")};
    static const std::array kPresets{sandbox::preset_core()};
    static constexpr std::array<std::uint16_t, 2> kPorts{53, 1};
    const auto attempt = [](bool is_bind, std::uint16_t port) {
      return [=] {
        const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
        const int result = is_bind ? ::bind(socket, generic, sizeof address) : ::connect(socket, generic, sizeof address);
        return result == 0 ? 0 : errno;
      };
    };
    const sandbox::Policy none{"test", kPresets, kRules, sandbox::FolderAccess::none, false};
    const sandbox::Policy connects{"test", kPresets, kRules, sandbox::FolderAccess::none, true};
    const auto outcome = [&](const sandbox::Policy& policy, bool is_bind, std::uint16_t port) {
      return outcome_of([&] { return sandbox::enter({.policy = &policy, .tcp_ports = kPorts}).is_ok(); }, attempt(is_bind, port));
    };
    CPPUNIT_ASSERT_EQUAL(EACCES, outcome(none, true, 0));
    CPPUNIT_ASSERT_EQUAL(EACCES, outcome(none, false, 1));
    CPPUNIT_ASSERT_EQUAL(EACCES, outcome(connects, true, 0));
    CPPUNIT_ASSERT_EQUAL(EACCES, outcome(connects, false, 25));
    CPPUNIT_ASSERT_EQUAL(ECONNREFUSED, outcome(connects, false, 1));
  }

  void a_policy_that_needs_a_folder_is_refused_without() {
    const std::array presets{sandbox::preset_core()};
    const sandbox::Policy policy{"test", presets, {}, sandbox::FolderAccess::read_write, false};
    CPPUNIT_ASSERT_EQUAL(kEnterFailed, outcome_inside(policy, [] { return 0; }));
    CPPUNIT_ASSERT_EQUAL(kEnterFailed, outcome_inside(
                                           core_policy(), [] { return 0; }, 0));
  }

  void master_is_refused_what_it_never_needs() {
    // Calls that anybody may make, so that the refusal is the filter's: nothing to trace, no namespace, no key.
    const auto attempt = [](long number, long first, long second = 0, long third = 0) {
      return outcome_of([] { return sandbox::enter_master_filter().is_ok(); },
                        [=] { return raw(number, first, second, third) >= 0 ? 0 : errno; });
    };
    const auto without = [](long number, long first, long second = 0, long third = 0) {
      return outcome_of([] { return true; }, [=] { return raw(number, first, second, third) >= 0 ? 0 : errno; });
    };
#ifndef CARONTE_SANITIZERS
    CPPUNIT_ASSERT_EQUAL(EPERM, attempt(SYS_ptrace, PTRACE_TRACEME));
    CPPUNIT_ASSERT_EQUAL(0, without(SYS_ptrace, PTRACE_TRACEME));
#endif
    CPPUNIT_ASSERT_EQUAL(EPERM, attempt(SYS_unshare, 0));
    CPPUNIT_ASSERT_EQUAL(0, without(SYS_unshare, 0));
    // CLONE_THREAD alone is an invalid argument: nothing is cloned where the filter lets it through.
    CPPUNIT_ASSERT_EQUAL(EPERM, attempt(SYS_clone, CLONE_NEWUSER | CLONE_THREAD));
    CPPUNIT_ASSERT_EQUAL(EINVAL, attempt(SYS_clone, CLONE_THREAD));
    CPPUNIT_ASSERT_EQUAL(ENOSYS, attempt(435, 0, 0));  // clone3
    CPPUNIT_ASSERT_EQUAL(EPERM, attempt(SYS_io_uring_setup, 0, 0));
    CPPUNIT_ASSERT_EQUAL(EPERM, attempt(SYS_keyctl, 0, -3));
    CPPUNIT_ASSERT(without(SYS_keyctl, 0, -3) != EPERM);
    CPPUNIT_ASSERT_EQUAL(EPERM, attempt(SYS_process_vm_readv, ::getpid()));
    CPPUNIT_ASSERT_EQUAL(EPERM, attempt(SYS_bpf, 0));
    CPPUNIT_ASSERT_EQUAL(EPERM, attempt(SYS_mount, 0));
  }

  // It survives exec: a shell with a pipe still runs under it.
  void master_keeps_the_rest() {
    CPPUNIT_ASSERT_EQUAL(
        3, outcome_of([] { return sandbox::enter_master_filter().is_ok(); },
                      [] { return WEXITSTATUS(std::system("echo a | (read line && test \"$line\" = a && exit 3)")); }));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SandboxTest);

}  // namespace caronte::tests
