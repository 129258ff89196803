// One SMTP command line of the client (RFC 5321 section 4.1), without its line end. Pure: no I/O, no policy; views point
// into the line given. Untrusted input: any octets.
//
// Decided here: blanks are space and TAB; a verb that is not known, also one with a control character in it, is `unknown`;
// of several faults in one command the first from the left counts; what a fault leaves in `out` means nothing; an
// unencoded "=" in a value is malformed (RFC 5321 esmtp-value), and so is xtext that stands for a control character (RFC
// 3461 forbids them, and these values go on to the destination).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "smtpd-proxy/path_parser.h"

namespace caronte::smtpd_proxy {

enum class Verb : std::uint8_t {
  helo,
  ehlo,
  mail,
  rcpt,
  data,
  rset,
  noop,
  quit,
  help,
  vrfy,
  expn,
  starttls,
  auth,
  bdat,
  unknown,
  kCount
};

struct Command {
  Verb verb = Verb::unknown;
  std::string_view argument;  // behind the verb, without the blanks around it
};
// The verb is any case and ends at a blank or the end of the line.
[[nodiscard]] Command parse_command(std::string_view line) noexcept;

// Why a command was refused; reply_of() gives the reply of RFC 5321 and 3463.
enum class Syntax : std::uint8_t {
  ok,
  missing_argument,   // 501 5.5.4
  unwanted_argument,  // 501 5.5.4 (DATA x, RSET x, QUIT x)
  bad_path,           // 501 5.1.7 sender, 501 5.1.3 recipient
  bad_parameter,      // 501 5.5.4 malformed, twice or out of range
  unknown_parameter,  // 555 5.5.4 not known, or not offered to this client
  non_ascii,          // 553 5.6.7 needs SMTPUTF8
  bad_helo,           // 501 5.5.4
  kCount
};
[[nodiscard]] std::string_view reply_of(Syntax syntax, Verb verb) noexcept;  // the whole line, without CRLF

enum class Body : std::uint8_t { unspecified, seven_bit, eight_bit, kCount };

struct MailCommand {
  Path sender;
  std::optional<std::uint64_t> size;  // SIZE=, RFC 1870; more than 64 bits hold is out of range
  Body body = Body::unspecified;      // BODY=, RFC 6152
  bool smtputf8 = false;              // RFC 6531
  std::string_view ret;               // RET=FULL|HDRS, RFC 3461; empty: not given
  std::string_view envelope_id;       // ENVID= xtext; empty: not given
  std::string_view auth;              // AUTH= xtext or <>, RFC 4954; never forwarded unless the session is authenticated
};

struct RcptCommand {
  Path recipient;
  std::string_view notify;              // NOTIFY=, RFC 3461; empty: not given
  std::string_view original_recipient;  // ORCPT=, type and ";" included; UTF-8 only with SMTPUTF8 (RFC 6533)
};

// What the client was offered in EHLO; parameters of anything else are unknown_parameter.
struct Offered {
  bool size = false;
  bool eight_bit_mime = false;
  bool smtputf8 = false;
  bool dsn = false;
  bool auth = false;
};

// `argument` of MAIL: "FROM:<path> parameters". Blanks after the colon are taken; a path without angle brackets is not.
// A sender that is not ASCII needs the SMTPUTF8 of the same command; a broken one is bad_path all the same.
[[nodiscard]] Syntax parse_mail(std::string_view argument, const Offered& offered, MailCommand& out) noexcept;
// `argument` of RCPT: "TO:<path> parameters". `smtputf8`: the MAIL of this transaction had it, so UTF-8 may occur.
[[nodiscard]] Syntax parse_rcpt(std::string_view argument, const Offered& offered, bool smtputf8, RcptCommand& out) noexcept;

// HELO and EHLO argument: any non-empty run of printable ASCII without blanks, up to 255 octets; what it should look like
// is policy.
[[nodiscard]] Syntax check_helo(std::string_view argument) noexcept;

}  // namespace caronte::smtpd_proxy
