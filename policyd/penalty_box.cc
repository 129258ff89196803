#include "policyd/penalty_box.h"

#include <algorithm>

namespace caronte::policyd {

namespace {

std::chrono::seconds length_of(unsigned crashes) {
  std::chrono::seconds length = PenaltyBox::kFirst;
  for (unsigned i = 1; i < crashes && length < PenaltyBox::kLongest; ++i) length *= 2;
  return std::min(length, PenaltyBox::kLongest);
}

}  // namespace

void PenaltyBox::add(const base::Address& client, base::MonotonicTime now) {
  const base::Prefix prefix = base::client_prefix(client);
  auto found = entries_.find(prefix);
  if (found == entries_.end()) {
    make_room(now);
    found = entries_.emplace(prefix, Entry{}).first;
  } else if (now >= found->second.until + kQuiet) {
    found->second = {};
  }
  Entry& entry = found->second;
  ++entry.crashes;
  entry.until = now + length_of(entry.crashes);
}

void PenaltyBox::make_room(base::MonotonicTime now) {
  if (entries_.size() < kMaxClients) return;
  std::erase_if(entries_, [now](const auto& entry) { return now >= entry.second.until + kQuiet; });
  if (entries_.size() < kMaxClients) return;
  entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                  [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
}

std::optional<PenaltyBox::Penalty> PenaltyBox::find(const base::Address& client, base::MonotonicTime now) const {
  const auto found = entries_.find(base::client_prefix(client));
  if (found == entries_.end() || now >= found->second.until) return std::nullopt;
  return Penalty{found->second.crashes, std::chrono::ceil<std::chrono::seconds>(found->second.until - now)};
}

}  // namespace caronte::policyd
