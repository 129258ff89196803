// What is remembered of a client: the facts of AG-8, AG-9, AG-16, AX-5 and of the reserved share.
#include "policyd/sender_history.h"

#include <cppunit/extensions/HelperMacros.h>

#include <random>

#include "base/address_parser.h"
#include "policyd/memory_store.h"
#include "policyd/prefix_key.h"

namespace caronte::policyd {

using std::chrono::seconds;

namespace {

constexpr StoreTime kNow = 1'800'000'000;
constexpr StoreTime kDay = 86'400;

base::Address address(const char* text) {
  return base::parse_address(text).value();
}

base::Address numbered(unsigned i) {
  return base::Address::v4(10, static_cast<std::uint8_t>(i >> 16U), static_cast<std::uint8_t>(i >> 8U),
                           static_cast<std::uint8_t>(i));
}

}  // namespace

class SenderHistoryTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SenderHistoryTest);
  CPPUNIT_TEST(nothing_is_known_of_a_stranger);
  CPPUNIT_TEST(AG_8_messages_of_a_sliding_window);
  CPPUNIT_TEST(AG_8_many_messages_take_bounded_room);
  CPPUNIT_TEST(AG_16_hang_ups_of_a_window);
  CPPUNIT_TEST(AX_5_offences_until_they_are_forgotten);
  CPPUNIT_TEST(AG_9_tarpit_is_remembered);
  CPPUNIT_TEST(good_deliveries);
  CPPUNIT_TEST(a_busy_good_sender_costs_one_write_an_hour);
  CPPUNIT_TEST(ipv6_by_64);
  CPPUNIT_TEST(survives_a_restart);
  CPPUNIT_TEST(stamps_of_the_future_count_as_now);
  CPPUNIT_TEST(rubbish_in_the_store_is_nothing_known);
  CPPUNIT_TEST(damaged_records_do_no_harm);
  CPPUNIT_TEST(memory_is_bounded_and_forgets_nothing);
  CPPUNIT_TEST(forgets_in_slices_and_no_good_sender);
  CPPUNIT_TEST(good_senders_are_worth_most);
  CPPUNIT_TEST_SUITE_END();

  MemoryStore store_;
  SenderHistory history_{store_};
  const base::Address client_ = address("192.0.2.1");

  [[nodiscard]] std::uint32_t messages(StoreTime now, seconds window = seconds(60)) {
    return history_.find(client_, now).messages_within(window, now);
  }

  void nothing_is_known_of_a_stranger() {
    const SenderRecord& record = history_.find(client_, kNow);
    CPPUNIT_ASSERT(record == SenderRecord{});
    CPPUNIT_ASSERT(!record.is_good() && !record.is_in_tarpit(kNow));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, history_.size());  // looking leaves nothing behind
  }
  void AG_8_messages_of_a_sliding_window() {
    history_.add_message(client_, seconds(60), kNow);
    history_.add_message(client_, seconds(60), kNow + 30);
    history_.add_message(client_, seconds(60), kNow + 30);
    CPPUNIT_ASSERT_EQUAL(3U, messages(kNow + 59));
    CPPUNIT_ASSERT_EQUAL(2U, messages(kNow + 60));
    CPPUNIT_ASSERT_EQUAL(0U, messages(kNow + 90));
    CPPUNIT_ASSERT_EQUAL(0U, history_.find(address("192.0.2.2"), kNow).messages_within(seconds(60), kNow));
  }
  void AG_8_many_messages_take_bounded_room() {
    constexpr seconds kWindow{3600};
    for (StoreTime time = 0; time < 7200; ++time) {
      for (int i = 0; i < 10; ++i) history_.add_message(client_, kWindow, kNow + time);
    }
    const StoreTime end = kNow + 7199;
    const std::uint32_t count = messages(end, kWindow);
    CPPUNIT_ASSERT(count <= 36'000 && count >= 36'000 - 36'000 / 100);  // never too many
    CPPUNIT_ASSERT(history_.find(client_, end).messages.size() <= SenderHistory::kMaxBursts);
    CPPUNIT_ASSERT(store_.get(Table::senders, key_of({client_, 128})).value().size() <= Store::kMaxValueBytes);
    CPPUNIT_ASSERT_EQUAL(0U, messages(end + 3600, kWindow));
  }
  void AG_16_hang_ups_of_a_window() {
    for (const StoreTime time : {0, 100, 599}) history_.add_hang_up(client_, seconds(600), kNow + time);
    CPPUNIT_ASSERT_EQUAL(3U, history_.find(client_, kNow + 599).hang_ups_within(seconds(600), kNow + 599));
    CPPUNIT_ASSERT_EQUAL(2U, history_.find(client_, kNow + 600).hang_ups_within(seconds(600), kNow + 600));
    CPPUNIT_ASSERT_EQUAL(0U, history_.find(client_, kNow).offences_within(seconds(600), kNow + 600));
    for (int i = 0; i < 1000; ++i) history_.add_hang_up(client_, seconds(600), kNow + 600);
    CPPUNIT_ASSERT_EQUAL(SenderHistory::kMaxTimes, history_.find(client_, kNow).hang_ups.size());
  }
  void AX_5_offences_until_they_are_forgotten() {
    for (int i = 0; i < 3; ++i) history_.add_offence(client_, seconds(600), kNow);
    CPPUNIT_ASSERT_EQUAL(3U, history_.find(client_, kNow).offences_within(seconds(600), kNow));
    history_.forget_offences(client_, kNow);
    CPPUNIT_ASSERT_EQUAL(0U, history_.find(client_, kNow).offences_within(seconds(600), kNow));
    SenderHistory second(store_);
    CPPUNIT_ASSERT_EQUAL(0U, second.find(client_, kNow).offences_within(seconds(600), kNow));
  }
  void AG_9_tarpit_is_remembered() {
    history_.remember_tarpit(client_, kNow + 100, kNow);
    history_.remember_tarpit(client_, kNow + 50, kNow);  // shortens nothing
    CPPUNIT_ASSERT(history_.find(client_, kNow + 99).is_in_tarpit(kNow + 99));
    CPPUNIT_ASSERT(!history_.find(client_, kNow + 100).is_in_tarpit(kNow + 100));
  }
  void good_deliveries() {
    history_.add_good(client_, 2, kNow);
    history_.add_good(client_, 1, kNow + 2 * kDay);
    const SenderRecord& record = history_.find(client_, kNow + 2 * kDay);
    CPPUNIT_ASSERT(record.is_good());
    CPPUNIT_ASSERT_EQUAL(3U, record.good);
    CPPUNIT_ASSERT_EQUAL(kNow, record.good_first);
    CPPUNIT_ASSERT_EQUAL(kNow + 2 * kDay, record.good_last);
    history_.add_good(client_, ~0U, kNow + 2 * kDay);  // no overflow
    CPPUNIT_ASSERT_EQUAL(~0U, history_.find(client_, kNow).good);
  }
  void a_busy_good_sender_costs_one_write_an_hour() {
    history_.add_good(client_, 1, kNow);
    const std::string first = store_.get(Table::senders, key_of({client_, 128})).value();
    history_.add_good(client_, 1, kNow + 3599);
    CPPUNIT_ASSERT(first == store_.get(Table::senders, key_of({client_, 128})).value());
    history_.add_good(client_, 1, kNow + 3600);
    SenderRecord stored;
    CPPUNIT_ASSERT(decode_sender(store_.get(Table::senders, key_of({client_, 128})).value(), stored));
    CPPUNIT_ASSERT_EQUAL(3U, stored.good);
  }
  void ipv6_by_64() {
    history_.add_good(address("2001:db8:0:1::1"), 1, kNow);
    CPPUNIT_ASSERT(history_.find(address("2001:db8:0:1:ffff::2"), kNow).is_good());
    CPPUNIT_ASSERT(!history_.find(address("2001:db8:0:2::1"), kNow).is_good());
  }
  void survives_a_restart() {
    history_.add_good(client_, 1, kNow);
    history_.add_hang_up(client_, seconds(600), kNow);
    history_.add_offence(client_, seconds(600), kNow);
    history_.add_message(client_, seconds(600), kNow);
    history_.remember_tarpit(client_, kNow + 100, kNow);
    SenderHistory second(store_);
    CPPUNIT_ASSERT(history_.find(client_, kNow) == second.find(client_, kNow));
    CPPUNIT_ASSERT_EQUAL(1U, second.find(client_, kNow).hang_ups_within(seconds(600), kNow));
  }
  void stamps_of_the_future_count_as_now() {
    history_.add_message(client_, seconds(60), kNow);
    history_.add_hang_up(client_, seconds(60), kNow);
    history_.add_offence(client_, seconds(60), kNow);
    history_.add_good(client_, 1, kNow);
    const StoreTime earlier = kNow - 40 * kDay;
    SenderHistory second(store_);
    CPPUNIT_ASSERT_EQUAL(1U, second.find(client_, earlier).messages_within(seconds(60), earlier));
    SenderHistory third(store_);  // later, and from the store again
    const StoreTime later = earlier + 60;
    const SenderRecord& record = third.find(client_, later);
    CPPUNIT_ASSERT_EQUAL(0U, record.messages_within(seconds(60), later));
    CPPUNIT_ASSERT_EQUAL(0U, record.hang_ups_within(seconds(60), later));
    CPPUNIT_ASSERT_EQUAL(0U, record.offences_within(seconds(60), later));
    CPPUNIT_ASSERT(record.is_good());
  }
  void rubbish_in_the_store_is_nothing_known() {
    history_.add_good(client_, 1, kNow);
    const std::string key = key_of({client_, 128});
    const std::string good = store_.get(Table::senders, key).value();
    std::vector<std::string> values{"", "x", good + "x", std::string(1, '\x09') + good.substr(1), std::string(5000, '\xff')};
    for (std::size_t cut = 1; cut < good.size(); ++cut) values.push_back(good.substr(0, cut));
    for (const std::string& value : values) {
      store_.put(Table::senders, key, value);
      SenderHistory second(store_);
      CPPUNIT_ASSERT(second.find(client_, kNow) == SenderRecord{});
    }
  }
  void damaged_records_do_no_harm() {
    history_.add_good(client_, 1, kNow);
    history_.add_message(client_, seconds(60), kNow);
    history_.add_hang_up(client_, seconds(60), kNow);
    history_.remember_tarpit(client_, kNow + 60, kNow);
    const std::string key = key_of({client_, 128});
    const std::string good = store_.get(Table::senders, key).value();
    std::mt19937 random(17);  // NOLINT: the same in every run
    for (int i = 0; i < 100'000; ++i) {
      std::string bad = good;
      for (unsigned j = 0; j < 1 + random() % 8; ++j) bad[1 + random() % (bad.size() - 1)] = static_cast<char>(random());
      store_.put(Table::senders, key, bad);
      (void)SenderHistory::worth(key, bad);
      SenderHistory second(store_);
      CPPUNIT_ASSERT(second.find(client_, kNow).messages.size() <= SenderHistory::kMaxBursts);
      (void)second.find(client_, kNow).messages_within(seconds(60), kNow);
      (void)second.expire_some(kNow);
      second.add_message(client_, seconds(60), kNow);
      second.add_good(client_, 1, kNow);
      CPPUNIT_ASSERT(second.find(client_, kNow).is_good());
    }
  }
  void memory_is_bounded_and_forgets_nothing() {
    for (unsigned i = 0; i < SenderHistory::kMaxInMemory + 100; ++i) history_.add_good(numbered(i), 1, kNow);
    CPPUNIT_ASSERT(history_.find(numbered(0), kNow).is_good());  // from the store
    CPPUNIT_ASSERT(history_.find(numbered(SenderHistory::kMaxInMemory + 99), kNow).is_good());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{SenderHistory::kMaxInMemory + 100}, history_.size());
  }
  void forgets_in_slices_and_no_good_sender() {
    for (unsigned i = 0; i < 1000; ++i) {
      if (i % 2 == 0) history_.add_good(numbered(i), 1, kNow);
      if (i % 2 == 1) history_.add_hang_up(numbered(i), seconds(600), kNow);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, history_.expire_some(kNow + 6 * kDay));
    const StoreTime later = kNow + 8 * kDay;
    CPPUNIT_ASSERT(history_.expire_some(later) <= SenderHistory::kSlice);
    CPPUNIT_ASSERT(history_.size() >= 1000 - SenderHistory::kSlice);
    for (int i = 0; i < 10; ++i) (void)history_.expire_some(later);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{500}, history_.size());
    CPPUNIT_ASSERT(history_.find(numbered(0), later).is_good());
    CPPUNIT_ASSERT(history_.find(numbered(1), later).hang_ups.empty());
    for (int i = 0; i < 10; ++i) (void)history_.expire_some(kNow + 36 * kDay);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, history_.size());
  }
  void good_senders_are_worth_most() {
    history_.add_good(client_, 1, kNow);
    history_.add_offence(numbered(1), seconds(600), kNow + kDay);
    history_.add_message(numbered(2), seconds(600), kNow + 2 * kDay);
    const auto worth = [&](const base::Address& client) {
      const std::string key = key_of({client, 128});
      return SenderHistory::worth(key, store_.get(Table::senders, key).value()).value();
    };
    CPPUNIT_ASSERT(worth(numbered(1)) < worth(numbered(2)) && worth(numbered(2)) < worth(client_));
    CPPUNIT_ASSERT(SenderHistory::worth("x", "rubbish").value() < worth(numbered(1)));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SenderHistoryTest);

}  // namespace caronte::policyd
