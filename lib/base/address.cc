#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace caronte::base {

namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

bool Address::is_v4() const noexcept {
  return std::equal(kMapped.begin(), kMapped.end(), octets_.begin());
}

bool Address::is_unspecified() const noexcept {
  return *this == Address{} || *this == v4(0, 0, 0, 0);
}

bool Address::is_loopback() const noexcept {
  if (is_v4()) return octets_[12] == 127;
  Octets one{};
  one[15] = 1;
  return octets_ == one;
}

Address Address::masked(unsigned bits) const noexcept {
  Octets out = octets_;
  for (unsigned i = 0; i < out.size(); ++i) {
    const unsigned start = i * 8;
    if (bits >= start + 8) continue;
    out[i] = bits <= start ? std::uint8_t{0} : static_cast<std::uint8_t>(out[i] & (0xFFU << (start + 8 - bits)));
  }
  return Address(out);
}

std::optional<Address> Address::next() const noexcept {
  Octets out = octets_;
  for (std::size_t i = out.size(); i-- > 0;) {
    if (++out[i] != 0) return Address(out);
  }
  return std::nullopt;
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4()) {
    ::inet_ntop(AF_INET, octets_.data() + 12, text.data(), text.size());
  } else {
    ::inet_ntop(AF_INET6, octets_.data(), text.data(), text.size());
  }
  return text.data();
}

std::string Address::literal() const {
  return is_v4() ? text() : "IPv6:" + text();
}

std::string Endpoint::text() const {
  const std::string port_text = std::to_string(port);
  return address.is_v4() ? address.text() + ":" + port_text : "[" + address.text() + "]:" + port_text;
}

unsigned Endpoint::to_sockaddr(sockaddr_storage& storage) const noexcept {
  std::memset(&storage, 0, sizeof storage);
  if (address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.octets().data() + 12, 4);
    std::memcpy(&storage, &v4, sizeof v4);
    return sizeof v4;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, address.octets().data(), 16);
  std::memcpy(&storage, &v6, sizeof v6);
  return sizeof v6;
}

std::optional<Endpoint> Endpoint::from_sockaddr(const sockaddr_storage& storage) noexcept {
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    std::array<std::uint8_t, 4> o{};
    std::memcpy(o.data(), &v4.sin_addr, 4);
    return Endpoint{Address::v4(o[0], o[1], o[2], o[3]), ntohs(v4.sin_port)};
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    Address::Octets octets{};
    std::memcpy(octets.data(), &v6.sin6_addr, 16);
    return Endpoint{Address(octets), ntohs(v6.sin6_port)};
  }
  return std::nullopt;
}

std::string Prefix::text() const {
  if (bits == 128) return address.text();
  const bool v4 = address.is_v4() && bits >= 96;
  return address.text() + "/" + std::to_string(v4 ? bits - 96 : bits);
}

Prefix client_prefix(const Address& address) noexcept {
  if (address.is_v4()) return Prefix{address, 128};
  return Prefix{address.masked(64), 64};
}

}  // namespace caronte::base
