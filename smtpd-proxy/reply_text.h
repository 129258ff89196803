// Parts of a reply that is known to be one: ours, checked, or parsed by reply_parser.h. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace caronte::smtpd_proxy {

// Precondition: it begins with three digits.
[[nodiscard]] constexpr std::uint16_t code_of(std::string_view reply) noexcept {
  return static_cast<std::uint16_t>((reply[0] - '0') * 100 + (reply[1] - '0') * 10 + (reply[2] - '0'));
}

[[nodiscard]] constexpr std::string_view first_line(std::string_view reply) noexcept {
  return reply.substr(0, reply.find('\r'));
}

// A reply may have several lines; only the last line end is left out.
[[nodiscard]] constexpr std::string_view without_end(std::string_view reply) noexcept {
  return reply.ends_with("\r\n") ? reply.substr(0, reply.size() - 2) : reply;
}

}  // namespace caronte::smtpd_proxy
