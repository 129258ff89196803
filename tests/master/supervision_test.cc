#include "master/supervision.h"

#include <cppunit/extensions/HelperMacros.h>

#include <vector>

namespace caronte::master {

class BackoffTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(BackoffTest);
  CPPUNIT_TEST(ready_worker_restarts_at_once);
  CPPUNIT_TEST(deaths_before_ready_wait_longer_and_longer);
  CPPUNIT_TEST(sixth_death_in_ten_seconds_waits);
  CPPUNIT_TEST(five_deaths_in_ten_seconds_are_free);
  CPPUNIT_TEST(ten_seconds_of_life_begin_anew);
  CPPUNIT_TEST_SUITE_END();

  Backoff backoff_;
  base::MonotonicTime now_{std::chrono::hours(1)};

  long live(base::Duration life, bool was_ready) {
    backoff_.on_start(now_);
    now_ += life;
    return static_cast<long>(backoff_.on_death(now_, was_ready).count());
  }

  void ready_worker_restarts_at_once() { CPPUNIT_ASSERT_EQUAL(0L, live(base::Duration(1), true)); }

  void deaths_before_ready_wait_longer_and_longer() {
    for (const long expected : {100L, 200L, 400L, 800L, 1600L, 3200L, 6400L, 12800L, 25600L, 30000L, 30000L}) {
      const long delay = live(base::Duration(5), false);
      CPPUNIT_ASSERT_EQUAL(expected, delay);
      now_ += base::Duration(delay);
    }
  }

  void sixth_death_in_ten_seconds_waits() {
    for (int i = 0; i < 5; ++i) CPPUNIT_ASSERT_EQUAL(0L, live(base::Duration(1000), true));
    CPPUNIT_ASSERT_EQUAL(100L, live(base::Duration(1000), true));
    CPPUNIT_ASSERT_EQUAL(200L, live(base::Duration(1000), true));
  }

  void five_deaths_in_ten_seconds_are_free() {
    for (int i = 0; i < 50; ++i) CPPUNIT_ASSERT_EQUAL(0L, live(base::Duration(2000), true));
  }

  void ten_seconds_of_life_begin_anew() {
    for (int i = 0; i < 4; ++i) (void)live(base::Duration(1), false);
    CPPUNIT_ASSERT_EQUAL(0L, live(base::Duration(10'000), true));
    CPPUNIT_ASSERT_EQUAL(100L, live(base::Duration(1), false));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(BackoffTest);

class HeartbeatTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(HeartbeatTest);
  CPPUNIT_TEST(answering_worker_is_never_hung);
  CPPUNIT_TEST(silent_worker_is_hung_within_sixteen_seconds);
  CPPUNIT_TEST(hang_is_said_once);
  CPPUNIT_TEST(late_answer_saves);
  CPPUNIT_TEST(worker_that_does_not_become_ready_is_hung);
  CPPUNIT_TEST(slow_start_is_not_held_against_it);
  CPPUNIT_TEST(seconds_without_master_do_not_count);
  CPPUNIT_TEST(answer_to_no_question_is_refused);
  CPPUNIT_TEST_SUITE_END();

  using Verdict = Heartbeat::Verdict;
  Heartbeat heartbeat_;

 public:
  void setUp() override {
    heartbeat_ = Heartbeat{};
    heartbeat_.on_start();
  }

 private:
  // Ticks until the verdict comes; 1000 when it never does.
  int ticks_until(Verdict verdict, bool answers) {
    for (int tick = 1; tick < 1000; ++tick) {
      const Verdict said = heartbeat_.on_tick();
      if (said == verdict) return tick;
      if (said == Verdict::ping && answers) CPPUNIT_ASSERT(heartbeat_.on_pong(heartbeat_.serial()));
    }
    return 1000;
  }

  void answering_worker_is_never_hung() {
    heartbeat_.on_ready();
    CPPUNIT_ASSERT_EQUAL(1000, ticks_until(Verdict::hung, true));
    CPPUNIT_ASSERT(heartbeat_.serial() >= 199);  // a ping each five ticks
  }

  void silent_worker_is_hung_within_sixteen_seconds() {
    heartbeat_.on_ready();
    CPPUNIT_ASSERT_EQUAL(1, ticks_until(Verdict::ping, false));
    CPPUNIT_ASSERT(heartbeat_.on_pong(heartbeat_.serial()));  // the last sign of life, directly after a ping
    const std::uint32_t before = heartbeat_.serial();
    CPPUNIT_ASSERT_EQUAL(16, ticks_until(Verdict::hung, false));
    CPPUNIT_ASSERT_EQUAL(before + 3, heartbeat_.serial());  // three pings were missed
  }

  void hang_is_said_once() {
    heartbeat_.on_ready();
    (void)ticks_until(Verdict::hung, false);
    CPPUNIT_ASSERT_EQUAL(1000, ticks_until(Verdict::hung, false));
  }

  void late_answer_saves() {
    heartbeat_.on_ready();
    (void)ticks_until(Verdict::ping, false);
    for (int i = 0; i < 10; ++i) CPPUNIT_ASSERT(heartbeat_.on_tick() != Verdict::hung);
    CPPUNIT_ASSERT(heartbeat_.on_pong(1));  // of the first of three
    for (int i = 0; i < 10; ++i) CPPUNIT_ASSERT(heartbeat_.on_tick() != Verdict::hung);
  }

  void worker_that_does_not_become_ready_is_hung() { CPPUNIT_ASSERT_EQUAL(20, ticks_until(Verdict::hung, false)); }

  void slow_start_is_not_held_against_it() {
    for (int i = 0; i < 19; ++i) CPPUNIT_ASSERT(heartbeat_.on_tick() == Verdict::nothing);
    heartbeat_.on_ready();
    CPPUNIT_ASSERT_EQUAL(1, ticks_until(Verdict::ping, false));
    CPPUNIT_ASSERT_EQUAL(11, ticks_until(Verdict::hung, false));
  }

  // Master was stopped for a minute: its loop makes one tick, not sixty, and then takes what the worker had sent.
  void seconds_without_master_do_not_count() {
    heartbeat_.on_ready();
    (void)ticks_until(Verdict::ping, false);
    CPPUNIT_ASSERT(heartbeat_.on_tick() == Verdict::nothing);
    CPPUNIT_ASSERT(heartbeat_.on_pong(heartbeat_.serial()));
    CPPUNIT_ASSERT_EQUAL(1000, ticks_until(Verdict::hung, true));
  }

  void answer_to_no_question_is_refused() {
    heartbeat_.on_ready();
    CPPUNIT_ASSERT(!heartbeat_.on_pong(0));
    CPPUNIT_ASSERT(!heartbeat_.on_pong(1));
    (void)ticks_until(Verdict::ping, false);
    CPPUNIT_ASSERT(!heartbeat_.on_pong(2));
    CPPUNIT_ASSERT(heartbeat_.on_pong(1));
    CPPUNIT_ASSERT(!heartbeat_.on_pong(1));
    CPPUNIT_ASSERT(!heartbeat_.on_pong(0xFFFFFFFF));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(HeartbeatTest);

}  // namespace caronte::master
