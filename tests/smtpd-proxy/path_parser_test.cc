#include "smtpd-proxy/path_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace caronte::smtpd_proxy {

namespace {

using namespace std::string_literals;

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

// A domain of exactly `size` octets, its labels short enough.
std::string domain_of(std::size_t size) {
  std::string out = repeated("abcdefghi.", size / 10);
  out += std::string(size % 10, 'z');
  if (out.back() == '.') out.back() = 'z';
  return out;
}

}  // namespace

class PathParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(PathParserTest);
  CPPUNIT_TEST(recipients_are_taken_or_not);
  CPPUNIT_TEST(null_and_postmaster);
  CPPUNIT_TEST(parts_are_those_written);
  CPPUNIT_TEST(utf8_needs_smtputf8);
  CPPUNIT_TEST(prefixes_are_malformed);
  CPPUNIT_TEST_SUITE_END();

 public:
  void recipients_are_taken_or_not() {
    const struct {
      std::string path;
      bool is_valid;
    } cases[] = {
        {"a@b>", true},
        {"a.b.c@example.org>", true},
        {"!#$%&'*+-/=?^_`{|}~@example.org>", true},
        {"a@localhost>", true},
        {"a@_dmarc.ex_ample.org>", true},
        {"a@1.2.3.4>", true},
        {"a@xn--bcher-kva.example>", true},
        {"a@b--c.d>", true},
        {"\"a b\"@example.org>", true},
        {"\"\"@example.org>", true},
        {"\"a\\\"b\\\\c\"@example.org>", true},
        {"\"a@b\"@example.org>", true},
        {"\"a>b\"@example.org>", true},
        {"@a.example,@b.example:c@example.org>", true},
        {"@a.example:c@example.org>", true},
        {"a@[192.0.2.1]>", true},
        {"a@[IPv6:2001:db8::1]>", true},
        {"a@[ipv6:::1]>", true},
        {"a@[IPv6:::ffff:192.0.2.1]>", true},
        {"postmaster>", true},

        {"", false},
        {">", false},
        {"a>", false},
        {"a@>", false},
        {"@b>", false},
        {"@b:>", false},
        {"a@b", false},
        {" a@b>", false},
        {"a @b>", false},
        {"a@ b>", false},
        {"a@b >", false},
        {"a@b@c>", false},
        {"a@b,c@d>", false},
        {"a b@c>", false},
        {".a@b>", false},
        {"a.@b>", false},
        {"a..b@c>", false},
        {"a@.b>", false},
        {"a@b.>", false},
        {"a@b..c>", false},
        {"a@-b>", false},
        {"a@b->", false},
        {"a@b-.c>", false},
        {"a@b.-c>", false},
        {"a@b!c>", false},
        {"a@b%c>", false},
        {"a@b/c>", false},
        {"a(x)@b>", false},
        {"a\\@b@c>", false},
        {"a:b@c>", false},
        {"<a@b>", false},
        {"a@b<>", false},
        {"a\tb@c>", false},
        {"a\0b@c>"s, false},
        {"a@b\0>"s, false},
        {"a@b\r>", false},
        {"a\x7f@b>", false},
        {"\"a@b>", false},
        {"\"a\"b@c>", false},
        {"a\"b\"@c>", false},
        {"\"a\".b@c>", false},
        {"\"a\"\"b\"@c>", false},
        {"\"a\\\"@b>", false},
        {"\"a\tb\"@c>", false},
        {"\"a\\\tb\"@c>", false},
        {"\"a\\\0b\"@c>"s, false},
        {"\"a\x7f\"@c>", false},
        {"a@[]>", false},
        {"a@[192.0.2.1>", false},
        {"a@192.0.2.1]>", false},
        {"a@[192.0.2]>", false},
        {"a@[192.0.2.256]>", false},
        {"a@[192.0.2.01]>", false},
        {"a@[ 192.0.2.1]>", false},
        {"a@[192.0.2.1].org>", false},
        {"a@[2001:db8::1]>", false},
        {"a@[IPv6:192.0.2.1]>", false},
        {"a@[IPv6:2001:db8::1%eth0]>", false},
        {"a@[IPv6:2001:db8:::1]>", false},
        {"a@[IPv6:]>", false},
        {"a@[x:y]>", false},
        {"a@[[192.0.2.1]]>", false},
        {"@a@b.c:d@e>", false},
        {"@a,b:c@d>", false},
        {"@a,:c@d>", false},
        {"@a,@b c@d>", false},
        {"@[192.0.2.1]:c@d>", false},
        {"@a:@b:c@d>", false},
        {"@a:postmaster>", false},
        {"postmaster@>", false},
        {"postmasters>", false},

        {std::string(kMaxLocalPartBytes, 'a') + "@b>", true},
        {std::string(kMaxLocalPartBytes + 1, 'a') + "@b>", false},
        {"\"" + std::string(kMaxLocalPartBytes - 2, 'a') + "\"@b>", true},
        {"\"" + std::string(kMaxLocalPartBytes - 1, 'a') + "\"@b>", false},
        {"SRS0=HHHH=TT=" + std::string(50, 'd') + ".example=" + std::string(60, 'u') + "@example.org>", true},
        {"@x:" + std::string(kMaxLocalPartBytes - 3, 'a') + "@b>", true},
        {"@x:" + std::string(kMaxLocalPartBytes - 2, 'a') + "@b>", false},
        {"a@" + std::string(63, 'b') + ".c>", true},
        {"a@" + std::string(64, 'b') + ".c>", false},
        {"a@" + domain_of(kMaxPathBytes - 4) + ">", true},
        {"a@" + domain_of(kMaxPathBytes - 3) + ">", false},
        {"@" + domain_of(kMaxPathBytes - 7) + ":a@b>", true},
        {"@" + domain_of(kMaxPathBytes - 6) + ":a@b>", false},
        {std::string(100000, 'a'), false},
        {"\"" + std::string(100000, '\\'), false},
        {repeated("@a,", 50000), false},
    };
    for (const auto& c : cases) {
      Path path;
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.path.substr(0, 100), c.is_valid ? c.path.size() : 0, parse_path(c.path, false, false, path));
      CPPUNIT_ASSERT_EQUAL_MESSAGE("with something behind: " + c.path.substr(0, 100), c.is_valid ? c.path.size() : 0,
                                   c.is_valid ? parse_path(c.path + " x>", false, false, path) : 0);
    }
  }

  void null_and_postmaster() {
    Path path;
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, parse_path("> SIZE=1", true, false, path));
    CPPUNIT_ASSERT(path.text.empty() && path.local_part.empty() && path.domain.empty() && path.is_ascii);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, parse_path("postmaster>", true, false, path));
    CPPUNIT_ASSERT_EQUAL(std::size_t{11}, parse_path("PostMaster>", false, false, path));
    CPPUNIT_ASSERT(path.text == "PostMaster" && path.local_part == "PostMaster" && path.domain.empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, parse_path("\"postmaster\">", false, false, path));
    CPPUNIT_ASSERT_MESSAGE("left alone", path.text == "PostMaster");
  }

  void parts_are_those_written() {
    const struct {
      std::string path, text, local_part, domain;
      bool has_source_route, is_quoted;
    } cases[] = {
        {"a.b@Example.ORG>", "a.b@Example.ORG", "a.b", "Example.ORG", false, false},
        {"\"a @\\\" b\"@c>", "\"a @\\\" b\"@c", "\"a @\\\" b\"", "c", false, true},
        {"@x.y,@z:a@b>", "a@b", "a", "b", true, false},
        {"@x:\"a\"@[IPv6:::1]>", "\"a\"@[IPv6:::1]", "\"a\"", "[IPv6:::1]", true, true},
        {"a@[192.0.2.1]>", "a@[192.0.2.1]", "a", "[192.0.2.1]", false, false},
    };
    for (const auto& c : cases) {
      Path path;
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.path, c.path.size(), parse_path(c.path, true, false, path));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.path, c.text, std::string(path.text));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.path, c.local_part, std::string(path.local_part));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.path, c.domain, std::string(path.domain));
      CPPUNIT_ASSERT_MESSAGE(c.path, c.has_source_route == path.has_source_route && c.is_quoted == path.is_quoted);
    }
  }

  void utf8_needs_smtputf8() {
    const struct {
      std::string path;
      bool is_valid;
    } cases[] = {
        {"jos\u00e9@example.org>", true},
        {"\"jos\u00e9 x\"@example.org>", true},
        {"a@b\u00fccher.example>", true},
        {"@b\u00fccher.example:a@b>", true},
        {"\U0001F600@example.org>", true},
        {"a@" + repeated("\u00fc", 40) + ".example>", true},  // 80 octets: the A-label is what counts
        {repeated("\u00fc", kMaxLocalPartBytes / 2) + "@b>", true},
        {repeated("\u00fc", kMaxLocalPartBytes / 2) + "a@b>", false},
        {"\xe9@example.org>", false},              // Latin-1
        {"a\xc3@example.org>", false},             // cut
        {"\xc0\xae@example.org>", false},          // overlong dot
        {"\xed\xa0\x80@example.org>", false},      // surrogate
        {"\xf4\x90\x80\x80@example.org>", false},  // above U+10FFFF
        {"a\xc2\x85@example.org>", false},         // C1 control
        {"\"\\\u00e9\"@example.org>", false},      // a quoted pair is ASCII
        {"a@b\xff.example>", false},
    };
    for (const auto& c : cases) {
      Path path;
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.path, c.is_valid ? c.path.size() : 0, parse_path(c.path, false, true, path));
      if (c.is_valid) CPPUNIT_ASSERT(!path.is_ascii);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.path, std::size_t{0}, parse_path(c.path, false, false, path));
    }
    Path path;
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, parse_path("a@b>", false, true, path));
    CPPUNIT_ASSERT(path.is_ascii);
  }

  void prefixes_are_malformed() {
    const std::string whole = "@x.y,@z:\"a\\\" b\"@[IPv6:2001:db8::1]>";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      Path path;
      CPPUNIT_ASSERT_EQUAL(size == whole.size() ? size : 0, parse_path(whole.substr(0, size), false, false, path));
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PathParserTest);

}  // namespace caronte::smtpd_proxy
