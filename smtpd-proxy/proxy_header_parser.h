// The PROXY protocol header, versions 1 and 2 (haproxy.org/download/2.8/doc/proxy-protocol.txt), as a balancer sends it
// in front of the client's bytes. Only called for peers that the listener trusts. Pure; any octets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/address.h"

namespace caronte::smtpd_proxy {

inline constexpr std::size_t kMaxProxyHeaderBytes = 16 + 2048;  // v2 with TLVs; v1 is at most 107

enum class ProxyHeaderKind : std::uint8_t {
  need_more,
  malformed,
  client,     // source and destination are the client's connection
  no_client,  // v1 UNKNOWN, v2 LOCAL, v2 UNSPEC or a family that is not TCP over IPv4/IPv6: a valid header without an address
};

struct ProxyHeader {
  ProxyHeaderKind kind = ProxyHeaderKind::need_more;
  std::size_t size = 0;  // octets of the header (client, no_client)
  base::Endpoint source = {};
  base::Endpoint destination = {};
};

// v1: "PROXY TCP4|TCP6|UNKNOWN ..." strictly (single blanks, decimal ports without leading zeros, addresses of the family
// named, CRLF within 107 octets). v2: signature, version 2, command LOCAL or PROXY, length at least the family's and at
// most kMaxProxyHeaderBytes - 16; TLVs are skipped.
[[nodiscard]] ProxyHeader parse_proxy_header(std::string_view bytes) noexcept;

}  // namespace caronte::smtpd_proxy
