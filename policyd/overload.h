// Overload: how full the gateway is. Above 70 % of all sessions it is under stress (short deadlines, nobody is held in the
// tarpit) until it is back at 40 %; and a share of the sessions is kept for clients that are known to be good.
#pragma once

#include <cstddef>
#include <cstdint>

#include "config/configuration.h"

namespace caronte::policyd {

class Overload {
 public:
  static constexpr std::uint64_t kEnterPercent = 70;
  static constexpr std::uint64_t kLeavePercent = 40;

  // To be called whenever a session begins or ends. `limit`: of all sessions; 0, no limit, is no stress. True: is_stressed()
  // is another one than before, which is worth a line in the log.
  bool update(std::size_t open_sessions, std::uint32_t limit) noexcept;
  [[nodiscard]] bool is_stressed() const noexcept { return is_stressed_; }
  // How often it has begun.
  [[nodiscard]] std::uint64_t times() const noexcept { return times_; }

 private:
  bool is_stressed_ = false;
  std::uint64_t times_ = 0;
};

// Sessions that strangers may have: all but the reserved share, at least one. 0: no limit.
[[nodiscard]] std::uint32_t limit_for_strangers(const config::Limits& limits) noexcept;

}  // namespace caronte::policyd
