// Walks the rows of the settings table: each default and each end of each range is taken, what lies outside is refused
// with file, line, element, attribute and the allowed values, and each value reaches those who may know it alone.
#include "config/settings.h"

#include <cppunit/extensions/HelperMacros.h>

#include <limits>
#include <set>

#include "config/value_parser.h"
#include "reading.h"

namespace caronte::config {
namespace {

std::string name_of(const Setting& setting) {
  return std::string(setting.element) + " " + std::string(setting.attribute);
}

std::string written(const Setting& setting, std::uint64_t value) {
  if (setting.type == Type::duration) return std::to_string(value) + "ms";
  return std::to_string(value);
}

bool is_number(const Setting& setting) {
  return setting.type == Type::duration || setting.type == Type::size || setting.type == Type::count ||
         setting.type == Type::count_or_auto || setting.type == Type::port;
}

// A value that is allowed and neither the default nor what part_for() resets to.
std::string other_value(const Setting& setting) {
  switch (setting.type) {
    case Type::duration:
    case Type::size:
    case Type::count:
    case Type::count_or_auto:
    case Type::port: return written(setting, setting.minimum + 7);
    case Type::yes_no: return setting.initial == "yes" ? "no" : "yes";
    case Type::word: return std::string(setting.words.back());
    case Type::host_name:
    case Type::domain: return "other.example.com";
    case Type::group: return "mail";
    case Type::reply: return setting.words.front() == "5" ? "554 other" : "421 4.7.0 other";
    case Type::address: return "192.0.2.77";
    case Type::ranges: return "192.0.2.0/24, 2001:db8::/32";
    case Type::resolvers: return "192.0.2.1 2001:db8::1@5353";
    case Type::characters: return "a-c&-";
    case Type::folder: return "/other";
    case Type::list: return "lists/relay";
  }
  return {};
}

// What stands in a slot, for comparison.
std::string content(const Setting& setting, Configuration& configuration) {
  std::string out;
  Listen no_listen;
  DestinationServer no_server;
  Domain no_domain;
  no_listen.endpoint.port = 0;
  Here here{&configuration, configuration.listens.empty() ? &no_listen : &configuration.listens.front(),
            configuration.destination.servers.empty() ? &no_server : &configuration.destination.servers.front(),
            configuration.domains.empty() ? &no_domain : &configuration.domains.front()};
  std::visit(
      [&](auto where) {
        if constexpr (requires { where(here); }) {
          ipc::Encoder encoder(out);
          encoder.visit(where(here));
        }
      },
      setting.slot);
  return out;
}

Xml with_dns() {
  Xml xml;
  xml.set("dns", "cache-minimum", "0");  // not longer than any maximum
  return xml;
}

class SettingsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SettingsTest);
  CPPUNIT_TEST(rows_are_consistent);
  CPPUNIT_TEST(each_default_is_taken);
  CPPUNIT_TEST(each_range_is_kept);
  CPPUNIT_TEST(each_word_is_taken_and_no_other);
  CPPUNIT_TEST(nonsense_is_refused_everywhere);
  CPPUNIT_TEST(each_value_is_stored);
  CPPUNIT_TEST(each_line_is_kept);
  CPPUNIT_TEST(each_value_reaches_its_receivers_alone);
  CPPUNIT_TEST(presence_reaches_its_receivers_alone);
  CPPUNIT_TEST_SUITE_END();

  void rows_are_consistent() {
    std::set<std::string> names;
    for (const Setting& s : settings()) {
      const std::string name = name_of(s);
      CPPUNIT_ASSERT_MESSAGE(name, names.insert(name).second);
      CPPUNIT_ASSERT_MESSAGE(name, find_setting(s.element, s.attribute) == &s);
      CPPUNIT_ASSERT_MESSAGE(name, s.help.ends_with('.'));
      CPPUNIT_ASSERT_MESSAGE(name, (s.receivers == 0) == std::holds_alternative<std::monostate>(s.slot));
      CPPUNIT_ASSERT_MESSAGE(name, (s.receivers & ~(ipc::kMaster | ipc::kWorkers)) == 0);
      CPPUNIT_ASSERT_MESSAGE(name, !allowed_values(s).empty());
      CPPUNIT_ASSERT_MESSAGE(name, !is_number(s) || s.minimum < s.maximum);
      CPPUNIT_ASSERT_MESSAGE(name, s.type == Type::list || !std::holds_alternative<ListId>(s.slot));
      bool has_element = false;
      for (const Element& e : elements()) has_element = has_element || e.path == s.element;
      CPPUNIT_ASSERT_MESSAGE(name, has_element);
    }
    CPPUNIT_ASSERT(find_setting("limits", "no-such") == nullptr);
    CPPUNIT_ASSERT(find_setting("no-such", "errors") == nullptr);
  }

  void each_default_is_taken() {
    for (const Setting& s : settings()) {
      if (!s.initial) continue;
      const auto result = read_text(Xml().set(std::string(s.element), std::string(s.attribute), std::string(*s.initial)).text());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name_of(s), std::string(), errors_of(result));
    }
  }

  static std::string errors_of(const ReadResult& result) { return result.is_ok ? "" : text_of(result); }

  void assert_taken(const Setting& s, const std::string& value) {
    const auto result = read_text(Xml().set(std::string(s.element), std::string(s.attribute), value).text());
    // Some values contradict another setting's default; that is another error than "not allowed".
    CPPUNIT_ASSERT_MESSAGE(name_of(s) + " = " + value + ": " + text_of(result),
                           text_of(result).find("is not allowed") == std::string::npos);
  }

  void assert_refused(const Setting& s, const std::string& value) {
    Xml xml;
    xml.set(std::string(s.element), std::string(s.attribute), value);
    const auto result = read_text(xml.text());
    CPPUNIT_ASSERT_MESSAGE(name_of(s) + " = " + value, !result.is_ok);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, result.diagnostics.size());
    const ipc::Diagnostic& d = result.diagnostics.front();
    CPPUNIT_ASSERT_EQUAL(std::string("caronte.xml"), d.file.str());
    CPPUNIT_ASSERT_EQUAL_MESSAGE(name_of(s), xml.line_of(std::string(s.element)), d.line);
    CPPUNIT_ASSERT_EQUAL(name_of(s), d.element.str());
    CPPUNIT_ASSERT_MESSAGE(d.text.str(), d.text.str().ends_with("allowed: " + allowed_values(s)));
  }

  void each_range_is_kept() {
    for (const Setting& s : settings()) {
      if (!is_number(s)) continue;
      assert_taken(s, written(s, s.minimum));
      assert_taken(s, written(s, s.maximum));
      assert_refused(s, written(s, s.maximum + 1));
      assert_refused(s, "99999999999999999999");
      if (s.zero_is_off) {
        assert_taken(s, "0");
      } else {
        assert_refused(s, "0");
      }
      if (s.minimum > 1) assert_refused(s, written(s, s.minimum - 1));
    }
  }

  void each_word_is_taken_and_no_other() {
    for (const Setting& s : settings()) {
      if (s.type == Type::yes_no) {
        assert_taken(s, "yes");
        assert_taken(s, "no");
        for (const char* value : {"Yes", "true", "1", "on"}) assert_refused(s, value);
      }
      if (s.type != Type::word) continue;
      for (const std::string_view word : s.words) assert_taken(s, std::string(word));
      assert_refused(s, std::string(s.words.front()) + "x");
    }
  }

  void nonsense_is_refused_everywhere() {
    for (const Setting& s : settings()) {
      if (s.initial != "" && s.type != Type::group) assert_refused(s, "");
      assert_refused(s, "\xc3\xa4 /../ x");
      if (!is_number(s)) continue;
      for (const char* value : {"-1", "+1", "1.5", "0x10", "007", "1 ", " 1", "25x", "1e3", "1 0", "\xc2\xb2"})
        assert_refused(s, value);
    }
  }

  void each_value_is_stored() {
    for (const Setting& s : settings()) {
      if (std::holds_alternative<std::monostate>(s.slot) || s.type == Type::list) continue;
      auto before = read_text(with_dns().text());
      auto after = read_text(with_dns().set(std::string(s.element), std::string(s.attribute), other_value(s)).text());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name_of(s), std::string(), errors_of(after));
      CPPUNIT_ASSERT_MESSAGE(name_of(s), content(s, before.configuration) != content(s, after.configuration));
    }
  }

  void each_line_is_kept() {
    for (const Setting& s : settings()) {
      if (s.element == "listen" || s.element == "domains/domain") continue;  // repeated: their struct has the line
      Xml xml;
      xml.set(std::string(s.element), std::string(s.attribute), other_value(s));
      const auto result = read_text(xml.text());
      const auto index = static_cast<std::size_t>(&s - settings().data());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name_of(s), xml.line_of(std::string(s.element)), result.configuration.setting_lines.at(index));
    }
  }

  void each_value_reaches_its_receivers_alone() {
    Xml xml;
    for (const Setting& s : settings()) xml.set(std::string(s.element), std::string(s.attribute), other_value(s));
    auto whole = read_text(xml.text());
    CPPUNIT_ASSERT_EQUAL(std::string(), errors_of(whole));
    Configuration nothing;
    for (unsigned r = 0; r < static_cast<unsigned>(ipc::Role::kCount); ++r) {
      const auto role = static_cast<ipc::Role>(r);
      Configuration part = part_for(role, whole.configuration);
      for (const Setting& s : settings()) {
        if (s.receivers == 0 || s.type == Type::list) continue;
        const bool may_know = (s.receivers & ipc::mask_of(role)) != 0;
        const std::string where = name_of(s) + " for " + std::string(ipc::name_of(role));
        if (may_know) {
          CPPUNIT_ASSERT_MESSAGE(where, content(s, part) == content(s, whole.configuration));
        } else {
          CPPUNIT_ASSERT_MESSAGE(where, content(s, part) == content(s, nothing));
          CPPUNIT_ASSERT_EQUAL_MESSAGE(where, 0U, part.setting_lines.at(static_cast<std::size_t>(&s - settings().data())));
        }
      }
    }
  }

  void presence_reaches_its_receivers_alone() {
    auto whole = read_text(with_dns().text());
    CPPUNIT_ASSERT(part_for(ipc::Role::dnsd, whole.configuration).dns.is_present);
    CPPUNIT_ASSERT(!part_for(ipc::Role::smtpd_proxy, whole.configuration).dns.is_present);
    CPPUNIT_ASSERT(part_for(ipc::Role::smtpd_proxy, whole.configuration).log.is_present);
    CPPUNIT_ASSERT(!part_for(ipc::Role::control, whole.configuration).log.is_present);
    CPPUNIT_ASSERT(part_for(ipc::Role::dnsd, whole.configuration).domains.empty());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SettingsTest);

}  // namespace
}  // namespace caronte::config
