// Records to lines: escapes, nesting, what a sender may not say.
#include "logd/record_writer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <limits>

#include "base/quoting.h"
#include "ipc/log_format.h"
#include "worker/log_client.h"

using namespace caronte;
using logd::Sender;

class RecordWriterTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RecordWriterTest);
  CPPUNIT_TEST(record_is_one_line);
  CPPUNIT_TEST(elements_nest_and_close);
  CPPUNIT_TEST(any_octets_are_well_formed_and_reversible);
  CPPUNIT_TEST(largest_record_fits_the_line);
  CPPUNIT_TEST(bad_records_are_refused);
  CPPUNIT_TEST(any_time_has_the_usual_form);
  CPPUNIT_TEST(own_elements);
  CPPUNIT_TEST(sender_names);
  CPPUNIT_TEST(syslog_line);
  CPPUNIT_TEST_SUITE_END();

  const Sender sender_{ipc::Role::smtpd_proxy, 3, 1763758638};
  logd::RecordWriter writer_;

  static ipc::LogRecord record_of(std::vector<ipc::LogElement> elements) {
    ipc::LogRecord record;
    record.sequence = 17;
    record.time_ms = 1795294638123;
    record.elements.items() = std::move(elements);
    return record;
  }
  static ipc::LogElement element(std::string_view name, int depth,
                                 std::vector<std::pair<std::string, std::string>> attributes = {}) {
    ipc::LogElement e{name, static_cast<std::uint8_t>(depth), {}};
    for (auto& [n, v] : attributes) e.attributes.push({n, v});
    return e;
  }

 public:
  void record_is_one_line() {
    const auto line = writer_.record(sender_, record_of({element("event", 0, {{"text", "a <b> & \"c\"\nd"}})}));
    CPPUNIT_ASSERT_EQUAL(std::string("<event from=\"smtpd-proxy.3\" instance=\"1763758638\" n=\"17\" "
                                     "time=\"2026-11-21T20:57:18.123Z\" text=\"a &lt;b&gt; &amp; &quot;c&quot;\\x0ad\"/>\n"),
                         std::string(line));
  }

  // A sender that was taken over says what it likes.
  void any_time_has_the_usual_form() {
    const struct {
      std::int64_t time_ms;
      std::string text;
    } cases[] = {{std::numeric_limits<std::int64_t>::max(), "2200-12-31T23:59:59.999Z"},
                 {110386907013998, "2200-12-31T23:59:59.999Z"},
                 {7289654399998, "2200-12-31T23:59:59.998Z"},
                 {-1, "1970-01-01T00:00:00.000Z"},
                 {std::numeric_limits<std::int64_t>::min(), "1970-01-01T00:00:00.000Z"}};
    for (const auto& c : cases) {
      ipc::LogRecord record = record_of({element("event", 0)});
      record.time_ms = c.time_ms;
      CPPUNIT_ASSERT_MESSAGE(c.text, writer_.record(sender_, record).find("time=\"" + c.text + "\"") != std::string_view::npos);
    }
  }

  void elements_nest_and_close() {
    const auto line = writer_.record(sender_, record_of({element("s", 0), element("m", 1), element("r", 2), element("r", 2),
                                                         element("m", 1, {{"a", "1"}}), element("r", 2)}));
    CPPUNIT_ASSERT(line.ends_with("Z\"><m><r/><r/></m><m a=\"1\"><r/></m></s>\n"));
  }

  void any_octets_are_well_formed_and_reversible() {
    for (int first = 0; first < 256; ++first) {
      std::string value;
      for (int second : {0, 9, 10, 0x1B, 0x22, 0x26, 0x3C, 0x3E, 0x5D, 0x7F, 0x80, 0xA0, 0xBF, 0xC2, 0xED, 0xEF, 0xF4, 0xFF}) {
        value += static_cast<char>(first);
        value += static_cast<char>(second);
      }
      wrap::XmlDocument document;
      const auto line = writer_.record(sender_, record_of({element("event", 0, {{"text", value}})}));
      CPPUNIT_ASSERT_MESSAGE(document.problem().text, document.parse(line));
      CPPUNIT_ASSERT_EQUAL(value, base::unquote_visible(document.root().attributes().back().value));
    }
  }

  void largest_record_fits_the_line() {
    worker::RecordBuilder builder("session");
    for (int i = 0; i < 40; ++i) builder.child("dialogue").attribute("text", std::string(2048, '"')).end();
    for (int i = 0; i < 40; ++i) builder.child("dialogue").attribute("text", std::string(2048, '\x01')).end();
    ipc::LogRecord record = builder.take();
    record.sequence = 1;
    CPPUNIT_ASSERT(logd::is_acceptable(record));
    const auto line = writer_.record(sender_, record);
    CPPUNIT_ASSERT(line.size() > 300000 && line.size() <= ipc::kMaxLogLineBytes);
  }

  void bad_records_are_refused() {
    struct Case {
      const char* name;
      ipc::LogRecord record;
      bool is_good;
    };
    ipc::LogRecord unnumbered = record_of({element("event", 0)});
    unnumbered.sequence = 0;
    const std::vector<Case> cases{
        {"plain", record_of({element("event", 0, {{"a", ""}, {"b-2", ""}})}), true},
        {"own names deeper", record_of({element("session", 0), element("lost", 1, {{"n", "1"}, {"time", "x"}})}), true},
        {"nothing", record_of({}), false},
        {"no number", unnumbered, false},
        {"root too deep", record_of({element("event", 1)}), false},
        {"two roots", record_of({element("event", 0), element("event", 0)}), false},
        {"child skips a level", record_of({element("event", 0), element("x", 2)}), false},
        {"depth without end", record_of({element("event", 0), element("x", 200)}), false},
        {"empty name", record_of({element("", 0)}), false},
        {"name with a space", record_of({element("event x", 0)}), false},
        {"name with an angle", record_of({element("a><b", 0)}), false},
        {"upper case", record_of({element("Event", 0)}), false},
        {"starts with a digit", record_of({element("1a", 0)}), false},
        {"bad attribute", record_of({element("event", 0, {{"a=\"", "x"}})}), false},
        {"bad attribute of a child", record_of({element("event", 0), element("x", 1, {{"", "x"}})}), false},
        {"attribute twice", record_of({element("event", 0, {{"a", "1"}, {"b", "1"}, {"a", "2"}})}), false},
        {"says who it is", record_of({element("event", 0, {{"from", "policyd.0"}})}), false},
        {"says its instance", record_of({element("event", 0, {{"instance", "1"}})}), false},
        {"says its number", record_of({element("event", 0, {{"n", "1"}})}), false},
        {"says its time", record_of({element("event", 0, {{"time", "1"}})}), false},
        {"feigns a loss", record_of({element("lost", 0)}), false},
        {"feigns a position", record_of({element("continued", 0)}), false},
    };
    for (const Case& c : cases) CPPUNIT_ASSERT_EQUAL_MESSAGE(c.name, c.is_good, logd::is_acceptable(c.record));
  }

  void own_elements() {
    CPPUNIT_ASSERT_EQUAL(std::string("<continued from=\"smtpd-proxy.3\" instance=\"1763758638\" n=\"9\"/>\n"),
                         std::string(writer_.continued(sender_, 9)));
    CPPUNIT_ASSERT_EQUAL(std::string("<lost from=\"smtpd-proxy.3\" instance=\"1763758638\" first=\"5\" last=\"8\" count=\"4\" "
                                     "time=\"1970-01-01T00:00:00.000Z\"/>\n"),
                         std::string(writer_.lost({sender_, 5, 8}, base::WallTime{})));
  }

  void sender_names() {
    for (unsigned i = 0; i < static_cast<unsigned>(ipc::Role::kCount); ++i) {
      const Sender sender{static_cast<ipc::Role>(i), 7, 99};
      CPPUNIT_ASSERT(Sender::from_text(sender.name(), "99") == sender);
    }
    for (const char* bad : {"", "policyd", "policyd.", "policyd.x", "policyd.70000", "nobody.0", ".0"}) {
      CPPUNIT_ASSERT_MESSAGE(bad, !Sender::from_text(bad, "1"));
    }
    CPPUNIT_ASSERT(!Sender::from_text("policyd.0", "4294967296"));
  }

  void syslog_line() {
    const auto record =
        record_of({element("session", 0, {{"client", "192.0.2.1"}}), element("message", 1, {{"sender", "a\"\r\nb"}})});
    CPPUNIT_ASSERT_EQUAL(std::string("smtpd-proxy.3 session client=\"192.0.2.1\" message sender=\"a\"\\x0d\\x0ab\""),
                         logd::syslog_text(sender_, record, 2000));
    const std::string cut = logd::syslog_text(sender_, record_of({element("event", 0, {{"text", std::string(2048, 'x')}})}), 100);
    CPPUNIT_ASSERT_EQUAL(std::size_t{100}, cut.size());
    CPPUNIT_ASSERT(cut.ends_with("..."));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RecordWriterTest);
