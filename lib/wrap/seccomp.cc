#include "wrap/seccomp.h"

#include <seccomp.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>

namespace caronte::wrap {

SeccompFilter::SeccompFilter(Default action) : context_(::seccomp_init(action == Default::allow ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP)) {
  if (context_ == nullptr) {
    error_ = ENOMEM;
    return;
  }
  // libseccomp's own default for a foreign architecture ends only the thread.
  const std::uint32_t foreign = action == Default::allow ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS;
  int result = ::seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, foreign);
  if (result == 0) result = ::seccomp_attr_set(context_, SCMP_FLTATR_CTL_NNP, 1);
  if (result == 0) result = ::seccomp_attr_set(context_, SCMP_FLTATR_CTL_TSYNC, 1);
  error_ = -result;
}

SeccompFilter::~SeccompFilter() {
  if (context_ != nullptr) ::seccomp_release(context_);
}

base::Status SeccompFilter::allow(std::string_view call, std::span<const Test> tests) {
  return add(SCMP_ACT_ALLOW, call, tests);
}

base::Status SeccompFilter::refuse(std::string_view call, int error, std::span<const Test> tests) {
  return add(SCMP_ACT_ERRNO(static_cast<unsigned>(error)), call, tests);
}

base::Status SeccompFilter::add(std::uint32_t action, std::string_view call, std::span<const Test> tests) {
  if (error_ != 0) return base::system_error(error_, "seccomp");
  std::array<scmp_arg_cmp, 6> comparisons{};
  if (tests.size() > comparisons.size()) return base::system_error(EINVAL, "seccomp");
  for (std::size_t i = 0; i < tests.size(); ++i) {
    const Test& test = tests[i];
    comparisons[i].arg = test.argument;
    const bool is_whole = test.is_negated || test.mask == ~std::uint64_t{0};
    comparisons[i].op = test.is_negated ? SCMP_CMP_NE : is_whole ? SCMP_CMP_EQ : SCMP_CMP_MASKED_EQ;
    comparisons[i].datum_a = is_whole ? test.value : test.mask;
    comparisons[i].datum_b = test.value;
  }
  const std::string name(call);
  const int number = ::seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR) return base::Done{};
  const int result = ::seccomp_rule_add_array(context_, action, number, static_cast<unsigned>(tests.size()), comparisons.data());
  // EDOM: not a call of this architecture; EEXIST: a rule that is there already.
  if (result != 0 && result != -EDOM && result != -EEXIST) return base::system_error(-result, "seccomp rule for " + name);
  return base::Done{};
}

base::Status SeccompFilter::load() {
  if (error_ != 0) return base::system_error(error_, "seccomp");
  if (const int result = ::seccomp_load(context_); result != 0) {
    return base::system_error(result == -ECANCELED ? errno : -result, "this kernel refuses the seccomp filter");
  }
  return base::Done{};
}

bool SeccompFilter::is_known(std::string_view call) {
  return ::seccomp_syscall_resolve_name(std::string(call).c_str()) != __NR_SCMP_ERROR;
}

std::string SeccompFilter::name_of(int call) {
  char* const name = ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
  std::string text = name != nullptr ? name : "";
  std::free(name);
  return text;
}

}  // namespace caronte::wrap
