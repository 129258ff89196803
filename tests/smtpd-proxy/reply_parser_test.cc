#include "smtpd-proxy/reply_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

namespace caronte::smtpd_proxy {

namespace {

using namespace std::string_literals;

std::string lines(std::size_t count, const std::string& last) {
  std::string reply;
  for (std::size_t i = 1; i < count; ++i) reply += "250-x\r\n";
  return reply + last;
}

}  // namespace

class ReplyParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ReplyParserTest);
  CPPUNIT_TEST(replies_are_complete_or_malformed);
  CPPUNIT_TEST(short_of_the_end_more_is_needed);
  CPPUNIT_TEST(faults_show_early);
  CPPUNIT_TEST(limits_are_those_given);
  CPPUNIT_TEST(lines_are_taken_off);
  CPPUNIT_TEST_SUITE_END();

 public:
  void replies_are_complete_or_malformed() {
    const struct {
      std::string bytes;
      Parsed parsed;
      int code;
      std::size_t size;
    } cases[] = {
        {"250 Ok\r\n", Parsed::complete, 250, 8},
        {"250\r\n", Parsed::complete, 250, 5},
        {"250 \r\n", Parsed::complete, 250, 6},
        {"250-a\r\n250-\r\n250 c\r\n", Parsed::complete, 250, 20},
        {"250-a\r\n250\r\n", Parsed::complete, 250, 12},
        {"200 \t\r\n", Parsed::complete, 200, 7},
        {"599 x\r\n", Parsed::complete, 599, 7},
        {"250 Ok\r\n354 Go\r\n", Parsed::complete, 250, 8},
        {"250 Ok\r\ngarbage", Parsed::complete, 250, 8},
        {"550 caf\xe9\r\n", Parsed::complete, 550, 10},
        {"550 caf\xc3\xa9\r\n", Parsed::complete, 550, 11},
        {"\r\n", Parsed::malformed, 0, 0},
        {"25\r\n", Parsed::malformed, 0, 0},
        {"2x0 a\r\n", Parsed::malformed, 0, 0},
        {" 250 a\r\n", Parsed::malformed, 0, 0},
        {"2500 a\r\n", Parsed::malformed, 0, 0},
        {"250_a\r\n", Parsed::malformed, 0, 0},
        {"250\ta\r\n", Parsed::malformed, 0, 0},
        {"199 a\r\n", Parsed::malformed, 0, 0},
        {"600 a\r\n", Parsed::malformed, 0, 0},
        {"999 a\r\n", Parsed::malformed, 0, 0},
        {"-25 a\r\n", Parsed::malformed, 0, 0},
        {"250 a\n", Parsed::malformed, 0, 0},
        {"250 a\nb\r\n", Parsed::malformed, 0, 0},
        {"250 a\rb\r\n", Parsed::malformed, 0, 0},
        {"250 a\r\r\n", Parsed::malformed, 0, 0},
        {"250 a\0b\r\n"s, Parsed::malformed, 0, 0},
        {"250 \x1b[2J\r\n", Parsed::malformed, 0, 0},
        {"250 \x7f\r\n", Parsed::malformed, 0, 0},
        {"250-a\r\n251 b\r\n", Parsed::malformed, 0, 0},
        {"250-a\r\n550-b\r\n", Parsed::malformed, 0, 0},
        {"250-a\r\n\r\n", Parsed::malformed, 0, 0},
        {"250-a\r\nb\r\n", Parsed::malformed, 0, 0},
        {"250-a\n250 b\r\n", Parsed::malformed, 0, 0},
        {lines(100, "250 x\r\n"), Parsed::complete, 250, 700},
        {lines(101, "250 x\r\n"), Parsed::malformed, 0, 0},
        {"250 " + std::string(1018, 'x') + "\r\n", Parsed::complete, 250, 1024},
        {"250 " + std::string(1019, 'x') + "\r\n", Parsed::malformed, 0, 0},
        {"250-a\r\n250 " + std::string(1019, 'x') + "\r\n", Parsed::malformed, 0, 0},
        {std::string(1 << 20, '2'), Parsed::malformed, 0, 0},
    };
    for (const auto& c : cases) {
      const Reply reply = parse_reply(c.bytes);
      const std::string name = c.bytes.substr(0, 60);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, static_cast<int>(c.parsed), static_cast<int>(reply.parsed));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, c.code, static_cast<int>(reply.code));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, c.size, reply.size);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, c.bytes.substr(0, c.size), std::string(reply.bytes));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, c.parsed == Parsed::malformed, !reply.why.empty());
    }
  }

  void short_of_the_end_more_is_needed() {
    for (const std::string& whole : {"250 Ok\r\n"s, "250-a\r\n250-\r\n250 c\r\n"s, lines(100, "250 x\r\n")}) {
      for (std::size_t size = 0; size < whole.size(); ++size) {
        CPPUNIT_ASSERT(parse_reply(whole.substr(0, size)).parsed == Parsed::need_more);
      }
      CPPUNIT_ASSERT(parse_reply(whole).parsed == Parsed::complete);
    }
  }

  void faults_show_early() {
    for (const std::string& bytes : {"x"s, "1"s, "6"s, "2x"s, "250x"s, "250 \x01"s, "250 a\rb"s, "250-a\r\n3"s, "250-a\r\n25x"s,
                                     "\n"s, std::string(1024, '2'), "250 " + std::string(1020, 'x'), lines(101, "")}) {
      CPPUNIT_ASSERT_MESSAGE(bytes.substr(0, 40), parse_reply(bytes).parsed == Parsed::malformed);
    }
  }

  void limits_are_those_given() {
    const ReplyLimits limits{.line_bytes = 8, .lines = 2};
    CPPUNIT_ASSERT(parse_reply("250 ab\r\n", limits).parsed == Parsed::complete);
    CPPUNIT_ASSERT(parse_reply("250 abc\r\n", limits).parsed == Parsed::malformed);
    CPPUNIT_ASSERT(parse_reply("250 abc\r", limits).parsed == Parsed::malformed);
    CPPUNIT_ASSERT(parse_reply("250-a\r\n250 b\r\n", limits).parsed == Parsed::complete);
    CPPUNIT_ASSERT(parse_reply("250-a\r\n250-b\r\n", limits).parsed == Parsed::malformed);
  }

  void lines_are_taken_off() {
    const struct {
      std::string bytes;
      std::vector<std::string> texts;
    } cases[] = {
        {"250 Ok\r\n", {"Ok"}},
        {"250\r\n", {""}},
        {"250-a b\r\n250-\r\n250 c\r\n", {"a b", "", "c"}},
        {"", {}},
    };
    for (const auto& c : cases) {
      std::string_view rest = c.bytes;
      std::string_view text;
      std::vector<std::string> texts;
      while (next_line(rest, text)) texts.emplace_back(text);
      CPPUNIT_ASSERT(c.texts == texts);
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReplyParserTest);

}  // namespace caronte::smtpd_proxy
