// The text form of a session's reference, as people see it in replies, the trace header and the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace caronte::base {

inline constexpr std::size_t kReferenceBytes = 13;

// The number in base 32 with Crockford's alphabet (no i, l, o, u) in lower case, highest digit first.
[[nodiscard]] std::string reference_text(std::uint64_t session);
// Its inverse, for people's typing: any case, o for 0, i and l for 1. nullopt: another length or octet, or above 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_reference(std::string_view text) noexcept;

}  // namespace caronte::base
