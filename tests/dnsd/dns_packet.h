// Writes DNS answers (RFC 1035 section 4.1) for the tests, good ones and hostile ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "wrap/unbound.h"

namespace caronte::tests {

class DnsPacket {
 public:
  explicit DnsPacket(std::string_view question, wrap::RecordType type, unsigned flags = 0x8180) {
    u16(0x1234);
    u16(flags);
    u16(1);
    u16(0);
    u16(0);
    u16(0);
    bytes_ += name(question);
    u16(static_cast<unsigned>(type));
    u16(1);
  }

  // Labels with their lengths, and the root.
  static std::string name(std::string_view text) {
    std::string wire;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('.'), text.size());
      wire += static_cast<char>(end);
      wire += text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return wire + '\0';
  }
  static std::string pointer(unsigned target) {
    return {static_cast<char>(0xC0U | target >> 8U), static_cast<char>(target & 0xFFU)};
  }

  // `owner` and `data` as they stand in the packet.
  DnsPacket& record(const std::string& owner, wrap::RecordType type, const std::string& data, unsigned record_class = 1) {
    bytes_ += owner;
    u16(static_cast<unsigned>(type));
    u16(record_class);
    ttls_.push_back(bytes_.size());
    u16(0);
    u16(300);
    u16(static_cast<unsigned>(data.size()));
    bytes_ += data;
    set_u16(6, ++answers_);
    return *this;
  }
  DnsPacket& ptr(std::string_view owner, std::string_view target) {
    return record(name(owner), wrap::RecordType::ptr, name(target));
  }
  DnsPacket& alias(std::string_view owner, std::string_view target) {
    return record(name(owner), wrap::RecordType::cname, name(target));
  }
  DnsPacket& address(std::string_view owner, const base::Address& value) {
    const auto& octets = value.octets();
    const std::string all(octets.begin(), octets.end());
    return value.is_v4() ? record(name(owner), wrap::RecordType::a, all.substr(12))
                         : record(name(owner), wrap::RecordType::aaaa, all);
  }
  // Of the record of this number; 300 until then.
  DnsPacket& set_ttl(std::size_t record, std::uint32_t seconds) {
    set_u16(ttls_.at(record), seconds >> 16U);
    set_u16(ttls_.at(record) + 2, seconds & 0xFFFFU);
    return *this;
  }
  void set_u16(std::size_t at, unsigned value) {
    bytes_[at] = static_cast<char>(value >> 8U);
    bytes_[at + 1] = static_cast<char>(value & 0xFFU);
  }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(bytes_.size()); }

 private:
  void u16(unsigned value) {
    bytes_ += static_cast<char>(value >> 8U);
    bytes_ += static_cast<char>(value & 0xFFU);
  }
  std::string bytes_;
  unsigned answers_ = 0;
  std::vector<std::size_t> ttls_;  // where they stand
};

}  // namespace caronte::tests
