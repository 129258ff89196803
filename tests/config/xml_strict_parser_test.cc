// What tinyxml2 lets pass and the strict parser does not; xml_test.cc has both together.
#include "wrap/xml_strict_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <random>
#include <string>

#include "base/quoting.h"

namespace caronte::wrap {
namespace {

constexpr unsigned kDepth = 3;

struct Case {
  std::string_view text;
  std::string_view part;  // of the problem
  unsigned line;
};
constexpr std::array kProblems{
    Case{"", "no element", 1},
    Case{"<!-- nothing -->\n", "no element", 2},
    Case{"<a/><b/>", "second root", 1},
    Case{"<a/>\nx", "outside", 2},
    Case{"<a>\n<!DOCTYPE a></a>", "comments only", 2},
    Case{"<a><?x?></a>", "processing instructions", 1},
    Case{"<?xml version=\"1.0\" encoding=\"latin1\"?>", "declaration", 1},
    Case{"<a><!-- -- --></a>", "inside of a comment", 1},
    Case{"<a>\n&x;</a>", "unknown entity", 2},
    Case{"<a>&#x1;</a>", "unknown entity", 1},
    Case{"<a>&#4294967393;</a>", "unknown entity", 1},
    Case{"<a b='&'/>", "bare &", 1},
    Case{"<a b='<'/>", "inside of an attribute", 1},
    Case{"<a b='1'c='2'/>", "white space", 1},
    Case{"<a><a><a><a/></a></a></a>", "too deeply", 1},
    Case{"<a></a></a>", "without its element", 1},
    Case{"<a b='", "closing quote", 1},
    Case{"<a", "without its end", 1},
    Case{"</", "without its end", 1},
    Case{"<a>\r\n\x80</a>", "invalid UTF-8", 2},
};

class XmlStrictParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(XmlStrictParserTest);
  CPPUNIT_TEST(problems_are_found_in_their_line);
  CPPUNIT_TEST(what_xml_allows_is_no_problem);
  CPPUNIT_TEST(random_texts_end);
  CPPUNIT_TEST_SUITE_END();

  void problems_are_found_in_their_line() {
    for (const Case& c : kProblems) {
      const auto problem = find_xml_problem(c.text, kDepth);
      const std::string what = base::quote_visible(c.text);
      CPPUNIT_ASSERT_MESSAGE(what, problem.has_value());
      CPPUNIT_ASSERT_MESSAGE(what + ": " + problem->text, problem->text.find(c.part) != std::string::npos);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(what, c.line, problem->line);
    }
  }

  void what_xml_allows_is_no_problem() {
    for (const std::string_view text :
         {"<a/>", "<a></a>", "\xEF\xBB\xBF<a/>", "<?xml version='1.0'?>\n<a/>",
          "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><a/>",
          "<!-- x --><a b='1' c=\"2>\"\n d = '\"'><b/><!-- <c> & --> &lt;&gt;&amp;&quot;&apos;&#65;&#x20AC; </a><!-- y -->\n",
          "<a><a><a/><a></a></a></a>"}) {
      const auto problem = find_xml_problem(text, kDepth);
      CPPUNIT_ASSERT_MESSAGE(std::string(text) + ": " + (problem ? problem->text : ""), !problem);
    }
  }

  void random_texts_end() {
    std::mt19937 random(23);  // NOLINT: the same in every run
    static constexpr std::string_view kPieces[] = {"<", ">",    "/>",  "</a>", "<a",     " b=", "\"", "'", "&amp;", "&",
                                                   ";", "<!--", "-->", "--",   "<?xml ", "?>",  "\n", "x", "\xff"};
    unsigned problems = 0;
    for (int i = 0; i < 20'000; ++i) {
      std::string text;
      for (auto count = random() % 12; count > 0; --count) text += kPieces[random() % std::size(kPieces)];
      problems += find_xml_problem(text, kDepth) ? 1 : 0;
    }
    CPPUNIT_ASSERT(problems > 10'000 && problems < 20'000);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(XmlStrictParserTest);

}  // namespace
}  // namespace caronte::wrap
