// How many sessions are held in the tarpit.
#include "policyd/held_sessions.h"

#include <cppunit/extensions/HelperMacros.h>

namespace caronte::policyd {

using std::chrono::seconds;

class HeldSessionsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(HeldSessionsTest);
  CPPUNIT_TEST(holds_end_by_time_or_with_the_session);
  CPPUNIT_TEST(a_session_is_held_once_and_as_long_as_the_longest);
  CPPUNIT_TEST_SUITE_END();

  HeldSessions held_;
  base::MonotonicTime now_{std::chrono::hours(1)};

  void holds_end_by_time_or_with_the_session() {
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, held_.count(now_));
    for (std::uint64_t i = 0; i < 100; ++i) held_.hold(i, now_ + seconds(60 + i % 2));
    CPPUNIT_ASSERT_EQUAL(std::size_t{100}, held_.count(now_));
    held_.close(0);
    held_.close(0);
    held_.close(1);
    held_.close(1000);
    CPPUNIT_ASSERT_EQUAL(std::size_t{98}, held_.count(now_ + seconds(59)));
    CPPUNIT_ASSERT_EQUAL(std::size_t{49}, held_.count(now_ + seconds(60)));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, held_.count(now_ + seconds(61)));
    held_.close(5);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, held_.count(now_));
  }
  void a_session_is_held_once_and_as_long_as_the_longest() {
    held_.hold(1, now_ + seconds(60));
    held_.hold(1, now_ + seconds(30));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, held_.count(now_ + seconds(40)));
    held_.hold(1, now_ + seconds(90));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, held_.count(now_ + seconds(80)));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, held_.count(now_ + seconds(90)));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(HeldSessionsTest);

}  // namespace caronte::policyd
