// Channels: two ends on one loop, and a hostile peer that writes raw frames to the other end.
#include "ipc/channel.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>

namespace caronte::ipc {
namespace {

std::string frame_of(MessageType type, std::string_view body, std::uint32_t length) {
  std::string frame(1, static_cast<char>(type));
  for (unsigned shift = 0; shift < 32; shift += 8) frame += static_cast<char>(length >> shift & 0xFFU);
  return frame + std::string(body);
}
template <class Message>
std::string frame_of(const Message& message) {
  std::string body;
  encode(message, body);
  return frame_of(Message::kType, body, static_cast<std::uint32_t>(body.size()));
}

void send_raw(int socket, std::string_view frame, std::initializer_list<int> descriptors = {}) {
  iovec part{const_cast<char*>(frame.data()), frame.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 8)]{};
  if (descriptors.size() != 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(header), std::data(descriptors), sizeof(int) * descriptors.size());
  }
  CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(frame.size()), ::sendmsg(socket, &message, MSG_NOSIGNAL));
}

// Records what comes; `act` may do something in a handler.
struct Recorder final : ChannelOwner {
  std::string text;  // one letter a message, "!" and the reason at the end
  std::vector<std::uint64_t> sessions;
  std::vector<base::Fd> descriptors;
  int drained = 0;
  std::function<void(Channel&)> act;
  std::function<void(Channel&)> act_at_end;
  bool accepts = true;

  bool on_message(Channel& channel, Incoming& message) override {
    if (!accepts) return false;
    return dispatch<SessionClosed, SessionAnswer, Ping, Pong, Peer>(*this, channel, message);
  }
  void on(Channel& channel, const SessionClosed& m) { note(channel, 'c', m.session); }
  void on(Channel& channel, const SessionAnswer& m) { note(channel, 'a', m.session); }
  void on(Channel& channel, const Ping& m) { note(channel, 'p', m.serial); }
  void on(Channel& channel, const Pong& m) { note(channel, 'q', m.serial); }
  void on(Channel& channel, const Peer&, base::Fd fd) {
    descriptors.push_back(std::move(fd));
    note(channel, 'd', 0);
  }
  void note(Channel& channel, char letter, std::uint64_t number) {
    text += letter;
    sessions.push_back(number);
    if (act) act(channel);
  }
  void on_channel_closed(Channel& channel, std::string_view broken_rule) override {
    text += "!" + std::string(broken_rule);
    if (act_at_end) act_at_end(channel);
  }
  void on_channel_drained(Channel&) override { ++drained; }
};

SessionClosed closed(std::uint64_t session) {
  SessionClosed message;
  message.session = session;
  return message;
}

class ChannelTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ChannelTest);
  CPPUNIT_TEST(messages_of_a_turn_share_a_frame);
  CPPUNIT_TEST(many_messages_keep_their_order);
  CPPUNIT_TEST(descriptors_travel_in_their_place);
  CPPUNIT_TEST(hello_of_the_right_version_is_taken_silently);
  CPPUNIT_TEST(hello_of_another_version_or_role_is_refused);
  CPPUNIT_TEST(hello_comes_first_or_not_at_all);
  CPPUNIT_TEST(messages_of_another_route_are_refused);
  CPPUNIT_TEST(hostile_frames_close_the_channel);
  CPPUNIT_TEST(wrong_descriptors_close_the_channel_and_leave_none_open);
  CPPUNIT_TEST(messages_that_the_owner_refuses_close_the_channel);
  CPPUNIT_TEST(messages_before_a_broken_one_are_taken);
  CPPUNIT_TEST(end_of_the_peer_comes_after_what_it_sent);
  CPPUNIT_TEST(full_queue_refuses_and_tells_when_it_is_empty);
  CPPUNIT_TEST(paused_channel_reads_nothing);
  CPPUNIT_TEST(owner_may_close_in_a_handler);
  CPPUNIT_TEST(owner_may_destroy_in_a_handler);
  CPPUNIT_TEST(owner_may_destroy_when_told_of_the_end);
  CPPUNIT_TEST(closed_channel_takes_nothing_and_says_nothing);
  CPPUNIT_TEST(blocking_reader_takes_frames_apart);
  CPPUNIT_TEST(blocking_reader_refuses_what_a_channel_refuses);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    auto pair = make_channel_pair();
    CPPUNIT_ASSERT(pair.is_ok());
    policyd_end_ = std::move(pair.value().first);
    proxy_end_ = std::move(pair.value().second);
  }
  void tearDown() override {
    policyd_.reset();
    proxy_.reset();
  }

 private:
  // policyd's end, whose peer is smtpd-proxy or (for descriptors) a worker's end whose peer is master.
  Channel& open_policyd() {
    policyd_ = std::make_unique<Channel>(loop_, std::move(policyd_end_), Role::policyd, Role::smtpd_proxy, 0, at_policyd_);
    return *policyd_;
  }
  Channel& open_worker_of_master() {
    policyd_ = std::make_unique<Channel>(loop_, std::move(policyd_end_), Role::policyd, Role::master, 0, at_policyd_);
    return *policyd_;
  }
  Channel& open_proxy(std::size_t queue_bytes = Channel::kDefaultQueueBytes) {
    proxy_ = std::make_unique<Channel>(loop_, std::move(proxy_end_), Role::smtpd_proxy, Role::policyd, 0, at_proxy_, queue_bytes);
    return *proxy_;
  }
  void turn(int times = 3) {
    for (int i = 0; i < times; ++i) loop_.turn(false);
  }
  static std::ptrdiff_t open_descriptors() {
    std::ptrdiff_t count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
  }

  void messages_of_a_turn_share_a_frame() {
    open_proxy();
    for (std::uint64_t i = 0; i < 100; ++i) CPPUNIT_ASSERT(proxy_->send(closed(i)));
    CPPUNIT_ASSERT(proxy_->queued_bytes() > 0);
    turn();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, proxy_->queued_bytes());
    char buffer[kMaxFrameBytes];
    const ssize_t size = ::recv(policyd_end_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    CPPUNIT_ASSERT_EQUAL(frame_of(closed(0)).size() * 100, static_cast<std::size_t>(size));
    CPPUNIT_ASSERT(::recv(policyd_end_.get(), buffer, sizeof buffer, MSG_DONTWAIT) < 0 && errno == EAGAIN);
  }

  void many_messages_keep_their_order() {
    open_policyd();
    open_proxy(16 * 1024 * 1024);
    constexpr std::uint64_t kMany = 50'000;
    for (std::uint64_t i = 0; i < kMany; ++i) CPPUNIT_ASSERT(proxy_->send(closed(i)));
    turn(500);
    CPPUNIT_ASSERT_EQUAL(std::size_t{kMany}, at_policyd_.sessions.size());
    for (std::uint64_t i = 0; i < kMany; ++i) CPPUNIT_ASSERT_EQUAL(i, at_policyd_.sessions[i]);
  }

  void descriptors_travel_in_their_place() {
    open_worker_of_master();
    Recorder at_master;
    Channel master(loop_, std::move(proxy_end_), Role::master, Role::policyd, 0, at_master);
    const base::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    struct stat sent {};
    CPPUNIT_ASSERT_EQUAL(0, ::fstat(null.get(), &sent));
    CPPUNIT_ASSERT(master.send(Ping{1}));
    CPPUNIT_ASSERT(master.send(Peer{Role::dnsd, 0}, base::Fd(::dup(null.get()))));
    CPPUNIT_ASSERT(master.send(Peer{Role::dnsd, 1}, base::Fd(::dup(null.get()))));
    CPPUNIT_ASSERT(master.send(Ping{2}));
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("pddp"), at_policyd_.text);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, at_policyd_.descriptors.size());
    for (const base::Fd& fd : at_policyd_.descriptors) {
      struct stat received {};
      CPPUNIT_ASSERT_EQUAL(0, ::fstat(fd.get(), &received));
      CPPUNIT_ASSERT(received.st_rdev == sent.st_rdev);
      CPPUNIT_ASSERT((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    }
  }

  void hello_of_the_right_version_is_taken_silently() {
    open_policyd();
    send_raw(proxy_end_.get(), frame_of(Hello{kSchemaVersion, Role::smtpd_proxy, 0}) + frame_of(closed(1)));
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("c"), at_policyd_.text);
  }

  void hello_of_another_version_or_role_is_refused() {
    for (const Hello hello :
         {Hello{kSchemaVersion + 1, Role::smtpd_proxy, 0}, Hello{0, Role::smtpd_proxy, 0}, Hello{kSchemaVersion, Role::dnsd, 0}}) {
      setUp();
      at_policyd_.text.clear();
      open_policyd();
      send_raw(proxy_end_.get(), frame_of(hello));
      turn();
      CPPUNIT_ASSERT_EQUAL(std::string("!Hello of another version or role"), at_policyd_.text);
      CPPUNIT_ASSERT(!policyd_->is_open());
    }
  }

  void hello_comes_first_or_not_at_all() {
    open_policyd();
    send_raw(proxy_end_.get(), frame_of(closed(1)) + frame_of(Hello{kSchemaVersion, Role::smtpd_proxy, 0}));
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("c!Hello malformed or not expected here"), at_policyd_.text);
  }

  void messages_of_another_route_are_refused() {
    open_policyd();
    send_raw(proxy_end_.get(), frame_of(SessionAnswer{}));  // policyd's own to send
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("!SessionAnswer is not this peer's to send"), at_policyd_.text);
  }

  void hostile_frames_close_the_channel() {
    const std::string good = frame_of(closed(1));
    const std::string unknown = frame_of(MessageType::kCount, "", 0);
    for (const std::string& frame :
         {std::string("x"), std::string(4, '\0'), unknown, frame_of(static_cast<MessageType>(255), "", 0),
          good.substr(0, good.size() - 1), good + "x", good + good.substr(0, 3),
          frame_of(MessageType::SessionClosed, "", 0xFFFFFFFF), frame_of(MessageType::SessionClosed, "x", 2),
          frame_of(MessageType::SessionClosed, std::string(300, 'x'), 300), std::string(kMaxFrameBytes + 1, '\0')}) {
      setUp();
      at_policyd_.text.clear();
      open_policyd();
      send_raw(proxy_end_.get(), frame);
      turn();
      CPPUNIT_ASSERT_MESSAGE(at_policyd_.text, !policyd_->is_open());
      CPPUNIT_ASSERT_MESSAGE(at_policyd_.text, at_policyd_.text.find('!') != std::string::npos && !at_policyd_.text.ends_with('!'));
    }
  }

  void wrong_descriptors_close_the_channel_and_leave_none_open() {
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const std::string peer = frame_of(Peer{Role::dnsd, 0});
    const std::string ping = frame_of(Ping{1});
    struct Case {
      std::string frame;
      std::vector<int> descriptors;
    };
    for (const Case& c : {Case{ping, {null}}, Case{peer, {}}, Case{peer, {null, null}}, Case{ping, {null, null, null}},
                          Case{peer + ping, {null}}, Case{ping + peer, {null}}, Case{peer + peer, {null}}}) {
      setUp();
      at_policyd_.text.clear();
      open_worker_of_master();
      const auto before = open_descriptors();
      if (c.descriptors.empty()) send_raw(proxy_end_.get(), c.frame);
      if (c.descriptors.size() == 1) send_raw(proxy_end_.get(), c.frame, {null});
      if (c.descriptors.size() == 2) send_raw(proxy_end_.get(), c.frame, {null, null});
      if (c.descriptors.size() == 3) send_raw(proxy_end_.get(), c.frame, {null, null, null});
      turn();
      CPPUNIT_ASSERT_EQUAL('!', at_policyd_.text.at(0));
      CPPUNIT_ASSERT(at_policyd_.descriptors.empty());
      CPPUNIT_ASSERT_EQUAL(before - 1, open_descriptors());  // the channel's own has gone, and nothing has come
    }
    ::close(null);
  }

  void messages_that_the_owner_refuses_close_the_channel() {
    open_policyd();
    at_policyd_.accepts = false;
    send_raw(proxy_end_.get(), frame_of(closed(1)) + frame_of(closed(2)));
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("!SessionClosed malformed or not expected here"), at_policyd_.text);
  }

  void messages_before_a_broken_one_are_taken() {
    open_policyd();
    send_raw(proxy_end_.get(), frame_of(closed(1)) + frame_of(closed(2)) + "broken");
    send_raw(proxy_end_.get(), frame_of(closed(3)));
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("cc!malformed frame"), at_policyd_.text);
  }

  void end_of_the_peer_comes_after_what_it_sent() {
    open_policyd();
    for (int i = 0; i < 40; ++i) send_raw(proxy_end_.get(), frame_of(closed(1)));
    proxy_end_.reset();
    turn(10);
    CPPUNIT_ASSERT_EQUAL(std::string(40, 'c') + "!", at_policyd_.text);
    CPPUNIT_ASSERT(!policyd_->is_open());
    CPPUNIT_ASSERT(!policyd_->send(SessionAnswer{}));
  }

  void full_queue_refuses_and_tells_when_it_is_empty() {
    open_proxy(10'000);
    // The other end does not read: the socket fills, then the queue.
    std::uint64_t sent = 0;
    for (std::size_t before = 1; before != proxy_->queued_bytes();) {
      while (proxy_->send(closed(sent))) ++sent;
      before = proxy_->queued_bytes();
      turn();
    }
    CPPUNIT_ASSERT(proxy_->queued_bytes() <= 10'000);
    CPPUNIT_ASSERT(proxy_->queued_bytes() > 9'000);
    const int before = at_proxy_.drained;
    open_policyd();
    turn(200);
    CPPUNIT_ASSERT_EQUAL(before + 1, at_proxy_.drained);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, proxy_->queued_bytes());
    CPPUNIT_ASSERT_EQUAL(static_cast<std::size_t>(sent), at_policyd_.sessions.size());
    CPPUNIT_ASSERT_EQUAL(sent - 1, at_policyd_.sessions.back());
    CPPUNIT_ASSERT(proxy_->send(closed(sent)));
  }

  void paused_channel_reads_nothing() {
    open_policyd();
    policyd_->pause();
    send_raw(proxy_end_.get(), frame_of(closed(1)));
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string(), at_policyd_.text);
    policyd_->resume();
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("c"), at_policyd_.text);
  }

  void owner_may_close_in_a_handler() {
    open_policyd();
    at_policyd_.act = [](Channel& channel) { channel.close(); };
    send_raw(proxy_end_.get(), frame_of(closed(1)) + frame_of(closed(2)));
    send_raw(proxy_end_.get(), frame_of(closed(3)));
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("c"), at_policyd_.text);
  }

  void owner_may_destroy_in_a_handler() {
    open_policyd();
    at_policyd_.act = [this](Channel& channel) {
      channel.send(SessionAnswer{});
      policyd_.reset();
    };
    send_raw(proxy_end_.get(), frame_of(closed(1)) + frame_of(closed(2)));
    send_raw(proxy_end_.get(), frame_of(closed(3)));
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("c"), at_policyd_.text);
  }

  void owner_may_destroy_when_told_of_the_end() {
    for (const bool is_hostile : {false, true}) {
      setUp();
      at_policyd_.text.clear();
      open_policyd();
      at_policyd_.act_at_end = [this](Channel&) { policyd_.reset(); };
      if (is_hostile) send_raw(proxy_end_.get(), frame_of(closed(1)) + "broken");
      proxy_end_.reset();
      turn();
      CPPUNIT_ASSERT_EQUAL(std::string(is_hostile ? "c!malformed frame" : "!"), at_policyd_.text);
      CPPUNIT_ASSERT(policyd_ == nullptr);
    }
  }

  void closed_channel_takes_nothing_and_says_nothing() {
    open_proxy();
    CPPUNIT_ASSERT(proxy_->send(closed(1)));
    proxy_->close();
    CPPUNIT_ASSERT(!proxy_->send(closed(2)));
    proxy_->resume();
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string(), at_proxy_.text);
    char buffer[16];
    CPPUNIT_ASSERT_EQUAL(ssize_t{0}, ::recv(policyd_end_.get(), buffer, sizeof buffer, MSG_DONTWAIT));
  }

  void blocking_reader_takes_frames_apart() {
    BlockingReader reader(policyd_end_.get(), Role::policyd, Role::smtpd_proxy);
    send_raw(proxy_end_.get(), frame_of(closed(1)) + frame_of(closed(2)));
    CPPUNIT_ASSERT(send_blocking(proxy_end_.get(), closed(3)).is_ok());
    proxy_end_.reset();
    for (std::uint64_t i = 1; i <= 3; ++i) {
      auto incoming = reader.next();
      CPPUNIT_ASSERT(incoming.is_ok());
      SessionClosed message;
      CPPUNIT_ASSERT(decode(incoming.value().body, message));
      CPPUNIT_ASSERT_EQUAL(i, message.session);
    }
    const auto end = reader.next();
    CPPUNIT_ASSERT(!end.is_ok());
    CPPUNIT_ASSERT_EQUAL(0, end.error().code);
  }

  void blocking_reader_refuses_what_a_channel_refuses() {
    for (const std::string& frame :
         {std::string("x"), frame_of(SessionAnswer{}), frame_of(Peer{Role::dnsd, 0}), frame_of(MessageType::kCount, "", 0),
          frame_of(MessageType::SessionClosed, "x", 2), std::string(kMaxFrameBytes + 100, '\0')}) {
      setUp();
      BlockingReader reader(policyd_end_.get(), Role::policyd, Role::smtpd_proxy);
      send_raw(proxy_end_.get(), frame);
      const auto incoming = reader.next();
      CPPUNIT_ASSERT(!incoming.is_ok());
      CPPUNIT_ASSERT_EQUAL(EPROTO, incoming.error().code);
    }
  }

  wrap::EventLoop loop_;
  Recorder at_policyd_;
  Recorder at_proxy_;
  base::Fd policyd_end_;
  base::Fd proxy_end_;
  std::unique_ptr<Channel> policyd_;
  std::unique_ptr<Channel> proxy_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(ChannelTest);

}  // namespace
}  // namespace caronte::ipc
