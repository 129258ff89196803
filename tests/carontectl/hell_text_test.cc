// Entries of hell as text: times, addresses (IW-7, Q28), lines of import and export.
#include "carontectl/hell_text.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/time_parser.h"

namespace caronte::carontectl {

class HellTextTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(HellTextTest);
  CPPUNIT_TEST(times);
  CPPUNIT_TEST(Q28_addresses_and_ranges);
  CPPUNIT_TEST(lines);
  CPPUNIT_TEST(refused_lines);
  CPPUNIT_TEST(what_is_exported_can_be_imported);
  CPPUNIT_TEST(table);
  CPPUNIT_TEST_SUITE_END();

  const base::WallTime now_ = base::parse_rfc3339("2026-11-22T12:00:00.000Z").value();

  void times() {
    struct Case {
      const char* text;
      std::int64_t expected;
    };
    for (const auto& [text, expected] :
         {Case{"0", 0}, Case{"10s", 10}, Case{"200ms", 1}, Case{"5m", 300}, Case{"1h", 3600}, Case{"36d", 36 * 86'400},
          Case{"2026-11-22T12:01:00Z", 60}, Case{"2026-11-22T13:00:00+01:00", -1}, Case{"2026-11-22T11:59:00Z", -60}}) {
      const auto parsed = parse_hell_time(text, now_);
      CPPUNIT_ASSERT_MESSAGE(text, parsed.is_ok());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(text, expected, parsed.value());
    }
    for (const char* text : {"", "1", "h", "-1h", "1 h", "1hh", "tomorrow", "2026-11-22", "99999999d"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_hell_time(text, now_).is_ok());
    }
  }
  void Q28_addresses_and_ranges() {
    struct Case {
      const char* text;
      const char* expected;
    };
    for (const auto& [text, expected] :
         {Case{"192.0.2.1", "192.0.2.1 "}, Case{"192.0.2.0/24", "192.0.2.0/24 "}, Case{"192.0.2.0/255.255.255.0", "192.0.2.0/24 "},
          Case{"192.0.2.1-4", "192.0.2.1 192.0.2.2/31 192.0.2.4 "}, Case{"192.0.2.255-192.0.3.0", "192.0.2.255 192.0.3.0 "},
          Case{"192.0.2.*", "192.0.2.0/24 "}, Case{"2001:db8::/32", "2001:db8::/32 "}}) {
      const auto parsed = parse_hell_address(text);
      CPPUNIT_ASSERT_MESSAGE(text, parsed.is_ok());
      std::string found;
      for (const auto& item : parsed.value()) found += item.prefix.text() + ' ';
      CPPUNIT_ASSERT_EQUAL(std::string(expected), found);
    }
    for (const char* text : {"", "192.0.2", "192.0.2.1/24", "192.0.2.9-1", "host.example.org", "192.0.2.1 ", "2001:db8::1/32"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_hell_address(text).is_ok());
    }
  }
  void lines() {
    struct Case {
      const char* text;
      std::size_t items;
      std::int64_t seconds;
      const char* reason;
    };
    constexpr std::int64_t kUsual = ipc::HellItem::kUsualTime;
    for (const auto& [text, items, seconds, reason] :
         {Case{"", 0, 0, ""}, Case{"  \t", 0, 0, ""}, Case{"# 192.0.2.1", 0, 0, ""}, Case{"  #", 0, 0, ""},
          Case{"192.0.2.1", 1, kUsual, ""}, Case{" 192.0.2.1\r", 1, kUsual, ""}, Case{"192.0.2.1 # why", 1, kUsual, ""},
          Case{"192.0.2.1\t1h", 1, 3600, ""}, Case{"192.0.2.1 1h # why", 1, 3600, ""},
          Case{"192.0.2.1-4 0 spam run 7 ", 3, 0, "spam run 7"}, Case{"192.0.2.1 2026-11-22T12:00:10Z a b", 1, 10, "a b"},
          Case{"192.0.2.1 2026-11-22T11:00:00Z a b", 0, 0, ""}}) {
      const auto line = parse_hell_line(text, now_);
      CPPUNIT_ASSERT_MESSAGE(text, line.is_ok());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(text, items, line.value().items.size());
      CPPUNIT_ASSERT_EQUAL(std::string_view(text).find("T11:") != std::string_view::npos, line.value().is_over);
      for (const auto& item : line.value().items) {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(text, seconds, item.seconds);
        CPPUNIT_ASSERT_EQUAL(std::string(reason), item.reason.str());
      }
    }
  }
  void refused_lines() {
    const std::string too_long = "192.0.2.1 0 " + std::string(65, 'x');
    for (const char* text : {"host.example.org", "192.0.2.1 soon", "192.0.2.1/8 0", "192.0.2.1 0 caf\xC3\xA9",
                             "192.0.2.1 0 a\x1B[2J", too_long.c_str()}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_hell_line(text, now_).is_ok());
    }
    CPPUNIT_ASSERT(parse_hell_line(too_long.substr(0, too_long.size() - 1), now_).is_ok());
    CPPUNIT_ASSERT(parse_hell_line("x\x1B", now_).error().text.find('\x1B') == std::string::npos);
  }
  void what_is_exported_can_be_imported() {
    const std::int64_t now = std::chrono::floor<std::chrono::seconds>(now_).time_since_epoch().count();
    ipc::HellEntry entry{.prefix = parse_hell_address("192.0.2.0/24").value().front().prefix,
                         .source = ipc::HellSource::ban,
                         .reason = "too \\ many # errors",
                         .expires = now + 3600,
                         .since = now - 10,
                         .offences = 3};
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.0/24 2026-11-22T13:00:00Z too \\ many # errors"), export_hell_line(entry));
    auto line = parse_hell_line(export_hell_line(entry), now_).value();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, line.items.size());
    CPPUNIT_ASSERT(line.items[0].prefix == entry.prefix);
    CPPUNIT_ASSERT(line.items[0].reason == entry.reason);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{3600}, line.items[0].seconds);
    entry.expires = 0;
    entry.reason = "";
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.0/24 0"), export_hell_line(entry));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, parse_hell_line(export_hell_line(entry), now_).value().items[0].seconds);
  }
  void table() {
    const std::int64_t now = std::chrono::floor<std::chrono::seconds>(now_).time_since_epoch().count();
    ipc::HellEntry entry{.prefix = parse_hell_address("192.0.2.7").value().front().prefix,
                         .source = ipc::HellSource::ban,
                         .reason = "rate",
                         .expires = now + 90,
                         .since = now,
                         .offences = 2};
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.7               ban     1m 30s      2         2026-11-22T12:00:00Z  rate"),
                         hell_table_line(entry, now_));
    entry.expires = 0;
    entry.reason = "\x1B[2J";
    const std::string line = hell_table_line(entry, now_);
    CPPUNIT_ASSERT(line.find("for ever") != std::string::npos);
    CPPUNIT_ASSERT(line.find('\x1B') == std::string::npos);
    CPPUNIT_ASSERT(hell_table_head().starts_with("address                 source"));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(HellTextTest);

}  // namespace caronte::carontectl
