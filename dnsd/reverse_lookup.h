// One reverse look-up with forward confirmation (AG-3; iprev of RFC 8601 section 2.7.3): PTR of the address, then A or AAAA
// of at most ten of its names. Pure logic: questions go out through DnsAsker, which dnsd and the tests implement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "dnsd/dns_asker.h"
#include "ipc/schema.h"

namespace caronte::dnsd {

struct ReverseResult {
  ipc::ReverseStatus status = ipc::ReverseStatus::unknown;
  std::string name;  // verified, unverified: lower case, without the trailing dot
  bool operator==(const ReverseResult&) const = default;
};

// "4.3.2.1.in-addr.arpa" or the 32 nibbles under ip6.arpa.
[[nodiscard]] std::string reverse_name(const base::Address& address);

class ReverseLookup final : public DnsLookup {
 public:
  static constexpr std::size_t kMaxNames = 10;

  // Asks at once. What is open is forgotten on destruction. `asker` outlives it.
  ReverseLookup(const base::Address& address, DnsAsker& asker);
  ~ReverseLookup() override;
  ReverseLookup(const ReverseLookup&) = delete;
  ReverseLookup& operator=(const ReverseLookup&) = delete;

  void on_reply(std::uint64_t id, std::string_view packet) override;
  [[nodiscard]] bool is_done() const noexcept override { return result_.has_value(); }

  // verified: a name of the address that leads back to it. unverified: the first name, and no name leads back.
  // none: the address has no name. unknown: some answer that would decide it could not be had.
  // nullopt: not yet.
  [[nodiscard]] const std::optional<ReverseResult>& result() const noexcept { return result_; }

 private:
  struct Question {
    std::uint64_t id = 0;
    std::string name;
    wrap::RecordType type{};
  };
  void ask(std::string name, wrap::RecordType type);
  void on_names(std::vector<std::string> names);
  void finish(ipc::ReverseStatus status, std::string name);
  void finish_if_all_answered();

  base::Address address_;
  DnsAsker& asker_;
  std::vector<Question> open_;
  std::string first_name_;
  bool is_uncertain_ = false;  // a forward question had no answer
  std::optional<ReverseResult> result_;
};

}  // namespace caronte::dnsd
