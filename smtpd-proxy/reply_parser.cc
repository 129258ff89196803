#include "smtpd-proxy/reply_parser.h"

#include <algorithm>

#include "smtpd-proxy/ascii.h"

namespace caronte::smtpd_proxy {

namespace {

constexpr std::size_t kCodeDigits = 3;

Reply malformed(std::string_view why) noexcept {
  return {.parsed = Parsed::malformed, .why = why};
}

bool is_control(char c) noexcept {
  return (is_ascii(c) && !is_printable(c)) && c != '\t';
}

// The faults that the front of a line shows, as far as it has come; empty: none so far. `line` is without line end.
std::string_view fault_of(std::string_view line, std::string_view first_line) noexcept {
  for (std::size_t i = 0; i < std::min(kCodeDigits, line.size()); ++i) {
    if (!is_digit(line[i])) return "no reply code";
    if (line[i] != first_line[i]) return "reply codes differ";
  }
  if (!line.empty() && (line[0] < '2' || line[0] > '5')) return "reply code out of range";
  if (line.size() > kCodeDigits && line[kCodeDigits] != ' ' && line[kCodeDigits] != '-') return "no blank behind the reply code";
  if (std::any_of(line.begin(), line.end(), is_control)) return "control character in a reply";
  return {};
}

}  // namespace

Reply parse_reply(std::string_view bytes, const ReplyLimits& limits) noexcept {
  std::size_t at = 0;
  for (std::size_t count = 1;; ++count) {
    if (at == bytes.size()) return {};
    std::string_view line = bytes.substr(at, limits.line_bytes);
    const std::size_t line_feed = line.find('\n');
    const bool is_whole = line_feed != std::string_view::npos;
    if (!is_whole && line.size() == limits.line_bytes) return malformed("reply line too long");
    std::size_t size = is_whole ? line_feed : line.size();
    const bool has_cr = size > 0 && line[size - 1] == '\r';
    if (is_whole && !has_cr) return malformed("bare LF in a reply");
    if (has_cr) --size;
    line = line.substr(0, size);
    if (const std::string_view why = fault_of(line, bytes); !why.empty()) return malformed(why);
    if (!is_whole) return {};
    if (line.size() < kCodeDigits) return malformed("no reply code");
    at += line_feed + 1;
    if (line.size() > kCodeDigits && line[kCodeDigits] == '-') {
      if (count >= limits.lines) return malformed("too many lines in a reply");
      continue;
    }
    const auto code = static_cast<std::uint16_t>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
    return {.parsed = Parsed::complete, .size = at, .code = code, .bytes = bytes.substr(0, at)};
  }
}

bool next_line(std::string_view& reply_bytes, std::string_view& text) noexcept {
  if (reply_bytes.empty()) return false;
  const std::size_t end = std::min(reply_bytes.find("\r\n"), reply_bytes.size());
  text = reply_bytes.substr(std::min(kCodeDigits + 1, end), end - std::min(kCodeDigits + 1, end));
  reply_bytes.remove_prefix(std::min(end + 2, reply_bytes.size()));
  return true;
}

}  // namespace caronte::smtpd_proxy
