#include "base/reference.h"

namespace caronte::base {

namespace {

constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";

}  // namespace

std::string reference_text(std::uint64_t session) {
  std::string text(kReferenceBytes, '0');
  for (std::size_t i = kReferenceBytes; i-- > 0; session >>= 5U) text[i] = kDigits[session & 31U];
  return text;
}

std::optional<std::uint64_t> parse_reference(std::string_view text) noexcept {
  if (text.size() != kReferenceBytes) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == 'o') c = '0';
    if (c == 'i' || c == 'l') c = '1';
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos || value >> 59U != 0) return std::nullopt;
    value = value << 5U | digit;
  }
  return value;
}

}  // namespace caronte::base
