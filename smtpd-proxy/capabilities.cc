#include "smtpd-proxy/capabilities.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/address_parser.h"
#include "smtpd-proxy/ascii.h"
#include "smtpd-proxy/reply_parser.h"

namespace caronte::smtpd_proxy {

namespace {

struct Row {
  std::string_view keyword;
  bool Capabilities::*member;
};
// In the order in which they are offered.
constexpr std::array<Row, 6> kRows{{{"PIPELINING", &Capabilities::pipelining},
                                    {"SIZE", &Capabilities::size},
                                    {"8BITMIME", &Capabilities::eight_bit_mime},
                                    {"SMTPUTF8", &Capabilities::smtputf8},
                                    {"DSN", &Capabilities::dsn},
                                    {"ENHANCEDSTATUSCODES", &Capabilities::enhanced_status_codes}}};

std::uint64_t smaller_limit(std::uint64_t a, std::uint64_t b) noexcept {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

void take_line(std::string_view text, Capabilities& out) noexcept {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view keyword = text.substr(0, end);
  for (const Row& row : kRows) {
    if (is_same_word(keyword, row.keyword)) out.*row.member = true;
  }
  if (!is_same_word(keyword, "SIZE") || end == text.size()) return;
  const auto limit = base::parse_number(text.substr(end + 1), std::numeric_limits<std::uint64_t>::max());
  out.size_limit = smaller_limit(out.size_limit, limit.value_or(0));
}

}  // namespace

Capabilities parse_capabilities(std::string_view ehlo_reply) noexcept {
  Capabilities capabilities;
  std::string_view text;
  bool is_greeting = true;
  while (next_line(ehlo_reply, text)) {
    if (!is_greeting) take_line(text, capabilities);
    is_greeting = false;
  }
  if (!capabilities.eight_bit_mime) capabilities.smtputf8 = false;
  return capabilities;
}

Capabilities common(const Capabilities& a, const Capabilities& b) noexcept {
  Capabilities both;
  for (const Row& row : kRows) both.*row.member = a.*row.member && b.*row.member;
  if (both.size) both.size_limit = smaller_limit(a.size_limit, b.size_limit);
  return both;
}

std::string compose_ehlo_reply(std::string_view own_name, const Capabilities& every, std::uint64_t message_size) {
  Capabilities ours = every;
  ours.pipelining = true;
  std::string reply;
  std::string line(own_name);
  const auto add = [&](char separator) {
    reply += "250";
    reply += separator;
    reply += line + "\r\n";
  };
  for (const Row& row : kRows) {
    if (!(ours.*row.member)) continue;
    add('-');
    line = row.keyword;
    const std::uint64_t limit = smaller_limit(message_size, every.size_limit);
    if (row.member == &Capabilities::size && limit != 0) line += " " + std::to_string(limit);
  }
  add(' ');
  return reply;
}

}  // namespace caronte::smtpd_proxy
