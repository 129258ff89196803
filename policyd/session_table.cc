#include "policyd/session_table.h"

#include <algorithm>

namespace caronte::policyd {

bool SessionTable::open(std::uint64_t id, const Session& session) {
  if (!sessions_.emplace(id, session).second) return false;
  if (session.is_counted) ++counts_[base::client_prefix(session.client.address)];
  return true;
}

const Session* SessionTable::find(std::uint64_t id) const noexcept {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

SessionState* SessionTable::state_of(std::uint64_t id) noexcept {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second.state;
}

std::optional<Session> SessionTable::close(std::uint64_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return std::nullopt;
  const Session session = found->second;
  sessions_.erase(found);
  if (session.is_counted) {
    const auto count = counts_.find(base::client_prefix(session.client.address));
    if (--count->second == 0) counts_.erase(count);
  }
  return session;
}

std::vector<SessionTable::Entry> SessionTable::close_all_of(std::uint16_t proxy) {
  std::vector<Entry> lost;
  for (const auto& [id, session] : sessions_) {
    if (session.proxy == proxy) lost.emplace_back(id, session);
  }
  std::sort(lost.begin(), lost.end(), [](const Entry& a, const Entry& b) { return a.first < b.first; });
  for (const Entry& entry : lost) close(entry.first);
  return lost;
}

std::size_t SessionTable::count_of(const base::Address& client) const noexcept {
  const auto found = counts_.find(base::client_prefix(client));
  return found == counts_.end() ? 0 : found->second;
}

std::size_t SessionTable::count_with(ipc::ClientClasses bit) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(sessions_.begin(), sessions_.end(), [bit](const auto& entry) { return (entry.second.classes & bit) != 0; }));
}

}  // namespace caronte::policyd
