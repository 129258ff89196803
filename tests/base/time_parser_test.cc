// RFC 3339, strictly.
#include "base/time_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <vector>

using namespace caronte::base;

class TimeParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TimeParserTest);
  CPPUNIT_TEST(good_times);
  CPPUNIT_TEST(bad_times);
  CPPUNIT_TEST(what_is_written_is_read);
  CPPUNIT_TEST_SUITE_END();

 public:
  void good_times() {
    const std::vector<std::pair<const char*, std::int64_t>> cases{
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T20:57:18Z", 1795294638000},
        {"2026-11-21t20:57:18z", 1795294638000},
        {"2026-11-21 20:57:18Z", 1795294638000},
        {"2026-11-21T20:57:18.5Z", 1795294638500},
        {"2026-11-21T20:57:18.123999Z", 1795294638123},
        {"2026-11-21T21:57:18+01:00", 1795294638000},
        {"2026-11-21T12:27:18-08:30", 1795294638000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2016-12-31T23:59:60Z", 1483228800000},
    };
    for (const auto& [text, expected] : cases) {
      const auto time = parse_rfc3339(text);
      CPPUNIT_ASSERT_MESSAGE(text, time.has_value());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(
          text, expected, std::int64_t{std::chrono::duration_cast<std::chrono::milliseconds>(time->time_since_epoch()).count()});
    }
  }

  void bad_times() {
    for (const char* text : {"",
                             "2026",
                             "2026-11-21",
                             "2026-11-21T20:57Z",
                             "2026-11-21T20:57:18",
                             "2026-11-21T20:57:18ZZ",
                             "2026-11-21T20:57:18.Z",
                             "2026-11-21T24:00:00Z",
                             "2026-11-21T20:60:00Z",
                             "2026-11-21T20:57:61Z",
                             "2026-13-01T00:00:00Z",
                             "2026-00-01T00:00:00Z",
                             "2026-02-29T00:00:00Z",
                             "2026-11-31T00:00:00Z",
                             "2026-11-21T20:57:18+1:00",
                             "2026-11-21T20:57:18+24:00",
                             "2026-11-21T20:57:18+0100",
                             "1969-12-31T23:59:59Z",
                             "9999-01-01T00:00:00Z",
                             " 2026-11-21T20:57:18Z",
                             "+026-11-21T20:57:18Z",
                             "2026-1-21T20:57:18Z"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_rfc3339(text));
    }
  }

  void what_is_written_is_read() {
    for (std::int64_t ms = 1; ms < 7'000'000'000'000; ms = ms * 3 + 7) {
      const WallTime time{std::chrono::milliseconds(ms)};
      CPPUNIT_ASSERT(parse_rfc3339(format_rfc3339(time)) == time);
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(TimeParserTest);
