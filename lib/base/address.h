// Internet addresses, endpoints and prefixes: values without I/O. An IPv4-mapped IPv6 address is always held as IPv4.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;
struct sockaddr_storage;

namespace caronte::base {

// Octets in network order. An IPv4 address a.b.c.d is held as ::ffff:a.b.c.d, so that both families sort and match in one
// space; nothing outside this header needs to know.
class Address {
 public:
  using Octets = std::array<std::uint8_t, 16>;

  // "::", also what is_unspecified() tells.
  constexpr Address() noexcept = default;
  explicit constexpr Address(const Octets& octets) noexcept : octets_(octets) {}
  [[nodiscard]] static constexpr Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept {
    return Address(Octets{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d});
  }

  [[nodiscard]] bool is_v4() const noexcept;
  [[nodiscard]] bool is_unspecified() const noexcept;  // 0.0.0.0 or ::
  [[nodiscard]] bool is_loopback() const noexcept;     // 127.0.0.0/8 or ::1
  [[nodiscard]] constexpr const Octets& octets() const noexcept { return octets_; }

  // The first `bits` of the 128 (IPv4 /24 is 120), the rest zero.
  [[nodiscard]] Address masked(unsigned bits) const noexcept;
  // The next address; nullopt after the last one.
  [[nodiscard]] std::optional<Address> next() const noexcept;

  // "192.0.2.1" or RFC 5952 form.
  [[nodiscard]] std::string text() const;
  // As in an SMTP address literal (RFC 5321 section 4.1.3): "192.0.2.1" or "IPv6:2001:db8::1".
  [[nodiscard]] std::string literal() const;

  auto operator<=>(const Address&) const noexcept = default;

 private:
  Octets octets_{};
};

struct Endpoint {
  Address address;
  std::uint16_t port = 0;
  auto operator<=>(const Endpoint&) const noexcept = default;

  // "192.0.2.1:25" or "[2001:db8::1]:25".
  [[nodiscard]] std::string text() const;
  // Fills `storage`; returns the length for bind() and connect().
  [[nodiscard]] unsigned to_sockaddr(sockaddr_storage& storage) const noexcept;
  // nullopt when the family is not AF_INET or AF_INET6.
  [[nodiscard]] static std::optional<Endpoint> from_sockaddr(const sockaddr_storage& storage) noexcept;
};

// A network: `bits` counts in the 128-bit space (IPv4 /32 is 128).
struct Prefix {
  Address address;
  std::uint8_t bits = 128;
  auto operator<=>(const Prefix&) const noexcept = default;
  [[nodiscard]] bool contains(const Address& other) const noexcept { return other.masked(bits) == address; }
  // "192.0.2.0/24"; without the length when it is a single address.
  [[nodiscard]] std::string text() const;
};

// Inclusive. first <= last, both of one family.
struct AddressRange {
  Address first;
  Address last;
  auto operator<=>(const AddressRange&) const noexcept = default;
};

// The key under which sessions of one client are counted (Q10): IPv4 whole, IPv6 by /64.
[[nodiscard]] Prefix client_prefix(const Address& address) noexcept;

}  // namespace caronte::base
