// wrap::Resolver against a name server on a loopback socket of this process: what the library does with the packets of a
// gateway's day, and that the zones which it would answer itself are asked of the server.
#include "wrap/unbound.h"

#include <arpa/inet.h>
#include <cppunit/extensions/HelperMacros.h>
#include <sys/socket.h>

#include <map>
#include <memory>
#include <optional>

#include "base/fd.h"
#include "dns_packet.h"
#include "dnsd/answer_parser.h"

namespace caronte::wrap {

using tests::DnsPacket;

namespace {

class NameServer {
 public:
  explicit NameServer(EventLoop& loop) : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    CPPUNIT_ASSERT_EQUAL(0, ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size));
    CPPUNIT_ASSERT_EQUAL(0, ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size));
    endpoint = {base::Address::v4(127, 0, 0, 1), ntohs(address.sin_port)};
    readable_.assign_readable<&NameServer::on_readable>(loop, socket_.get(), this);
    readable_.enable();
  }
  base::Endpoint endpoint;
  std::map<std::string, std::string> names;  // PTR by name; others do not exist
  bool is_silent = false;
  bool fails = false;
  int asked = 0;

 private:
  void on_readable(short) {
    char bytes[512];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(socket_.get(), bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 17) return;
    ++asked;
    if (is_silent) return;
    std::string name;
    std::size_t at = 12;
    for (auto length = static_cast<unsigned char>(bytes[at]); length != 0; length = static_cast<unsigned char>(bytes[at])) {
      if (!name.empty()) name += '.';
      name.append(bytes + at + 1, length);
      at += 1U + length;
    }
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto found = names.find(name);
    DnsPacket packet(name, static_cast<RecordType>(static_cast<unsigned char>(bytes[at + 2])),
                     fails                  ? 0x8182
                     : found == names.end() ? 0x8183
                                            : 0x8180);
    packet.set_u16(0, static_cast<unsigned>(static_cast<unsigned char>(bytes[0])) << 8U | static_cast<unsigned char>(bytes[1]));
    if (found != names.end() && !fails) packet.ptr(name, found->second);
    ::sendto(socket_.get(), packet.bytes().data(), packet.bytes().size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
  base::Fd socket_;
  Event readable_;
};

}  // namespace

class UnboundTest : public CppUnit::TestFixture, private ResolverOwner {
  CPPUNIT_TEST_SUITE(UnboundTest);
  CPPUNIT_TEST(asks_and_caches);
  CPPUNIT_TEST(no_such_name_is_no_failure);
  CPPUNIT_TEST(server_failure_is_one);
  CPPUNIT_TEST(local_networks_are_asked_of_the_server);
  CPPUNIT_TEST(equal_questions_are_asked_once);
  CPPUNIT_TEST(strange_names_are_refused);
  CPPUNIT_TEST(no_server_is_an_error);
  CPPUNIT_TEST(may_go_with_open_questions);
  CPPUNIT_TEST_SUITE_END();

  struct Got {
    bool is_failure;
    std::string packet;
  };
  EventLoop loop_;
  std::unique_ptr<NameServer> server_;
  std::optional<Resolver> resolver_;
  std::map<std::uint64_t, Got> replies_;
  bool is_asking_ = false;

  void on_dns_reply(std::uint64_t id, const DnsReply& reply) override {
    CPPUNIT_ASSERT(!is_asking_);
    replies_[id] = {reply.is_failure, std::string(reply.packet)};
  }

 public:
  void setUp() override {
    server_ = std::make_unique<NameServer>(loop_);
    auto resolver = Resolver::create(loop_, {.servers = {server_->endpoint}, .cache_maximum = std::chrono::hours(1)}, *this);
    CPPUNIT_ASSERT(resolver.is_ok());
    resolver_ = std::move(resolver).value();
    server_->names["4.3.2.1.in-addr.arpa"] = "a.example.org";
  }
  void tearDown() override {
    resolver_.reset();
    server_.reset();
    replies_.clear();
  }

 private:
  std::uint64_t ask(std::string_view name) {
    is_asking_ = true;
    const auto id = resolver_->ask(name, RecordType::ptr);
    is_asking_ = false;
    CPPUNIT_ASSERT(id.is_ok());
    return id.value();
  }
  const Got& wait_for(std::uint64_t id) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!replies_.contains(id) && std::chrono::steady_clock::now() < end) loop_.turn(false);
    CPPUNIT_ASSERT(replies_.contains(id));
    return replies_[id];
  }
  std::vector<std::string> names(std::string_view name) {
    const Got& got = wait_for(ask(name));
    CPPUNIT_ASSERT(!got.is_failure);
    return dnsd::parse_answer(got.packet, name, RecordType::ptr).names;
  }

  void asks_and_caches() {
    const std::vector<std::string> expected{"a.example.org"};
    CPPUNIT_ASSERT(names("4.3.2.1.in-addr.arpa") == expected);
    CPPUNIT_ASSERT_EQUAL(1, server_->asked);
    CPPUNIT_ASSERT(names("4.3.2.1.in-addr.arpa") == expected);
    CPPUNIT_ASSERT_EQUAL(1, server_->asked);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, resolver_->outstanding());
  }
  void no_such_name_is_no_failure() { CPPUNIT_ASSERT(names("9.9.9.9.in-addr.arpa").empty()); }
  void server_failure_is_one() {
    server_->fails = true;
    const Got& first = wait_for(ask("4.3.2.1.in-addr.arpa"));
    CPPUNIT_ASSERT(first.is_failure && first.packet.empty());
    const Got& cached = wait_for(ask("4.3.2.1.in-addr.arpa"));
    CPPUNIT_ASSERT(cached.is_failure && cached.packet.empty());
  }
  void local_networks_are_asked_of_the_server() {
    const std::string loopback6 = "1" + [] {
      std::string zeros;
      for (int i = 0; i < 31; ++i) zeros += ".0";
      return zeros;
    }() + ".ip6.arpa";
    for (const std::string& name :
         {std::string("7.0.0.127.in-addr.arpa"), std::string("1.0.0.127.in-addr.arpa"), loopback6,
          std::string("1.0.0.10.in-addr.arpa"), std::string("1.1.168.192.in-addr.arpa"), std::string("1.2.0.192.in-addr.arpa"),
          std::string("1.0.16.172.in-addr.arpa"), std::string("1.0.254.169.in-addr.arpa"), std::string("mx.test")}) {
      server_->names[name] = "lan.example.org";
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::size_t{1}, names(name).size());
    }
  }
  void equal_questions_are_asked_once() {
    const std::uint64_t first = ask("4.3.2.1.in-addr.arpa");
    const std::uint64_t second = ask("4.3.2.1.in-addr.arpa");
    CPPUNIT_ASSERT(first != second);
    CPPUNIT_ASSERT(!wait_for(first).is_failure && !wait_for(second).is_failure);
    CPPUNIT_ASSERT_EQUAL(1, server_->asked);
  }
  void strange_names_are_refused() {
    const std::string label(64, 'a');
    std::string longest;
    while (longest.size() < 252) longest += "a.";
    for (const std::string& name : {std::string(), std::string("."), std::string("a..b"), std::string(".a"), std::string("a."),
                                    label, std::string("a b"), std::string("a\\.b"), std::string("a\0b", 3), longest + "ab"}) {
      CPPUNIT_ASSERT(!resolver_->ask(name, RecordType::ptr).is_ok());
    }
    CPPUNIT_ASSERT(resolver_->ask(longest + "a", RecordType::ptr).is_ok());
  }
  void no_server_is_an_error() { CPPUNIT_ASSERT(!Resolver::create(loop_, {}, *this).is_ok()); }
  void may_go_with_open_questions() {
    server_->is_silent = true;
    (void)ask("4.3.2.1.in-addr.arpa");
    (void)ask("5.3.2.1.in-addr.arpa");
    for (int i = 0; i < 10; ++i) loop_.turn(false);
    resolver_.reset();
    CPPUNIT_ASSERT(replies_.empty());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(UnboundTest);

}  // namespace caronte::wrap
