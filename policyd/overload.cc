#include "policyd/overload.h"

#include <algorithm>

namespace caronte::policyd {

bool Overload::update(std::size_t open_sessions, std::uint32_t limit) noexcept {
  const std::uint64_t filled = std::uint64_t{open_sessions} * 100;
  const std::uint64_t edge = (is_stressed_ ? kLeavePercent : kEnterPercent) * limit;
  const bool is_stressed = limit != 0 && (is_stressed_ ? filled > edge : filled >= edge);
  if (is_stressed == is_stressed_) return false;
  is_stressed_ = is_stressed;
  if (is_stressed) ++times_;
  return true;
}

std::uint32_t limit_for_strangers(const config::Limits& limits) noexcept {
  if (limits.sessions == 0) return 0;
  const std::uint64_t kept = std::uint64_t{limits.sessions} * std::min(limits.reserved, 100U) / 100;
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, limits.sessions - kept));
}

}  // namespace caronte::policyd
