// Clients during whose session a worker crashed: refused for 90 s, each further crash doubles the time up to an hour, and a
// quiet while forgets it (design.md section 2). Held in memory: a new policyd begins with a clean slate.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>

#include "base/address.h"
#include "base/clock.h"

namespace caronte::policyd {

class PenaltyBox {
 public:
  static constexpr std::chrono::seconds kFirst{90};
  static constexpr std::chrono::seconds kLongest{3600};
  static constexpr std::chrono::hours kQuiet{6};  // after the end of the last penalty
  static constexpr std::size_t kMaxClients = 10'000;

  struct Penalty {
    unsigned crashes = 0;
    std::chrono::seconds left{0};  // above 0, rounded up
  };

  // Another crash of this client (IPv6 by /64).
  void add(const base::Address& client, base::MonotonicTime now);
  // nullopt: none, or it is over.
  [[nodiscard]] std::optional<Penalty> find(const base::Address& client, base::MonotonicTime now) const;
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    unsigned crashes = 0;
    base::MonotonicTime until;
  };
  void make_room(base::MonotonicTime now);
  std::map<base::Prefix, Entry> entries_;
};

}  // namespace caronte::policyd
