// The workers' rows: golden files, budgets, and what must never be among them.
#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "tests/sandbox/policies.h"
#include "wrap/seccomp.h"

namespace caronte::tests {

namespace {

std::set<std::string> calls_of(const sandbox::Policy& policy) {
  std::set<std::string> calls;
  for (const auto preset : policy.presets) {
    for (const auto& rule : preset) calls.emplace(rule.call);
  }
  for (const auto& rule : policy.rules) calls.emplace(rule.call);
  return calls;
}

// A rule of this call that holds whatever the arguments are.
bool has_rule_without_test(const sandbox::Policy& policy, std::string_view call) {
  const auto is_open = [&](const sandbox::Rule& rule) {
    return rule.call == call && rule.first.comparison == sandbox::Comparison::always;
  };
  return std::any_of(policy.rules.begin(), policy.rules.end(), is_open) ||
         std::any_of(policy.presets.begin(), policy.presets.end(),
                     [&](const auto preset) { return std::any_of(preset.begin(), preset.end(), is_open); });
}

void assert_golden(std::string_view process, const std::string& description) {
  const std::string name = std::string(CARONTE_GOLDEN_FOLDER) + "/" + std::string(process) + ".golden";
  std::ifstream file(name);
  CPPUNIT_ASSERT_MESSAGE(name, file.is_open());
  std::ostringstream golden;
  golden << file.rdbuf();
  CPPUNIT_ASSERT_EQUAL_MESSAGE("if the change is meant: make update-golden", golden.str(), description);
}

}  // namespace

class PolicyTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(PolicyTest);
  CPPUNIT_TEST(policies_equal_their_golden_files);
  CPPUNIT_TEST(every_name_is_a_system_call);
  CPPUNIT_TEST(every_rule_has_a_reason);
  CPPUNIT_TEST(budgets_are_kept);
  CPPUNIT_TEST(nobody_may_do_what_no_worker_needs);
  CPPUNIT_TEST(only_dnsd_makes_sockets);
  CPPUNIT_TEST(only_config_reader_makes_sealed_memory);
  CPPUNIT_TEST(only_logd_and_policyd_open_files);
  CPPUNIT_TEST(only_policyd_makes_a_thread);
  CPPUNIT_TEST(calls_that_need_an_argument_test_have_one);
  CPPUNIT_TEST_SUITE_END();

 public:
  void policies_equal_their_golden_files() {
    for (const auto& policy : all_policies()) assert_golden(policy.worker, sandbox::describe(policy));
    assert_golden("caronted", sandbox::describe_master_filter());
  }

  void every_name_is_a_system_call() {
    for (const auto& policy : all_policies()) {
      for (const auto& call : calls_of(policy)) CPPUNIT_ASSERT_MESSAGE(call, wrap::SeccompFilter::is_known(call));
    }
    std::istringstream lines(sandbox::describe_master_filter());
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
      const std::string call = line.substr(0, line.find_first_of(" ("));
      CPPUNIT_ASSERT_MESSAGE(call, wrap::SeccompFilter::is_known(call));
    }
    CPPUNIT_ASSERT(!wrap::SeccompFilter::is_known("epol_wait"));
  }

  void every_rule_has_a_reason() {
    for (const auto& policy : all_policies()) {
      for (const auto& rule : policy.rules) CPPUNIT_ASSERT_MESSAGE(std::string(rule.call), !rule.reason.empty());
    }
  }

  // Upper bounds of the number of different calls; whoever needs more says here why.
  void budgets_are_kept() {
    const std::map<std::string_view, std::size_t> budgets{
        {"smtpd-proxy", 32},   {"dnsd", 34},  // what all have (26) comes to what libunbound makes
        {"policyd", 57},                      // its store: Berkeley DB opens, recovers, renames and removes files, and has a thread
        {"logd", 40},           // it opens and rotates its files itself, where others get them from a privileged process
        {"config-reader", 26},  // reads descriptors, computes, writes sealed memory
    };
    for (const auto& policy : all_policies()) {
      const std::size_t calls = calls_of(policy).size();
      CPPUNIT_ASSERT_MESSAGE(std::string(policy.worker) + " " + std::to_string(calls), calls <= budgets.at(policy.worker));
    }
  }

  void nobody_may_do_what_no_worker_needs() {
    for (const char* call : {"execve",
                             "execveat",
                             "fork",
                             "vfork",
                             "kill",
                             "tkill",
                             "ptrace",
                             "listen",
                             "mount",
                             "chroot",
                             "unshare",
                             "setns",
                             "bpf",
                             "io_uring_setup",
                             "io_uring_enter",
                             "keyctl",
                             "userfaultfd",
                             "perf_event_open",
                             "prctl",
                             "setuid",
                             "setresuid",
                             "capset",

                             "process_vm_readv",
                             "process_vm_writev",
                             "pidfd_open",
                             "pidfd_getfd",
                             "ioctl",
                             "open",
                             "openat2",
                             "pkey_mprotect",
                             "socketpair",
                             "seccomp",
                             "prlimit64",
                             "init_module",
                             "kexec_load"}) {
      for (const auto& policy : all_policies()) {
        CPPUNIT_ASSERT_MESSAGE(std::string(policy.worker) + " " + call, !calls_of(policy).contains(call));
      }
    }
  }

  // A thread, by exactly its flags; nothing that could be a process.
  void only_policyd_makes_a_thread() {
    for (const auto& policy : all_policies()) {
      const bool is_policyd = policy.worker == "policyd";
      for (const char* call : {"clone", "clone3", "sysinfo"}) {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(policy.worker) + " " + call, is_policyd, calls_of(policy).contains(call));
      }
      for (const auto& rule : policy.rules) {
        if (rule.call == "clone") CPPUNIT_ASSERT(rule.first.comparison == sandbox::Comparison::equal);
        if (rule.call == "clone3") CPPUNIT_ASSERT(rule.action == sandbox::Action::absent);
      }
      CPPUNIT_ASSERT_EQUAL(is_policyd, policy.extra_threads != 0);
    }
  }

  void only_dnsd_makes_sockets() {
    for (const auto& policy : all_policies()) {
      for (const char* call : {"socket", "bind", "connect"}) {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(policy.worker) + " " + call, policy.worker == "dnsd",
                                     calls_of(policy).contains(call));
      }
      CPPUNIT_ASSERT_EQUAL(policy.worker == "dnsd", policy.may_connect_tcp);
    }
  }

  void only_config_reader_makes_sealed_memory() {
    for (const auto& policy : all_policies()) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(policy.worker), policy.worker == "config-reader",
                                   calls_of(policy).contains("memfd_create"));
    }
  }

  void only_logd_and_policyd_open_files() {
    for (const auto& policy : all_policies()) {
      const bool is_logd = policy.worker == "logd";
      const bool is_policyd = policy.worker == "policyd";
      CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(policy.worker), is_logd || is_policyd, calls_of(policy).contains("openat"));
      CPPUNIT_ASSERT_EQUAL(is_logd, policy.folder == sandbox::FolderAccess::read_write);
      CPPUNIT_ASSERT_EQUAL(is_policyd, policy.folder == sandbox::FolderAccess::tree);
    }
  }

  void calls_that_need_an_argument_test_have_one() {
    for (const auto& policy : all_policies()) {
      for (const char* call :
           {"mmap", "mprotect", "futex", "fcntl", "tgkill", "socket", "setsockopt", "getsockopt", "madvise", "shutdown"}) {
        CPPUNIT_ASSERT_MESSAGE(std::string(policy.worker) + " " + call, !has_rule_without_test(policy, call));
      }
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PolicyTest);

}  // namespace caronte::tests
