#include "base/address_parser.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace caronte::base {

namespace {

constexpr unsigned kV4Offset = 96;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The text up to `separator` (taken off the front of `rest` together with it); all of it when there is none.
std::string_view cut(std::string_view& rest, char separator) noexcept {
  const std::size_t at = rest.find(separator);
  const std::string_view part = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return part;
}

std::optional<Address> parse_v4(std::string_view text) noexcept {
  if (std::count(text.begin(), text.end(), '.') != 3) return std::nullopt;
  Address::Octets octets = Address::v4(0, 0, 0, 0).octets();
  for (std::size_t i = 12; i < 16; ++i) {
    const auto value = parse_number(cut(text, '.'), 255);
    if (!value) return std::nullopt;
    octets[i] = static_cast<std::uint8_t>(*value);
  }
  return Address(octets);
}

Address last_of(const Address& first, unsigned bits) noexcept {
  Address::Octets octets = first.octets();
  for (unsigned i = 0; i < 128; ++i) {
    if (i >= bits) octets[i / 8] = static_cast<std::uint8_t>(octets[i / 8] | (0x80U >> (i % 8)));
  }
  return Address(octets);
}

std::optional<unsigned> parse_mask(std::string_view text) noexcept {
  const auto mask = parse_v4(text);
  if (!mask) return std::nullopt;
  unsigned bits = 0;
  while (bits < 32 && (mask->octets()[12 + bits / 8] & (0x80U >> (bits % 8))) != 0) ++bits;
  // Contiguous: nothing is set behind the first zero.
  if (*mask != Address::v4(255, 255, 255, 255).masked(kV4Offset + bits)) return std::nullopt;
  return bits;
}

std::optional<AddressRange> parse_network(std::string_view text) noexcept {
  const auto base = parse_address(cut(text, '/'));
  if (!base) return std::nullopt;
  const unsigned offset = base->is_v4() ? kV4Offset : 0;
  std::optional<unsigned> bits;
  if (const auto length = parse_number(text, 128 - offset)) {
    bits = static_cast<unsigned>(*length);
  } else if (base->is_v4()) {
    bits = parse_mask(text);
  }
  if (!bits || base->masked(offset + *bits) != *base) return std::nullopt;
  const Address last = last_of(*base, offset + *bits);
  if (last.is_v4() != base->is_v4()) return std::nullopt;  // ::/80 and the like end amid IPv4
  return AddressRange{*base, last};
}

std::optional<AddressRange> parse_span(std::string_view text) noexcept {
  const auto first = parse_address(cut(text, '-'));
  if (!first) return std::nullopt;
  std::optional<Address> last = parse_address(text);
  if (!last && first->is_v4()) {
    if (const auto octet = parse_number(text, 255)) {
      Address::Octets octets = first->octets();
      octets[15] = static_cast<std::uint8_t>(*octet);
      last = Address(octets);
    }
  }
  if (!last || *last < *first || last->is_v4() != first->is_v4()) return std::nullopt;
  return AddressRange{*first, *last};
}

std::optional<AddressRange> parse_stars(std::string_view text) noexcept {
  const bool alone = text == "*";
  if (!alone && std::count(text.begin(), text.end(), '.') != 3) return std::nullopt;
  Address::Octets octets = Address::v4(0, 0, 0, 0).octets();
  unsigned fixed = 0;
  bool starred = alone;
  for (std::size_t i = 12; i < 16 && !alone; ++i) {
    const std::string_view part = cut(text, '.');
    if (part == "*") {
      starred = true;
      continue;
    }
    const auto value = parse_number(part, 255);
    if (!value || starred) return std::nullopt;
    octets[i] = static_cast<std::uint8_t>(*value);
    fixed += 8;
  }
  return AddressRange{Address(octets), last_of(Address(octets), kV4Offset + fixed)};
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t maximum) noexcept {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > maximum / 10 || value * 10 > maximum - std::min(digit, maximum)) return std::nullopt;
    value = value * 10 + digit;
  }
  if (value > maximum) return std::nullopt;
  return value;
}

std::optional<Address> parse_address(std::string_view text) noexcept {
  if (text.find(':') == std::string_view::npos) return parse_v4(text);
  std::array<char, INET6_ADDRSTRLEN + 1> copy{};
  if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(copy.data(), text.data(), text.size());
  Address::Octets octets{};
  if (::inet_pton(AF_INET6, copy.data(), octets.data()) != 1) return std::nullopt;
  return Address(octets);
}

std::optional<AddressRange> parse_address_range(std::string_view text) noexcept {
  if (text.find('/') != std::string_view::npos) return parse_network(text);
  if (text.find('*') != std::string_view::npos) return parse_stars(text);
  if (text.find('-') != std::string_view::npos) return parse_span(text);
  const auto one = parse_address(text);
  if (!one) return std::nullopt;
  return AddressRange{*one, *one};
}

bool is_host_name(std::string_view text) noexcept {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > 253 || text.find('.') == std::string_view::npos) return false;
  bool last_has_letter = false;
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    const bool plain = std::all_of(label.begin(), label.end(), [](char c) { return is_digit(c) || is_letter(c) || c == '-'; });
    if (!plain) return false;
    last_has_letter = std::any_of(label.begin(), label.end(), is_letter);
    if (dot == std::string_view::npos) return last_has_letter;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace caronte::base
