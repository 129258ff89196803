// syslog: never blocks, counts what is not taken.
#include "logd/syslog.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "tests/support/temporary_folder.h"

using namespace caronte;

class SyslogTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SyslogTest);
  CPPUNIT_TEST(line_arrives);
  CPPUNIT_TEST(stuck_logger_does_not_block);
  CPPUNIT_TEST(logger_that_has_gone_is_counted);
  CPPUNIT_TEST(nobody_there);
  CPPUNIT_TEST_SUITE_END();

  tests::TemporaryFolder folder_;
  base::Fd logger_;

 public:
  void setUp() override {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, folder_.path("log").c_str());
    ::unlink(address.sun_path);
    logger_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    CPPUNIT_ASSERT_EQUAL(0, ::bind(logger_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
  }

  void line_arrives() {
    logd::Syslog syslog;
    CPPUNIT_ASSERT(syslog.connect(folder_.path("log")).is_ok());
    syslog.send("policyd.0 event text=\"x\"");
    std::array<char, 200> line{};
    const ssize_t got = ::recv(logger_.get(), line.data(), line.size(), MSG_DONTWAIT);
    CPPUNIT_ASSERT_EQUAL("<22>caronte[" + std::to_string(::getpid()) + "]: policyd.0 event text=\"x\"",
                         std::string(line.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, syslog.lost());
  }

  void stuck_logger_does_not_block() {
    logd::Syslog syslog;
    CPPUNIT_ASSERT(syslog.connect(folder_.path("log")).is_ok());
    for (int i = 0; i < 5000; ++i) syslog.send(std::string(1000, 'x'));
    CPPUNIT_ASSERT(syslog.lost() > 0);
    CPPUNIT_ASSERT(syslog.is_connected());
  }

  void logger_that_has_gone_is_counted() {
    logd::Syslog syslog;
    CPPUNIT_ASSERT(syslog.connect(folder_.path("log")).is_ok());
    logger_.reset();
    for (int i = 0; i < 3; ++i) syslog.send("x");
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, syslog.lost());
    CPPUNIT_ASSERT(!syslog.is_connected());
  }

  void nobody_there() {
    logd::Syslog syslog;
    CPPUNIT_ASSERT(!syslog.connect(folder_.path("other")).is_ok());
    syslog.send("x");
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, syslog.lost());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SyslogTest);
