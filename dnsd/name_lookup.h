// The addresses of a host name in a list (IW-7, Q27): A and AAAA, CNAMEs followed. Pure logic, as ReverseLookup.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "dnsd/dns_asker.h"

namespace caronte::dnsd {

struct NameResult {
  bool is_known = false;  // false: some answer that would decide it could not be had, and no address is known
  std::vector<base::Address> addresses;
  std::uint32_t ttl = 0;  // seconds; 0 where nothing says, or only one of the two types was answered
};

class NameLookup final : public DnsLookup {
 public:
  // Asks at once. What is open is forgotten on destruction. `asker` outlives it. Precondition: `name` is a host name.
  NameLookup(std::string_view name, DnsAsker& asker);
  ~NameLookup() override;
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  void on_reply(std::uint64_t id, std::string_view packet) override;
  [[nodiscard]] bool is_done() const noexcept override { return open_[0].id == 0 && open_[1].id == 0; }
  // With what has been answered so far.
  [[nodiscard]] NameResult result() const;

 private:
  struct Question {
    std::uint64_t id = 0;  // 0: answered, or could not be asked
    wrap::RecordType type{};
  };
  std::string name_;
  DnsAsker& asker_;
  std::array<Question, 2> open_;
  std::vector<base::Address> addresses_;
  std::optional<std::uint32_t> ttl_;
  bool is_uncertain_ = false;
};

}  // namespace caronte::dnsd
