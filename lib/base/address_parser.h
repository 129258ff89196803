// Text to address, strictly: no shorthand octal, no missing parts, no white space. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"

namespace caronte::base {

// "192.0.2.1", "2001:db8::1"; no brackets, no zone. An IPv4-mapped address yields IPv4.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text) noexcept;

// Every numeric form of IW-7 and Q28, as one inclusive range:
//   192.168.0.1                      one address
//   192.168.0.0/24, 2001:db8::/32    network with a length (host bits must be zero)
//   192.168.0.0/255.255.255.0        network with a dotted mask (contiguous)
//   192.168.0.1-50                   to the same /24 up to .50
//   192.168.0.1-192.168.1.20         first to last, IPv6 too
//   192.168.*.*                      trailing octets of any value; * alone is all of IPv4
// nullopt: none of these (it may be a host name; see is_host_name()).
[[nodiscard]] std::optional<AddressRange> parse_address_range(std::string_view text) noexcept;

// A host name by RFC 1123: labels of letters, digits and inner hyphens (underscores are not taken), at most 63 each and
// 253 in all, a letter somewhere in the last label, at least one dot; one trailing dot is allowed.
[[nodiscard]] bool is_host_name(std::string_view text) noexcept;

// Decimal digits only, no sign, no leading zero but "0" itself, at most `maximum`.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t maximum) noexcept;

}  // namespace caronte::base
