#include "smtpd-proxy/capabilities.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

namespace caronte::smtpd_proxy {

namespace {

constexpr Capabilities kAll{.pipelining = true,
                            .size = true,
                            .eight_bit_mime = true,
                            .smtputf8 = true,
                            .dsn = true,
                            .enhanced_status_codes = true,
                            .size_limit = 1000};

}  // namespace

class CapabilitiesTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CapabilitiesTest);
  CPPUNIT_TEST(replies_are_read);
  CPPUNIT_TEST(only_what_both_offer_is_common);
  CPPUNIT_TEST(our_reply_offers_what_every_server_does);
  CPPUNIT_TEST_SUITE_END();

 public:
  void replies_are_read() {
    const struct {
      std::string reply;
      Capabilities capabilities;
    } cases[] = {
        {"250 mx.example.org\r\n", {}},
        {"250-SIZE 5\r\n250 mx.example.org\r\n", {}},  // the first line is the greeting
        {"250-mx.example.org Hello\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-ETRN\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n"
         "250-8BITMIME\r\n250-DSN\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n",
         kAll},
        {"250-x\r\n250-pipelining\r\n250 Size\r\n", {.pipelining = true, .size = true}},
        {"250-x\r\n250 SIZE 0\r\n", {.size = true}},
        {"250-x\r\n250 SIZE 18446744073709551615\r\n", {.size = true, .size_limit = UINT64_MAX}},
        {"250-x\r\n250 SIZE 18446744073709551616\r\n", {.size = true}},
        {"250-x\r\n250 SIZE many\r\n", {.size = true}},
        {"250-x\r\n250-SIZE 7\r\n250 SIZE 5\r\n", {.size = true, .size_limit = 5}},
        {"250-x\r\n250-8BITMIMEX\r\n250-XDSN\r\n250 \r\n", {}},
        {"250-x\r\n250 SMTPUTF8\r\n", {}},  // useless without 8BITMIME
        {"250-x\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n", {.eight_bit_mime = true, .smtputf8 = true}},
        {"250-x\r\n250-DSN \r\n250\r\n", {.dsn = true}},
    };
    for (const auto& c : cases) CPPUNIT_ASSERT_MESSAGE(c.reply, parse_capabilities(c.reply) == c.capabilities);
  }

  void only_what_both_offer_is_common() {
    CPPUNIT_ASSERT(common(kAll, kAll) == kAll);
    CPPUNIT_ASSERT(common(kAll, {}) == Capabilities{} && common({}, kAll) == Capabilities{});
    for (bool Capabilities::*member : {&Capabilities::pipelining, &Capabilities::eight_bit_mime, &Capabilities::smtputf8,
                                       &Capabilities::dsn, &Capabilities::enhanced_status_codes}) {
      Capabilities lacking = kAll;
      lacking.*member = false;
      CPPUNIT_ASSERT(common(kAll, lacking) == lacking && common(lacking, kAll) == lacking);
    }
    const struct { std::uint64_t a, b, both; } limits[] = {{0, 0, 0}, {0, 5, 5}, {5, 0, 5}, {5, 7, 5}, {7, 5, 5}};
    for (const auto& c : limits) {
      const Capabilities a{.size = true, .size_limit = c.a};
      const Capabilities b{.size = true, .size_limit = c.b};
      CPPUNIT_ASSERT_EQUAL(c.both, common(a, b).size_limit);
    }
  }

  void our_reply_offers_what_every_server_does() {
    const struct {
      Capabilities every;
      std::uint64_t message_size;
      std::string reply;
    } cases[] = {
        {{}, 0, "250-mx.example.org\r\n250 PIPELINING\r\n"},
        {{}, 50, "250-mx.example.org\r\n250 PIPELINING\r\n"},
        {kAll, 0,
         "250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
         "250 ENHANCEDSTATUSCODES\r\n"},
        {{.size = true}, 0, "250-mx.example.org\r\n250-PIPELINING\r\n250 SIZE\r\n"},
        {{.size = true}, 50, "250-mx.example.org\r\n250-PIPELINING\r\n250 SIZE 50\r\n"},
        {{.size = true, .size_limit = 40}, 50, "250-mx.example.org\r\n250-PIPELINING\r\n250 SIZE 40\r\n"},
        {{.size = true, .size_limit = 60}, 50, "250-mx.example.org\r\n250-PIPELINING\r\n250 SIZE 50\r\n"},
        {{.eight_bit_mime = true}, 50, "250-mx.example.org\r\n250-PIPELINING\r\n250 8BITMIME\r\n"},
    };
    for (const auto& c : cases) CPPUNIT_ASSERT_EQUAL(c.reply, compose_ehlo_reply("mx.example.org", c.every, c.message_size));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CapabilitiesTest);

}  // namespace caronte::smtpd_proxy
