#include "policyd/penalty_box.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/address_parser.h"

namespace caronte::policyd {

class PenaltyBoxTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(PenaltyBoxTest);
  CPPUNIT_TEST(first_crash_is_ninety_seconds);
  CPPUNIT_TEST(each_further_crash_doubles_up_to_an_hour);
  CPPUNIT_TEST(a_quiet_while_forgets);
  CPPUNIT_TEST(others_are_untouched);
  CPPUNIT_TEST(memory_is_bounded);
  CPPUNIT_TEST_SUITE_END();

  PenaltyBox box_;
  base::MonotonicTime now_{std::chrono::hours(100)};
  const base::Address client_ = base::Address::v4(192, 0, 2, 1);

  void first_crash_is_ninety_seconds() {
    CPPUNIT_ASSERT(!box_.find(client_, now_));
    box_.add(client_, now_);
    const auto penalty = box_.find(client_, now_);
    CPPUNIT_ASSERT_EQUAL(std::chrono::seconds::rep{90}, penalty.value().left.count());
    CPPUNIT_ASSERT_EQUAL(1U, penalty.value().crashes);
    CPPUNIT_ASSERT(box_.find(client_, now_ + std::chrono::milliseconds(89'999)));
    CPPUNIT_ASSERT(!box_.find(client_, now_ + std::chrono::seconds(90)));
  }
  void each_further_crash_doubles_up_to_an_hour() {
    for (const int expected : {90, 180, 360, 720, 1440, 2880, 3600, 3600, 3600}) {
      box_.add(client_, now_);
      CPPUNIT_ASSERT_EQUAL(std::chrono::seconds::rep{expected}, box_.find(client_, now_).value().left.count());
      now_ += std::chrono::seconds(expected);  // it comes back as soon as it may, and kills again
      CPPUNIT_ASSERT(!box_.find(client_, now_));
    }
    for (int i = 0; i < 100; ++i) box_.add(client_, now_);  // no overflow
    CPPUNIT_ASSERT_EQUAL(std::chrono::seconds::rep{3600}, box_.find(client_, now_).value().left.count());
  }
  void a_quiet_while_forgets() {
    box_.add(client_, now_);
    now_ += std::chrono::seconds(90) + PenaltyBox::kQuiet - std::chrono::seconds(1);
    box_.add(client_, now_);
    CPPUNIT_ASSERT_EQUAL(2U, box_.find(client_, now_).value().crashes);
    now_ += std::chrono::seconds(180) + PenaltyBox::kQuiet;
    box_.add(client_, now_);
    CPPUNIT_ASSERT_EQUAL(1U, box_.find(client_, now_).value().crashes);
  }
  void others_are_untouched() {
    const auto six = [](const char* text) { return base::parse_address(text).value(); };
    box_.add(client_, now_);
    box_.add(six("2001:db8:0:1::1"), now_);
    CPPUNIT_ASSERT(!box_.find(base::Address::v4(192, 0, 2, 2), now_));
    CPPUNIT_ASSERT(box_.find(six("2001:db8:0:1::2"), now_));  // the same /64
    CPPUNIT_ASSERT(!box_.find(six("2001:db8:0:2::1"), now_));
  }
  void memory_is_bounded() {
    box_.add(client_, now_);
    box_.add(client_, now_);
    for (unsigned i = 0; i < PenaltyBox::kMaxClients + 500; ++i) {
      box_.add(base::Address::v4(10, static_cast<std::uint8_t>(i >> 16U), static_cast<std::uint8_t>(i >> 8U),
                                 static_cast<std::uint8_t>(i)),
               now_);
    }
    CPPUNIT_ASSERT_EQUAL(PenaltyBox::kMaxClients, box_.size());
    CPPUNIT_ASSERT(box_.find(client_, now_));  // the longest penalty stays
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(PenaltyBoxTest);

}  // namespace caronte::policyd
