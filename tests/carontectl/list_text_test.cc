// Lists as text that people write (IW-5, IW-7): what is changed, and what stays as it was.
#include "carontectl/list_text.h"

#include <cppunit/extensions/HelperMacros.h>

namespace caronte::carontectl {
namespace {

using config::HostNames;

constexpr std::string_view kList =
    "# head\n"
    "\n"
    "192.0.2.1   # one\n"
    "  mail.example.org\n"
    "# between\n"
    "192.0.2.0/24#net\n"
    "2001:db8::1\r\n";

std::string error_of(const base::Status& status) {
  return status ? "" : status.error().text;
}

class ListTextTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ListTextTest);
  CPPUNIT_TEST(text_stays_as_it_was);
  CPPUNIT_TEST(entries_are_shown_in_order);
  CPPUNIT_TEST(entries_are_added_at_the_end);
  CPPUNIT_TEST(what_is_there_in_any_form_is_not_added);
  CPPUNIT_TEST(what_is_no_entry_is_not_added);
  CPPUNIT_TEST(what_is_covered_is_told);
  CPPUNIT_TEST(entries_are_removed_with_their_line);
  CPPUNIT_TEST(entries_are_moved_and_comments_stay);
  CPPUNIT_TEST(problems_are_those_of_the_gateway);
  CPPUNIT_TEST_SUITE_END();

  void text_stays_as_it_was() {
    for (const std::string_view text : {kList, std::string_view(""), std::string_view("\n\n"),
                                        std::string_view("\xEF\xBB\xBF# x\n"), std::string_view("rubbish here\n\x01\n")}) {
      CPPUNIT_ASSERT_EQUAL(std::string(text), ListText(text, HostNames::taken).text());
    }
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1\n"), ListText("192.0.2.1", HostNames::taken).text());
  }

  void entries_are_shown_in_order() {
    const auto entries = ListText(kList, HostNames::taken).entries();
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, entries.size());
    CPPUNIT_ASSERT(entries[0].line == 3 && entries[0].text == "192.0.2.1" && entries[0].comment == "one");
    CPPUNIT_ASSERT(entries[1].line == 4 && entries[1].text == "mail.example.org" && entries[1].comment.empty());
    CPPUNIT_ASSERT(entries[2].line == 6 && entries[2].text == "192.0.2.0/24" && entries[2].comment == "net");
    CPPUNIT_ASSERT(entries[3].line == 7 && entries[3].text == "2001:db8::1");
  }

  void entries_are_added_at_the_end() {
    ListText list(kList, HostNames::taken);
    for (const char* entry : {"198.51.100.7", " 198.51.100.9-20 ", "198.51.100.64/255.255.255.192", "Other.Example.ORG.",
                              "2001:db9::/32", "203.0.113.*", "203.0.114.1-203.0.115.9"}) {
      const auto added = list.add(entry);
      CPPUNIT_ASSERT_MESSAGE(entry, added.is_ok() && added.value().empty());
    }
    CPPUNIT_ASSERT(list.text().starts_with(std::string(kList) + "198.51.100.7\n198.51.100.9-20\n"));
    CPPUNIT_ASSERT(list.problems().empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{11}, list.entries().size());
    ListText without_end("192.0.2.1", HostNames::refused);
    CPPUNIT_ASSERT(without_end.add("192.0.2.2").is_ok());
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1\n192.0.2.2\n"), without_end.text());
  }

  void what_is_there_in_any_form_is_not_added() {
    ListText list(kList, HostNames::taken);
    struct Case {
      const char* entry;
      const char* line;
    };
    for (const Case c : {Case{"192.0.2.1", "line 3"}, Case{"192.0.2.1/32", "line 3"}, Case{"MAIL.example.org.", "line 4"},
                         Case{"192.0.2.0-255", "line 6"}, Case{"192.0.2.*", "line 6"}, Case{"192.0.2.0/255.255.255.0", "line 6"},
                         Case{"2001:DB8:0::1", "line 7"}}) {
      const auto added = list.add(c.entry);
      CPPUNIT_ASSERT_MESSAGE(c.entry, !added.is_ok());
      CPPUNIT_ASSERT_MESSAGE(added.error().text, added.error().text.find(std::string(c.line) + " already") != std::string::npos);
    }
    CPPUNIT_ASSERT_EQUAL(std::string(kList), list.text());
  }

  void what_is_no_entry_is_not_added() {
    ListText list(kList, HostNames::taken);
    for (const char* entry :
         {"", " ", "#", "192.0.2.9 # comment", "192.0.2.9\n192.0.2.10", "192.0.2.300", "192.0.2.1/24", "localhost", "a b", "\x01",
          "\xEF\xBB\xBF"
          "192.0.2.9"}) {
      CPPUNIT_ASSERT_MESSAGE(entry, !list.add(entry).is_ok());
    }
    CPPUNIT_ASSERT(!ListText(kList, HostNames::refused).add("other.example.org").is_ok());
    CPPUNIT_ASSERT_EQUAL(std::string(kList), list.text());
  }

  void what_is_covered_is_told() {
    ListText list(kList, HostNames::taken);
    CPPUNIT_ASSERT_EQUAL(std::string("line 6 covers it already"), list.add("192.0.2.64/26").value());
    CPPUNIT_ASSERT(list.add("0.0.0.0/0").value().find("large part of the Internet") != std::string::npos);
    CPPUNIT_ASSERT_EQUAL(std::size_t{6}, list.entries().size());
  }

  void entries_are_removed_with_their_line() {
    ListText list(kList, HostNames::taken);
    CPPUNIT_ASSERT_EQUAL(std::string(), error_of(list.remove("192.0.2.1/32")));
    CPPUNIT_ASSERT_EQUAL(std::string(), error_of(list.remove("MAIL.example.org")));
    CPPUNIT_ASSERT_EQUAL(std::string("# head\n\n# between\n192.0.2.0/24#net\n2001:db8::1\r\n"), list.text());
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1 is not in the list"), error_of(list.remove("192.0.2.1")));
    CPPUNIT_ASSERT_EQUAL(std::string("nonsense is not in the list"), error_of(list.remove("nonsense")));
    CPPUNIT_ASSERT(!list.remove("").is_ok());
    ListText twice("192.0.2.1\n192.0.2.2\n192.0.2.1 # again\n", HostNames::refused);
    CPPUNIT_ASSERT(twice.remove("192.0.2.1").is_ok());
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.2\n"), twice.text());
  }

  void entries_are_moved_and_comments_stay() {
    ListText list(kList, HostNames::taken);
    CPPUNIT_ASSERT_EQUAL(std::string(), error_of(list.move("192.0.2.0/24", ListText::Up{})));
    CPPUNIT_ASSERT_EQUAL(
        std::string("# head\n\n192.0.2.1   # one\n192.0.2.0/24#net\n# between\n  mail.example.org\n2001:db8::1\r\n"), list.text());
    CPPUNIT_ASSERT_EQUAL(std::string(), error_of(list.move("192.0.2.0/24", ListText::Down{})));
    CPPUNIT_ASSERT_EQUAL(std::string(kList), list.text());
    CPPUNIT_ASSERT_EQUAL(std::string(), error_of(list.move("2001:db8::1", ListText::To{1})));
    CPPUNIT_ASSERT_EQUAL(
        std::string("# head\n\n2001:db8::1\r\n192.0.2.1   # one\n# between\n  mail.example.org\n192.0.2.0/24#net\n"), list.text());
    CPPUNIT_ASSERT_EQUAL(std::string(), error_of(list.move("2001:db8::1", ListText::To{4})));
    CPPUNIT_ASSERT_EQUAL(std::string(kList), list.text());
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1 is the first entry"), error_of(list.move("192.0.2.1", ListText::Up{})));
    CPPUNIT_ASSERT_EQUAL(std::string("2001:db8::1 is the last entry"), error_of(list.move("2001:db8::1", ListText::Down{})));
    CPPUNIT_ASSERT_EQUAL(std::string("there are 4 entries"), error_of(list.move("192.0.2.1", ListText::To{5})));
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.9 is not in the list"), error_of(list.move("192.0.2.9", ListText::Up{})));
    CPPUNIT_ASSERT_EQUAL(std::string(kList), list.text());
  }

  void problems_are_those_of_the_gateway() {
    const auto problems = ListText("192.0.2.1\nmail.example.org\nrubbish\n", HostNames::refused).problems();
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, problems.size());
    CPPUNIT_ASSERT(problems[0].line == 2 && problems[1].line == 3);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, ListText("192.0.2.1\nmail.example.org\nrubbish\n", HostNames::taken).problems().size());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ListTextTest);

}  // namespace
}  // namespace caronte::carontectl
