#include "policyd/held_sessions.h"

namespace caronte::policyd {

void HeldSessions::hold(std::uint64_t session, base::MonotonicTime until) {
  const auto [entry, is_new] = until_.emplace(session, until);
  if (!is_new) {
    if (entry->second >= until) return;
    order_.erase({entry->second, session});
    entry->second = until;
  }
  order_.emplace(until, session);
}

void HeldSessions::close(std::uint64_t session) {
  const auto found = until_.find(session);
  if (found == until_.end()) return;
  order_.erase({found->second, session});
  until_.erase(found);
}

std::size_t HeldSessions::count(base::MonotonicTime now) {
  while (!order_.empty() && order_.begin()->first <= now) {
    until_.erase(order_.begin()->second);
    order_.erase(order_.begin());
  }
  return order_.size();
}

}  // namespace caronte::policyd
