#include "smtpd-proxy/destination.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "wrap/event.h"

namespace caronte::smtpd_proxy {

namespace {

using namespace std::chrono_literals;

// What a destination reported, in order.
struct Owner final : DestinationOwner {
  std::vector<std::string> reports;
  void on_destination_ready() override { reports.emplace_back("ready"); }
  void on_destination_reply(Ask, const Reply& reply) override { reports.emplace_back(std::to_string(reply.code)); }
  void on_destination_failed(Failure failure, std::string_view why, std::string_view) override {
    reports.emplace_back(std::string(name_of(failure)) + ": " + std::string(why));
  }
  void on_destination_drained() override { reports.emplace_back("drained"); }
};

}  // namespace

// The server is the other end of a socket pair; the loop is turned by hand.
class DestinationTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DestinationTest);
  CPPUNIT_TEST(flush_while_congested_loses_no_wake_up);
  CPPUNIT_TEST(a_client_that_pauses_after_congestion_is_not_the_servers_fault);
  CPPUNIT_TEST(a_server_that_takes_nothing_is_given_up);
  CPPUNIT_TEST(pipelined_only_if_offered);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    settings_.connect_timeout = 5s;
    settings_.reply_timeout = 5s;
    settings_.data_timeout = 100ms;
    settings_.end_timeout = 5s;
  }

  void tearDown() override {
    destination_.reset();
    server_.reset();
  }

  // Found with real mail: between the write that filled the socket and the flush behind it the server had made room, the
  // flush sent the rest and put the write event away, and nobody was told that there was room again.
  void flush_while_congested_loses_no_wake_up() {
    start_data();
    fill();
    empty();
    destination_->flush();
    turn_until("drained");
    CPPUNIT_ASSERT_EQUAL(std::string("drained"), last());
  }

  void a_client_that_pauses_after_congestion_is_not_the_servers_fault() {
    start_data();
    fill();
    empty();
    turn_until("drained");
    owner_.reports.clear();
    turn_for(3 * settings_.data_timeout);
    CPPUNIT_ASSERT(owner_.reports.empty());
  }

  void a_server_that_takes_nothing_is_given_up() {
    start_data();
    fill();
    turn_for(3 * settings_.data_timeout);
    CPPUNIT_ASSERT_EQUAL(std::string("lost: took no data in time"), last());
  }

  void pipelined_only_if_offered() {
    for (const bool is_offered : {true, false}) {
      open(is_offered ? "250-x\r\n250 PIPELINING\r\n" : "250 x\r\n");
      destination_->ask(Ask::mail, "MAIL FROM:<>\r\n");
      destination_->ask(Ask::rcpt, "RCPT TO:<postmaster>\r\n");
      destination_->flush();
      CPPUNIT_ASSERT_EQUAL(std::string(is_offered ? "MAIL FROM:<>\r\nRCPT TO:<postmaster>\r\n" : "MAIL FROM:<>\r\n"), read_all());
      tearDown();
    }
  }

 private:
  void open(std::string_view ehlo_reply) {
    std::array<int, 2> pair{};
    CPPUNIT_ASSERT_EQUAL(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()));
    server_ = base::Fd(pair[1]);
    owner_.reports.clear();
    destination_ = std::make_unique<Destination>(loop_, settings_, "gateway.example.org", owner_);
    destination_->adopt(base::Fd(pair[0]));
    say("220 server\r\n");
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("EHLO gateway.example.org\r\n"), read_all());
    say(ehlo_reply);
    turn_until("ready");
  }

  void start_data() {
    open("250 x\r\n");
    destination_->ask(Ask::data, "DATA\r\n");
    destination_->flush();
    say("354 go\r\n");
    turn_until("354");
    (void)read_all();
  }

  void fill() {
    std::string text(65536, 'x');
    bool has_room = true;
    for (int i = 0; has_room && i < 10'000; ++i) {
      iovec piece{text.data(), text.size()};
      has_room = destination_->write_data({&piece, 1});
    }
    CPPUNIT_ASSERT(!has_room);
  }

  void empty() { (void)read_all(); }

  void say(std::string_view text) {
    CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(text.size()), ::write(server_.get(), text.data(), text.size()));
  }

  std::string read_all() {
    std::string all;
    std::array<char, 65536> buffer{};
    ssize_t size = 0;
    while ((size = ::read(server_.get(), buffer.data(), buffer.size())) > 0)
      all.append(buffer.data(), static_cast<std::size_t>(size));
    return all;
  }

  [[nodiscard]] std::string last() const { return owner_.reports.empty() ? std::string() : owner_.reports.back(); }
  void turn() { loop_.turn(true); }
  void turn_for(base::Duration time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      loop_.turn(false);
      ::usleep(1000);
    }
  }
  void turn_until(std::string_view report) {
    for (int i = 0; i < 200 && last() != report; ++i) {
      loop_.turn(false);
      ::usleep(1000);
    }
  }

  wrap::EventLoop loop_;
  config::Destination settings_;
  Owner owner_;
  base::Fd server_;
  std::unique_ptr<Destination> destination_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(DestinationTest);

}  // namespace caronte::smtpd_proxy
