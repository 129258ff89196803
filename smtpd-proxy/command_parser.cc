#include "smtpd-proxy/command_parser.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/quoting.h"
#include "smtpd-proxy/ascii.h"

namespace caronte::smtpd_proxy {

namespace {

constexpr std::size_t kMaxHeloBytes = 255;
constexpr std::size_t kMaxEnvelopeIdBytes = 100;         // RFC 3461 section 4.4
constexpr std::size_t kMaxOriginalRecipientBytes = 500;  // RFC 3461 section 4.2
constexpr std::size_t kMaxAuthBytes = 500;               // RFC 4954 section 3
constexpr std::size_t kMaxSizeDigits = 20;               // RFC 1870 section 6

constexpr std::array<std::string_view, static_cast<std::size_t>(Verb::kCount)> kVerbs{
    "HELO", "EHLO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "HELP", "VRFY", "EXPN", "STARTTLS", "AUTH", "BDAT", ""};

std::string_view without_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The text up to a blank or the end, taken off the front of `rest` together with the blanks behind it.
std::string_view take_word(std::string_view& rest) noexcept {
  const std::string_view word = rest.substr(0, std::min(rest.find_first_of(" \t"), rest.size()));
  rest = without_blanks(rest.substr(word.size()));
  return word;
}

unsigned hex_value(char c) noexcept {
  return static_cast<unsigned>(is_digit(c) ? c - '0' : c - 'A' + 10);
}

// "+" and two upper case hexadecimal digits that do not stand for a control character (RFC 3461 section 4).
bool is_hexchar(std::string_view text) noexcept {
  if (text.size() < 3 || text[0] != '+' || !is_upper_hex(text[1]) || !is_upper_hex(text[2])) return false;
  const unsigned octet = hex_value(text[1]) * 16 + hex_value(text[2]);
  return octet >= 0x20 && octet != 0x7F;
}

bool is_xtext(std::string_view text) noexcept {
  if (text.empty()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      if (!is_hexchar(text.substr(i))) return false;
      i += 2;
    } else if (!is_printable(text[i]) || text[i] == ' ' || text[i] == '=') {
      return false;
    }
  }
  return true;
}

// Octets of "\x{HEX}" at the front (RFC 6533 section 3); 0: malformed.
std::size_t embedded_character(std::string_view text) noexcept {
  if (!text.starts_with("\\x{")) return 0;
  std::size_t i = 3;
  while (i < text.size() && is_upper_hex(text[i])) ++i;
  return i >= 5 && i <= 9 && i < text.size() && text[i] == '}' ? i + 1 : 0;
}

// Both forms of a "utf-8" address, with and without raw UTF-8 (RFC 6533 section 3).
bool is_utf8_address(std::string_view text) noexcept {
  if (text.empty() || !base::is_safe_line(text)) return false;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t taken = 1;
    if (text[i] == '+') taken = is_hexchar(text.substr(i)) ? 3 : 0;
    if (text[i] == '\\') taken = embedded_character(text.substr(i));
    if (text[i] == ' ' || text[i] == '=' || taken == 0) return false;
    i += taken;
  }
  return true;
}

bool take_size(std::string_view value, MailCommand& out) noexcept {
  if (value.empty() || value.size() > kMaxSizeDigits || !std::all_of(value.begin(), value.end(), is_digit)) return false;
  std::uint64_t size = 0;
  for (const char c : value) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (size > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return false;
    size = size * 10 + digit;
  }
  out.size = size;
  return true;
}

bool take_body(std::string_view value, MailCommand& out) noexcept {
  if (is_same_word(value, "7BIT")) out.body = Body::seven_bit;
  if (is_same_word(value, "8BITMIME")) out.body = Body::eight_bit;
  return out.body != Body::unspecified;
}

bool take_smtputf8(std::string_view value, MailCommand& out) noexcept {
  out.smtputf8 = true;
  return value.empty();
}

bool take_ret(std::string_view value, MailCommand& out) noexcept {
  out.ret = value;
  return is_same_word(value, "FULL") || is_same_word(value, "HDRS");
}

bool take_envelope_id(std::string_view value, MailCommand& out) noexcept {
  out.envelope_id = value;
  return value.size() <= kMaxEnvelopeIdBytes && is_xtext(value);
}

bool take_auth(std::string_view value, MailCommand& out) noexcept {
  out.auth = value;
  return value.size() <= kMaxAuthBytes && is_xtext(value);
}

// "NEVER", or a list of the others.
bool take_notify(std::string_view value, RcptCommand& out) noexcept {
  out.notify = value;
  if (is_same_word(value, "NEVER")) return true;
  while (true) {
    const std::size_t comma = value.find(',');
    const std::string_view word = value.substr(0, comma);
    if (!is_same_word(word, "SUCCESS") && !is_same_word(word, "FAILURE") && !is_same_word(word, "DELAY")) return false;
    if (comma == std::string_view::npos) return true;
    value.remove_prefix(comma + 1);
  }
}

bool take_original_recipient(std::string_view value, RcptCommand& out) noexcept {
  out.original_recipient = value;
  const std::size_t semicolon = value.find(';');
  if (semicolon == std::string_view::npos || semicolon == 0 || value.size() > kMaxOriginalRecipientBytes) return false;
  const std::string_view type = value.substr(0, semicolon);
  const std::string_view address = value.substr(semicolon + 1);
  if (!std::all_of(type.begin(), type.end(), is_atext)) return false;
  return is_same_word(type, "utf-8") ? is_utf8_address(address) : is_xtext(address);
}

template <class C>
struct Parameter {
  std::string_view keyword;
  bool Offered::*offered;
  bool (*take)(std::string_view value, C& out) noexcept;  // `value` is empty when there is no "="
};

constexpr std::array<Parameter<MailCommand>, 6> kMailParameters{{{"SIZE", &Offered::size, take_size},
                                                                 {"BODY", &Offered::eight_bit_mime, take_body},
                                                                 {"SMTPUTF8", &Offered::smtputf8, take_smtputf8},
                                                                 {"RET", &Offered::dsn, take_ret},
                                                                 {"ENVID", &Offered::dsn, take_envelope_id},
                                                                 {"AUTH", &Offered::auth, take_auth}}};

constexpr std::array<Parameter<RcptCommand>, 2> kRcptParameters{
    {{"NOTIFY", &Offered::dsn, take_notify}, {"ORCPT", &Offered::dsn, take_original_recipient}}};

// esmtp-keyword ["=" esmtp-value]; the value is judged further by its own function.
bool is_parameter(std::string_view word, std::string_view keyword) noexcept {
  const auto is_keyword_octet = [](char c) { return is_letter(c) || is_digit(c) || c == '-'; };
  if (keyword.empty() || keyword[0] == '-' || !std::all_of(keyword.begin(), keyword.end(), is_keyword_octet)) return false;
  if (word.size() == keyword.size()) return true;
  const std::string_view value = word.substr(keyword.size() + 1);
  return !value.empty() &&
         std::all_of(value.begin(), value.end(), [](char c) { return (is_printable(c) && c != ' ' && c != '=') || !is_ascii(c); });
}

template <class C, std::size_t N>
Syntax take_parameters(std::string_view rest, const Offered& offered, const std::array<Parameter<C>, N>& rows, C& out) noexcept {
  std::array<bool, N> is_seen{};
  rest = without_blanks(rest);
  while (!rest.empty()) {
    const std::string_view word = take_word(rest);
    const std::string_view keyword = word.substr(0, word.find('='));
    if (!is_parameter(word, keyword)) return Syntax::bad_parameter;
    std::size_t row = 0;
    while (row < N && !(is_same_word(rows[row].keyword, keyword) && offered.*(rows[row].offered))) ++row;
    if (row == N) return Syntax::unknown_parameter;
    const std::string_view value = word.substr(std::min(keyword.size() + 1, word.size()));
    if (is_seen[row] || !rows[row].take(value, out)) return Syntax::bad_parameter;
    is_seen[row] = true;
  }
  return Syntax::ok;
}

// Takes "FROM:<path>" off the front of `rest`; UTF-8 is taken, for the caller to judge.
Syntax take_path(std::string_view& rest, std::string_view keyword, bool may_be_null, Path& out) noexcept {
  if (!is_same_word(rest.substr(0, keyword.size()), keyword)) return Syntax::missing_argument;
  rest = without_blanks(rest.substr(keyword.size()));
  if (rest.empty()) return Syntax::missing_argument;
  if (rest[0] != '<') return Syntax::bad_path;
  const std::size_t size = parse_path(rest.substr(1), may_be_null, true, out);
  if (size == 0) return Syntax::bad_path;
  rest.remove_prefix(1 + size);
  return rest.empty() || is_blank(rest[0]) ? Syntax::ok : Syntax::bad_parameter;
}

}  // namespace

Command parse_command(std::string_view line) noexcept {
  const std::string_view word = take_word(line);
  Command command{Verb::unknown, without_blanks(line)};
  for (std::size_t i = 0; i < static_cast<std::size_t>(Verb::unknown); ++i) {
    if (is_same_word(word, kVerbs[i])) command.verb = static_cast<Verb>(i);
  }
  return command;
}

std::string_view reply_of(Syntax syntax, Verb verb) noexcept {
  switch (syntax) {
    case Syntax::missing_argument:
      if (verb == Verb::mail) return "501 5.5.4 Syntax: MAIL FROM:<address>";
      if (verb == Verb::rcpt) return "501 5.5.4 Syntax: RCPT TO:<address>";
      if (verb == Verb::helo || verb == Verb::ehlo) return "501 5.5.4 Syntax: EHLO hostname";
      return "501 5.5.4 Argument missing";
    case Syntax::unwanted_argument: return "501 5.5.4 No argument allowed";
    case Syntax::bad_path:
      return verb == Verb::rcpt ? "501 5.1.3 Bad recipient address syntax" : "501 5.1.7 Bad sender address syntax";
    case Syntax::bad_parameter: return "501 5.5.4 Bad parameter";
    case Syntax::unknown_parameter: return "555 5.5.4 Parameter not recognised";
    case Syntax::non_ascii: return "553 5.6.7 Address needs SMTPUTF8";
    case Syntax::bad_helo: return "501 5.5.4 Bad host name";
    case Syntax::ok:
    case Syntax::kCount: break;
  }
  return {};
}

Syntax parse_mail(std::string_view argument, const Offered& offered, MailCommand& out) noexcept {
  out = {};
  Syntax syntax = take_path(argument, "FROM:", true, out.sender);
  if (syntax == Syntax::ok) syntax = take_parameters(argument, offered, kMailParameters, out);
  if (syntax == Syntax::ok && !out.sender.is_ascii && !out.smtputf8) return Syntax::non_ascii;
  return syntax;
}

Syntax parse_rcpt(std::string_view argument, const Offered& offered, bool smtputf8, RcptCommand& out) noexcept {
  out = {};
  Syntax syntax = take_path(argument, "TO:", false, out.recipient);
  if (syntax == Syntax::ok && !out.recipient.is_ascii && !smtputf8) return Syntax::non_ascii;
  if (syntax == Syntax::ok) syntax = take_parameters(argument, offered, kRcptParameters, out);
  const std::string_view original = out.original_recipient;
  if (syntax == Syntax::ok && !smtputf8 && !std::all_of(original.begin(), original.end(), is_ascii)) return Syntax::non_ascii;
  return syntax;
}

Syntax check_helo(std::string_view argument) noexcept {
  if (argument.empty()) return Syntax::missing_argument;
  const bool is_plain = std::all_of(argument.begin(), argument.end(), [](char c) { return is_printable(c) && c != ' '; });
  return is_plain && argument.size() <= kMaxHeloBytes ? Syntax::ok : Syntax::bad_helo;
}

}  // namespace caronte::smtpd_proxy
