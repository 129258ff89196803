// resolv.conf: the name servers, whatever else is in it.
#include "config/resolv_conf_parser.h"

#include <cppunit/extensions/HelperMacros.h>

namespace caronte::config {
namespace {

class ResolvConfParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ResolvConfParserTest);
  CPPUNIT_TEST(name_servers_in_their_order);
  CPPUNIT_TEST(what_is_no_name_server_is_passed_over);
  CPPUNIT_TEST(number_is_bounded);
  CPPUNIT_TEST_SUITE_END();

  static std::string parsed(std::string_view text) {
    std::string all;
    for (const auto& endpoint : parse_resolv_conf(text)) all += endpoint.text() + " ";
    return all;
  }

  void name_servers_in_their_order() {
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.53:53 [2001:db8::53]:53 192.0.2.54:53 "),
                         parsed("# made by x\nsearch example.org\nnameserver 192.0.2.53\nnameserver\t2001:db8::53 # second\r\n"
                                "  nameserver 192.0.2.54\nnameserver 192.0.2.53\noptions edns0"));
  }

  void what_is_no_name_server_is_passed_over() {
    for (const char* text :
         {"", "\n\n", "nameserver", "nameserver \n", "nameserver x", "nameserver fe80::1%eth0", "#nameserver 192.0.2.1",
          ";nameserver 192.0.2.1", "Nameserver 192.0.2.1", "nameservers 192.0.2.1", "nameserver 0.0.0.0", "nameserver 1.2.3"}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(text, std::string(), parsed(text));
    }
    CPPUNIT_ASSERT_EQUAL(std::string(), parsed(std::string_view("\0nameserver 192.0.2.1", 21)));
  }

  void number_is_bounded() {
    std::string text;
    for (int i = 1; i < 100; ++i) text += "nameserver 192.0.2." + std::to_string(i) + "\n";
    CPPUNIT_ASSERT_EQUAL(std::size_t{8}, parse_resolv_conf(text).size());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ResolvConfParserTest);

}  // namespace
}  // namespace caronte::config
