#include "master/connector.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cppunit/extensions/HelperMacros.h>

#include <cerrno>
#include <map>
#include <optional>

#include "base/address_parser.h"

namespace caronte::master {

// A smtpd-proxy that asks; the servers are sockets of this process.
class ConnectorTest : public CppUnit::TestFixture, public ipc::ChannelOwner {
  CPPUNIT_TEST_SUITE(ConnectorTest);
  CPPUNIT_TEST(connection_is_handed_over);
  CPPUNIT_TEST(refused_connection_is_told);
  CPPUNIT_TEST(number_out_of_range_is_a_broken_rule);
  CPPUNIT_TEST(number_means_what_it_meant_in_its_generation);
  CPPUNIT_TEST(generation_never_given_out_is_a_broken_rule);
  CPPUNIT_TEST(forgotten_generation_is_stale);
  CPPUNIT_TEST(proxy_that_does_not_read_gets_no_more);
  CPPUNIT_TEST_SUITE_END();

  wrap::EventLoop loop_;
  Connector connector_;
  std::unique_ptr<ipc::Channel> master_;
  std::unique_ptr<ipc::Channel> proxy_;
  std::map<std::uint64_t, base::Fd> connected_;
  std::map<std::uint64_t, int> failed_;

  bool on_message(ipc::Channel& channel, ipc::Incoming& message) override {
    if (&channel == master_.get()) return false;
    return ipc::dispatch<ipc::Connected, ipc::ConnectFailed>(*this, channel, message);
  }
  void on_channel_closed(ipc::Channel&, std::string_view) override {}

 public:
  void on(ipc::Channel&, const ipc::Connected& answer, base::Fd socket) { connected_[answer.request] = std::move(socket); }
  void on(ipc::Channel&, const ipc::ConnectFailed& answer) { failed_[answer.request] = answer.error; }

  void setUp() override {
    connected_.clear();
    failed_.clear();
    auto pair = ipc::make_channel_pair();
    master_ = std::make_unique<ipc::Channel>(loop_, std::move(pair.value().first), ipc::Role::master, ipc::Role::smtpd_proxy,
                                             std::uint16_t{0}, *this);
    proxy_ = std::make_unique<ipc::Channel>(loop_, std::move(pair.value().second), ipc::Role::smtpd_proxy, ipc::Role::master,
                                            std::uint16_t{0}, *this);
  }
  void tearDown() override {
    master_.reset();
    proxy_.reset();
  }

 private:
  struct Listening {
    base::Fd socket;
    base::Endpoint endpoint;
  };
  static Listening listen_somewhere() {
    Listening listening{base::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), {}};
    sockaddr_storage address{};
    socklen_t size = base::Endpoint{base::Address::v4(127, 0, 0, 1), 0}.to_sockaddr(address);
    CPPUNIT_ASSERT_EQUAL(0, ::bind(listening.socket.get(), reinterpret_cast<sockaddr*>(&address), size));
    CPPUNIT_ASSERT_EQUAL(0, ::listen(listening.socket.get(), 16));
    size = sizeof address;
    ::getsockname(listening.socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    listening.endpoint = *base::Endpoint::from_sockaddr(address);
    return listening;
  }
  static config::Destination destination(std::initializer_list<base::Endpoint> servers) {
    config::Destination made;
    for (const base::Endpoint& server : servers) made.servers.push_back({server, 1});
    return made;
  }
  bool ask(std::uint64_t request, std::uint32_t generation, std::uint16_t server) {
    const bool is_legal = connector_.on_request(*master_, {request, generation, server, {}});
    master_->flush();
    for (int i = 0; i < 20; ++i) loop_.turn(false);
    return is_legal;
  }
  static std::optional<base::Endpoint> peer_of(const base::Fd& socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
    return base::Endpoint::from_sockaddr(address);
  }

  void connection_is_handed_over() {
    const Listening server = listen_somewhere();
    connector_.learn(1, destination({server.endpoint}));
    CPPUNIT_ASSERT(ask(7, 1, 0));
    CPPUNIT_ASSERT(connected_.contains(7));
    CPPUNIT_ASSERT(peer_of(connected_[7]) == server.endpoint);
  }

  void refused_connection_is_told() {
    base::Endpoint nobody;
    nobody.address = *base::parse_address("127.0.0.1");
    { nobody.port = listen_somewhere().endpoint.port; }
    connector_.learn(1, destination({nobody}));
    CPPUNIT_ASSERT(ask(8, 1, 0));
    // A loopback refusal may come at once or with the handed-over socket: never as a connection.
    if (connected_.contains(8)) {
      CPPUNIT_ASSERT(!peer_of(connected_[8]));
    } else {
      CPPUNIT_ASSERT_EQUAL(ECONNREFUSED, failed_.at(8));
    }
  }

  void number_out_of_range_is_a_broken_rule() {
    connector_.learn(1, destination({{base::Address::v4(127, 0, 0, 1), 9}}));
    CPPUNIT_ASSERT(!ask(1, 1, 1));
    CPPUNIT_ASSERT(!ask(2, 1, 65535));
    CPPUNIT_ASSERT(connected_.empty() && failed_.empty());
  }

  void number_means_what_it_meant_in_its_generation() {
    const Listening one = listen_somewhere();
    const Listening two = listen_somewhere();
    connector_.learn(1, destination({one.endpoint, two.endpoint}));
    connector_.learn(2, destination({two.endpoint}));
    CPPUNIT_ASSERT(ask(1, 1, 0));
    CPPUNIT_ASSERT(ask(2, 2, 0));
    CPPUNIT_ASSERT(ask(3, 1, 1));
    CPPUNIT_ASSERT(!ask(4, 2, 1));
    CPPUNIT_ASSERT(peer_of(connected_[1]) == one.endpoint);
    CPPUNIT_ASSERT(peer_of(connected_[2]) == two.endpoint);
    CPPUNIT_ASSERT(peer_of(connected_[3]) == two.endpoint);
  }

  void generation_never_given_out_is_a_broken_rule() {
    CPPUNIT_ASSERT(!ask(1, 0, 0));
    connector_.learn(1, destination({{base::Address::v4(127, 0, 0, 1), 9}}));
    CPPUNIT_ASSERT(!ask(2, 2, 0));
  }

  void forgotten_generation_is_stale() {
    const auto servers = [](std::uint32_t number) {
      return destination({{base::Address::v4(127, 0, 0, 1), static_cast<std::uint16_t>(number)}});
    };
    std::uint32_t generation = 0;
    for (std::uint32_t list = 1; list <= Connector::kMaxEpochs + 1; ++list) {
      for (int i = 0; i < 10; ++i) connector_.learn(++generation, servers(list));  // reloads that change nothing here
    }
    CPPUNIT_ASSERT(ask(1, 1, 0));
    CPPUNIT_ASSERT_EQUAL(ESTALE, failed_.at(1));
    CPPUNIT_ASSERT(ask(2, 11, 0));
    CPPUNIT_ASSERT(!failed_.contains(2) || failed_.at(2) != ESTALE);
    CPPUNIT_ASSERT(!ask(3, generation + 1, 0));
  }

  void proxy_that_does_not_read_gets_no_more() {
    const Listening server = listen_somewhere();
    connector_.learn(1, destination({server.endpoint}));
    proxy_->pause();
    for (std::uint64_t i = 0; i < Connector::kMaxOutstanding + 100; ++i) {
      CPPUNIT_ASSERT(connector_.on_request(*master_, {i, 1, 5, {}}) == false);  // costs nothing
      CPPUNIT_ASSERT(connector_.on_request(*master_, {i, 1, 0, {}}));
    }
    proxy_->resume();
    for (int i = 0; i < 400; ++i) loop_.turn(false);
    CPPUNIT_ASSERT(connected_.size() <= Connector::kMaxOutstanding);
    CPPUNIT_ASSERT_EQUAL(Connector::kMaxOutstanding + 100, connected_.size() + failed_.size());
    CPPUNIT_ASSERT_EQUAL(EAGAIN, failed_.rbegin()->second);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ConnectorTest);

}  // namespace caronte::master
