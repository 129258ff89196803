// Addresses, endpoints and prefixes as values and as text.
#include "base/address.h"

#include <arpa/inet.h>
#include <cppunit/extensions/HelperMacros.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "base/address_parser.h"

namespace caronte::base {
namespace {

Address address(const char* text) {
  return parse_address(text).value();
}

class AddressTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(AddressTest);
  CPPUNIT_TEST(texts_are_canonical);
  CPPUNIT_TEST(literals_are_those_of_smtp);
  CPPUNIT_TEST(kinds);
  CPPUNIT_TEST(masking);
  CPPUNIT_TEST(next_carries_and_ends);
  CPPUNIT_TEST(endpoints_survive_a_sockaddr);
  CPPUNIT_TEST(mapped_sockaddr_is_ipv4);
  CPPUNIT_TEST(other_families_are_none);
  CPPUNIT_TEST(prefixes);
  CPPUNIT_TEST(Q_10_clients_are_counted_by_address_or_64);
  CPPUNIT_TEST_SUITE_END();

  // RFC 5952
  void texts_are_canonical() {
    struct Case {
      const char* in;
      const char* out;
    };
    for (const Case c :
         {Case{"192.0.2.1", "192.0.2.1"}, Case{"2001:0db8:0:0:0:0:0:1", "2001:db8::1"}, Case{"2001:DB8::A", "2001:db8::a"},
          Case{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, Case{"1:0:0:2:0:0:0:3", "1:0:0:2::3"}, Case{"::", "::"},
          Case{"::1", "::1"}, Case{"::ffff:192.0.2.1", "192.0.2.1"}}) {
      CPPUNIT_ASSERT_EQUAL(std::string(c.out), address(c.in).text());
    }
  }

  void literals_are_those_of_smtp() {
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1"), address("192.0.2.1").literal());
    CPPUNIT_ASSERT_EQUAL(std::string("IPv6:2001:db8::1"), address("2001:db8::1").literal());
  }

  void kinds() {
    CPPUNIT_ASSERT(address("192.0.2.1").is_v4() && !address("2001:db8::1").is_v4() && !address("::").is_v4() &&
                   !address("::1").is_v4());
    for (const char* text : {"127.0.0.1", "127.255.255.255", "::1"}) CPPUNIT_ASSERT_MESSAGE(text, address(text).is_loopback());
    for (const char* text : {"128.0.0.1", "126.255.255.255", "::2", "::", "0.0.0.0", "::7f00:1"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !address(text).is_loopback());
    }
    CPPUNIT_ASSERT(address("0.0.0.0").is_unspecified() && address("::").is_unspecified() && Address().is_unspecified());
    CPPUNIT_ASSERT(!address("0.0.0.1").is_unspecified() && !address("::1").is_unspecified());
  }

  void masking() {
    const Address v6 = address("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
    CPPUNIT_ASSERT_EQUAL(std::string("2001:db8::"), v6.masked(32).text());
    CPPUNIT_ASSERT_EQUAL(std::string("2001:db8:8000::"), v6.masked(33).text());
    CPPUNIT_ASSERT_EQUAL(v6.text(), v6.masked(128).text());
    CPPUNIT_ASSERT_EQUAL(std::string("::"), v6.masked(0).text());
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.0"), address("192.0.2.255").masked(96 + 24).text());
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.248"), address("192.0.2.255").masked(96 + 29).text());
  }

  void next_carries_and_ends() {
    CPPUNIT_ASSERT(address("192.0.2.255").next() == address("192.0.3.0"));
    CPPUNIT_ASSERT(address("2001:db8::ffff").next() == address("2001:db8::1:0"));
    CPPUNIT_ASSERT(!address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").next());
  }

  void endpoints_survive_a_sockaddr() {
    for (const Endpoint endpoint :
         {Endpoint{address("192.0.2.1"), 25}, Endpoint{address("2001:db8::1"), 65535}, Endpoint{address("::"), 1}}) {
      sockaddr_storage storage;
      std::memset(&storage, 0xFF, sizeof storage);
      const unsigned length = endpoint.to_sockaddr(storage);
      CPPUNIT_ASSERT_EQUAL(
          endpoint.address.is_v4() ? static_cast<unsigned>(sizeof(sockaddr_in)) : static_cast<unsigned>(sizeof(sockaddr_in6)),
          length);
      CPPUNIT_ASSERT_EQUAL(endpoint.address.is_v4() ? AF_INET : AF_INET6, static_cast<int>(storage.ss_family));
      CPPUNIT_ASSERT(Endpoint::from_sockaddr(storage) == endpoint);
    }
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1:25"), (Endpoint{address("192.0.2.1"), 25}.text()));
    CPPUNIT_ASSERT_EQUAL(std::string("[2001:db8::1]:25"), (Endpoint{address("2001:db8::1"), 25}.text()));
  }

  void mapped_sockaddr_is_ipv4() {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(25);
    CPPUNIT_ASSERT_EQUAL(1, ::inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr));
    sockaddr_storage storage{};
    std::memcpy(&storage, &v6, sizeof v6);
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1:25"), Endpoint::from_sockaddr(storage)->text());
  }

  void other_families_are_none() {
    sockaddr_storage storage{};
    for (const int family : {AF_UNIX, AF_UNSPEC, AF_PACKET}) {
      storage.ss_family = static_cast<sa_family_t>(family);
      CPPUNIT_ASSERT(!Endpoint::from_sockaddr(storage));
    }
  }

  void prefixes() {
    const Prefix v4{address("192.0.2.0"), 96 + 24};
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.0/24"), v4.text());
    CPPUNIT_ASSERT(v4.contains(address("192.0.2.255")) && !v4.contains(address("192.0.3.0")) &&
                   !v4.contains(address("::c000:201")));
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1"), (Prefix{address("192.0.2.1"), 128}.text()));
    CPPUNIT_ASSERT_EQUAL(std::string("2001:db8::/32"), (Prefix{address("2001:db8::"), 32}.text()));
    CPPUNIT_ASSERT_EQUAL(std::string("::/0"), (Prefix{address("::"), 0}.text()));
    CPPUNIT_ASSERT((Prefix{address("::"), 0}.contains(address("192.0.2.1"))));
  }

  void Q_10_clients_are_counted_by_address_or_64() {
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1"), client_prefix(address("192.0.2.1")).text());
    CPPUNIT_ASSERT_EQUAL(std::string("2001:db8:1:2::/64"), client_prefix(address("2001:db8:1:2:3:4:5:6")).text());
    CPPUNIT_ASSERT(client_prefix(address("2001:db8:1:2::1")) == client_prefix(address("2001:db8:1:2:ffff::")));
    CPPUNIT_ASSERT(client_prefix(address("2001:db8:1:2::1")) != client_prefix(address("2001:db8:1:3::1")));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(AddressTest);

}  // namespace
}  // namespace caronte::base
