// The addresses of a host name (IW-7, Q27).
#include "dnsd/name_lookup.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/address_parser.h"
#include "fake_resolver.h"

namespace caronte::dnsd {
namespace {

using wrap::RecordType;

base::Address address(std::string_view text) {
  return base::parse_address(text).value();
}

class NameLookupTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(NameLookupTest);
  CPPUNIT_TEST(both_families_are_asked_for);
  CPPUNIT_TEST(a_name_that_does_not_exist_is_known);
  CPPUNIT_TEST(no_answer_is_unknown);
  CPPUNIT_TEST(half_an_answer_counts_for_a_short_while);
  CPPUNIT_TEST(rubbish_is_no_answer);
  CPPUNIT_TEST(least_ttl_of_both_counts);
  CPPUNIT_TEST(what_is_open_is_forgotten);
  CPPUNIT_TEST(full_resolver);
  CPPUNIT_TEST_SUITE_END();

  FakeResolver resolver_;

  NameResult look_up() {
    NameLookup lookup("mail.example.org", resolver_);
    resolver_.lookup = &lookup;
    CPPUNIT_ASSERT(!lookup.is_done());
    resolver_.answer_all();
    CPPUNIT_ASSERT(lookup.is_done());
    return lookup.result();
  }

  void both_families_are_asked_for() {
    resolver_.hosts["mail.example.org"] = {address("192.0.2.1"), address("2001:db8::1"), address("192.0.2.2")};
    const NameResult result = look_up();
    CPPUNIT_ASSERT(result.is_known);
    CPPUNIT_ASSERT(result.addresses == (std::vector{address("192.0.2.1"), address("192.0.2.2"), address("2001:db8::1")}));
    CPPUNIT_ASSERT_EQUAL(300U, result.ttl);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, resolver_.asked.size());
  }

  void a_name_that_does_not_exist_is_known() {
    const NameResult result = look_up();
    CPPUNIT_ASSERT(result.is_known && result.addresses.empty() && result.ttl == 0);
  }

  void no_answer_is_unknown() {
    resolver_.dead = {"mail.example.org"};
    const NameResult result = look_up();
    CPPUNIT_ASSERT(!result.is_known && result.addresses.empty());
  }

  void half_an_answer_counts_for_a_short_while() {
    resolver_.hosts["mail.example.org"] = {address("192.0.2.1")};
    NameLookup lookup("mail.example.org", resolver_);
    resolver_.lookup = &lookup;
    resolver_.answer_one();
    for (const bool is_answered : {false, true}) {
      if (is_answered) lookup.on_reply(resolver_.open.front().id, "");
      CPPUNIT_ASSERT_EQUAL(is_answered, lookup.is_done());
      CPPUNIT_ASSERT(lookup.result().is_known);
      CPPUNIT_ASSERT(lookup.result().addresses == std::vector{address("192.0.2.1")});
      CPPUNIT_ASSERT_EQUAL(0U, lookup.result().ttl);
    }
  }

  void rubbish_is_no_answer() {
    NameLookup lookup("mail.example.org", resolver_);
    lookup.on_reply(resolver_.open[0].id, "rubbish");
    lookup.on_reply(resolver_.open[1].id, tests::DnsPacket("other.example.org", RecordType::aaaa).bytes());
    lookup.on_reply(resolver_.open[1].id, "again");
    lookup.on_reply(0, "nobody asked");
    CPPUNIT_ASSERT(lookup.is_done() && !lookup.result().is_known);
  }

  void least_ttl_of_both_counts() {
    NameLookup lookup("mail.example.org", resolver_);
    tests::DnsPacket a("mail.example.org", RecordType::a);
    a.alias("mail.example.org", "x.example.org").address("x.example.org", address("192.0.2.1"));
    a.set_ttl(0, 7).set_ttl(1, 9);
    tests::DnsPacket aaaa("mail.example.org", RecordType::aaaa);
    aaaa.address("mail.example.org", address("2001:db8::1")).address("other.example.org", address("2001:db8::2"));
    aaaa.set_ttl(0, 8).set_ttl(1, 1);  // the other's does not count
    lookup.on_reply(resolver_.open[0].id, a.bytes());
    lookup.on_reply(resolver_.open[1].id, aaaa.bytes());
    CPPUNIT_ASSERT_EQUAL(7U, lookup.result().ttl);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, lookup.result().addresses.size());
  }

  void what_is_open_is_forgotten() {
    {
      NameLookup lookup("mail.example.org", resolver_);
      resolver_.lookup = &lookup;
      resolver_.answer_one();
    }
    CPPUNIT_ASSERT_EQUAL(1, resolver_.forgotten);
    CPPUNIT_ASSERT(resolver_.open.empty());
  }

  void full_resolver() {
    resolver_.is_full = true;
    NameLookup lookup("mail.example.org", resolver_);
    CPPUNIT_ASSERT(lookup.is_done() && !lookup.result().is_known);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(NameLookupTest);

}  // namespace
}  // namespace caronte::dnsd
