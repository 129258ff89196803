// List files: entries, comments, refusals that never quote the line, and size.
#include "config/list_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>

#include "base/address_parser.h"
#include "config/mapped_list.h"

namespace caronte::config {
namespace {

base::Address address(std::string_view text) {
  return base::parse_address(text).value();
}

class ListParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ListParserTest);
  CPPUNIT_TEST(entries_comments_and_blank_lines);
  CPPUNIT_TEST(every_numeric_form_is_an_entry);
  CPPUNIT_TEST(bad_lines_are_named_and_never_quoted);
  CPPUNIT_TEST(host_names_get_a_word_of_their_own);
  CPPUNIT_TEST(host_names_are_taken_where_they_may_be);
  CPPUNIT_TEST(host_names_are_bounded);
  CPPUNIT_TEST(wide_entries_are_warned_of);
  CPPUNIT_TEST(problems_are_bounded);
  CPPUNIT_TEST(entries_behind_many_warnings_are_taken);
  CPPUNIT_TEST(a_hundred_thousand_lines);
  CPPUNIT_TEST_SUITE_END();

  void entries_comments_and_blank_lines() {
    const ParsedList list = parse_address_list(
        "\xEF\xBB\xBF# head\n\n192.0.2.1\r\n\t 192.0.2.2 \t# behind\n   # only a comment\n192.0.2.3#tight\n2001:db8::/32");
    CPPUNIT_ASSERT(list.problems.empty());
    CPPUNIT_ASSERT_EQUAL(4U, list.entries);
    CPPUNIT_ASSERT(list.tree.find(address("192.0.2.1")) == 3U);
    CPPUNIT_ASSERT(list.tree.find(address("192.0.2.2")) == 4U);
    CPPUNIT_ASSERT(list.tree.find(address("192.0.2.3")) == 6U);
    CPPUNIT_ASSERT(list.tree.find(address("2001:db8::1")) == 7U);
    CPPUNIT_ASSERT(!list.tree.find(address("192.0.2.4")));
    CPPUNIT_ASSERT_EQUAL(0U, parse_address_list("").entries);
  }

  // IW-7, Q28
  void every_numeric_form_is_an_entry() {
    const ParsedList list = parse_address_list(
        "192.0.2.1\n192.0.3.0/24\n192.0.4.0/255.255.255.0\n192.0.5.1-50\n192.0.6.1-192.0.7.20\n192.0.8.*\n2001:db8::/32\n"
        "2001:db9::1-2001:db9::9\n");
    CPPUNIT_ASSERT(list.problems.empty());
    struct Case {
      const char* text;
      std::uint32_t line;
    };
    for (const Case c : {Case{"192.0.2.1", 1}, Case{"192.0.3.255", 2}, Case{"192.0.4.7", 3}, Case{"192.0.5.50", 4},
                         Case{"192.0.7.20", 5}, Case{"192.0.8.9", 6}, Case{"2001:db8:ffff::", 7}, Case{"2001:db9::9", 8},
                         Case{"192.0.5.51", 0}, Case{"192.0.7.21", 0}, Case{"192.0.5.0", 0}, Case{"2001:db9::a", 0}}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.text, c.line, list.tree.find(address(c.text)).value_or(0));
    }
  }

  void bad_lines_are_named_and_never_quoted() {
    for (const char* bad : {"secretword", "192.0.2.1 192.0.2.2", "192.0.2.256", "192.0.2.1/24", "192.0.2.5-1", "2001:db8::/129",
                            "192.0.2.1,", "\x01secret", "se\xffret", "-", "/", "192.0.2", "1.2.3.4.5"}) {
      const ParsedList list = parse_address_list("192.0.2.1\n" + std::string(bad) + "\n192.0.2.9\n");
      CPPUNIT_ASSERT_EQUAL_MESSAGE(bad, std::size_t{1}, list.problems.size());
      CPPUNIT_ASSERT_EQUAL(2U, list.problems[0].line);
      CPPUNIT_ASSERT(!list.problems[0].is_warning);
      CPPUNIT_ASSERT(list.problems[0].text.find("secret") == std::string::npos);
      CPPUNIT_ASSERT(list.problems[0].text.find("256") == std::string::npos);
    }
  }

  void host_names_get_a_word_of_their_own() {
    const ParsedList list = parse_address_list("mail.example.org\n");
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, list.problems.size());
    CPPUNIT_ASSERT(list.problems[0].text.find("host names") != std::string::npos);
    CPPUNIT_ASSERT(list.problems[0].text.find("example") == std::string::npos);
  }

  // IW-7
  void host_names_are_taken_where_they_may_be() {
    const ParsedList list =
        parse_address_list("192.0.2.1\nMail.Example.ORG.  # comment\nxn--mller-kva.example\n192.0.2.0/24\n", HostNames::taken);
    CPPUNIT_ASSERT(list.problems.empty());
    CPPUNIT_ASSERT_EQUAL(4U, list.entries);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, list.names.size());
    CPPUNIT_ASSERT_EQUAL(std::string("mail.example.org"), list.names[0].text);
    CPPUNIT_ASSERT_EQUAL(2U, list.names[0].line);
    CPPUNIT_ASSERT_EQUAL(std::string("xn--mller-kva.example"), list.names[1].text);
    CPPUNIT_ASSERT(list.tree.find(address("192.0.2.9")) == 4U);
    for (const char* bad : {"localhost", "mail_1.example.org", "-a.example.org", "*.example.org", "a..b", "m\xc3\xbcller.example",
                            "192.0.2.256", "1.2.3.4.5", "a.example.org b.example.org"}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(bad, std::size_t{1}, parse_address_list(bad, HostNames::taken).problems.size());
    }
  }

  void host_names_are_bounded() {
    std::string text;
    for (std::size_t i = 0; i < kMaxHostNames; ++i) text += "h" + std::to_string(i) + ".example.org\n";
    CPPUNIT_ASSERT(parse_address_list(text, HostNames::taken).problems.empty());
    const ParsedList list = parse_address_list(text + "one.more.example.org\n", HostNames::taken);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, list.problems.size());
    CPPUNIT_ASSERT_EQUAL(1001U, list.problems[0].line);
  }

  void wide_entries_are_warned_of() {
    for (const char* wide : {"0.0.0.0/0", "*", "0.0.0.0-255.255.255.255", "128.0.0.0/1", "::/0", "2000::/3"}) {
      const ParsedList list = parse_address_list(wide);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(wide, std::size_t{1}, list.problems.size());
      CPPUNIT_ASSERT(list.problems[0].is_warning);
      CPPUNIT_ASSERT_EQUAL(1U, list.entries);
    }
    CPPUNIT_ASSERT(parse_address_list("10.0.0.0/8\n2001:db8::/32\n").problems.empty());
  }

  void problems_are_bounded() {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "x\n";
    CPPUNIT_ASSERT_EQUAL(kMaxListErrors, parse_address_list(text).problems.size());
  }

  // However many warnings there were, nothing behind them is left out.
  void entries_behind_many_warnings_are_taken() {
    std::string text;
    for (int i = 0; i < 100; ++i) text += "10.0.0.0/7\n";
    const ParsedList list = parse_address_list(text + "192.0.2.1\nbad\n");
    CPPUNIT_ASSERT(list.tree.find(address("192.0.2.1")) == 101U);
    CPPUNIT_ASSERT_EQUAL(kMaxListWarnings + 1, list.problems.size());
    CPPUNIT_ASSERT_EQUAL(102U, list.problems.back().line);
    CPPUNIT_ASSERT(!list.problems.back().is_warning);
  }

  void a_hundred_thousand_lines() {
    std::string text;
    for (unsigned i = 0; i < 100'000; ++i) {
      text += base::Address::v4(static_cast<std::uint8_t>(1 + i / 65536), static_cast<std::uint8_t>(i / 256),
                                static_cast<std::uint8_t>(i), 0)
                  .text() +
              "/25\n";
    }
    const auto begin = std::chrono::steady_clock::now();
    const ParsedList list = parse_address_list(text);
    const auto memory = seal_list(list.tree, list.entries);
    CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
    CPPUNIT_ASSERT(memory.is_ok());
    CPPUNIT_ASSERT_EQUAL(100'000U, list.entries);
    const auto mapped = MappedList::map(memory.value().get());
    CPPUNIT_ASSERT(mapped.value().find(base::Address::v4(2, 0x86, 0x9F, 1)) == 65536U + 0x869FU + 1);
    CPPUNIT_ASSERT(!mapped.value().find(base::Address::v4(2, 0x86, 0x9F, 128)));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ListParserTest);

}  // namespace
}  // namespace caronte::config
