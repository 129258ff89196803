// The documents that show the settings: the sample has every one of them with its default, the sample lists are valid,
// and the manual page's reference part is what the settings table says.
#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <fstream>
#include <set>
#include <sstream>

#include "config/settings.h"
#include "reading.h"
#include "settings_manual.h"
#include "wrap/xml.h"

namespace caronte::config {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(std::string(CARONTE_TEST_SOURCES) + "/" + path, std::ios::binary);
  CPPUNIT_ASSERT_MESSAGE(path, file.good());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

constexpr std::array<const char*, 4> kLists{"relay", "trusted", "white", "hell"};

class DocumentsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DocumentsTest);
  CPPUNIT_TEST(sample_is_valid_without_a_warning);
  CPPUNIT_TEST(sample_shows_every_setting_with_its_default);
  CPPUNIT_TEST(sample_lists_are_valid_and_empty);
  CPPUNIT_TEST(examples_in_the_sample_lists_are_valid);
  CPPUNIT_TEST(manual_says_what_the_table_says);
  CPPUNIT_TEST_SUITE_END();

  // Elements that the sample has in a comment of their own, so that they are off, made real.
  static std::string with_all_elements(std::string text) {
    for (std::size_t at = text.find("<!--<"); at != std::string::npos; at = text.find("<!--<", at)) {
      text.erase(at, 4);
      text.erase(text.find("-->", at), 3);
    }
    return text;
  }

  static ListsInMemory sample_lists() {
    ListsInMemory lists;
    for (const std::string name : kLists) lists.files["lists/" + name] = content_of("etc/lists/" + name);
    return lists;
  }

  void sample_is_valid_without_a_warning() {
    const std::string sample = content_of("etc/caronte.xml");
    CPPUNIT_ASSERT(with_all_elements(sample) != sample);
    for (const std::string& text : {sample, with_all_elements(sample)}) {
      const ReadResult result = read_text(text, sample_lists());
      CPPUNIT_ASSERT_EQUAL(std::string(), text_of(result));
      CPPUNIT_ASSERT(result.is_ok);
    }
  }

  void sample_shows_every_setting_with_its_default() {
    wrap::XmlDocument document;
    const std::string text = with_all_elements(content_of("etc/caronte.xml"));
    CPPUNIT_ASSERT(document.parse(text));
    std::set<const Setting*> shown;
    const auto look = [&](const wrap::XmlElement& element, const std::string& path) {
      for (const auto& attribute : element.attributes()) {
        const Setting* setting = find_setting(path, attribute.name);
        CPPUNIT_ASSERT(setting != nullptr);
        shown.insert(setting);
        const bool is_example = path == "destination/server" || !setting->initial;
        const bool is_place = setting->initial == CARONTE_STATEDIR || setting->initial == CARONTE_LOGDIR;
        const std::string what = path + " " + std::string(attribute.name);
        if (is_place) {
          CPPUNIT_ASSERT_MESSAGE(what, attribute.value == "/var/lib/caronte" || attribute.value == "/var/log/caronte");
        } else if (!is_example) {
          CPPUNIT_ASSERT_EQUAL_MESSAGE(what, std::string(*setting->initial), std::string(attribute.value));
        }
      }
    };
    for (const auto& element : document.root().children()) {
      look(element, std::string(element.name()));
      for (const auto& child : element.children()) look(child, std::string(element.name()) + "/" + std::string(child.name()));
    }
    for (const Setting& setting : settings()) {
      CPPUNIT_ASSERT_MESSAGE(std::string(setting.element) + " " + std::string(setting.attribute), shown.contains(&setting));
    }
  }

  // FW-4: nobody is a relay until somebody is entered.
  void sample_lists_are_valid_and_empty() {
    for (const std::string name : kLists) {
      const ParsedList list = parse_address_list(content_of("etc/lists/" + name));
      CPPUNIT_ASSERT_MESSAGE(name, list.problems.empty());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, 0U, list.entries);
    }
  }

  void examples_in_the_sample_lists_are_valid() {
    for (const std::string name : kLists) {
      std::istringstream lines(content_of("etc/lists/" + name));
      std::string examples;
      for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# 192.") || line.starts_with("# 2001:")) examples += line.substr(2, line.find(' ', 2) - 2) + "\n";
      }
      const ParsedList list = parse_address_list(examples);
      CPPUNIT_ASSERT_MESSAGE(name, list.problems.empty());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, 8U, list.entries);
    }
  }

  void manual_says_what_the_table_says() {
    static constexpr std::string_view kBegin = ".\\\" Settings, as tests/config/print_settings_manual prints them.\n";
    static constexpr std::string_view kEnd = ".\\\" End of the settings.\n";
    const std::string manual = content_of("man/caronte.xml.5");
    const std::size_t begin = manual.find(kBegin);
    const std::size_t end = manual.find(kEnd);
    CPPUNIT_ASSERT(begin != std::string::npos && end != std::string::npos && begin < end);
    CPPUNIT_ASSERT_EQUAL(settings_manual(), manual.substr(begin + kBegin.size(), end - begin - kBegin.size()));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(DocumentsTest);

}  // namespace
}  // namespace caronte::config
