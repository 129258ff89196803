#include "base/clock.h"

#include <array>
#include <cstdio>

namespace caronte::base {

namespace {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] MonotonicTime monotonic() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] WallTime wall() const override { return std::chrono::system_clock::now(); }
};

struct Parts {
  std::chrono::year_month_day date;
  std::chrono::weekday weekday;
  std::chrono::hh_mm_ss<std::chrono::milliseconds> time;
};

Parts split(WallTime time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  return {std::chrono::year_month_day{days}, std::chrono::weekday{days},
          std::chrono::hh_mm_ss{std::chrono::floor<std::chrono::milliseconds>(time - days)}};
}

}  // namespace

const Clock& system_clock() noexcept {
  static const SystemClock clock;
  return clock;
}

std::string format_rfc3339(WallTime time) {
  const Parts p = split(time);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(p.date.year()),
                static_cast<unsigned>(p.date.month()), static_cast<unsigned>(p.date.day()),
                static_cast<int>(p.time.hours().count()), static_cast<int>(p.time.minutes().count()),
                static_cast<int>(p.time.seconds().count()), static_cast<int>(p.time.subseconds().count()));
  return text.data();
}

std::string format_rfc5322(WallTime time) {
  static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Parts p = split(time);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %u %s %04d %02d:%02d:%02d +0000", kDays[p.weekday.c_encoding()],
                static_cast<unsigned>(p.date.day()), kMonths[static_cast<unsigned>(p.date.month()) - 1],
                static_cast<int>(p.date.year()), static_cast<int>(p.time.hours().count()),
                static_cast<int>(p.time.minutes().count()), static_cast<int>(p.time.seconds().count()));
  return text.data();
}

}  // namespace caronte::base
