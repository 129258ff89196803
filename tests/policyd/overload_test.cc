#include "policyd/overload.h"

#include <cppunit/extensions/HelperMacros.h>

namespace caronte::policyd {

class OverloadTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(OverloadTest);
  CPPUNIT_TEST(begins_at_seventy_and_ends_at_forty_percent);
  CPPUNIT_TEST(no_limit_is_no_stress);
  CPPUNIT_TEST(a_change_of_the_limit_counts_at_once);
  CPPUNIT_TEST(what_strangers_may_have);
  CPPUNIT_TEST_SUITE_END();

  Overload overload_;

  void begins_at_seventy_and_ends_at_forty_percent() {
    for (std::size_t open = 0; open < 70; ++open) CPPUNIT_ASSERT(!overload_.update(open, 100));
    CPPUNIT_ASSERT(!overload_.is_stressed());
    CPPUNIT_ASSERT(overload_.update(70, 100));
    CPPUNIT_ASSERT(overload_.is_stressed());
    for (std::size_t open = 100; open > 40; --open) CPPUNIT_ASSERT(!overload_.update(open, 100));
    CPPUNIT_ASSERT(overload_.is_stressed());
    CPPUNIT_ASSERT(overload_.update(40, 100));
    CPPUNIT_ASSERT(!overload_.is_stressed());
    CPPUNIT_ASSERT(!overload_.update(69, 100));
    CPPUNIT_ASSERT(!overload_.is_stressed());
    CPPUNIT_ASSERT(overload_.update(70, 100));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, overload_.times());
  }
  void no_limit_is_no_stress() {
    CPPUNIT_ASSERT(!overload_.update(0, 0));
    CPPUNIT_ASSERT(!overload_.update(1'000'000, 0));
    CPPUNIT_ASSERT(!overload_.is_stressed());
  }
  void a_change_of_the_limit_counts_at_once() {
    CPPUNIT_ASSERT(overload_.update(80, 100));
    CPPUNIT_ASSERT(overload_.update(80, 0));
    CPPUNIT_ASSERT(!overload_.is_stressed());
    CPPUNIT_ASSERT(!overload_.update(80, 1000));
  }
  void what_strangers_may_have() {
    struct Case {
      std::uint32_t sessions, reserved, expected;
    };
    for (const auto& [sessions, reserved, expected] :
         {Case{10'000, 10, 9'000}, Case{10'000, 0, 10'000}, Case{0, 10, 0}, Case{3, 10, 3}, Case{10, 90, 1}, Case{1, 90, 1},
          Case{4'000'000'000, 90, 400'000'000}, Case{100, 200, 1}}) {
      config::Limits limits;
      limits.sessions = sessions;
      limits.reserved = reserved;
      CPPUNIT_ASSERT_EQUAL(expected, limit_for_strangers(limits));
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(OverloadTest);

}  // namespace caronte::policyd
