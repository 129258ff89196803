#include "dnsd/resolver_health.h"

#include <cppunit/extensions/HelperMacros.h>

namespace caronte::dnsd {

class ResolverHealthTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ResolverHealthTest);
  CPPUNIT_TEST(one_event_for_many_failures);
  CPPUNIT_TEST(single_failures_are_no_event);
  CPPUNIT_TEST(changes_to_and_fro_are_rare);
  CPPUNIT_TEST_SUITE_END();

  using Change = ResolverHealth::Change;
  base::MonotonicTime now_{std::chrono::hours(1)};

  int failures_told(ResolverHealth& health, int count) {
    int told = 0;
    for (int i = 0; i < count; ++i) told += health.on_failure(now_) == Change::failed ? 1 : 0;
    return told;
  }

  void one_event_for_many_failures() {
    ResolverHealth health;
    CPPUNIT_ASSERT_EQUAL(0, failures_told(health, 2));
    CPPUNIT_ASSERT_EQUAL(1, failures_told(health, 1000));
    CPPUNIT_ASSERT(health.on_answer() == Change::recovered);
    CPPUNIT_ASSERT(health.on_answer() == Change::none);
  }

  void single_failures_are_no_event() {
    ResolverHealth health;
    for (int i = 0; i < 100; ++i) {
      CPPUNIT_ASSERT_EQUAL(0, failures_told(health, 2));
      CPPUNIT_ASSERT(health.on_answer() == Change::none);
    }
  }

  void changes_to_and_fro_are_rare() {
    ResolverHealth health;
    int told = 0;
    for (int second = 0; second < 120; ++second) {
      told += failures_told(health, 3);
      (void)health.on_answer();
      now_ += std::chrono::seconds(1);
    }
    CPPUNIT_ASSERT_EQUAL(2, told);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ResolverHealthTest);

}  // namespace caronte::dnsd
