// Octet classes of the SMTP grammar, without locale. Pure; any octets.
#pragma once

#include <algorithm>
#include <string_view>

namespace caronte::smtpd_proxy {

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
[[nodiscard]] constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}
[[nodiscard]] constexpr bool is_ascii(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0x80U) == 0;
}
[[nodiscard]] constexpr bool is_printable(char c) noexcept {
  return c >= ' ' && c <= '~';
}  // ASCII
[[nodiscard]] constexpr bool is_upper_hex(char c) noexcept {
  return is_digit(c) || (c >= 'A' && c <= 'F');
}
[[nodiscard]] constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// RFC 5322 section 3.2.3.
[[nodiscard]] constexpr bool is_atext(char c) noexcept {
  return is_letter(c) || is_digit(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

[[nodiscard]] constexpr bool is_same_word(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return to_lower(x) == to_lower(y); });
}

}  // namespace caronte::smtpd_proxy
