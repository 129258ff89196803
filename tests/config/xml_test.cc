// wrap/xml: what is refused as XML and on which line, and that the writer's output reads back as written.
#include "wrap/xml.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <string>

#include "base/quoting.h"

namespace caronte::wrap {
namespace {

using namespace std::string_view_literals;

struct Refused {
  std::string_view text;
  unsigned line;
};
constexpr std::array kRefused{
    Refused{"", 1},
    Refused{"\n\n", 3},
    Refused{"<a>", 1},
    Refused{"<a></b>", 1},
    Refused{"<a>\n<b>\n</a>", 2},
    Refused{"<a/>\n<b/>", 2},
    Refused{"<a/>text", 1},
    Refused{"text<a/>", 1},
    Refused{"</a>", 1},
    Refused{"<!DOCTYPE a>\n<a/>", 1},
    Refused{"<a>\n<![CDATA[x]]></a>", 2},
    Refused{"<a/>\n<?php x?>", 2},
    Refused{"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>", 1},
    Refused{"<?xml version=\"1.1\"?><a/>", 1},
    Refused{"<?xml version=\"1.0\"", 1},
    Refused{"<a>\n<!-- x -- y --></a>", 2},
    Refused{"<a><!-- x </a>", 1},
    Refused{"<a>&</a>", 1},
    Refused{"<a>\n\nx & y</a>", 3},
    Refused{"<a b=\"x&y\"/>", 1},
    Refused{"<a b='&lol;'/>", 1},
    Refused{"<a b='&#0;'/>", 1},
    Refused{"<a b='&#1;'/>", 1},
    Refused{"<a b='&#x7f;'/>", 1},
    Refused{"<a b='&#xD800;'/>", 1},
    Refused{"<a b='&#xFFFE;'/>", 1},
    Refused{"<a b='&#x110000;'/>", 1},
    Refused{"<a b='&#10;'/>", 1},
    Refused{"<a b='&#xx;'/>", 1},
    Refused{"<a b='&#;'/>", 1},
    Refused{"<a b=\"<\"/>", 1},
    Refused{"<a b=\"x/>\n</a>", 1},
    Refused{"<a b=\"1\"c=\"2\"/>", 1},
    Refused{"<a b=\"1\" b=\"2\"/>", 1},
    Refused{"<a\n b=1/>", 2},
    Refused{"<a b/>", 1},
    Refused{"<a \"b\"/>", 1},
    Refused{"<a\"b\"/>", 1},
    Refused{"<a <b/></a>", 1},
    Refused{"< a/>", 1},
    Refused{"<a>\n\x01</a>", 2},
    Refused{"<a>\0</a>"sv, 1},
    Refused{"<a>\x7f</a>", 1},
    Refused{"<a>\n\n\xff</a>", 3},
    Refused{"<a b=\"\xc0\x80\"/>", 1},
    Refused{"<a b=\"\xed\xa0\x80\"/>", 1},
    Refused{"<a b=\"\xe2\x82\"/>", 1},
    Refused{"<a b=\"\xef\xbf\xbe\"/>", 1},
};

class XmlTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(XmlTest);
  CPPUNIT_TEST(documents_are_read);
  CPPUNIT_TEST(byte_order_mark_and_declaration_are_read);
  CPPUNIT_TEST(broken_documents_are_refused_with_their_line);
  CPPUNIT_TEST(nesting_is_bounded);
  CPPUNIT_TEST(text_of_an_element_is_noticed);
  CPPUNIT_TEST(writer_escapes_what_xml_needs);
  CPPUNIT_TEST(any_octets_survive_writer_and_reader);
  CPPUNIT_TEST(writer_is_reusable);
  CPPUNIT_TEST_SUITE_END();

  void documents_are_read() {
    XmlDocument document;
    CPPUNIT_ASSERT(document.parse(
        "<!-- before -->\n<a>\n  <b x=\"1\"\n     y='&lt;&amp;&#xe9;&#65;'/>\n  <!-- in --><c>\n</c>\n</a>\n<!-- after -->\n"));
    const XmlElement root = document.root();
    CPPUNIT_ASSERT(root.name() == "a");
    CPPUNIT_ASSERT_EQUAL(2U, root.line());
    CPPUNIT_ASSERT_EQUAL(0U, root.text_line());
    const auto children = root.children();
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, children.size());
    CPPUNIT_ASSERT(children[0].name() == "b");
    const auto attributes = children[0].attributes();
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, attributes.size());
    CPPUNIT_ASSERT(attributes[0].name == "x" && attributes[0].value == "1" && attributes[0].line == 3);
    CPPUNIT_ASSERT(attributes[1].name == "y" &&
                   attributes[1].value ==
                       "<&\xc3\xa9"
                       "A" &&
                   attributes[1].line == 4);
    CPPUNIT_ASSERT(children[1].name() == "c" && children[1].line() == 5 && children[1].children().empty());
    CPPUNIT_ASSERT_EQUAL(0U, children[1].text_line());
  }

  void byte_order_mark_and_declaration_are_read() {
    XmlDocument document;
    CPPUNIT_ASSERT(document.parse("\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?>\r\n<a/>\r\n"));
    CPPUNIT_ASSERT(document.root().name() == "a");
  }

  void broken_documents_are_refused_with_their_line() {
    for (const Refused& refused : kRefused) {
      XmlDocument document;
      const std::string what = base::quote_visible(refused.text);
      CPPUNIT_ASSERT_MESSAGE(what, !document.parse(refused.text));
      CPPUNIT_ASSERT_MESSAGE(what, !document.problem().text.empty());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(what + ": " + document.problem().text, refused.line, document.problem().line);
    }
  }

  void nesting_is_bounded() {
    const auto nested = [](unsigned depth) {
      std::string text;
      for (unsigned i = 0; i < depth; ++i) text += "<a>";
      for (unsigned i = 0; i < depth; ++i) text += "</a>";
      return text;
    };
    XmlDocument document;
    CPPUNIT_ASSERT(document.parse(nested(XmlDocument::kMaxDepth)));
    CPPUNIT_ASSERT(!document.parse(nested(XmlDocument::kMaxDepth + 1)));
    CPPUNIT_ASSERT(!document.parse(nested(10000)));
  }

  void text_of_an_element_is_noticed() {
    XmlDocument document;
    CPPUNIT_ASSERT(document.parse("<a>\n <b/>\n stray\n</a>"));
    CPPUNIT_ASSERT(document.root().text_line() != 0);
  }

  void writer_escapes_what_xml_needs() {
    XmlWriter writer;
    writer.open("session").attribute("helo", "<a & \"b\" 'c'>");
    writer.open("message").attribute("n", "1").close();
    writer.open("text").text("1 < 2 & 3").close();
    writer.close();
    CPPUNIT_ASSERT_EQUAL(std::string("<session helo=\"&lt;a &amp; &quot;b&quot; &apos;c&apos;&gt;\"><message n=\"1\"/>"
                                     "<text>1 &lt; 2 &amp; 3</text></session>"),
                         std::string(writer.view()));
  }

  void any_octets_survive_writer_and_reader() {
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    all += "\xed\xa0\x80 \xef\xbf\xbe \xe2\x82\xac ]]> &amp; \\x41";
    XmlWriter writer;
    writer.open("a").attribute("b", base::quote_visible(all)).close();
    XmlDocument document;
    CPPUNIT_ASSERT(document.parse(writer.view()));
    CPPUNIT_ASSERT(base::unquote_visible(document.root().attributes().at(0).value) == all);
  }

  void writer_is_reusable() {
    XmlWriter writer;
    writer.open("a").open("b");
    writer.clear();
    CPPUNIT_ASSERT(writer.view().empty());
    writer.open("c").close();
    CPPUNIT_ASSERT_EQUAL(std::string("<c/>"), std::string(writer.view()));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(XmlTest);

}  // namespace
}  // namespace caronte::wrap
