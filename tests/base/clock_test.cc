// Formats of time, both ways.
#include "base/clock.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/time_parser.h"

namespace caronte::base {
namespace {

WallTime at(std::int64_t milliseconds) {
  return WallTime(std::chrono::milliseconds(milliseconds));
}

struct Case {
  std::int64_t ms;
  const char* rfc3339;
  const char* rfc5322;
};
constexpr Case kCases[] = {
    {0, "1970-01-01T00:00:00.000Z", "Thu, 1 Jan 1970 00:00:00 +0000"},
    {1795294638123, "2026-11-21T20:57:18.123Z", "Sat, 21 Nov 2026 20:57:18 +0000"},
    {1709164799999, "2024-02-28T23:59:59.999Z", "Wed, 28 Feb 2024 23:59:59 +0000"},
    {1709164800000, "2024-02-29T00:00:00.000Z", "Thu, 29 Feb 2024 00:00:00 +0000"},
    {4102444799000, "2099-12-31T23:59:59.000Z", "Thu, 31 Dec 2099 23:59:59 +0000"},
    {2147483648000, "2038-01-19T03:14:08.000Z", "Tue, 19 Jan 2038 03:14:08 +0000"},
};

class ClockTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ClockTest);
  CPPUNIT_TEST(formats);
  CPPUNIT_TEST(formatted_time_is_parsed);
  CPPUNIT_TEST(offsets_and_fractions_are_parsed);
  CPPUNIT_TEST(what_is_no_time);
  CPPUNIT_TEST(fractions_are_cut_not_rounded);
  CPPUNIT_TEST(system_clock_runs);
  CPPUNIT_TEST_SUITE_END();

  void formats() {
    for (const Case& c : kCases) {
      CPPUNIT_ASSERT_EQUAL(std::string(c.rfc3339), format_rfc3339(at(c.ms)));
      CPPUNIT_ASSERT_EQUAL(std::string(c.rfc5322), format_rfc5322(at(c.ms)));
    }
  }

  void formatted_time_is_parsed() {
    for (const Case& c : kCases) CPPUNIT_ASSERT_MESSAGE(c.rfc3339, parse_rfc3339(c.rfc3339) == at(c.ms));
  }

  void offsets_and_fractions_are_parsed() {
    for (const char* text : {"2026-11-21T20:57:18.123Z", "2026-11-21T21:57:18.123+01:00", "2026-11-21T15:27:18.123-05:30",
                             "2026-11-21 20:57:18.123Z", "2026-11-21T20:57:18.123999Z"}) {
      CPPUNIT_ASSERT_MESSAGE(text, parse_rfc3339(text) == at(1795294638123));
    }
    CPPUNIT_ASSERT(parse_rfc3339("2026-11-21T20:57:18Z") == at(1795294638000));
    CPPUNIT_ASSERT(parse_rfc3339("2026-11-21T20:57:18.5Z") == at(1795294638500));
  }

  void what_is_no_time() {
    for (const char* text :
         {"", "2026-11-21", "2026-11-21T20:57:18", "2026-11-21T20:57Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
          "2026-02-29T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
          "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00+1:00", "26-01-01T00:00:00Z",
          "1969-12-31T23:59:59Z", "2026-1-1T00:00:00Z", "2026-01-01T-1:00:00Z"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_rfc3339(text));
    }
  }

  void fractions_are_cut_not_rounded() {
    CPPUNIT_ASSERT_EQUAL(std::string("1970-01-01T00:00:00.000Z"), format_rfc3339(WallTime(std::chrono::microseconds(999))));
    CPPUNIT_ASSERT_EQUAL(std::string("Thu, 1 Jan 1970 00:00:00 +0000"), format_rfc5322(at(999)));
  }

  void system_clock_runs() {
    const MonotonicTime first = system_clock().monotonic();
    CPPUNIT_ASSERT(system_clock().monotonic() >= first);
    CPPUNIT_ASSERT(system_clock().wall() > at(1'700'000'000'000));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ClockTest);

}  // namespace
}  // namespace caronte::base
