// Sessions that are being held in the tarpit, for the cap on them. Pure; the time is passed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "base/clock.h"

namespace caronte::policyd {

class HeldSessions {
 public:
  // Is held until then, or for longer if it is already.
  void hold(std::uint64_t session, base::MonotonicTime until);
  // It is over.
  void close(std::uint64_t session);
  // How many are being held now; forgets those that are not any more.
  [[nodiscard]] std::size_t count(base::MonotonicTime now);

 private:
  std::map<std::uint64_t, base::MonotonicTime> until_;
  std::set<std::pair<base::MonotonicTime, std::uint64_t>> order_;
};

}  // namespace caronte::policyd
