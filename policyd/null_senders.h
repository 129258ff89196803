// Messages from <> a recipient (AX-25): more than so many within a time, and further ones are backscatter until none has
// come for as long. In memory, bounded. Recipients are compared without regard to the case of ASCII letters.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "policyd/recent_map.h"

namespace caronte::policyd {

class NullSenders {
 public:
  static constexpr std::size_t kMaxRecipients = 20'000;

  // Those that count for the next one: at least `limit` says that it is backscatter.
  [[nodiscard]] std::uint32_t count(std::string_view recipient, std::uint32_t limit, base::Duration within,
                                    base::MonotonicTime now) const;
  // One more.
  void add(std::string_view recipient, std::uint32_t limit, base::Duration within, base::MonotonicTime now);
  [[nodiscard]] std::size_t size() const noexcept { return recipients_.size(); }

 private:
  struct Entry {
    std::vector<base::MonotonicTime> times;  // the last ones, as many as the limit is; oldest first
    bool is_flooded = false;                 // since then none has been away for a whole window
  };
  RecentMap<Entry> recipients_{kMaxRecipients};
};

}  // namespace caronte::policyd
