// The trace header field that stands in front of each message (RFC 5321 section 4.4). Pure. The HELO name comes from the client and
// the verified name from the DNS: neither can add a line, a comment or a field.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/clock.h"
#include "base/reference.h"

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

// The id in it.
using base::reference_text;

}  // namespace caronte::smtpd_proxy
