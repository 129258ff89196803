#include "master/supervision.h"

#include <algorithm>

namespace caronte::master {

base::Duration Backoff::on_death(base::MonotonicTime now, bool was_ready) {
  if (now - started_ >= kWindow) delay_ = base::Duration{0};
  deaths_.push_back(now);
  while (now - deaths_.front() >= kWindow) deaths_.pop_front();
  if (was_ready && deaths_.size() <= kFreeDeaths) return base::Duration{0};
  delay_ = delay_.count() == 0 ? kFirst : std::min(delay_ * 2, kLongest);
  return delay_;
}

Heartbeat::Verdict Heartbeat::on_tick() noexcept {
  if (is_hung_) return Verdict::nothing;
  const bool is_waited_for = !is_ready_ || answered_ != sent_;
  silent_ = is_waited_for ? silent_ + 1 : 0;
  if (silent_ >= (is_ready_ ? kHungTicks : kStartTicks)) {
    is_hung_ = true;
    return Verdict::hung;
  }
  if (!is_ready_ || --until_ping_ > 0) return Verdict::nothing;
  until_ping_ = kPingTicks;
  ++sent_;
  return Verdict::ping;
}

bool Heartbeat::on_pong(std::uint32_t serial) noexcept {
  // Serials are compared by distance, so that they may wrap.
  if (serial - answered_ == 0 || serial - answered_ > sent_ - answered_) return false;
  answered_ = serial;
  silent_ = 0;
  return true;
}

}  // namespace caronte::master
