// Texts of settings to values.
#include "config/value_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>

namespace caronte::config {
namespace {

using std::chrono::milliseconds;

class ValueParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ValueParserTest);
  CPPUNIT_TEST(durations);
  CPPUNIT_TEST(sizes);
  CPPUNIT_TEST(domains);
  CPPUNIT_TEST(replies);
  CPPUNIT_TEST(ranges);
  CPPUNIT_TEST(resolvers);
  CPPUNIT_TEST(characters);
  CPPUNIT_TEST(folders);
  CPPUNIT_TEST(paths_beneath);
  CPPUNIT_TEST_SUITE_END();

  void durations() {
    struct Case {
      const char* text;
      std::int64_t ms;
    };
    for (const Case c : {Case{"0", 0}, Case{"0s", 0}, Case{"200ms", 200}, Case{"90s", 90'000}, Case{"5m", 300'000},
                         Case{"24h", 86'400'000}, Case{"36d", 3'110'400'000}, Case{"10000d", 864'000'000'000}}) {
      CPPUNIT_ASSERT_MESSAGE(c.text, parse_duration(c.text) == milliseconds(c.ms));
      CPPUNIT_ASSERT_MESSAGE(c.text, parse_duration(format_duration(milliseconds(c.ms))) == milliseconds(c.ms));
    }
    for (const char* text : {"", "s", "ms", "5", "5 m", " 5m", "5m ", "-5m", "+5m", "5.5m", "5M", "5min", "05m", "10001d",
                             "1000000000000000000000ms", "1h30m", "5ss"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_duration(text));
    }
    CPPUNIT_ASSERT_EQUAL(std::string("5m"), format_duration(milliseconds(300'000)));
    CPPUNIT_ASSERT_EQUAL(std::string("1500ms"), format_duration(milliseconds(1500)));
    CPPUNIT_ASSERT_EQUAL(std::string("0"), format_duration(milliseconds(0)));
  }

  void sizes() {
    struct Case {
      const char* text;
      std::uint64_t octets;
    };
    for (const Case c : {Case{"0", 0}, Case{"512", 512}, Case{"64K", 65536}, Case{"50M", 52'428'800}, Case{"2G", 2'147'483'648}}) {
      CPPUNIT_ASSERT_MESSAGE(c.text, parse_size(c.text) == c.octets);
      CPPUNIT_ASSERT_EQUAL(std::string(c.text), format_size(c.octets));
    }
    for (const char* text : {"", "K", "5k", "5KB", "5 K", "-1", "1.5M", "05", "99999999G", "18446744073709551616", "1T"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_size(text));
    }
  }

  void domains() {
    CPPUNIT_ASSERT(parse_domain("Example.ORG") == "example.org");
    CPPUNIT_ASSERT(parse_domain("example.org.") == "example.org");
    CPPUNIT_ASSERT(parse_domain("localhost") == "localhost");
    CPPUNIT_ASSERT(parse_domain("xn--bcher-kva.example") == "xn--bcher-kva.example");
    CPPUNIT_ASSERT(parse_domain("a_b.example") == "a_b.example");
    CPPUNIT_ASSERT(parse_domain("1.example.2x") == "1.example.2x");
    CPPUNIT_ASSERT(parse_domain(std::string(63, 'a') + ".org"));
    for (const std::string& text :
         {std::string(""), std::string("."), std::string(".org"), std::string("a..b"), std::string("a.b.."), std::string("-a.org"),
          std::string("a-.org"), std::string("a.org-"), std::string("a b.org"), std::string("a@b.org"),
          std::string("b\xc3\xbc.org"), std::string("[192.0.2.1]"), std::string("192.0.2.1"), std::string("a.123"),
          std::string("*.org"), std::string("a.org\n"), std::string(64, 'a') + ".org", std::string("a\0b", 3)}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_domain(text));
    }
    std::string longest;
    while (longest.size() < 248) longest += "abcdefg.";
    CPPUNIT_ASSERT(parse_domain(longest + "abcde"));
    CPPUNIT_ASSERT(!parse_domain(longest + "abcdef"));
  }

  void replies() {
    for (const char* text : {"550 5.7.1 Relaying denied.", "550 x", "554 5.0.0 x", "550 5 things", "550 x 4.7.1"}) {
      CPPUNIT_ASSERT_MESSAGE(text, is_reply(text, "5"));
    }
    for (const char* text :
         {"", "550", "550 ", "550x", "550-x", "450 x", "560 x", "55x x", "550  x", " 550 x", "550 4.7.1 x", "5500 x"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !is_reply(text, "5"));
    }
    CPPUNIT_ASSERT(is_reply("421 BUSY", "421"));
    CPPUNIT_ASSERT(is_reply("421 4.7.0 BUSY", "421"));
    CPPUNIT_ASSERT(!is_reply("421 5.7.0 BUSY", "421"));
    CPPUNIT_ASSERT(!is_reply("450 BUSY", "421"));
  }

  void ranges() {
    const auto some = parse_ranges(" 127.0.0.0/8,\t2001:db8::/32\n192.0.2.1-50 ,", 3);
    CPPUNIT_ASSERT(some && some->size() == 3);
    CPPUNIT_ASSERT(some->at(2).last == base::Address::v4(192, 0, 2, 50));
    CPPUNIT_ASSERT(parse_ranges("", 3)->empty());
    CPPUNIT_ASSERT(!parse_ranges("127.0.0.1 127.0.0.2 127.0.0.3 127.0.0.4", 3));
    CPPUNIT_ASSERT(!parse_ranges("127.0.0.1 localhost", 3));
    CPPUNIT_ASSERT(!parse_ranges("127.0.0.1;127.0.0.2", 3));
  }

  void resolvers() {
    const auto some = parse_resolvers("192.0.2.1, 2001:db8::1@5353", 4);
    CPPUNIT_ASSERT(some && some->size() == 2);
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1:53"), some->at(0).text());
    CPPUNIT_ASSERT_EQUAL(std::string("[2001:db8::1]:5353"), some->at(1).text());
    CPPUNIT_ASSERT(parse_resolvers("", 4)->empty());
    for (const char* text : {"0.0.0.0", "::", "192.0.2.1@0", "192.0.2.1@65536", "192.0.2.1@", "192.0.2.1:53", "ns.example.org",
                             "@53", "192.0.2.1@53@53", "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_resolvers(text, 4));
    }
  }

  // AG-4, AX-22
  void characters() {
    const auto members = [](std::string_view text) {
      const auto set = parse_characters(text);
      CPPUNIT_ASSERT_MESSAGE(std::string(text), set);
      std::string all;
      for (int c = 0; c < 128; ++c) {
        if (set->contains(static_cast<unsigned char>(c))) all += static_cast<char>(c);
      }
      return all;
    };
    CPPUNIT_ASSERT_EQUAL(std::string("a"), members("a"));
    CPPUNIT_ASSERT_EQUAL(std::string("-"), members("-"));
    CPPUNIT_ASSERT_EQUAL(std::string("-0123"), members("0-3-"));
    CPPUNIT_ASSERT_EQUAL(std::string("-a"), members("a-"));
    CPPUNIT_ASSERT_EQUAL(std::string("Xabc"), members("a-cX"));
    CPPUNIT_ASSERT_EQUAL(std::string(" \"~"), members("~ \"\""));
    CPPUNIT_ASSERT_EQUAL(std::size_t{26 + 26 + 10 + 2}, members("A-Za-z0-9.-").size());
    CPPUNIT_ASSERT(parse_characters("a")->contains(0xC3));  // what is not ASCII is not tested
    for (const char* text : {"", "-a", "a-z-9", "z-a", "a-Z", "0-z", "+-/", "!-~", "a\tb", "a\x7f", "\xc3\xa4", "a--", "--"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_characters(text));
    }
  }

  void folders() {
    CPPUNIT_ASSERT(parse_folder("/var/lib/x", "/etc/caronte") == "/var/lib/x");
    CPPUNIT_ASSERT(parse_folder("state", "/etc/caronte") == "/etc/caronte/state");
    CPPUNIT_ASSERT(parse_folder("./a//b/", "/etc/caronte/") == "/etc/caronte/a/b");
    CPPUNIT_ASSERT(parse_folder(".", "/etc/caronte") == "/etc/caronte");
    for (const char* text : {"", "/", "//", "/.", "..", "../x", "a/../b", "/var/..", "/../x"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_folder(text, "/etc/caronte"));
    }
    CPPUNIT_ASSERT(!parse_folder(".", "/"));
  }

  void paths_beneath() {
    for (const char* text : {"relay", "lists/relay", "a/b/c.txt", "..a", "a..", ".hidden"})
      CPPUNIT_ASSERT_MESSAGE(text, is_path_beneath(text));
    for (const char* text : {"", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", "a//b", "a/", "./a", "a/./b"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !is_path_beneath(text));
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ValueParserTest);

}  // namespace
}  // namespace caronte::config
