// Quoting: all classes of octets that a log must not carry raw, reversibility, cutting, and that XML 1.0 takes the result.
#include "base/quoting.h"

#include <cppunit/extensions/HelperMacros.h>

#include <random>
#include <string>

namespace caronte::base {
namespace {

using namespace std::string_view_literals;

struct Case {
  std::string_view in;
  std::string_view out;
};
const Case kCases[] = {
    {"", ""},
    {"plain text, <&>\"' and all", "plain text, <&>\"' and all"},
    {"a\\b", "a\\\\b"},
    {"\t\r\n\0\x1b\x7f"sv, "\\x09\\x0d\\x0a\\x00\\x1b\\x7f"},
    {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
    {"\xc2\x80\xc2\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9f\xc2\xa0"},                      // C1 controls, then a no-break space
    {"\x80\xbf", "\\x80\\xbf"},                                                        // continuation alone
    {"\xc0\x80\xc1\xbf", "\\xc0\\x80\\xc1\\xbf"},                                      // overlong, two octets
    {"\xe0\x80\x80\xe0\x9f\xbf", "\\xe0\\x80\\x80\\xe0\\x9f\\xbf"},                    // overlong, three
    {"\xf0\x80\x80\x80\xf0\x8f\xbf\xbf", "\\xf0\\x80\\x80\\x80\\xf0\\x8f\\xbf\\xbf"},  // overlong, four
    {"\xed\xa0\x80\xed\xbf\xbf", "\\xed\\xa0\\x80\\xed\\xbf\\xbf"},                    // surrogates
    {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},                          // beside the surrogates
    {"\xf4\x90\x80\x80\xf5\x80\x80\x80", "\\xf4\\x90\\x80\\x80\\xf5\\x80\\x80\\x80"},  // beyond U+10FFFF
    {"\xf4\x8f\xbf\xbd", "\xf4\x8f\xbf\xbd"},                                          // near the last character
    {"\xef\xbf\xbe\xef\xbf\xbf", "\\xef\\xbf\\xbe\\xef\\xbf\\xbf"},                    // U+FFFE, U+FFFF
    {"\xef\xbf\xbd", "\xef\xbf\xbd"},                                                  // U+FFFD
    {"\xfe\xff", "\\xfe\\xff"},
    {"\xc3", "\\xc3"},  // cut short
    {"\xe2\x82", "\\xe2\\x82"},
    {"\xf0\x9f\x98", "\\xf0\\x9f\\x98"},
    {"\xe2\x82x", "\\xe2\\x82x"},  // cut short by another character
    {"\xc3\xc3\xa9", "\\xc3\xc3\xa9"},
};

// By the definitions of UTF-8 (RFC 3629) and of Char in XML 1.0, written anew.
bool is_xml_text(std::string_view text) {
  while (!text.empty()) {
    const auto at = [&](std::size_t i) {
      return i < text.size() ? static_cast<std::uint32_t>(static_cast<std::uint8_t>(text[i])) : 0U;
    };
    std::uint32_t value = at(0);
    std::size_t length = 1;
    if (value >= 0xF0) {
      length = 4;
      value &= 7U;
    } else if (value >= 0xE0) {
      length = 3;
      value &= 15U;
    } else if (value >= 0xC0) {
      length = 2;
      value &= 31U;
    } else if (value >= 0x80) {
      return false;
    }
    for (std::size_t i = 1; i < length; ++i) {
      if ((at(i) & 0xC0U) != 0x80U) return false;
      value = value << 6U | (at(i) & 63U);
    }
    static constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF) || value == 0xFFFE || value == 0xFFFF)
      return false;
    if (value < 0x20 || (value >= 0x7F && value <= 0x9F)) return false;
    text.remove_prefix(length);
  }
  return true;
}

class QuotingTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(QuotingTest);
  CPPUNIT_TEST(every_class_of_octets);
  CPPUNIT_TEST(every_octet_alone);
  CPPUNIT_TEST(random_octets_come_back_and_are_xml);
  CPPUNIT_TEST(cut_between_characters);
  CPPUNIT_TEST(malformed_escapes_stay);
  CPPUNIT_TEST(safe_lines);
  CPPUNIT_TEST_SUITE_END();

  void every_class_of_octets() {
    for (const Case& c : kCases) {
      const std::string quoted = quote_visible(c.in);
      CPPUNIT_ASSERT_EQUAL(std::string(c.out), quoted);
      CPPUNIT_ASSERT(unquote_visible(quoted) == c.in);
      CPPUNIT_ASSERT(is_xml_text(quoted));
    }
  }

  void every_octet_alone() {
    for (unsigned i = 0; i < 256; ++i) {
      const std::string one(1, static_cast<char>(i));
      const std::string quoted = quote_visible(one);
      CPPUNIT_ASSERT(is_xml_text(quoted));
      CPPUNIT_ASSERT(unquote_visible(quoted) == one);
      const bool is_kept = i >= 0x20 && i < 0x7F && i != '\\';
      CPPUNIT_ASSERT_EQUAL(is_kept, quoted == one);
    }
  }

  void random_octets_come_back_and_are_xml() {
    std::mt19937 random(13);  // NOLINT: the same in every run
    static constexpr std::string_view kLikely = "\xc2\xc3\xe0\xe2\xed\xef\xf0\xf4\x80\x90\x9f\xa0\xbf\xbe\\x4a1\0"sv;
    for (int i = 0; i < 50'000; ++i) {
      std::string text;
      for (std::size_t length = random() % 12; length > 0; --length) {
        text += random() % 4 == 0 ? static_cast<char>(random()) : kLikely[random() % kLikely.size()];
      }
      const std::string quoted = quote_visible(text);
      CPPUNIT_ASSERT(is_xml_text(quoted));
      CPPUNIT_ASSERT(unquote_visible(quoted) == text);
    }
  }

  void cut_between_characters() {
    CPPUNIT_ASSERT_EQUAL(std::string("abcdef"), quote_visible("abcdef", 6));
    CPPUNIT_ASSERT_EQUAL(std::string("ab..."), quote_visible("abcdef", 5));
    CPPUNIT_ASSERT_EQUAL(std::string("\xe2\x82\xac..."), quote_visible("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 8));
    CPPUNIT_ASSERT_EQUAL(std::string("a..."), quote_visible("a\x01\x02\x03", 7));
    CPPUNIT_ASSERT_EQUAL(std::string("..."), quote_visible("\x01\x02", 5));
    CPPUNIT_ASSERT_EQUAL(std::string(""), quote_visible("abc", 2));
    for (std::size_t limit = 0; limit < 40; ++limit) {
      const std::string quoted = quote_visible("a\\b\x01\xe2\x82\xac\xff\xc3\xa9\xf0\x9f\x98\x80 and so on and on", limit);
      CPPUNIT_ASSERT(quoted.size() <= limit);
      CPPUNIT_ASSERT(is_xml_text(quoted));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{4096}, quote_visible(std::string(100'000, 'a')).size());
  }

  void malformed_escapes_stay() {
    for (const std::string_view text : {"\\", "\\x", "\\x4", "\\xg1", "\\q", "\\x1g"})
      CPPUNIT_ASSERT(unquote_visible(text) == text);
    CPPUNIT_ASSERT_EQUAL(std::string("A"), unquote_visible("\\x41"));
    CPPUNIT_ASSERT_EQUAL(std::string("\xab"), unquote_visible("\\xAB"));
    CPPUNIT_ASSERT_EQUAL(std::string("\\x41"), unquote_visible("\\\\x41"));
  }

  void safe_lines() {
    for (const std::string_view text : {""sv, "250 2.0.0 Ok"sv, "b\xc3\xbc"sv, "back\\slash"sv}) CPPUNIT_ASSERT(is_safe_line(text));
    for (const std::string_view text :
         {"a\r\nb"sv, "a\n"sv, "a\rb"sv, "a\0b"sv, "a\tb"sv, "\x7f"sv, "\xff"sv, "\xc2\x85"sv, "\xed\xa0\x80"sv}) {
      CPPUNIT_ASSERT(!is_safe_line(text));
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(QuotingTest);

}  // namespace
}  // namespace caronte::base
