#include "smtpd-proxy/trace_header.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace caronte::smtpd_proxy {

namespace {

using namespace std::string_literals;

constexpr base::WallTime kTime = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + std::chrono::seconds{75438};
constexpr base::Address kV4 = base::Address::v4(192, 0, 2, 7);
constexpr base::Address kV6{base::Address::Octets{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}};

}  // namespace

class TraceHeaderTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TraceHeaderTest);
  CPPUNIT_TEST(fields_are_as_listed);
  CPPUNIT_TEST(no_name_breaks_the_field);
  CPPUNIT_TEST(references_come_back);
  CPPUNIT_TEST(references_as_people_type_them);
  CPPUNIT_TEST_SUITE_END();

 public:
  void fields_are_as_listed() {
    const struct {
      Trace trace;
      std::string field;
    } cases[] = {
        {{"client.example", "mail.client.example", kV4, "mx.example.org", Protocol::esmtp, 0x100000001, kTime},
         "Received: from client.example (mail.client.example [192.0.2.7])\r\n"
         "\tby mx.example.org (Caronte) with ESMTP id 0000004000001;\r\n"
         "\tSat, 21 Nov 2026 20:57:18 +0000\r\n"},
        {{"[192.0.2.7]", "", kV4, "mx.example.org", Protocol::smtp, 0, kTime},
         "Received: from [192.0.2.7] (unknown [192.0.2.7])\r\n"
         "\tby mx.example.org (Caronte) with SMTP id 0000000000000;\r\n"
         "\tSat, 21 Nov 2026 20:57:18 +0000\r\n"},
        {{"[IPv6:2001:db8::7]", "a_b.example", kV6, "mx.example.org", Protocol::utf8smtp, UINT64_MAX, kTime},
         "Received: from [IPv6:2001:db8::7] (a_b.example [IPv6:2001:db8::7])\r\n"
         "\tby mx.example.org (Caronte) with UTF8SMTP id fzzzzzzzzzzzz;\r\n"
         "\tSat, 21 Nov 2026 20:57:18 +0000\r\n"},
    };
    for (const auto& c : cases) CPPUNIT_ASSERT_EQUAL(c.field, compose_received(c.trace));
  }

  void no_name_breaks_the_field() {
    const std::string names[] = {"a\r\nX-Evil: 1",       "a\nb", "a\0b"s, "a) by b (c",           "a;b", "<a@b>", "\"a\\", "\u00e9",
                                 std::string(5000, 'a'), "\t",   "(",     std::string(5000, '('), ""};
    for (const std::string& name : names) {
      const std::string field = compose_received({name, name, kV6, name, Protocol::esmtp, 1, kTime});
      CPPUNIT_ASSERT(field.starts_with("Received: from ") && field.ends_with(" +0000\r\n"));
      CPPUNIT_ASSERT_EQUAL(3L, static_cast<long>(std::count(field.begin(), field.end(), '\n')));
      CPPUNIT_ASSERT_EQUAL(3L, static_cast<long>(std::count(field.begin(), field.end(), '\r')));
      CPPUNIT_ASSERT_EQUAL(2L, static_cast<long>(std::count(field.begin(), field.end(), '(')));
      CPPUNIT_ASSERT_EQUAL(2L, static_cast<long>(std::count(field.begin(), field.end(), ')')));
      CPPUNIT_ASSERT_EQUAL(1L, static_cast<long>(std::count(field.begin(), field.end(), ';')));
      for (std::size_t at = 0; at < field.size();) {
        const std::size_t end = field.find("\r\n", at);
        CPPUNIT_ASSERT(end != std::string::npos && end - at < 998);
        CPPUNIT_ASSERT(at == 0 || field[at] == '\t');
        at = end + 2;
      }
      const bool is_plain = std::all_of(field.begin(), field.end(), [](char c) {
        return (c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '<') || c == '\r' || c == '\n' || c == '\t';
      });
      CPPUNIT_ASSERT(is_plain);
    }
  }

  void references_come_back() {
    for (unsigned shift = 0; shift < 64; ++shift) {
      const std::uint64_t bit = std::uint64_t{1} << shift;
      for (const std::uint64_t value : {bit, bit - 1, bit * 0x0123456789ABCDEFU, UINT64_MAX >> shift}) {
        const std::string text = reference_text(value);
        CPPUNIT_ASSERT_EQUAL(base::kReferenceBytes, text.size());
        CPPUNIT_ASSERT(base::parse_reference(text) == value);
      }
    }
    CPPUNIT_ASSERT_EQUAL("0000000000031"s, reference_text(97));
    CPPUNIT_ASSERT_EQUAL("000000000000z"s, reference_text(31));
  }

  void references_as_people_type_them() {
    const struct {
      std::string text;
      std::optional<std::uint64_t> value;
    } cases[] = {
        {"0000000000031", 97},
        {"OOOOOOOOOOO3L", 97},
        {"ooooooooooo3i", 97},
        {"FZZZZZZZZZZZZ", UINT64_MAX},
        {"g000000000000", std::nullopt},
        {"zzzzzzzzzzzzz", std::nullopt},
        {"", std::nullopt},
        {"000000000003", std::nullopt},
        {"00000000000031", std::nullopt},
        {"00000000000u1", std::nullopt},
        {"000000000-001", std::nullopt},
        {"000000000\0001"s, std::nullopt},
    };
    for (const auto& c : cases) CPPUNIT_ASSERT_MESSAGE(c.text, base::parse_reference(c.text) == c.value);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TraceHeaderTest);

}  // namespace caronte::smtpd_proxy
