#include "policyd/counters.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>

namespace caronte::policyd {

class CountersTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CountersTest);
  CPPUNIT_TEST(every_outcome_has_its_counter);
  CPPUNIT_TEST(sums);
  CPPUNIT_TEST_SUITE_END();

  static ipc::SessionClosed closed(ipc::Outcome outcome) {
    ipc::SessionClosed message;
    message.outcome = outcome;
    return message;
  }
  static std::map<std::string, std::uint64_t> values(const Counters& counters) {
    const auto all = counters.all();
    return {all.begin(), all.end()};
  }

  void every_outcome_has_its_counter() {
    for (std::size_t i = 0; i < static_cast<std::size_t>(ipc::Outcome::kCount); ++i) {
      const auto outcome = static_cast<ipc::Outcome>(i);
      Counters counters;
      counters.add(closed(outcome));
      auto shown = values(counters);
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, shown.at(std::string(ipc::name_of(outcome))));
      std::uint64_t sum = 0;
      for (const auto& [name, value] : shown) sum += value;
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, sum);
    }
  }
  void sums() {
    Counters counters;
    auto message = closed(ipc::Outcome::delivered);
    message.delivered = 2;
    message.recipients = 50;
    message.relaying_denied = 3;
    message.bytes = 10'000'000'000;
    counters.add(message);
    counters.add(message);
    counters.add_lost(4);
    counters.add_refused("hell");
    auto shown = values(counters);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, shown.at("delivered"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, shown.at("messages"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{100}, shown.at("recipients"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{6}, shown.at("relaying-denied"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{20'000'000'000}, shown.at("bytes"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, shown.at("lost"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, shown.at("refused-at-connect"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, shown.at("refused-hell"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, counters.sessions(ipc::Outcome::lost));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(CountersTest);

}  // namespace caronte::policyd
