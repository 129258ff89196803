// libseccomp; the only pair of files that includes it. A filter under construction, and its loading into the kernel.
// Used by lib/sandbox alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace caronte::wrap {

class SeccompFilter {
 public:
  enum class Default : std::uint8_t {
    trap,   // allow-list: SIGSYS, which kills where no handler is set for it; a foreign architecture kills at once
    allow,  // deny-list; a call of a foreign architecture is EPERM
  };
  // Compares one argument (0 to 5) as 64 bits: (argument & mask) == value, or != when `is_negated` (then without mask).
  struct Test {
    unsigned argument = 0;
    std::uint64_t mask = ~std::uint64_t{0};
    std::uint64_t value = 0;
    bool is_negated = false;
  };

  explicit SeccompFilter(Default action);
  ~SeccompFilter();
  SeccompFilter(const SeccompFilter&) = delete;
  SeccompFilter& operator=(const SeccompFilter&) = delete;

  // All tests of one call must hold; several calls for one name are alternatives. A name that this architecture or this
  // libseccomp does not have is left out: such a call cannot be needed here.
  [[nodiscard]] base::Status allow(std::string_view call, std::span<const Test> tests);
  [[nodiscard]] base::Status refuse(std::string_view call, int error, std::span<const Test> tests);

  // For all threads of the process, with no-new-privs. It cannot be taken back.
  [[nodiscard]] base::Status load();

  // A system call of any architecture that libseccomp knows: tells a misspelt name.
  [[nodiscard]] static bool is_known(std::string_view call);
  // Name of a system call of this architecture; empty: there is none.
  [[nodiscard]] static std::string name_of(int call);

 private:
  base::Status add(std::uint32_t action, std::string_view call, std::span<const Test> tests);
  void* context_;
  int error_ = 0;  // of the construction, reported by load()
};

}  // namespace caronte::wrap
