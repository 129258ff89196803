// When to restart a worker and when to call it hung. Pure: time is passed in, nothing is done.
#pragma once

#include <cstdint>
#include <deque>

#include "base/clock.h"

namespace caronte::master {

// Restart at once, unless the worker died before it was ready or for more than the fifth time in ten seconds: then after
// 0.1 s, doubling to 30 s. Ten seconds of life make it start anew.
class Backoff {
 public:
  static constexpr base::Duration kFirst{100};
  static constexpr base::Duration kLongest{30'000};
  static constexpr base::Duration kWindow{10'000};
  static constexpr std::size_t kFreeDeaths = 5;

  void on_start(base::MonotonicTime now) noexcept { started_ = now; }
  // How long to wait before the next start.
  [[nodiscard]] base::Duration on_death(base::MonotonicTime now, bool was_ready);

 private:
  base::MonotonicTime started_{};
  std::deque<base::MonotonicTime> deaths_;  // within the window
  base::Duration delay_{0};
};

// Fed by one tick a second of master's own loop: seconds in which master itself did not run make no tick and so are not
// held against a worker. A ping leaves every 5 s. The third that stays unanswered, after one second more, is a hang:
// at most 16 s after the last sign of life, so that two seconds for SIGABRT and the restart fit into twenty.
class Heartbeat {
 public:
  static constexpr unsigned kPingTicks = 5;
  static constexpr unsigned kHungTicks = 2 * kPingTicks + 1;  // since the oldest unanswered ping left
  static constexpr unsigned kStartTicks = 20;                 // from start to Ready

  enum class Verdict : std::uint8_t { nothing, ping, hung };

  void on_start() noexcept { *this = Heartbeat{}; }
  void on_ready() noexcept {
    is_ready_ = true;
    silent_ = 0;
  }
  // hung is said once. ping: send Ping{serial()}.
  [[nodiscard]] Verdict on_tick() noexcept;
  // False: no such ping is open, which an honest worker never says.
  [[nodiscard]] bool on_pong(std::uint32_t serial) noexcept;
  [[nodiscard]] std::uint32_t serial() const noexcept { return sent_; }

 private:
  std::uint32_t sent_ = 0;
  std::uint32_t answered_ = 0;
  unsigned until_ping_ = 1;
  unsigned silent_ = 0;  // ticks
  bool is_ready_ = false;
  bool is_hung_ = false;
};

}  // namespace caronte::master
