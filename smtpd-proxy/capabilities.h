// The EHLO keywords (RFC 5321 section 4.1.1.1): what a server of the destination offers, what all of them do, and what we
// offer to the client in their name. Pure. The destination's reply is untrusted, but has passed parse_reply().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace caronte::smtpd_proxy {

struct Capabilities {
  bool pipelining = false;             // RFC 2920
  bool size = false;                   // RFC 1870
  bool eight_bit_mime = false;         // RFC 6152
  bool smtputf8 = false;               // RFC 6531; only together with 8BITMIME, which it requires (section 3.1)
  bool dsn = false;                    // RFC 3461
  bool enhanced_status_codes = false;  // RFC 2034
  std::uint64_t size_limit = 0;        // octets; 0: none known
  bool operator==(const Capabilities&) const = default;
};

// Of a complete 250 reply to EHLO. Keywords are any case; unknown ones are left out; a limit of SIZE that is no number, or
// more than 64 bits hold, counts as none.
[[nodiscard]] Capabilities parse_capabilities(std::string_view ehlo_reply) noexcept;

// What both offer; the smaller limit.
[[nodiscard]] Capabilities common(const Capabilities& a, const Capabilities& b) noexcept;

// Our reply to EHLO, all lines with CRLF. `every`: what every server of the destination offers. PIPELINING is ours and always
// there; SIZE bears the smaller of `message_size` (octets; 0: no limit) and the destination's, and no number if neither has
// one. Whatever is not in Capabilities is never offered: STARTTLS, CHUNKING, XCLIENT, BURL, ETRN and the like.
[[nodiscard]] std::string compose_ehlo_reply(std::string_view own_name, const Capabilities& every, std::uint64_t message_size);

}  // namespace caronte::smtpd_proxy
