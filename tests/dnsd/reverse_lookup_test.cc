#include "dnsd/reverse_lookup.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>

#include "base/address_parser.h"
#include "fake_resolver.h"

namespace caronte::dnsd {

using ipc::ReverseStatus;
using tests::DnsPacket;
using wrap::RecordType;

namespace {

const base::Address kClient = *base::parse_address("192.0.2.7");
constexpr const char* kReverse = "7.2.0.192.in-addr.arpa";

}  // namespace

class ReverseLookupTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ReverseLookupTest);
  CPPUNIT_TEST(reverse_names);
  CPPUNIT_TEST(verified);
  CPPUNIT_TEST(verified_by_any_name);
  CPPUNIT_TEST(verified_over_ipv6);
  CPPUNIT_TEST(unverified);
  CPPUNIT_TEST(none);
  CPPUNIT_TEST(unknown_when_the_ptr_cannot_be_had);
  CPPUNIT_TEST(unknown_when_a_forward_answer_is_missing);
  CPPUNIT_TEST(missing_answers_do_not_hide_a_verified_name);
  CPPUNIT_TEST(unknown_when_nothing_can_be_asked);
  CPPUNIT_TEST(at_most_ten_names);
  CPPUNIT_TEST(malformed_answers_are_unknown);
  CPPUNIT_TEST(open_questions_are_forgotten);
  CPPUNIT_TEST_SUITE_END();

  FakeResolver resolver_;

  ReverseResult look_up(const base::Address& address = kClient) {
    ReverseLookup lookup(address, resolver_);
    resolver_.lookup = &lookup;
    resolver_.answer_all();
    CPPUNIT_ASSERT(lookup.result().has_value());
    return *lookup.result();
  }
  static void expect(ReverseStatus status, const std::string& name, const ReverseResult& result) {
    CPPUNIT_ASSERT_EQUAL(std::string(ipc::name_of(status)), std::string(ipc::name_of(result.status)));
    CPPUNIT_ASSERT_EQUAL(name, result.name);
  }

  void reverse_names() {
    CPPUNIT_ASSERT_EQUAL(std::string(kReverse), reverse_name(kClient));
    CPPUNIT_ASSERT_EQUAL(std::string("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
                         reverse_name(*base::parse_address("2001:db8::1")));
  }
  void verified() {
    resolver_.names[kReverse] = {"mail.example.org"};
    resolver_.hosts["mail.example.org"] = {base::Address::v4(192, 0, 2, 1), kClient};
    expect(ReverseStatus::verified, "mail.example.org", look_up());
  }
  void verified_by_any_name() {
    resolver_.names[kReverse] = {"a.example.org", "b.example.org", "c.example.org"};
    resolver_.hosts["c.example.org"] = {kClient};
    expect(ReverseStatus::verified, "c.example.org", look_up());
  }
  void verified_over_ipv6() {
    const base::Address client = *base::parse_address("2001:db8::1");
    resolver_.names[reverse_name(client)] = {"six.example.org"};
    resolver_.hosts["six.example.org"] = {kClient, client};
    expect(ReverseStatus::verified, "six.example.org", look_up(client));
  }
  void unverified() {
    resolver_.names[kReverse] = {"a.example.org", "b.example.org"};
    resolver_.hosts["a.example.org"] = {base::Address::v4(192, 0, 2, 8)};
    expect(ReverseStatus::unverified, "a.example.org", look_up());
  }
  void none() { expect(ReverseStatus::none, "", look_up()); }
  void unknown_when_the_ptr_cannot_be_had() {
    resolver_.dead = {kReverse};
    expect(ReverseStatus::unknown, "", look_up());
  }
  void unknown_when_a_forward_answer_is_missing() {
    resolver_.names[kReverse] = {"a.example.org", "b.example.org"};
    resolver_.dead = {"b.example.org"};
    expect(ReverseStatus::unknown, "", look_up());
  }
  void missing_answers_do_not_hide_a_verified_name() {
    resolver_.names[kReverse] = {"a.example.org", "b.example.org"};
    resolver_.dead = {"a.example.org"};
    resolver_.hosts["b.example.org"] = {kClient};
    expect(ReverseStatus::verified, "b.example.org", look_up());
  }
  void unknown_when_nothing_can_be_asked() {
    resolver_.is_full = true;
    expect(ReverseStatus::unknown, "", look_up());
  }
  void at_most_ten_names() {
    for (int i = 0; i < 30; ++i) resolver_.names[kReverse].push_back("h" + std::to_string(i) + ".example.org");
    resolver_.hosts["h9.example.org"] = {kClient};
    expect(ReverseStatus::verified, "h9.example.org", look_up());
    CPPUNIT_ASSERT_EQUAL(std::size_t{11}, resolver_.asked.size());
    resolver_.hosts = {{"h10.example.org", {kClient}}};
    expect(ReverseStatus::unverified, "h0.example.org", look_up());
  }
  void malformed_answers_are_unknown() {
    ReverseLookup lookup(kClient, resolver_);
    lookup.on_reply(resolver_.open.front().id, "rubbish");
    expect(ReverseStatus::unknown, "", lookup.result().value());
  }
  void open_questions_are_forgotten() {
    resolver_.names[kReverse] = {"a.example.org", "b.example.org", "c.example.org"};
    resolver_.hosts["c.example.org"] = {kClient};
    {
      ReverseLookup lookup(kClient, resolver_);
      resolver_.lookup = &lookup;
      resolver_.answer_one();
      CPPUNIT_ASSERT(!lookup.result());
      resolver_.answer_one(true);  // c: decided, though a and b are open
      expect(ReverseStatus::verified, "c.example.org", lookup.result().value());
      CPPUNIT_ASSERT_EQUAL(2, resolver_.forgotten);
    }
    { ReverseLookup lookup(kClient, resolver_); }
    CPPUNIT_ASSERT_EQUAL(3, resolver_.forgotten);
    CPPUNIT_ASSERT(resolver_.open.empty());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ReverseLookupTest);

}  // namespace caronte::dnsd
