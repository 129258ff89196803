// The book of numbers: news, duplicates and gaps.
#include "logd/senders.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace caronte;
using logd::Gap;
using logd::Sender;
using logd::Senders;

class SendersTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SendersTest);
  CPPUNIT_TEST(numbers_in_order);
  CPPUNIT_TEST(gap_is_found_once);
  CPPUNIT_TEST(first_number_missing_is_a_gap);
  CPPUNIT_TEST(loss_of_the_newest);
  CPPUNIT_TEST(resent_records_are_duplicates);
  CPPUNIT_TEST(acknowledged_elsewhere_is_no_gap);
  CPPUNIT_TEST(only_written_numbers_are_acknowledged);
  CPPUNIT_TEST(earlier_lives_are_forgotten);
  CPPUNIT_TEST_SUITE_END();

  const Sender proxy_{ipc::Role::smtpd_proxy, 0, 100};
  Senders senders_;

  static void check_gap(std::uint64_t first, std::uint64_t last, const Gap& gap) {
    CPPUNIT_ASSERT_EQUAL(first, gap.first);
    CPPUNIT_ASSERT_EQUAL(last, gap.last);
    CPPUNIT_ASSERT_EQUAL(last - first + 1, gap.count());
  }

 public:
  void numbers_in_order() {
    CPPUNIT_ASSERT(senders_.open(proxy_, 0, 1).is_empty());
    for (std::uint64_t n = 1; n < 5; ++n) {
      const auto decision = senders_.take(proxy_, n);
      CPPUNIT_ASSERT(decision.is_new && decision.gap.is_empty());
    }
  }

  void gap_is_found_once() {
    (void)senders_.open(proxy_, 0, 1);
    (void)senders_.take(proxy_, 1);
    check_gap(2, 9, senders_.take(proxy_, 10).gap);
    CPPUNIT_ASSERT(senders_.take(proxy_, 11).gap.is_empty());
    CPPUNIT_ASSERT(!senders_.take(proxy_, 5).is_new);
  }

  void first_number_missing_is_a_gap() { check_gap(1, 6, senders_.take(proxy_, 7).gap); }

  void loss_of_the_newest() {
    (void)senders_.open(proxy_, 0, 1);
    (void)senders_.take(proxy_, 1);
    check_gap(2, 49, senders_.open(proxy_, 0, 50));
    CPPUNIT_ASSERT(senders_.open(proxy_, 0, 50).is_empty());
    CPPUNIT_ASSERT(senders_.take(proxy_, 50).gap.is_empty());
  }

  void resent_records_are_duplicates() {
    senders_.restore({{proxy_, 20}});
    CPPUNIT_ASSERT(senders_.open(proxy_, 15, 16).is_empty());
    for (std::uint64_t n = 16; n <= 20; ++n) CPPUNIT_ASSERT(!senders_.take(proxy_, n).is_new);
    CPPUNIT_ASSERT(senders_.take(proxy_, 21).is_new);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{20}, senders_.written(proxy_));
  }

  void acknowledged_elsewhere_is_no_gap() {
    // The file was taken away together with its history.
    CPPUNIT_ASSERT(senders_.open(proxy_, 500, 501).is_empty());
    CPPUNIT_ASSERT(senders_.take(proxy_, 501).gap.is_empty());
  }

  void only_written_numbers_are_acknowledged() {
    (void)senders_.open(proxy_, 0, 1);
    (void)senders_.take(proxy_, 1);
    (void)senders_.take(proxy_, 2);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, senders_.written(proxy_));
    CPPUNIT_ASSERT(senders_.positions().empty());
    senders_.commit();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, senders_.written(proxy_));
    (void)senders_.take(proxy_, 3);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, senders_.positions().at(proxy_));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, senders_.written({ipc::Role::dnsd, 0, 1}));
  }

  void earlier_lives_are_forgotten() {
    const Sender second{ipc::Role::smtpd_proxy, 0, 200};
    const Sender neighbour{ipc::Role::smtpd_proxy, 1, 150};
    for (const Sender& sender : {proxy_, second, neighbour}) {
      (void)senders_.open(sender, 0, 1);
      (void)senders_.take(sender, 1);
    }
    senders_.close(proxy_);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, senders_.written(proxy_));
    senders_.commit();
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, senders_.positions().size());  // it had something pending then
    senders_.close(neighbour);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, senders_.positions().size());
    CPPUNIT_ASSERT(senders_.positions().contains(second));
    CPPUNIT_ASSERT(senders_.positions().contains(neighbour));  // no successor: it may only have lost its channel
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SendersTest);
