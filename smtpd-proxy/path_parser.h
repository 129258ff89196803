// A path of MAIL or RCPT, taken apart (RFC 5321 section 4.1.2, RFC 6531 section 3.3). Pure: no I/O, no policy; views point
// into the octets given. Untrusted input: any octets.
//
// Decided here: the limits of RFC 5321 section 4.5.3.1 count octets as written, quotes and brackets included; a label may
// hold underscores but neither begin nor end with a hyphen; the 63 octets of a label hold for ASCII labels (of an
// internationalised one they limit the A-label, so only the domain's 255 hold); what is not ASCII must be printable UTF-8;
// of address literals only IPv4 and IPv6 are known; "" as local part is syntax, its meaning is the relay guard's affair.
#pragma once

#include <cstddef>
#include <string_view>

namespace caronte::smtpd_proxy {

inline constexpr std::size_t kMaxDomainBytes = 255;
inline constexpr std::size_t kMaxPathBytes = 256;  // with both angle brackets and a source route
// What the path leaves: "<", "@", a domain of one octet, ">". RFC 5321 4.5.3.1.1 names 64 octets as what must be taken at
// least; addresses that were rewritten (VERP, SRS) have more.
inline constexpr std::size_t kMaxLocalPartBytes = kMaxPathBytes - 4;

// A path, exactly as the client wrote it, taken apart.
struct Path {
  std::string_view text;          // between the angle brackets, source route removed; empty for <>
  std::string_view local_part;    // quotes included
  std::string_view domain;        // without '@'; brackets included for an address literal; empty for <> and <postmaster>
  bool has_source_route = false;  // RFC 5321 4.1.2 A-d-l: accepted in syntax, for the relay guard to refuse
  bool is_quoted = false;         // local part is a quoted string
  bool is_ascii = true;
};

// Syntax of a path alone, strictly: dot-atom or quoted-string, domain or address literal; domain at most 255, path 256
// octets; no trailing dot, no empty label, no control character. `path` starts behind '<'; returns the number of
// octets up to and with '>', 0: malformed, and `out` is then left alone. `may_be_null`: a sender, so <> is taken, and
// <postmaster> without domain (any case) is not.
[[nodiscard]] std::size_t parse_path(std::string_view path, bool may_be_null, bool smtputf8, Path& out) noexcept;

}  // namespace caronte::smtpd_proxy
