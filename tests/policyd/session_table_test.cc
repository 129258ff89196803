#include "policyd/session_table.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/address_parser.h"
#include "config/client_class.h"

namespace caronte::policyd {

namespace {

Session session_of(const char* client, std::uint16_t proxy = 0) {
  Session session;
  session.client = {base::parse_address(client).value(), 40000};
  session.proxy = proxy;
  return session;
}

base::Address address(const char* text) {
  return base::parse_address(text).value();
}

}  // namespace

class SessionTableTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SessionTableTest);
  CPPUNIT_TEST(counts_by_client);
  CPPUNIT_TEST(Q10_ipv6_is_counted_by_64);
  CPPUNIT_TEST(ids_are_unique);
  CPPUNIT_TEST(FW_8_closing_gives_the_slot_back);
  CPPUNIT_TEST(sessions_that_do_not_count);
  CPPUNIT_TEST(sessions_of_a_lost_proxy);
  CPPUNIT_TEST(classes);
  CPPUNIT_TEST_SUITE_END();

  SessionTable table_;

  void counts_by_client() {
    CPPUNIT_ASSERT(table_.open(1, session_of("192.0.2.1")));
    CPPUNIT_ASSERT(table_.open(2, session_of("192.0.2.1")));
    CPPUNIT_ASSERT(table_.open(3, session_of("192.0.2.2")));
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, table_.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, table_.count_of(address("192.0.2.1")));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, table_.count_of(address("192.0.2.2")));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, table_.count_of(address("192.0.2.3")));
  }
  void Q10_ipv6_is_counted_by_64() {
    CPPUNIT_ASSERT(table_.open(1, session_of("2001:db8:0:1::1")));
    CPPUNIT_ASSERT(table_.open(2, session_of("2001:db8:0:1:ffff:ffff:ffff:ffff")));
    CPPUNIT_ASSERT(table_.open(3, session_of("2001:db8:0:2::1")));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, table_.count_of(address("2001:db8:0:1::7")));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, table_.count_of(address("2001:db8:0:2::7")));
  }
  void ids_are_unique() {
    CPPUNIT_ASSERT(table_.open(1, session_of("192.0.2.1")));
    CPPUNIT_ASSERT(!table_.open(1, session_of("192.0.2.2")));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, table_.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, table_.count_of(address("192.0.2.2")));
  }
  void FW_8_closing_gives_the_slot_back() {
    for (std::uint64_t id = 1; id <= 100; ++id) {
      CPPUNIT_ASSERT(table_.open(id, session_of("192.0.2.1")));
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, table_.count_of(address("192.0.2.1")));
      CPPUNIT_ASSERT(table_.close(id).has_value());
      CPPUNIT_ASSERT(!table_.close(id).has_value());
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, table_.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, table_.clients());
  }
  void sessions_that_do_not_count() {
    Session exempt = session_of("192.0.2.1");
    exempt.is_counted = false;
    CPPUNIT_ASSERT(table_.open(1, exempt));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, table_.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, table_.count_of(address("192.0.2.1")));
    CPPUNIT_ASSERT(table_.open(2, session_of("192.0.2.1")));
    table_.close(1);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, table_.count_of(address("192.0.2.1")));
  }
  void sessions_of_a_lost_proxy() {
    for (std::uint64_t id = 1; id <= 10; ++id) CPPUNIT_ASSERT(table_.open(id, session_of("192.0.2.1", id % 2 == 0 ? 1 : 0)));
    const auto lost = table_.close_all_of(1);
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, lost.size());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, lost.front().first);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{10}, lost.back().first);
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, table_.count_of(address("192.0.2.1")));
    CPPUNIT_ASSERT(table_.close_all_of(1).empty());
  }
  void classes() {
    Session relay = session_of("192.0.2.1");
    relay.classes = config::bit_of(config::ClientClass::relay);
    CPPUNIT_ASSERT(table_.open(1, relay));
    CPPUNIT_ASSERT(table_.open(2, session_of("192.0.2.1")));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, table_.count_with(config::bit_of(config::ClientClass::relay)));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, table_.count_with(config::bit_of(config::ClientClass::trusted)));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SessionTableTest);

}  // namespace caronte::policyd
