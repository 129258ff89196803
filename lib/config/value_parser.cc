#include "config/value_parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/address_parser.h"

namespace caronte::config {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
// Largest first; a name that ends another one's ("s" and "ms") comes behind it.
constexpr std::array kTimeUnits{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"ms", 1}, Unit{"m", 60'000}, Unit{"s", 1000}};
constexpr std::array kTimeUnitsBySize{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000},
                                      Unit{"ms", 1}};
constexpr std::array kSizeUnits{Unit{"G", 1ULL << 30U}, Unit{"M", 1ULL << 20U}, Unit{"K", 1ULL << 10U}, Unit{"", 1}};
constexpr std::uint64_t kLongest = 10'000ULL * 86'400'000;
constexpr std::uint64_t kLargest = 1ULL << 50U;

template <std::size_t Count>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, const std::array<Unit, Count>& units,
                                             std::uint64_t maximum) noexcept {
  for (const Unit& unit : units) {
    if (!text.ends_with(unit.name)) continue;
    const auto count = base::parse_number(text.substr(0, text.size() - unit.name.size()), maximum / unit.factor);
    if (!count) return std::nullopt;
    return *count * unit.factor;
  }
  return std::nullopt;
}

template <std::size_t Count>
std::string format_with_unit(std::uint64_t value, const std::array<Unit, Count>& units) {
  if (value == 0) return "0";
  for (const Unit& unit : units) {
    if (value % unit.factor == 0) return std::to_string(value / unit.factor) + std::string(unit.name);
  }
  return std::to_string(value);
}

// The next word of a list; empty at its end.
std::string_view next_word(std::string_view& rest) noexcept {
  static constexpr std::string_view kBetween = " \t\r\n,";
  rest.remove_prefix(std::min(rest.find_first_not_of(kBetween), rest.size()));
  const std::string_view word = rest.substr(0, rest.find_first_of(kBetween));
  rest.remove_prefix(word.size());
  return word;
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// Both ends are of one kind, so that "+-/" is no range by accident.
bool is_ascending(char first, char last) noexcept {
  static constexpr std::array<std::pair<char, char>, 3> kKinds{{{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}};
  return first <= last &&
         std::any_of(kKinds.begin(), kKinds.end(), [&](const auto& kind) { return kind.first <= first && last <= kind.second; });
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  if (text == "0") return std::chrono::milliseconds(0);
  const auto value = parse_with_unit(text, kTimeUnits, kLongest);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds(*value);
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  return parse_with_unit(text, kSizeUnits, kLargest);
}

std::string format_duration(std::chrono::milliseconds duration) {
  return format_with_unit(static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)), kTimeUnitsBySize);
}

std::string format_size(std::uint64_t octets) {
  return format_with_unit(octets, kSizeUnits);
}

std::optional<std::string> parse_domain(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return std::nullopt;
  std::string domain;
  std::size_t label = 0;  // where the present one begins
  bool is_last_numeric = true;
  for (const char c : text) {
    if (c == '.') {
      if (domain.size() == label || domain.back() == '-') return std::nullopt;
      label = domain.size() + 1;
      is_last_numeric = true;
    } else {
      const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (!is_letter && !is_digit(c) && c != '_' && (c != '-' || domain.size() == label)) return std::nullopt;
      if (!is_digit(c)) is_last_numeric = false;
      if (domain.size() - label == 63) return std::nullopt;
    }
    domain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (domain.size() == label || domain.back() == '-' || is_last_numeric) return std::nullopt;
  return domain;
}

bool is_reply(std::string_view text, std::string_view code) noexcept {
  if (text.size() < 5 || !text.starts_with(code) || text[3] != ' ' || text[4] == ' ') return false;
  if (!is_digit(text[0]) || text[1] < '0' || text[1] > '5' || !is_digit(text[2])) return false;
  const std::string_view rest = text.substr(4);
  const bool is_enhanced = rest.size() >= 5 && is_digit(rest[0]) && rest[1] == '.' && is_digit(rest[2]);
  return !is_enhanced || rest[0] == text[0];
}

std::optional<std::vector<Range>> parse_ranges(std::string_view text, std::size_t maximum) {
  std::vector<Range> ranges;
  for (auto word = next_word(text); !word.empty(); word = next_word(text)) {
    const auto range = base::parse_address_range(word);
    if (!range || ranges.size() == maximum) return std::nullopt;
    ranges.push_back(Range{range->first, range->last});
  }
  return ranges;
}

std::optional<std::vector<base::Endpoint>> parse_resolvers(std::string_view text, std::size_t maximum) {
  std::vector<base::Endpoint> resolvers;
  for (auto word = next_word(text); !word.empty(); word = next_word(text)) {
    const std::size_t at = word.find('@');
    const auto address = base::parse_address(word.substr(0, at));
    std::optional<std::uint64_t> port = 53;
    if (at != std::string_view::npos) port = base::parse_number(word.substr(at + 1), 65535);
    if (!address || address->is_unspecified() || !port || *port == 0 || resolvers.size() == maximum) return std::nullopt;
    resolvers.push_back(base::Endpoint{*address, static_cast<std::uint16_t>(*port)});
  }
  return resolvers;
}

std::optional<CharacterSet> parse_characters(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  CharacterSet set;
  while (!text.empty()) {
    const char first = text.front();
    const bool is_range = text.size() >= 3 && text[1] == '-';
    if (first < ' ' || first > '~' || (first == '-' && text.size() > 1)) return std::nullopt;
    if (is_range && !is_ascending(first, text[2])) return std::nullopt;
    for (char c = first; c <= (is_range ? text[2] : first); ++c) {
      const auto octet = static_cast<unsigned char>(c);
      (octet < 64 ? set.low : set.high) |= std::uint64_t{1} << (octet % 64U);
    }
    text.remove_prefix(is_range ? 3 : 1);
  }
  return set;
}

std::optional<std::string> parse_folder(std::string_view path, std::string_view folder) {
  if (path.empty()) return std::nullopt;
  std::string result;
  const auto add = [&](std::string_view parts) {
    while (!parts.empty()) {
      const std::string_view part = parts.substr(0, parts.find('/'));
      parts.remove_prefix(std::min(part.size() + 1, parts.size()));
      if (part == "..") return false;
      if (!part.empty() && part != ".") result.append("/").append(part);
    }
    return true;
  };
  if (path.front() != '/' && !add(folder)) return std::nullopt;
  if (!add(path) || result.empty()) return std::nullopt;
  return result;
}

bool is_path_beneath(std::string_view path) noexcept {
  if (path.empty() || path.ends_with('/')) return false;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    path.remove_prefix(std::min(part.size() + 1, path.size()));
  }
  return true;
}

}  // namespace caronte::config
