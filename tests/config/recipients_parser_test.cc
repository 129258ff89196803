// Lists of valid recipients as text, and the question whether an address is in one (Q3).
#include "config/recipients_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>

#include "config/local_domains.h"
#include "config/name_list.h"

namespace caronte::config {
namespace {

MappedNames mapped(const ParsedRecipients& list) {
  return MappedNames::map(seal_bytes("test", list.table).value().get()).value();
}

Domain domain(const char* name, bool has_recipients) {
  Domain made;
  made.name = name;
  made.has_recipients = has_recipients;
  return made;
}

class RecipientsParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RecipientsParserTest);
  CPPUNIT_TEST(entries_comments_and_blank_lines);
  CPPUNIT_TEST(other_domains_are_passed_over);
  CPPUNIT_TEST(bad_lines_are_named_and_never_quoted);
  CPPUNIT_TEST(problems_are_bounded);
  CPPUNIT_TEST(list_without_recipients_is_warned_of);
  CPPUNIT_TEST(a_hundred_thousand_lines);
  CPPUNIT_TEST(addresses_are_looked_up_in_their_domain);
  CPPUNIT_TEST(quotes_are_no_part_of_a_name);
  CPPUNIT_TEST_SUITE_END();

  void entries_comments_and_blank_lines() {
    const ParsedRecipients list = parse_recipient_list(
        "\xEF\xBB\xBF# head\n\nAnna\r\n\t Bea@Example.ORG. \t# behind\n   # only\nc#d\n*\nj\xc3\xb6rg\n\"with blank\"\n",
        "example.org");
    CPPUNIT_ASSERT(list.problems.empty());
    CPPUNIT_ASSERT_EQUAL(6U, list.entries);
    const MappedNames names = mapped(list);
    CPPUNIT_ASSERT_EQUAL(6U, names.names().entries());
    CPPUNIT_ASSERT(names.names().find("anna") == 3U);
    CPPUNIT_ASSERT(names.names().find("bea") == 4U);
    CPPUNIT_ASSERT(names.names().find("c#d") == 6U);
    CPPUNIT_ASSERT(names.names().find("*") == 7U);
    CPPUNIT_ASSERT(names.names().find("j\xc3\xb6rg") == 8U);
    CPPUNIT_ASSERT(names.names().find("with blank") == 9U);
    CPPUNIT_ASSERT(!names.names().find("dora"));
  }

  void other_domains_are_passed_over() {
    const ParsedRecipients list = parse_recipient_list("a@example.org\nb@example.net\nc@sub.example.org\nd\n", "example.org");
    CPPUNIT_ASSERT(list.problems.empty());
    CPPUNIT_ASSERT_EQUAL(4U, list.entries);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, mapped(list).names().size());
    CPPUNIT_ASSERT(!mapped(list).names().find("b") && !mapped(list).names().find("c"));
  }

  void bad_lines_are_named_and_never_quoted() {
    const std::string longest(64, 'x');
    for (const std::string& bad :
         {std::string("@example.org"), std::string("secret@"), std::string("secret@ex ample.org"), std::string("secret word"),
          std::string("secret, other"), std::string("<secret@example.org>"), std::string("\x01secret"), std::string("se\xffret"),
          std::string("\"\""), longest + "x", std::string("secret@-example.org"), std::string("se\0ret", 6)}) {
      const ParsedRecipients list = parse_recipient_list("anna\n" + bad + "\nbea\n", "example.org");
      CPPUNIT_ASSERT_EQUAL_MESSAGE(bad, std::size_t{1}, list.problems.size());
      CPPUNIT_ASSERT_EQUAL(2U, list.problems[0].line);
      CPPUNIT_ASSERT(!list.problems[0].is_warning && list.table.empty());
      CPPUNIT_ASSERT(list.problems[0].text.find("secret") == std::string::npos);
    }
    CPPUNIT_ASSERT(parse_recipient_list(longest, "example.org").problems.empty());
  }

  void problems_are_bounded() {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "a b\n";
    CPPUNIT_ASSERT_EQUAL(kMaxListErrors, parse_recipient_list(text, "example.org").problems.size());
  }

  void list_without_recipients_is_warned_of() {
    for (const char* text : {"", "# nobody\n", "a@example.net\n"}) {
      const ParsedRecipients list = parse_recipient_list(text, "example.org");
      CPPUNIT_ASSERT_EQUAL_MESSAGE(text, std::size_t{1}, list.problems.size());
      CPPUNIT_ASSERT(list.problems[0].is_warning);
      CPPUNIT_ASSERT_EQUAL(std::size_t{0}, mapped(list).names().size());
    }
  }

  void a_hundred_thousand_lines() {
    std::string text;
    for (unsigned i = 0; i < 100'000; ++i) text += "user" + std::to_string(i * 7919 % 100'000) + "@example.org\n";
    const auto begin = std::chrono::steady_clock::now();
    const MappedNames names = mapped(parse_recipient_list(text, "example.org"));
    CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
    CPPUNIT_ASSERT_EQUAL(std::size_t{100'000}, names.names().size());
    CPPUNIT_ASSERT(names.names().find("user7919") == 2U && !names.names().find("user100000"));
  }

  static LocalDomains domains() {
    std::vector<MappedNames> lists;
    lists.push_back(MappedNames());
    lists.push_back(mapped(parse_recipient_list("anna\nbea@example.net\n\"c d\"\n", "example.net")));
    return {{domain("example.org", false), domain("example.net", true), domain("example.com", true)}, lists};
  }

  void addresses_are_looked_up_in_their_domain() {
    const LocalDomains local = domains();
    CPPUNIT_ASSERT(local.has_recipient_lists());
    for (const char* known : {"anna@example.net", "ANNA@Example.NET", "bea@example.net.", "Postmaster@example.net"}) {
      CPPUNIT_ASSERT_MESSAGE(known, local.is_recipient(known) == true);
    }
    for (const char* unknown : {"dora@example.net", "anna@x@example.net", "@example.net", "anna @example.net",
                                "anna@example.com" /* a list that never came names nobody */}) {
      CPPUNIT_ASSERT_MESSAGE(unknown, local.is_recipient(unknown) == false);
    }
    CPPUNIT_ASSERT(local.is_recipient("postmaster@example.com") == true);
    for (const char* other : {"anna@example.org", "anna@sub.example.net", "anna", "postmaster", ""}) {
      CPPUNIT_ASSERT_MESSAGE(other, !local.is_recipient(other));
    }
    CPPUNIT_ASSERT(local.is_local("x@EXAMPLE.org") && local.is_local("example.com.") && !local.is_local("x@sub.example.org"));
    CPPUNIT_ASSERT(!LocalDomains({domain("example.org", false)}, {}).has_recipient_lists());
  }

  void quotes_are_no_part_of_a_name() {
    const LocalDomains local = domains();
    for (const char* known : {"\"anna\"@example.net", "\"a\\nna\"@example.net", "\"c d\"@example.net", "\"C\\ D\"@example.net"}) {
      CPPUNIT_ASSERT_MESSAGE(known, local.is_recipient(known) == true);
    }
    CPPUNIT_ASSERT(local.is_recipient("\"anna@example.net") == false);
    CPPUNIT_ASSERT(local.is_recipient("\"dora@example.net\"@example.net") == false);
    CPPUNIT_ASSERT_EQUAL(std::string("a\\"), recipient_key("\"a\\\\\""));
    CPPUNIT_ASSERT_EQUAL(std::string("\""), recipient_key("\""));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RecipientsParserTest);

}  // namespace
}  // namespace caronte::config
