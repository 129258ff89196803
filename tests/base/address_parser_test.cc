// Addresses, ranges in every numeric form of IW-7 and Q28, host names, numbers: what is taken and what is not.
#include "base/address_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace caronte::base {
namespace {

struct RangeCase {
  const char* text;
  const char* first;
  const char* last;
};
constexpr RangeCase kRanges[] = {
    {"192.168.0.1", "192.168.0.1", "192.168.0.1"},
    {"0.0.0.0", "0.0.0.0", "0.0.0.0"},
    {"255.255.255.255", "255.255.255.255", "255.255.255.255"},
    {"192.168.0.0/24", "192.168.0.0", "192.168.0.255"},
    {"192.168.0.1/32", "192.168.0.1", "192.168.0.1"},
    {"192.168.0.4/30", "192.168.0.4", "192.168.0.7"},
    {"0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
    {"128.0.0.0/1", "128.0.0.0", "255.255.255.255"},
    {"192.168.0.0/255.255.255.0", "192.168.0.0", "192.168.0.255"},
    {"10.0.0.0/255.0.0.0", "10.0.0.0", "10.255.255.255"},
    {"192.168.0.4/255.255.255.252", "192.168.0.4", "192.168.0.7"},
    {"192.168.0.1/255.255.255.255", "192.168.0.1", "192.168.0.1"},
    {"0.0.0.0/0.0.0.0", "0.0.0.0", "255.255.255.255"},
    {"192.168.0.1-50", "192.168.0.1", "192.168.0.50"},
    {"192.168.0.50-50", "192.168.0.50", "192.168.0.50"},
    {"192.168.0.0-255", "192.168.0.0", "192.168.0.255"},
    {"192.168.0.1-192.168.1.20", "192.168.0.1", "192.168.1.20"},
    {"192.168.0.1-192.168.0.1", "192.168.0.1", "192.168.0.1"},
    {"192.168.0.*", "192.168.0.0", "192.168.0.255"},
    {"192.168.*.*", "192.168.0.0", "192.168.255.255"},
    {"10.*.*.*", "10.0.0.0", "10.255.255.255"},
    {"*.*.*.*", "0.0.0.0", "255.255.255.255"},
    {"*", "0.0.0.0", "255.255.255.255"},
    {"2001:db8::1", "2001:db8::1", "2001:db8::1"},
    {"::", "::", "::"},
    {"2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"2001:db8::1/128", "2001:db8::1", "2001:db8::1"},
    {"2001:db8::/33", "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"},
    {"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"2001:db8::1-2001:db8::9", "2001:db8::1", "2001:db8::9"},
    {"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"},
    {"::ffff:192.0.2.1-192.0.2.9", "192.0.2.1", "192.0.2.9"},
};
constexpr const char* kNoRanges[] = {
    "",
    " ",
    "192.168.0",
    "192.168.0.",
    ".192.168.0.1",
    "192.168.0.1.",
    "192.168.0.1.2",
    "192.168..1",
    "192.168.0.256",
    "192.168.0.01",
    "192.168.0.-1",
    "192.168.0.1 ",
    " 192.168.0.1",
    "192.168.0.1\n",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.1",
    "2130706433",
    "1e1.0.0.1",
    "192.168.0.1/24",
    "192.168.0.0/33",
    "192.168.0.0/",
    "192.168.0.0/-1",
    "192.168.0.0/024",
    "192.168.0.0/24/24",
    "::/80",  // would end amid IPv4
    "::fffe:0:0/95",
    "/24",
    "192.168.0.0/255.0.255.0",
    "192.168.0.0/0.0.0.255",
    "192.168.0.0/255.255.255.256",
    "192.168.0.1/255.255.255.0",
    "192.168.0.50-1",
    "192.168.0.1-",
    "-192.168.0.1",
    "192.168.0.1-256",
    "192.168.0.1-50-60",
    "192.168.0.1-0.50",
    "192.168.1.1-192.168.0.1",
    "192.168.0.1 - 50",
    "192.168.0.1-2001:db8::1",
    "2001:db8::1-192.168.0.1",
    "2001:db8::1-9",
    "2001:db8::9-2001:db8::1",
    "192.*.0.1",
    "*.168.0.1",
    "192.168.*",
    "192.168.0.**",
    "192.168.0.1*",
    "192.168.*.*.*",
    "**",
    "192.168.0.*/24",
    "192.168.0.*-5",
    "2001:db8::/129",
    "2001:db8::1/32",
    "2001:db8::/ffff::",
    "2001:db8:::1",
    "2001:db8",
    ":",
    ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "12345::1",
    "2001:db8::g",
    "[2001:db8::1]",
    "2001:db8::1%eth0",
    "2001:db8::*",
    "::ffff:192.0.2.256",
    "::ffff:192.0.2.0/120x",
    "localhost",
    "example.org",
    "192.168.0.1,192.168.0.2",
    "192.168.0.1;",
    "\xef\xbc\x91.0.0.1",
};

class AddressParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(AddressParserTest);
  CPPUNIT_TEST(IW_7_Q_28_every_form_of_a_range);
  CPPUNIT_TEST(what_is_no_range);
  CPPUNIT_TEST(octets_that_end_strings_do_not);
  CPPUNIT_TEST(addresses);
  CPPUNIT_TEST(mapped_networks_stay_within_their_family);
  CPPUNIT_TEST(host_names);
  CPPUNIT_TEST(numbers);
  CPPUNIT_TEST_SUITE_END();

  void IW_7_Q_28_every_form_of_a_range() {
    for (const RangeCase& c : kRanges) {
      const auto range = parse_address_range(c.text);
      CPPUNIT_ASSERT_MESSAGE(c.text, range.has_value());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.text, std::string(c.first), range->first.text());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.text, std::string(c.last), range->last.text());
    }
  }

  void what_is_no_range() {
    for (const char* text : kNoRanges) CPPUNIT_ASSERT_MESSAGE(text, !parse_address_range(text));
  }

  void octets_that_end_strings_do_not() {
    using namespace std::string_view_literals;
    for (const std::string_view text : {"192.0.2.1\0"sv, "192.0.2.1\0x"sv, "::1\0"sv, "::\0 1"sv, "\0::1"sv, "192.0.2.0/24\0"sv}) {
      CPPUNIT_ASSERT(!parse_address_range(text));
      CPPUNIT_ASSERT(!parse_address(text));
    }
    CPPUNIT_ASSERT(!parse_address(std::string(100000, '1')));
    CPPUNIT_ASSERT(!parse_address(std::string(100000, ':')));
    CPPUNIT_ASSERT(!parse_address_range(std::string(100000, '*')));
  }

  void addresses() {
    CPPUNIT_ASSERT(parse_address("192.0.2.1") == Address::v4(192, 0, 2, 1));
    CPPUNIT_ASSERT(parse_address("::ffff:192.0.2.1") == Address::v4(192, 0, 2, 1));
    CPPUNIT_ASSERT(parse_address("0:0:0:0:0:0:0:1") == parse_address("::1"));
    CPPUNIT_ASSERT(parse_address("2001:DB8::A") == parse_address("2001:db8::a"));
    for (const char* text : {"", "192.0.2", "192.0.2.1/32", "192.0.2.*", "*", "[::1]", "::1%lo", "fe80::1%1"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_address(text));
    }
  }

  // A length behind a mapped address is one of IPv4, and no range runs from one family into the other.
  void mapped_networks_stay_within_their_family() {
    const auto mapped = parse_address_range("::ffff:192.0.2.0/24");
    CPPUNIT_ASSERT(mapped && mapped->last == Address::v4(192, 0, 2, 255));
    CPPUNIT_ASSERT(!parse_address_range("::ffff:0:0/96"));
    CPPUNIT_ASSERT(!parse_address_range("::1-::ffff:192.0.2.1"));
    CPPUNIT_ASSERT(!parse_address_range("::ffff:192.0.2.1-2001:db8::"));
  }

  void host_names() {
    const std::string label(63, 'a');
    for (const std::string& text : {std::string("example.org"), std::string("a.b"), std::string("mx-1.example.org."),
                                    std::string("1.2.3.4a"), std::string("xn--bcher-kva.example"), std::string("3com.com"),
                                    label + ".org", label + "." + label + "." + label + "." + std::string(61, 'b')}) {
      CPPUNIT_ASSERT_MESSAGE(text, is_host_name(text));
    }
    for (const std::string& text : {std::string(""),          std::string("."),
                                    std::string("localhost"), std::string("localhost."),
                                    std::string("a..b"),      std::string(".a.b"),
                                    std::string("a.b.."),     std::string("-a.b"),
                                    std::string("a-.b"),      std::string("a.-b"),
                                    std::string("a.b-"),      std::string("a_b.org"),
                                    std::string("a b.org"),   std::string("192.0.2.1"),
                                    std::string("a.123"),     std::string("b\xc3\xbc.org"),
                                    std::string("a.b\n"),     std::string("a.b\0", 4),
                                    label + "a.org",          label + "." + label + "." + label + "." + std::string(62, 'b')}) {
      CPPUNIT_ASSERT_MESSAGE(text, !is_host_name(text));
    }
  }

  void numbers() {
    CPPUNIT_ASSERT(parse_number("0", 10) == 0U);
    CPPUNIT_ASSERT(parse_number("10", 10) == 10U);
    CPPUNIT_ASSERT(parse_number("18446744073709551615", UINT64_MAX) == UINT64_MAX);
    CPPUNIT_ASSERT(parse_number("0", 0) == 0U);
    for (const char* text : {"", "11", "-1", "+1", " 1", "1 ", "01", "00", "1a", "0x1", "1.0", "99999999999999999999999"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_number(text, 10));
    }
    CPPUNIT_ASSERT(!parse_number("18446744073709551616", UINT64_MAX));
    CPPUNIT_ASSERT(!parse_number("1", 0));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(AddressParserTest);

}  // namespace
}  // namespace caronte::base
