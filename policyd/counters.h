// What `carontectl status` shows of the sessions, since this policyd started.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipc/schema.h"

namespace caronte::policyd {

class Counters {
 public:
  void add(const ipc::SessionClosed& closed) noexcept;
  void add_lost(std::uint64_t sessions) noexcept;
  // A client was refused when it connected (FW-5, FW-13 and the like). `reason`: one of the few codes of our own.
  void add_refused(std::string_view reason);
  // A check has hit. `reason`: as above.
  void add_hit(std::string_view reason, bool is_observed);

  [[nodiscard]] std::uint64_t sessions(ipc::Outcome outcome) const noexcept { return outcomes_[static_cast<std::size_t>(outcome)]; }
  // Names and values, in the order in which they are to be shown.
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> all() const;

 private:
  std::array<std::uint64_t, static_cast<std::size_t>(ipc::Outcome::kCount)> outcomes_{};
  std::uint64_t messages_ = 0;
  std::uint64_t recipients_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t relaying_denied_ = 0;
  std::uint64_t refused_at_connect_ = 0;
  using ByReason = std::map<std::string, std::uint64_t, std::less<>>;
  ByReason refused_;
  ByReason hits_;
  ByReason observed_;
};

}  // namespace caronte::policyd
