// AX-25: more than so many messages from <> to one recipient are backscatter, until none has come for a whole window.
#include "policyd/null_senders.h"

#include <cppunit/extensions/HelperMacros.h>

namespace caronte::policyd {

using std::chrono::minutes;

class NullSendersTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(NullSendersTest);
  CPPUNIT_TEST(the_third_of_three_within_the_window);
  CPPUNIT_TEST(the_window_slides);
  CPPUNIT_TEST(a_flood_lasts_until_none_has_come_for_a_window);
  CPPUNIT_TEST(recipients_are_apart_and_their_case_is_not);
  CPPUNIT_TEST(memory_is_bounded);
  CPPUNIT_TEST_SUITE_END();

  static constexpr std::uint32_t kLimit = 2;
  static constexpr base::Duration kWithin = minutes(10);
  NullSenders senders_;
  base::MonotonicTime now_{std::chrono::hours(1000)};

  // One comes; is it refused?
  bool comes(std::string_view recipient = "a@example.org", std::uint32_t limit = kLimit) {
    const bool is_refused = senders_.count(recipient, limit, kWithin, now_) >= limit;
    senders_.add(recipient, limit, kWithin, now_);
    return is_refused;
  }

  void the_third_of_three_within_the_window() {
    CPPUNIT_ASSERT(!comes() && !comes() && comes() && comes());
    for (int i = 0; i < 100; ++i) CPPUNIT_ASSERT(!comes("b@example.org", 100));
    CPPUNIT_ASSERT(comes("b@example.org", 100));
  }
  void the_window_slides() {
    for (int i = 0; i < 20; ++i) {  // two in any eleven minutes, one in any ten
      CPPUNIT_ASSERT(!comes());
      now_ += minutes(5);
    }
    CPPUNIT_ASSERT(!comes() && comes());
  }
  void a_flood_lasts_until_none_has_come_for_a_window() {
    CPPUNIT_ASSERT(!comes() && !comes() && comes());
    for (int i = 0; i < 10; ++i) {
      now_ += minutes(9);
      CPPUNIT_ASSERT(comes());
    }
    now_ += minutes(10);
    CPPUNIT_ASSERT(!comes() && !comes() && comes());
  }
  void recipients_are_apart_and_their_case_is_not() {
    CPPUNIT_ASSERT(!comes("a@example.org") && !comes("A@Example.ORG") && comes("a@EXAMPLE.org"));
    CPPUNIT_ASSERT(!comes("b@example.org"));
  }
  void memory_is_bounded() {
    CPPUNIT_ASSERT(!comes("first@example.org") && !comes("first@example.org") && comes("first@example.org"));
    for (std::size_t i = 0; i < NullSenders::kMaxRecipients; ++i) (void)comes(std::to_string(i) + "@example.org");
    CPPUNIT_ASSERT_EQUAL(NullSenders::kMaxRecipients, senders_.size());
    CPPUNIT_ASSERT(!comes("first@example.org"));  // forgotten: lenient
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(NullSendersTest);

}  // namespace caronte::policyd
