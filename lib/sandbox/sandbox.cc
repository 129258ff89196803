#include "sandbox/sandbox.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "config.h"
#include "sandbox/landlock.h"
#include "wrap/seccomp.h"

namespace caronte::sandbox {

namespace {

std::vector<Rule> all_rules(const Policy& policy) {
  std::vector<Rule> rules;
  for (const auto preset : policy.presets) rules.insert(rules.end(), preset.begin(), preset.end());
  rules.insert(rules.end(), policy.rules.begin(), policy.rules.end());
  return rules;
}

std::vector<ArgumentTest> tests_of(const Rule& rule) {
  std::vector<ArgumentTest> tests;
  for (const auto& test : {rule.first, rule.second, rule.third}) {
    if (test.comparison != Comparison::always) tests.push_back(test);
  }
  return tests;
}

wrap::SeccompFilter::Test to_filter_test(const ArgumentTest& test) {
  wrap::SeccompFilter::Test result{test.argument, ~std::uint64_t{0}, test.value, test.comparison == Comparison::not_equal};
  if (test.comparison == Comparison::masked_equal) result.mask = test.mask;
  if (test.comparison == Comparison::own_process) result.value = static_cast<std::uint64_t>(::getpid());
  return result;
}

int error_of(Action action) noexcept {
  switch (action) {
    case Action::unsupported: return EOPNOTSUPP;
    case Action::absent: return ENOSYS;
    default: return EACCES;
  }
}

std::string_view name_of(Action action) noexcept {
  switch (action) {
    case Action::allow: return "allow";
    case Action::refuse: return "EACCES";
    case Action::unsupported: return "EOPNOTSUPP";
    case Action::absent: return "ENOSYS";
  }
  return {};
}

std::string_view describe(FolderAccess access) noexcept {
  switch (access) {
    case FolderAccess::none: return "files: none\n";
    case FolderAccess::read_write: return "files: beneath one folder, read and write\n";
    case FolderAccess::tree: return "files: beneath one folder, read and write, folders too\n";
  }
  return {};
}

base::Status add_rules(wrap::SeccompFilter& filter, const std::vector<Rule>& rules) {
  for (const Rule& rule : rules) {
    std::vector<wrap::SeccompFilter::Test> tests;
    for (const auto& test : tests_of(rule)) tests.push_back(to_filter_test(test));
    if (rule.action == Action::allow) {
      if (auto status = filter.allow(rule.call, tests); !status) return status;
      continue;
    }
    const auto allows = [&](const Rule& other) { return other.call == rule.call && other.action == Action::allow; };
    if (tests.empty() && std::any_of(rules.begin(), rules.end(), allows)) continue;
    if (auto status = filter.refuse(rule.call, error_of(rule.action), tests); !status) return status;
  }
  return base::Done{};
}

#ifdef CARONTE_SANITIZERS
bool g_is_inside = false;
#endif

std::string hexadecimal(std::uint64_t value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[value % 16]);
    value /= 16;
  } while (value != 0);
  return "0x" + digits;
}

std::string describe(const ArgumentTest& test) {
  const std::string argument = "arg" + std::to_string(test.argument);
  const std::string name(test.name);
  switch (test.comparison) {
    case Comparison::always: break;
    case Comparison::equal: return argument + " == " + name + " " + hexadecimal(test.value);
    case Comparison::not_equal: return argument + " != " + name + " " + hexadecimal(test.value);
    case Comparison::masked_equal: return argument + " & " + hexadecimal(test.mask) + " == " + name + " " + hexadecimal(test.value);
    case Comparison::own_process: return argument + " == " + name;
  }
  return {};
}

}  // namespace

base::Status enter(const Entry& entry) {
#ifdef CARONTE_WITHOUT_SANDBOX
  (void)entry;
  return base::Done{};
#else
  if (entry.policy == nullptr) return base::system_error(EINVAL, "sandbox");
  const Policy& policy = *entry.policy;
  if ((policy.folder != FolderAccess::none) != (entry.folder >= 0)) {
    return base::Error{EINVAL, "sandbox: the policy and the folder given do not agree"};
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) return base::system_error(errno, "PR_SET_NO_NEW_PRIVS");
  const auto ports = policy.may_connect_tcp ? entry.tcp_ports : std::span<const std::uint16_t>();
  if (auto status = restrict_by_landlock({entry.folder, policy.folder == FolderAccess::tree, ports}); !status) return status;

  std::vector<Rule> rules = all_rules(policy);
  const auto sanitizer = preset_sanitizer();
  rules.insert(rules.end(), sanitizer.begin(), sanitizer.end());
  wrap::SeccompFilter filter(wrap::SeccompFilter::Default::trap);
  if (auto status = add_rules(filter, rules); !status) return status;
#ifdef CARONTE_SANITIZERS
  g_is_inside = true;
#endif
  return filter.load();
#endif
}

std::string describe(const Policy& policy) {
  std::vector<std::string> lines;
  for (const Rule& rule : all_rules(policy)) {
    std::string line(rule.call);
    const char* joint = "(";
    for (const auto& test : tests_of(rule)) {
      line += joint + describe(test);
      joint = ", ";
    }
    if (*joint == ',') line += ')';
    line += ' ';
    line.append(name_of(rule.action)).append(": ").append(rule.reason);
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  std::string text = "worker " + std::string(policy.worker) + "\n";
  text += describe(policy.folder);
  text += policy.may_connect_tcp ? "tcp: connect to the ports of the configuration\n" : "tcp: none\n";
  if (policy.extra_threads != 0) text += "threads: " + std::to_string(policy.extra_threads) + " more\n";
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace caronte::sandbox

#ifdef CARONTE_SANITIZERS
// LeakSanitizer looks for leaks from a clone of the process that traces it: that cannot be had in the sandbox. A report ends
// the process by SIGABRT, so that master sees a crash as in a release build.
extern "C" int __lsan_is_turned_off();
extern "C" int __lsan_is_turned_off() {
  return caronte::sandbox::g_is_inside ? 1 : 0;
}
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "abort_on_error=1";
}
extern "C" const char* __ubsan_default_options();
extern "C" const char* __ubsan_default_options() {
  return "abort_on_error=1:print_stacktrace=1";
}
#endif
