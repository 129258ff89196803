// The trace header field that stands in front of each message (RFC 5321 section 4.4), and the text form of a session's
// reference, which it bears. Pure. The HELO name comes from the client and the verified name from the DNS: neither can add
// a line, a comment or a field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/clock.h"

namespace caronte::smtpd_proxy {

// RFC 5321 section 4.4 and RFC 6531 section 4.3.
enum class Protocol : std::uint8_t { smtp, esmtp, utf8smtp, kCount };

struct Trace {
  std::string_view helo;           // as given; octets that no name or address literal holds are shown as '?'
  std::string_view verified_name;  // PTR with forward confirmation; empty: "unknown"
  base::Address client;
  std::string_view server_name;  // ours
  Protocol protocol = Protocol::smtp;
  std::uint64_t session = 0;
  base::WallTime time;
};

// "Received: from HELO (NAME [ADDRESS])" CRLF TAB "by SERVER (Caronte) with PROTOCOL id REFERENCE;" CRLF TAB date CRLF. No
// recipient, for it would disclose blind copies. Names are cut at 255 octets, so no line reaches 998.
[[nodiscard]] std::string compose_received(const Trace& trace);

inline constexpr std::size_t kReferenceBytes = 13;

// The number in base 32 with Crockford's alphabet (no i, l, o, u) in lower case, highest digit first.
[[nodiscard]] std::string reference_text(std::uint64_t session);
// Its inverse, for people's typing: any case, o for 0, i and l for 1. nullopt: another length or octet, or above 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_reference(std::string_view text) noexcept;

}  // namespace caronte::smtpd_proxy
