#include "smtpd-proxy/path_parser.h"

#include <algorithm>

#include "base/address_parser.h"
#include "base/quoting.h"
#include "smtpd-proxy/ascii.h"

namespace caronte::smtpd_proxy {

namespace {

constexpr std::size_t kMaxLabelBytes = 63;

// Each of these returns the number of octets taken from the front, 0 for malformed. Octets that are not ASCII are taken
// wherever RFC 6531 has UTF8-non-ascii; parse_path() judges them at the end.

std::size_t take_dot_string(std::string_view text) noexcept {
  std::size_t i = 0;
  bool is_atom_empty = true;
  for (; i < text.size(); ++i) {
    if (text[i] == '.') {
      if (is_atom_empty) return 0;
      is_atom_empty = true;
    } else if (is_atext(text[i]) || !is_ascii(text[i])) {
      is_atom_empty = false;
    } else {
      break;
    }
  }
  return is_atom_empty ? 0 : i;
}

std::size_t take_quoted_string(std::string_view text) noexcept {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') {
      ++i;
      if (i == text.size() || !is_printable(text[i])) return 0;
    } else if (!is_printable(text[i]) && is_ascii(text[i])) {
      return 0;
    }
  }
  return 0;
}

bool is_label(std::string_view label) noexcept {
  if (label.empty() || label.front() == '-' || label.back() == '-') return false;
  return label.size() <= kMaxLabelBytes || !std::all_of(label.begin(), label.end(), is_ascii);
}

std::size_t take_domain(std::string_view text) noexcept {
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size()) {
      const char c = text[i];
      if (is_letter(c) || is_digit(c) || c == '-' || c == '_' || !is_ascii(c)) continue;
    }
    if (!is_label(text.substr(start, i - start))) return 0;
    if (i == text.size() || text[i] != '.') return i <= kMaxDomainBytes ? i : 0;
    start = i + 1;
  }
  return 0;
}

std::size_t take_address_literal(std::string_view text) noexcept {
  static constexpr std::string_view kTag = "IPv6:";
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos) return 0;
  std::string_view address = text.substr(1, end - 1);
  const bool is_v6 = is_same_word(address.substr(0, kTag.size()), kTag);
  if (is_v6) address.remove_prefix(kTag.size());
  if (is_v6 != (address.find(':') != std::string_view::npos)) return 0;
  return base::parse_address(address) ? end + 1 : 0;
}

// "@a.example,@b.example:".
std::size_t take_source_route(std::string_view text) noexcept {
  std::size_t i = 0;
  while (i < text.size() && text[i] == '@') {
    const std::size_t domain = take_domain(text.substr(i + 1));
    i += 1 + domain;
    if (domain == 0 || i == text.size()) return 0;
    if (text[i] == ':') return i + 1;
    if (text[i] != ',') return 0;
    ++i;
  }
  return 0;
}

}  // namespace

std::size_t parse_path(std::string_view path, bool may_be_null, bool smtputf8, Path& out) noexcept {
  Path result;
  if (path.starts_with('>')) {
    if (!may_be_null) return 0;
    out = result;
    return 1;
  }
  // The longest path with its '>'; what follows cannot make it valid, and need not be looked at.
  std::string_view rest = path.substr(0, kMaxPathBytes - 1);
  if (rest.starts_with('@')) {
    const std::size_t route = take_source_route(rest);
    if (route == 0) return 0;
    rest.remove_prefix(route);
    result.has_source_route = true;
  }
  const char* const start = rest.data();
  result.is_quoted = rest.starts_with('"');
  const std::size_t local = result.is_quoted ? take_quoted_string(rest) : take_dot_string(rest);
  if (local == 0) return 0;  // what is too long leaves no room for the rest
  result.local_part = rest.substr(0, local);
  rest.remove_prefix(local);
  if (rest.starts_with('@')) {
    rest.remove_prefix(1);
    const std::size_t domain = rest.starts_with('[') ? take_address_literal(rest) : take_domain(rest);
    if (domain == 0) return 0;
    result.domain = rest.substr(0, domain);
    rest.remove_prefix(domain);
  } else if (may_be_null || result.has_source_route || !is_same_word(result.local_part, "postmaster")) {
    return 0;
  }
  if (!rest.starts_with('>')) return 0;
  const auto size = static_cast<std::size_t>(rest.data() - path.data()) + 1;
  result.text = {start, static_cast<std::size_t>(rest.data() - start)};
  const std::string_view all = path.substr(0, size);
  result.is_ascii = std::all_of(all.begin(), all.end(), is_ascii);
  if (!result.is_ascii && (!smtputf8 || !base::is_safe_line(all))) return 0;
  out = result;
  return size;
}

}  // namespace caronte::smtpd_proxy
