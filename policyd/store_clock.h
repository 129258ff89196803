// StoreTime: what records are stamped with and judged by. It never goes back, not over a restart either, and never runs
// faster than twice the real time, so that no jump of the wall clock makes everything expire or pardons anybody (F57, F58).
//
// - It begins at the wall clock and is carried on by the monotonic one. While the wall clock is ahead (NTP has corrected
//   it, the machine slept) it runs at double speed until it has caught up; while the wall clock is behind, at its own pace.
// - The last time seen is kept in Table::meta. At a restart the wall clock is believed when it is up to kBelievedGap ahead of
//   that: the machine was off. If it is farther ahead it may be wrong: the time goes on from the last one, and follows
//   at double speed as above (after ten days off a ban of one day lasts half a day more: nobody is pardoned). If it is
//   behind, the time goes on from the last one.
// - A wall clock before kFirstDay has not been set (a dead battery: 1970). A store that has never seen a true time takes over
//   the first one at once; what was stamped before counts as old then.
// - Each jump of the wall clock by more than kJump is told once.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "policyd/store.h"

namespace caronte::policyd {

class StoreClock {
 public:
  static constexpr StoreTime kFirstDay = 1'735'689'600;  // 2025-01-01
  static constexpr base::Duration kBelievedGap = std::chrono::hours(24);
  static constexpr base::Duration kJump{60'000};
  static constexpr base::Duration kSave{60'000};

  // Both outlive it.
  explicit StoreClock(Store& store, const base::Clock& clock = base::system_clock());

  [[nodiscard]] StoreTime now() const;

  // To be called once a second or so. A line for the log when there is something to tell.
  [[nodiscard]] std::optional<std::string> turn();
  // Keeps the last time seen; at the end of the process.
  void save();

 private:
  using Milliseconds = std::int64_t;
  [[nodiscard]] Milliseconds wall() const;
  [[nodiscard]] Milliseconds now_exactly() const;
  void begin(std::optional<StoreTime> last_seen);
  [[nodiscard]] std::optional<StoreTime> last_seen();
  void follow_wall();

  Store& store_;
  const base::Clock& clock_;
  Milliseconds time_ = 0;         // at anchor_
  base::MonotonicTime anchor_{};  // of the last turn
  Milliseconds offset_ = 0;       // wall clock minus monotonic clock, at the last turn
  bool has_read_ = false;         // the last time seen; not possible while the store is in memory
  StoreTime saved_ = 0;
  std::string news_;
};

}  // namespace caronte::policyd
