#include "base/quoting.h"

#include <array>
#include <cstdint>

namespace caronte::base {

namespace {

// Length of the well-formed UTF-8 sequence of a character that may be shown at the front of `s`; 0 when there is none.
std::size_t printable_length(std::string_view s) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(s[i]); };
  const auto continues = [&](std::size_t i) { return i < s.size() && (at(i) & 0xC0U) == 0x80U; };
  const std::uint8_t lead = at(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7F ? 1 : 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    if (!continues(1)) return 0;
    return lead == 0xC2 && at(1) < 0xA0 ? 0 : 2;  // U+0080 to U+009F
  }
  if ((lead & 0xF0U) == 0xE0U) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && at(1) < 0xA0) return 0;                    // overlong
    if (lead == 0xED && at(1) >= 0xA0) return 0;                   // surrogate
    if (lead == 0xEF && at(1) == 0xBF && at(2) >= 0xBE) return 0;  // U+FFFE, U+FFFF
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && at(1) < 0x90) return 0;
    if (lead == 0xF4 && at(1) >= 0x90) return 0;
    return 4;
  }
  return 0;
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string quote_visible(std::string_view bytes, std::size_t max_bytes) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  static constexpr std::string_view kCut = "...";
  std::string out;
  std::size_t room_for_cut = 0;  // length of `out` up to which the cut mark still fits
  while (!bytes.empty()) {
    std::array<char, 4> escape{'\\', 'x', 0, 0};
    std::string_view piece;
    std::size_t taken = 1;
    if (bytes[0] == '\\') {
      piece = "\\\\";
    } else if (const std::size_t length = printable_length(bytes); length != 0) {
      piece = bytes.substr(0, length);
      taken = length;
    } else {
      const auto octet = static_cast<std::uint8_t>(bytes[0]);
      escape[2] = kHex[octet >> 4U];
      escape[3] = kHex[octet & 15U];
      piece = {escape.data(), escape.size()};
    }
    if (piece.size() > max_bytes - out.size()) {
      out.resize(room_for_cut);
      if (max_bytes >= kCut.size()) out += kCut;
      return out;
    }
    out += piece;
    if (out.size() + kCut.size() <= max_bytes) room_for_cut = out.size();
    bytes.remove_prefix(taken);
  }
  return out;
}

std::string unquote_visible(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && text.size() - i >= 2 && text[i + 1] == '\\') {
      out += '\\';
      ++i;
    } else if (text[i] == '\\' && text.size() - i >= 4 && text[i + 1] == 'x' && hex_value(text[i + 2]) >= 0 &&
               hex_value(text[i + 3]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 2]) * 16 + hex_value(text[i + 3]));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_safe_line(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = printable_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace caronte::base
