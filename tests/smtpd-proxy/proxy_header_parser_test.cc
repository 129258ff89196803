#include "smtpd-proxy/proxy_header_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace caronte::smtpd_proxy {

namespace {

using namespace std::string_literals;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

// A header of version 2: `command` with version, `family` with transport, `length` as announced.
std::string v2(int command, int family, const std::string& content, std::size_t length) {
  std::string header = kSignature;
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  header += static_cast<char>(length >> 8U);
  header += static_cast<char>(length & 0xFFU);
  return header + content;
}
std::string v2(int command, int family, const std::string& content) {
  return v2(command, family, content, content.size());
}

const std::string kInet = "\xC0\x00\x02\x07\xC6\x33\x64\x01\x30\x39\x00\x19"s;  // 192.0.2.7:12345 to 198.51.100.1:25
const std::string kInet6 = "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x30\x39\x00\x19"s;

}  // namespace

class ProxyHeaderParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ProxyHeaderParserTest);
  CPPUNIT_TEST(version_1);
  CPPUNIT_TEST(version_2);
  CPPUNIT_TEST(short_of_the_end_more_is_needed);
  CPPUNIT_TEST_SUITE_END();

 public:
  void version_1() {
    const struct {
      std::string bytes;
      ProxyHeaderKind kind;
      std::string source, destination;
    } cases[] = {
        {"PROXY TCP4 192.0.2.7 198.51.100.1 12345 25\r\n", ProxyHeaderKind::client, "192.0.2.7:12345", "198.51.100.1:25"},
        {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", ProxyHeaderKind::client, "255.255.255.255:65535",
         "255.255.255.255:65535"},
        {"PROXY TCP6 2001:db8::7 2001:db8::1 0 25\r\n", ProxyHeaderKind::client, "[2001:db8::7]:0", "[2001:db8::1]:25"},
        {"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 25\r\n", ProxyHeaderKind::client, "192.0.2.7:1", "[::1]:25"},
        {"PROXY UNKNOWN\r\n", ProxyHeaderKind::no_client, "", ""},
        {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", ProxyHeaderKind::no_client, "", ""},
        {"PROXY UNKNOWN " + std::string(91, 'x') + "\r\n", ProxyHeaderKind::no_client, "", ""},  // 107 octets
        {"PROXY UNKNOWN " + std::string(92, 'x') + "\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY \r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY\r\n", ProxyHeaderKind::malformed, "", ""},
        {"proxy TCP4 192.0.2.7 198.51.100.1 12345 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY tcp4 192.0.2.7 198.51.100.1 12345 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY UDP4 192.0.2.7 198.51.100.1 12345 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY UNKNOWNX\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 12345 25\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 12345 25\r\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4  192.0.2.7 198.51.100.1 12345 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 12345 25 \r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 12345\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 12345 25 x\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 012345 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 -1 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 192.0.2.7 198.51.100.1  25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 192.0.2.07 198.51.100.1 12345 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 192.0.2 198.51.100.1 12345 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 2001:db8::7 2001:db8::1 12345 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP6 192.0.2.7 198.51.100.1 12345 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP6 2001:db8::7 198.51.100.1 12345 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP6 fe80::1%eth0 ::1 12345 25\r\n", ProxyHeaderKind::malformed, "", ""},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 12345 25" + std::string(200, 'x'), ProxyHeaderKind::malformed, "", ""},
        {"EHLO x\r\n", ProxyHeaderKind::malformed, "", ""},
        {"\0"s, ProxyHeaderKind::malformed, "", ""},
    };
    for (const auto& c : cases) {
      for (const std::string& behind : {""s, "EHLO x\r\n"s}) {
        const ProxyHeader header = parse_proxy_header(c.bytes + behind);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(c.bytes, static_cast<int>(c.kind), static_cast<int>(header.kind));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(c.bytes, c.kind == ProxyHeaderKind::malformed ? 0 : c.bytes.size(), header.size);
        if (c.kind != ProxyHeaderKind::client) continue;
        CPPUNIT_ASSERT_EQUAL(c.source, header.source.text());
        CPPUNIT_ASSERT_EQUAL(c.destination, header.destination.text());
      }
    }
  }

  void version_2() {
    const std::string tlv = "\x03\x00\x04\x01\x02\x03\x04"s;
    const struct {
      std::string name, bytes;
      ProxyHeaderKind kind;
      std::string source, destination;
    } cases[] = {
        {"TCP over IPv4", v2(0x21, 0x11, kInet), ProxyHeaderKind::client, "192.0.2.7:12345", "198.51.100.1:25"},
        {"TCP over IPv6", v2(0x21, 0x21, kInet6), ProxyHeaderKind::client, "[2001:db8::7]:12345", "[2001:db8::1]:25"},
        {"with TLVs", v2(0x21, 0x11, kInet + tlv), ProxyHeaderKind::client, "192.0.2.7:12345", "198.51.100.1:25"},
        {"longest", v2(0x21, 0x11, kInet + std::string(2036, 'x')), ProxyHeaderKind::client, "192.0.2.7:12345", "198.51.100.1:25"},
        {"LOCAL", v2(0x20, 0x00, ""), ProxyHeaderKind::no_client, "", ""},
        {"LOCAL with addresses", v2(0x20, 0x11, kInet), ProxyHeaderKind::no_client, "", ""},
        {"LOCAL, family ignored", v2(0x20, 0x11, "x"), ProxyHeaderKind::no_client, "", ""},
        {"LOCAL, unknown family ignored", v2(0x20, 0xFF, "x"), ProxyHeaderKind::no_client, "", ""},
        {"UNSPEC", v2(0x21, 0x00, "xyz"), ProxyHeaderKind::no_client, "", ""},
        {"UDP over IPv4", v2(0x21, 0x12, kInet), ProxyHeaderKind::no_client, "", ""},
        {"UDP over IPv6", v2(0x21, 0x22, kInet6), ProxyHeaderKind::no_client, "", ""},
        {"unspecified over IPv4", v2(0x21, 0x10, kInet), ProxyHeaderKind::no_client, "", ""},
        {"stream over UNIX", v2(0x21, 0x31, std::string(216, '/')), ProxyHeaderKind::no_client, "", ""},
        {"too long", v2(0x21, 0x11, kInet + std::string(2037, 'x')), ProxyHeaderKind::malformed, "", ""},
        {"LOCAL too long", v2(0x20, 0x00, std::string(2049, 'x')), ProxyHeaderKind::malformed, "", ""},
        {"65535", v2(0x21, 0x11, kInet, 65535), ProxyHeaderKind::malformed, "", ""},
        {"short IPv4", v2(0x21, 0x11, kInet, 11), ProxyHeaderKind::malformed, "", ""},
        {"short IPv6", v2(0x21, 0x21, kInet6, 35), ProxyHeaderKind::malformed, "", ""},
        {"short UNIX", v2(0x21, 0x31, std::string(215, '/')), ProxyHeaderKind::malformed, "", ""},
        {"IPv4 without length", v2(0x21, 0x11, kInet, 0), ProxyHeaderKind::malformed, "", ""},
        {"version 1", v2(0x11, 0x11, kInet), ProxyHeaderKind::malformed, "", ""},
        {"version 3", v2(0x31, 0x11, kInet), ProxyHeaderKind::malformed, "", ""},
        {"command 2", v2(0x22, 0x11, kInet), ProxyHeaderKind::malformed, "", ""},
        {"command 15", v2(0x2F, 0x11, kInet), ProxyHeaderKind::malformed, "", ""},
        {"family 4", v2(0x21, 0x41, kInet6), ProxyHeaderKind::malformed, "", ""},
        {"family 15", v2(0x21, 0xF1, kInet6), ProxyHeaderKind::malformed, "", ""},
        {"transport 3", v2(0x21, 0x13, kInet), ProxyHeaderKind::malformed, "", ""},
        {"signature", "\r\n\r\n\0\r\nQUIT\r\n!!!!"s, ProxyHeaderKind::malformed, "", ""},
    };
    for (const auto& c : cases) {
      const ProxyHeader header = parse_proxy_header(c.bytes + (c.kind == ProxyHeaderKind::malformed ? "" : "EHLO x\r\n"));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.name, static_cast<int>(c.kind), static_cast<int>(header.kind));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.name, c.kind == ProxyHeaderKind::malformed ? 0 : c.bytes.size(), header.size);
      if (c.kind != ProxyHeaderKind::client) continue;
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.name, c.source, header.source.text());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.name, c.destination, header.destination.text());
    }
  }

  void short_of_the_end_more_is_needed() {
    for (const std::string& whole : {"PROXY TCP4 192.0.2.7 198.51.100.1 12345 25\r\n"s, "PROXY UNKNOWN\r\n"s, v2(0x21, 0x11, kInet),
                                     v2(0x21, 0x21, kInet6 + "abc"), v2(0x20, 0, "")}) {
      for (std::size_t size = 0; size < whole.size(); ++size) {
        CPPUNIT_ASSERT(parse_proxy_header(whole.substr(0, size)).kind == ProxyHeaderKind::need_more);
      }
      CPPUNIT_ASSERT(parse_proxy_header(whole).size == whole.size());
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ProxyHeaderParserTest);

}  // namespace caronte::smtpd_proxy
