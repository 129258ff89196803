#include "policyd/store_clock.h"

#include <cppunit/extensions/HelperMacros.h>

#include "policyd/memory_store.h"

namespace caronte::policyd {

namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr StoreTime kStart = 1'795'000'000;  // November 2026
constexpr StoreTime kDay = 86'400;

struct HandClock final : base::Clock {
  base::MonotonicTime monotonic_now{hours(5)};
  base::WallTime wall_now{seconds(kStart)};
  [[nodiscard]] base::MonotonicTime monotonic() const override { return monotonic_now; }
  [[nodiscard]] base::WallTime wall() const override { return wall_now; }
  void pass(seconds time) {
    monotonic_now += time;
    wall_now += time;
  }
  void jump(seconds time) { wall_now += time; }
};

// Of memory, and said to be on disk.
class DurableStore final : public Store {
 public:
  std::optional<std::string> get(Table table, std::string_view key) override {
    return is_there ? store_.get(table, key) : std::nullopt;
  }
  void put(Table table, std::string_view key, std::string_view value) override { store_.put(table, key, value); }
  void erase(Table table, std::string_view key) override { store_.erase(table, key); }
  void clear(Table table) override { store_.clear(table); }
  std::optional<std::string> scan(Table table, std::string_view from, std::size_t count, const Visit& visit) override {
    return store_.scan(table, from, count, visit);
  }
  StoreState state() const noexcept override { return is_there ? StoreState::durable : StoreState::in_memory; }
  std::uint64_t entries(Table table) const noexcept override { return store_.entries(table); }
  bool is_there = true;

 private:
  MemoryStore store_;
};

}  // namespace

class StoreClockTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(StoreClockTest);
  CPPUNIT_TEST(goes_with_the_wall_clock);
  CPPUNIT_TEST(F57_a_jump_ahead_is_followed_at_double_speed);
  CPPUNIT_TEST(F57_a_jump_back_does_not_turn_it_back);
  CPPUNIT_TEST(F57_restart_with_the_clock_forty_days_ahead);
  CPPUNIT_TEST(F57_restart_with_the_clock_forty_days_behind);
  CPPUNIT_TEST(F57_an_hour_off_is_believed_at_a_restart);
  CPPUNIT_TEST(F58_restart_in_1970);
  CPPUNIT_TEST(F58_first_start_in_1970);
  CPPUNIT_TEST(a_store_that_comes_late);
  CPPUNIT_TEST(damaged_last_time);
  CPPUNIT_TEST_SUITE_END();

  HandClock hand_;
  DurableStore store_;
  std::string said_;
  int said_count_ = 0;

  // As the process does: a turn a second.
  void pass(StoreClock& clock, StoreTime time) {
    for (StoreTime i = 0; i < time; ++i) {
      hand_.pass(seconds(1));
      const StoreTime before = clock.now();
      if (auto text = clock.turn()) {
        said_ = *text;
        ++said_count_;
      }
      CPPUNIT_ASSERT(clock.now() >= before);  // never back
    }
  }

  void goes_with_the_wall_clock() {
    StoreClock clock(store_, hand_);
    CPPUNIT_ASSERT_EQUAL(kStart, clock.now());
    pass(clock, 500);
    CPPUNIT_ASSERT_EQUAL(kStart + 500, clock.now());
    hand_.pass(seconds(7));
    CPPUNIT_ASSERT_EQUAL(kStart + 507, clock.now());
    CPPUNIT_ASSERT_EQUAL(0, said_count_);
  }
  void F57_a_jump_ahead_is_followed_at_double_speed() {
    StoreClock clock(store_, hand_);
    pass(clock, 10);
    hand_.jump(hours(40 * 24));
    pass(clock, 100);
    CPPUNIT_ASSERT_EQUAL(kStart + 210, clock.now());
    CPPUNIT_ASSERT_EQUAL(1, said_count_);
    CPPUNIT_ASSERT_EQUAL(std::string("the clock was set 40 days ahead: nothing expires or lasts longer by it"), said_);
    hand_.jump(-hours(40 * 24));  // it was a mistake
    pass(clock, 100);
    CPPUNIT_ASSERT_EQUAL(kStart + 310, clock.now());
    CPPUNIT_ASSERT_EQUAL(2, said_count_);
    hand_.jump(seconds(200));
    pass(clock, 500);
    CPPUNIT_ASSERT_EQUAL(kStart + 910, clock.now());  // has caught up
  }
  void F57_a_jump_back_does_not_turn_it_back() {
    StoreClock clock(store_, hand_);
    pass(clock, 10);
    hand_.jump(-hours(40 * 24));
    pass(clock, 100);
    CPPUNIT_ASSERT_EQUAL(kStart + 110, clock.now());
    CPPUNIT_ASSERT_EQUAL(1, said_count_);
  }
  void restart_after(seconds jump) {
    {
      StoreClock clock(store_, hand_);
      pass(clock, 100);
      clock.save();
    }
    hand_.jump(jump);
    hand_.monotonic_now = base::MonotonicTime(seconds(3));  // the machine was started anew
  }
  void F57_restart_with_the_clock_forty_days_ahead() {
    restart_after(hours(40 * 24));
    StoreClock clock(store_, hand_);
    CPPUNIT_ASSERT_EQUAL(kStart + 100, clock.now());
    pass(clock, 60);
    CPPUNIT_ASSERT_EQUAL(1, said_count_);
    CPPUNIT_ASSERT_EQUAL(kStart + 220, clock.now());
  }
  void F57_restart_with_the_clock_forty_days_behind() {
    restart_after(-hours(40 * 24));
    StoreClock clock(store_, hand_);
    CPPUNIT_ASSERT_EQUAL(kStart + 100, clock.now());
    pass(clock, 60);
    CPPUNIT_ASSERT_EQUAL(kStart + 160, clock.now());
    CPPUNIT_ASSERT_EQUAL(1, said_count_);
  }
  void F57_an_hour_off_is_believed_at_a_restart() {
    restart_after(hours(1));
    StoreClock clock(store_, hand_);
    CPPUNIT_ASSERT_EQUAL(kStart + 3700, clock.now());
    pass(clock, 10);
    CPPUNIT_ASSERT_EQUAL(0, said_count_);
  }
  void F58_restart_in_1970() {
    restart_after(-seconds(kStart));
    StoreClock clock(store_, hand_);
    CPPUNIT_ASSERT_EQUAL(kStart + 100, clock.now());
    pass(clock, 50);
    hand_.jump(seconds(kStart + 3 * kDay));  // the time comes: three days have passed
    pass(clock, 50);
    CPPUNIT_ASSERT_EQUAL(kStart + 100 + 50 + 2 * 50, clock.now());
    CPPUNIT_ASSERT_EQUAL(2, said_count_);
  }
  void F58_first_start_in_1970() {
    hand_.wall_now = base::WallTime(seconds(10));
    StoreClock clock(store_, hand_);
    pass(clock, 100);
    CPPUNIT_ASSERT_EQUAL(StoreTime{110}, clock.now());
    hand_.jump(seconds(kStart));
    pass(clock, 1);
    CPPUNIT_ASSERT_EQUAL(kStart + 111, clock.now());
  }
  void a_store_that_comes_late() {
    {
      StoreClock clock(store_, hand_);
      pass(clock, 100);
      clock.save();
    }
    store_.is_there = false;
    hand_.jump(-hours(40 * 24));
    StoreClock clock(store_, hand_);
    pass(clock, 10);
    CPPUNIT_ASSERT_EQUAL(kStart - 40 * kDay + 110, clock.now());
    store_.is_there = true;
    pass(clock, 10);
    CPPUNIT_ASSERT(clock.now() >= kStart + 100);
  }
  void damaged_last_time() {
    for (const char* text : {"", "x", "-5", "1795000000x", "99999999999999999999", "9999999999999"}) {
      store_.put(Table::meta, "clock", text);
      StoreClock clock(store_, hand_);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(text, kStart, clock.now());
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(StoreClockTest);

}  // namespace caronte::policyd
