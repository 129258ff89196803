#include "policyd/null_senders.h"

#include <algorithm>

#include "policyd/text.h"

namespace caronte::policyd {

namespace {

bool lies_within(base::MonotonicTime time, base::Duration window, base::MonotonicTime now) {
  return now - time < window;
}

}  // namespace

std::uint32_t NullSenders::count(std::string_view recipient, std::uint32_t limit, base::Duration within,
                                 base::MonotonicTime now) const {
  const Entry* entry = recipients_.find(lower_case(recipient));
  if (entry == nullptr || entry->times.empty() || !lies_within(entry->times.back(), within, now)) return 0;
  const auto count = static_cast<std::uint32_t>(
      std::count_if(entry->times.begin(), entry->times.end(), [&](auto time) { return lies_within(time, within, now); }));
  return entry->is_flooded ? std::max(count, limit) : count;
}

void NullSenders::add(std::string_view recipient, std::uint32_t limit, base::Duration within, base::MonotonicTime now) {
  const bool is_flooded = count(recipient, limit, within, now) >= limit;
  Entry& entry = recipients_.touch(lower_case(recipient));
  entry.is_flooded = is_flooded;
  const auto is_over = [&](base::MonotonicTime time) { return !lies_within(time, within, now); };
  std::erase_if(entry.times, is_over);
  if (entry.times.size() >= std::max(limit, 1U)) entry.times.erase(entry.times.begin());
  entry.times.push_back(now);
}

}  // namespace caronte::policyd
