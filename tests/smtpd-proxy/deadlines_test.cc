#include "smtpd-proxy/deadlines.h"

#include <cppunit/extensions/HelperMacros.h>

namespace caronte::smtpd_proxy {

class DeadlinesTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DeadlinesTest);
  CPPUNIT_TEST(stress_shortens_them);
  CPPUNIT_TEST_SUITE_END();

 public:
  void stress_shortens_them() {
    const struct {
      int seconds;
      int expected;
    } cases[] = {{0, 0}, {1, 1}, {9, 9}, {10, 10}, {50, 10}, {100, 10}, {300, 30}, {600, 60}};
    for (const auto& c : cases) {
      CPPUNIT_ASSERT(shortened(std::chrono::seconds(c.seconds)) == std::chrono::seconds(c.expected));
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DeadlinesTest);

}  // namespace caronte::smtpd_proxy
