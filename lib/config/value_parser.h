// Texts of settings to values, strictly. Pure functions; nullopt: malformed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "config/configuration.h"

namespace caronte::config {

// "200ms", "90s", "5m", "24h", "36d" or "0"; digits and a unit, nothing else; at most 10,000 days.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;

// "512", "64K", "50M", "2G": octets, units of 1024; at most 2^50.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

// The inverse of the two, in the largest unit that loses nothing.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);
[[nodiscard]] std::string format_size(std::uint64_t octets);

// A domain as in an address: labels of letters, digits, inner hyphens and underscores, 63 each and 253 in all, one trailing
// dot allowed. The result is in lower case, without that dot.
[[nodiscard]] std::optional<std::string> parse_domain(std::string_view text);

// One line of an SMTP reply: three digits that begin with `code`, the second at most 5, a blank, text; if an enhanced code
// (RFC 3463) follows, its class is that of the code.
[[nodiscard]] bool is_reply(std::string_view text, std::string_view code) noexcept;

// Blanks and commas between; `maximum` elements at most.
[[nodiscard]] std::optional<std::vector<Range>> parse_ranges(std::string_view text, std::size_t maximum);
[[nodiscard]] std::optional<std::vector<base::Endpoint>> parse_resolvers(std::string_view text, std::size_t maximum);

// A set of blanks and visible ASCII characters, each as itself or in a range of digits, of small or of capital letters
// ("A-Z", ascending); a hyphen that is meant as itself stands last. Not empty.
[[nodiscard]] std::optional<CharacterSet> parse_characters(std::string_view text) noexcept;

// `path`, made absolute by `folder`; "//" and "." are taken out. nullopt: empty, "..", or nothing but "/".
[[nodiscard]] std::optional<std::string> parse_folder(std::string_view path, std::string_view folder);

// A path that stays beneath its folder: relative, without "..", "." or empty parts.
[[nodiscard]] bool is_path_beneath(std::string_view path) noexcept;

}  // namespace caronte::config
