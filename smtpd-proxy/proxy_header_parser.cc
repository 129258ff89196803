#include "smtpd-proxy/proxy_header_parser.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/address_parser.h"

namespace caronte::smtpd_proxy {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSignatureV1 = "PROXY ";
constexpr std::string_view kSignatureV2 = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kMaxLineV1 = 107;  // with CRLF
constexpr std::size_t kFixedV2 = 16;
constexpr std::size_t kMaxPort = 65535;

ProxyHeader malformed() noexcept {
  return {.kind = ProxyHeaderKind::malformed};
}

std::uint8_t octet_at(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint16_t number_at(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(octet_at(bytes, at) * 256U + octet_at(bytes, at + 1));
}

// The text up to the next blank, taken off the front of `rest` with that blank.
std::string_view take_word(std::string_view& rest) noexcept {
  const std::size_t blank = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, blank);
  rest.remove_prefix(std::min(blank + 1, rest.size()));
  return word;
}

// Behind "TCP4 " or "TCP6 ": both addresses and both ports, and nothing else.
std::optional<ProxyHeader> parse_addresses(std::string_view text, bool is_v6) noexcept {
  if (std::count(text.begin(), text.end(), ' ') != 3) return std::nullopt;
  ProxyHeader header{.kind = ProxyHeaderKind::client};
  for (base::Endpoint* endpoint : {&header.source, &header.destination}) {
    const std::string_view word = take_word(text);
    const auto address = base::parse_address(word);
    if (!address || is_v6 != (word.find(':') != std::string_view::npos)) return std::nullopt;
    endpoint->address = *address;
  }
  for (base::Endpoint* endpoint : {&header.source, &header.destination}) {
    const auto port = base::parse_number(take_word(text), kMaxPort);
    if (!port) return std::nullopt;
    endpoint->port = static_cast<std::uint16_t>(*port);
  }
  return header;
}

ProxyHeader parse_v1(std::string_view bytes) noexcept {
  const std::string_view line = bytes.substr(0, kMaxLineV1);
  const std::size_t end = line.find('\n');
  if (end == std::string_view::npos) return line.size() == kMaxLineV1 ? malformed() : ProxyHeader{};
  if (line[end - 1] != '\r') return malformed();
  std::string_view rest = line.substr(kSignatureV1.size(), end - 1 - kSignatureV1.size());
  if (rest.find('\r') != std::string_view::npos) return malformed();
  const std::string_view family = take_word(rest);
  if (family == "UNKNOWN") return {.kind = ProxyHeaderKind::no_client, .size = end + 1};
  if (family != "TCP4" && family != "TCP6") return malformed();
  auto header = parse_addresses(rest, family == "TCP6");
  if (!header) return malformed();
  header->size = end + 1;
  return *header;
}

base::Address address_at(std::string_view bytes, std::size_t at, std::size_t size) noexcept {
  if (size == 4) {
    return base::Address::v4(octet_at(bytes, at), octet_at(bytes, at + 1), octet_at(bytes, at + 2), octet_at(bytes, at + 3));
  }
  base::Address::Octets octets{};
  std::memcpy(octets.data(), bytes.data() + at, octets.size());
  return base::Address(octets);
}

// UNSPEC, INET, INET6, UNIX: octets that the two addresses and ports take (section 2.2).
constexpr std::array<std::size_t, 4> kFamilyBytes{0, 12, 36, 216};
constexpr unsigned kInet = 1;
constexpr unsigned kInet6 = 2;
constexpr unsigned kStream = 1;
constexpr unsigned kDatagram = 2;

// A LOCAL header's family and content are ignored, as the specification wants.
ProxyHeader parse_v2(std::string_view bytes) noexcept {
  if (bytes.size() >= 13 && (octet_at(bytes, 12) & 0xFEU) != 0x20) return malformed();
  if (bytes.size() < kFixedV2) return {};
  const bool is_local = octet_at(bytes, 12) == 0x20;
  const unsigned family = octet_at(bytes, 13) >> 4U;
  const unsigned transport = octet_at(bytes, 13) & 0x0FU;
  const std::size_t length = number_at(bytes, 14);
  if (length > kMaxProxyHeaderBytes - kFixedV2) return malformed();
  if (!is_local && (family >= kFamilyBytes.size() || transport > kDatagram || length < kFamilyBytes[family])) return malformed();
  if (bytes.size() - kFixedV2 < length) return {};
  ProxyHeader header{.kind = ProxyHeaderKind::no_client, .size = kFixedV2 + length};
  if (is_local || transport != kStream || (family != kInet && family != kInet6)) return header;
  const std::size_t address_size = family == kInet ? 4 : 16;
  header.kind = ProxyHeaderKind::client;
  header.source = {address_at(bytes, kFixedV2, address_size), number_at(bytes, kFixedV2 + 2 * address_size)};
  header.destination = {address_at(bytes, kFixedV2 + address_size, address_size),
                        number_at(bytes, kFixedV2 + 2 * address_size + 2)};
  return header;
}

bool starts_like(std::string_view bytes, std::string_view signature) noexcept {
  return bytes.starts_with(signature.substr(0, std::min(bytes.size(), signature.size())));
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view bytes) noexcept {
  if (starts_like(bytes, kSignatureV1)) return bytes.size() < kSignatureV1.size() ? ProxyHeader{} : parse_v1(bytes);
  if (starts_like(bytes, kSignatureV2)) return bytes.size() < kSignatureV2.size() ? ProxyHeader{} : parse_v2(bytes);
  return malformed();
}

}  // namespace caronte::smtpd_proxy
