// Filters and times of `carontectl log`.
#include "carontectl/log_filter.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/time_parser.h"

using namespace caronte;
using carontectl::LogFilter;
using carontectl::parse_time_point;

namespace {

constexpr const char* kSession =
    "<session from=\"smtpd-proxy.0\" instance=\"5\" n=\"1\" time=\"2026-11-21T20:57:18.500Z\" reference=\"AB12\" "
    "client=\"192.0.2.7\" "
    "outcome=\"delivered\"><message sender=\"Alice+x@Example.org\" size=\"10\"><recipient address=\"bob@example.net\" "
    "outcome=\"accepted\"/><recipient address=\"ca\\x01rol@example.net\" outcome=\"refused\"/></message>"
    "<message sender=\"\"><recipient address=\"dave@example.net\"/></message></session>";
constexpr const char* kEvent = "<event from=\"policyd.0\" instance=\"5\" n=\"1\" time=\"2026-11-21T20:57:18.500Z\" text=\"AB12\"/>";

base::WallTime time_of(std::string_view text) {
  return base::parse_rfc3339(text).value();
}

}  // namespace

class LogFilterTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LogFilterTest);
  CPPUNIT_TEST(cases);
  CPPUNIT_TEST(bad_values_are_refused);
  CPPUNIT_TEST(references_as_people_give_them);
  CPPUNIT_TEST(time_points);
  CPPUNIT_TEST_SUITE_END();

  static bool matches(const LogFilter& filter, const char* line) {
    wrap::XmlDocument document;
    CPPUNIT_ASSERT(document.parse(line));
    const bool result = filter.matches(document.root());
    // The short cut may only say no when the whole judgement does.
    CPPUNIT_ASSERT(!result || filter.may_match(line));
    return result;
  }
  template <class Set>
  static LogFilter filter(Set set) {
    LogFilter result;
    set(result);
    return result;
  }

 public:
  void cases() {
    struct Case {
      const char* name;
      LogFilter filter;
      bool session;
      bool event;
    };
    const auto address = [](const char* text) {
      return filter([&](LogFilter& f) { CPPUNIT_ASSERT(f.add_address(text).is_ok()); });
    };
    const auto outcomes = [](const char* text) {
      return filter([&](LogFilter& f) { CPPUNIT_ASSERT(f.add_outcomes(text).is_ok()); });
    };
    const auto sender = [](const char* text, bool exact) {
      return filter([&](LogFilter& f) {
        f.sender = text;
        f.is_exact = exact;
      });
    };
    const auto recipient = [](const char* text, bool exact) {
      return filter([&](LogFilter& f) {
        f.recipient = text;
        f.is_exact = exact;
      });
    };
    const auto reference = [](const char* text) { return filter([&](LogFilter& f) { f.reference = text; }); };
    const auto since = [](const char* text) { return filter([&](LogFilter& f) { f.since = time_of(text); }); };
    const auto until = [](const char* text) { return filter([&](LogFilter& f) { f.until = time_of(text); }); };
    const std::vector<Case> all{
        {"nothing asked", {}, true, true},
        {"address", address("192.0.2.7"), true, false},
        {"another address", address("192.0.2.8"), false, false},
        {"network", address("192.0.2.0/24"), true, false},
        {"range", address("192.0.2.5-9"), true, false},
        {"range beside it", address("192.0.2.8-9"), false, false},
        {"wildcard", address("192.0.2.*"), true, false},
        {"IPv6", address("2001:db8::/32"), false, false},
        {"all of IPv6 holds no IPv4", address("::/0"), false, false},
        {"part of the sender", sender("alice", false), true, false},
        {"part in other case", sender("EXAMPLE.ORG", false), true, false},
        {"part of nobody", sender("mallory", false), false, false},
        {"exact sender", sender("alice+x@example.org", true), true, false},
        {"exact is not a part", sender("alice", true), false, false},
        {"null sender of the second message", sender("", true), true, false},
        {"recipient", recipient("bob@", false), true, false},
        {"recipient of the second message", recipient("dave@example.net", true), true, false},
        {"recipient with odd octets", recipient("ca\x01rol@example.net", true), true, false},
        {"sender is no recipient", recipient("alice", false), false, false},
        {"outcome", outcomes("delivered"), true, false},
        {"one of two outcomes", outcomes("busy,delivered"), true, false},
        {"another outcome", outcomes("refused"), false, false},
        {"reference", reference("AB12"), true, false},
        {"part of a reference", reference("AB1"), false, false},
        {"another reference", reference("CD34"), false, false},
        {"since its moment", since("2026-11-21T20:57:18.5Z"), true, true},
        {"since later", since("2026-11-21T20:57:18.501Z"), false, false},
        {"until its moment", until("2026-11-21T20:57:18.5Z"), false, false},
        {"until later", until("2026-11-21T20:57:18.501Z"), true, true},
        {"all must hold", filter([](LogFilter& f) {
           f.sender = "alice";
           f.recipient = "nobody";
         }),
         false, false},
    };
    for (const Case& c : all) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.name, c.session, matches(c.filter, kSession));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.name, c.event, matches(c.filter, kEvent));
    }
  }

  void bad_values_are_refused() {
    LogFilter f;
    for (const char* text : {"", "mail.example.org", "192.0.2.256", "192.0.2.0/33", "192.0.2.1/24"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !f.add_address(text).is_ok());
    }
    for (const char* text : {"", "delivered,", "Delivered", "sent"}) CPPUNIT_ASSERT_MESSAGE(text, !f.add_outcomes(text).is_ok());
    CPPUNIT_ASSERT(f.add_outcomes("sent").error().text.find("delivered, refused, deferred") != std::string::npos);
    CPPUNIT_ASSERT(f.addresses.empty());
  }

  void references_as_people_give_them() {
    for (const char* text : {"0000000000031", "[0000000000031]", "OOOOOOOOOOO3l", "ooooooooooo31]"}) {
      LogFilter filter;
      CPPUNIT_ASSERT_MESSAGE(text, filter.set_reference(text).is_ok());
      CPPUNIT_ASSERT_EQUAL(std::string("0000000000031"), filter.reference);
    }
    for (const char* text : {"", "[]", "31", "00000000000310", "000000000003u", "0000000000 31"}) {
      LogFilter filter;
      CPPUNIT_ASSERT_MESSAGE(text, !filter.set_reference(text).is_ok());
      CPPUNIT_ASSERT(filter.reference.empty());
    }
  }

  void time_points() {
    const base::WallTime now = time_of("2026-11-21T12:00:00Z");
    const std::vector<std::pair<const char*, const char*>> good{{"2026-11-20T01:02:03Z", "2026-11-20T01:02:03Z"},
                                                                {"2026-11-20T01:02:03+02:00", "2026-11-19T23:02:03Z"},
                                                                {"2026-11-20", "2026-11-20T00:00:00Z"},
                                                                {"90s", "2026-11-21T11:58:30Z"},
                                                                {"30m", "2026-11-21T11:30:00Z"},
                                                                {"2h", "2026-11-21T10:00:00Z"},
                                                                {"7d", "2026-11-14T12:00:00Z"},
                                                                {"0s", "2026-11-21T12:00:00Z"}};
    for (const auto& [text, expected] : good) CPPUNIT_ASSERT_MESSAGE(text, parse_time_point(text, now) == time_of(expected));
    for (const char* text :
         {"", "h", "2", "-2h", "2 h", "2w", "1.5h", "2026-11", "2026-02-30", "yesterday", "99999999999999999999h"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_time_point(text, now));
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(LogFilterTest);
