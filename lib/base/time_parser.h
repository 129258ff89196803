// Text to time, strictly. Pure function.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace caronte::base {

// RFC 3339: "2026-11-21T20:57:18Z", with an optional fraction (kept to the millisecond) and an offset ("+01:00") instead of
// Z; a space may stand for T. Years 1970 to 2200; a leap second counts as the second after it.
[[nodiscard]] std::optional<WallTime> parse_rfc3339(std::string_view text) noexcept;

}  // namespace caronte::base
