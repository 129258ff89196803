// Deadlines of a session. Pure.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace caronte::smtpd_proxy {

inline constexpr base::Duration kLeastStressTime{10000};
inline constexpr base::Duration kLinger{2000};                             // for the client to take our last words
inline constexpr base::Duration kDefaultTimeout{std::chrono::minutes(5)};  // for writing, when FW-12 is off

// Under stress (overload): a tenth, but no less than a slow line needs, and never more than `time`; 0 is no deadline and
// stays so.
[[nodiscard]] constexpr base::Duration shortened(base::Duration time) noexcept {
  return std::min(time, std::max(time / 10, kLeastStressTime));
}

}  // namespace caronte::smtpd_proxy
