// Whether the configured resolvers answer at all: a failure of theirs is logged once when it begins and once when it ends,
// never a question. A single name that cannot be had is no failure of theirs.
#pragma once

#include <chrono>
#include <optional>

#include "base/clock.h"

namespace caronte::dnsd {

class ResolverHealth {
 public:
  static constexpr unsigned kFailuresInARow = 3;
  // Foreign name servers can bring about failures and answers as they like; they shall not fill the log.
  static constexpr base::Duration kQuiet = std::chrono::minutes(1);
  enum class Change { none, failed, recovered };

  [[nodiscard]] Change on_answer() noexcept {
    failures_ = 0;
    if (!is_failed_) return Change::none;
    is_failed_ = false;
    return Change::recovered;
  }
  // A question that nobody answered in time or at all.
  [[nodiscard]] Change on_failure(base::MonotonicTime now) noexcept {
    if (is_failed_ || ++failures_ < kFailuresInARow || (last_ && now - *last_ < kQuiet)) return Change::none;
    is_failed_ = true;
    last_ = now;
    return Change::failed;
  }

 private:
  unsigned failures_ = 0;
  bool is_failed_ = false;
  std::optional<base::MonotonicTime> last_;
};

}  // namespace caronte::dnsd
