// Time. Durations and deadlines use the monotonic clock; records and expiry use the wall clock. Both are read through
// a Clock that is passed in, so that tests and simulations own the time.
#pragma once

#include <chrono>
#include <string>

namespace caronte::base {

using Duration = std::chrono::milliseconds;
using MonotonicTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual MonotonicTime monotonic() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
};

// The machine's own clocks.
[[nodiscard]] const Clock& system_clock() noexcept;

// "2026-11-21T20:57:18.123Z" (RFC 3339, UTC, milliseconds).
[[nodiscard]] std::string format_rfc3339(WallTime time);

// "Sat, 21 Nov 2026 20:57:18 +0000" (RFC 5322 section 3.3), always UTC.
[[nodiscard]] std::string format_rfc5322(WallTime time);

}  // namespace caronte::base
