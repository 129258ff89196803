#include "policyd/store_clock.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace caronte::policyd {

namespace {

constexpr std::string_view kClockKey = "clock";
constexpr StoreTime kLastDay = StoreTime{1} << 40U;  // what lies behind it is damage

std::int64_t count_of(auto duration) {
  return std::chrono::duration_cast<base::Duration>(duration).count();
}

std::string days_or_seconds(std::int64_t milliseconds) {
  const std::int64_t seconds = std::abs(milliseconds) / 1000;
  return seconds >= 2 * 86'400 ? std::to_string(seconds / 86'400) + " days" : std::to_string(seconds) + " s";
}

}  // namespace

StoreClock::StoreClock(Store& store, const base::Clock& clock)
    : store_(store), clock_(clock), time_(wall()), anchor_(clock.monotonic()) {
  offset_ = time_ - count_of(anchor_.time_since_epoch());
  begin(last_seen());
}

StoreClock::Milliseconds StoreClock::wall() const {
  return count_of(clock_.wall().time_since_epoch());
}

StoreClock::Milliseconds StoreClock::now_exactly() const {
  return time_ + count_of(clock_.monotonic() - anchor_);
}

StoreTime StoreClock::now() const {
  return now_exactly() / 1000;
}

// Nothing: never stored, or the store cannot be read yet.
std::optional<StoreTime> StoreClock::last_seen() {
  has_read_ = store_.state() == StoreState::durable;
  const auto text = store_.get(Table::meta, kClockKey);
  if (!text) return std::nullopt;
  StoreTime seen = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), seen);
  if (code != std::errc() || end != text->data() + text->size() || seen < 0 || seen > kLastDay) return std::nullopt;
  return seen;
}

void StoreClock::begin(std::optional<StoreTime> last_seen) {
  if (!last_seen) return;
  const Milliseconds seen = *last_seen * 1000;
  const Milliseconds gap = time_ - seen;
  if (gap < 0) {
    time_ = seen;
    if (-gap > kJump.count()) {
      news_ = "the clock is " + days_or_seconds(gap) + " behind the last time seen: the store's time goes on from that";
    }
  } else if (gap > kBelievedGap.count() && *last_seen >= kFirstDay) {
    time_ = seen;
    news_ = "the clock is " + days_or_seconds(gap) + " ahead of the last time seen: the store's time follows at double speed";
  }
}

void StoreClock::follow_wall() {
  const base::MonotonicTime now = clock_.monotonic();
  const Milliseconds elapsed = count_of(now - anchor_);
  time_ += elapsed;
  anchor_ += base::Duration(elapsed);
  const Milliseconds ahead = wall() - time_;
  const bool is_first_true_time = time_ / 1000 < kFirstDay && wall() / 1000 >= kFirstDay;
  if (ahead > 0) time_ += is_first_true_time ? ahead : std::min(ahead, elapsed);
}

std::optional<std::string> StoreClock::turn() {
  follow_wall();
  if (!has_read_ && store_.state() == StoreState::durable) {
    // It could not be read at the start. This process's own time goes on unless that would be a step back.
    if (const auto seen = last_seen()) time_ = std::max(time_, *seen * 1000);
  }
  const Milliseconds offset = wall() - count_of(clock_.monotonic().time_since_epoch());
  const Milliseconds jump = offset - std::exchange(offset_, offset);
  if (std::abs(jump) > kJump.count()) {
    news_ =
        "the clock was set " + days_or_seconds(jump) + (jump > 0 ? " ahead" : " back") + ": nothing expires or lasts longer by it";
  }
  if (now() - saved_ >= kSave.count() / 1000) save();
  if (news_.empty()) return std::nullopt;
  return std::exchange(news_, {});
}

void StoreClock::save() {
  if (!has_read_ || store_.state() != StoreState::durable) return;
  saved_ = now();
  store_.put(Table::meta, kClockKey, std::to_string(saved_));
}

}  // namespace caronte::policyd
