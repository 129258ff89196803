#include "tests/sandbox/hostile_frames.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace caronte::tests {

namespace {

using ipc::MessageType;
using ipc::Role;

struct HostileFrame {
  const char* name;
  std::string bytes;
  std::size_t descriptors = 0;
};

std::string header(std::uint8_t type, std::uint32_t length) {
  std::string bytes(1, static_cast<char>(type));
  for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((length >> shift) & 0xFFU);
  return bytes;
}

template <class Message>
std::string frame_of(const Message& message) {
  std::string body;
  ipc::encode(message, body);
  return header(static_cast<std::uint8_t>(Message::kType), static_cast<std::uint32_t>(body.size())) + body;
}

std::vector<HostileFrame> hostile_frames(Role peer) {
  const std::string hello = frame_of(ipc::Hello{.role = peer});
  const Role another = peer == Role::logd ? Role::policyd : Role::logd;
  return {
      {"one octet", "\x01"},
      {"a cut header", hello.substr(0, 4)},
      {"a cut body", hello.substr(0, hello.size() - 1)},
      {"an unknown type", header(0xFF, 0)},
      {"the first unknown type", header(static_cast<std::uint8_t>(MessageType::kCount), 0)},
      {"a length of 2^31", header(static_cast<std::uint8_t>(MessageType::Hello), 0x80000000U)},
      {"a length of 2^32 - 1", header(static_cast<std::uint8_t>(MessageType::Hello), 0xFFFFFFFFU)},
      {"master's Start", frame_of(ipc::Start{})},
      {"master's Stop", frame_of(ipc::Stop{})},
      {"carontectl's StatusRequest", frame_of(ipc::StatusRequest{})},
      {"Hello of another version", frame_of(ipc::Hello{.version = 9999, .role = peer})},
      {"Hello of another role", frame_of(ipc::Hello{.role = another})},
      {"Hello with a descriptor", hello, 1},
      {"Hello with two descriptors", hello, 2},
      {"Hello with 253 descriptors", hello, 253},  // as many as the kernel lets pass
      {"Peer without its descriptor", frame_of(ipc::Peer{.role = Role::policyd})},
      {"a message too many octets long", hello + hello + hello.substr(0, 3)},
      {"a frame that is too long", std::string(ipc::kMaxFrameBytes + 1, '\0')},
  };
}

bool send_with_descriptors(int socket, const HostileFrame& frame) {
  iovec part{const_cast<char*>(frame.bytes.data()), frame.bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 253)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (frame.descriptors > 0) {
    const std::vector<int> descriptors(frame.descriptors, STDIN_FILENO);
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * frame.descriptors);
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int) * frame.descriptors);
    std::memcpy(CMSG_DATA(head), descriptors.data(), sizeof(int) * frame.descriptors);
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(frame.bytes.size());
}

// Reads what is left up to the end; false: still open after the socket's time-out.
bool is_closed_by_peer(int socket) {
  std::vector<char> buffer(ipc::kMaxFrameBytes);
  for (;;) {
    const ssize_t size = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (size == 0) return true;
    if (size < 0) return errno == ECONNRESET || errno == EPIPE;
  }
}

std::size_t open_descriptors(const Subject& subject) {
  return subject.descriptors().size();
}

void check_frame(Tally& tally, Subject& subject, Role peer, const HostileFrame& frame) {
  const std::string what =
      std::string(ipc::name_of(subject.role())) + ": " + std::string(ipc::name_of(peer)) + " sends " + frame.name + ": ";
  const std::size_t before = open_descriptors(subject);
  if (!tally.check(send_with_descriptors(subject.channel(peer), frame), what + "not sent")) return;
  const auto blame = subject.next_blame();
  tally.check(blame && blame->role == peer && !blame->reason.empty(), what + "nobody, or the wrong one, is blamed");
  tally.check(is_closed_by_peer(subject.channel(peer)), what + "the channel stays open");
  subject.renew_channel(peer);
  tally.check(subject.is_serving(), what + "the receiver does not serve any more");
  tally.check(open_descriptors(subject) == before, what + "descriptors leak");
}

// Sends as much as the channel takes within a second and reads nothing of what comes back.
void flood(int socket, const std::function<std::string(std::uint64_t)>& frame) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  for (std::uint64_t i = 1; i < 50'000 && std::chrono::steady_clock::now() < end; ++i) {
    const std::string bytes = frame(i);
    if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) continue;
    if (errno != EAGAIN) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void check_peer_that_never_reads(Tally& tally, Subject& subject) {
  const base::Endpoint client{base::Address(base::Address::Octets{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1}), 25};
  const std::string what = std::string(ipc::name_of(subject.role())) + ": a peer that asks and never reads: ";
  Role peer = Role::smtpd_proxy;
  if (subject.role() == Role::policyd) {
    flood(subject.channel(peer), [&](std::uint64_t i) {
      return frame_of(ipc::SessionQuestion{.session = i, .client = client, .listener = client, .generation = 1});
    });
  } else if (subject.role() == Role::dnsd) {
    peer = Role::policyd;
    flood(subject.channel(peer),
          [&](std::uint64_t i) { return frame_of(ipc::ReverseQuestion{.question = i, .address = client.address}); });
  } else if (subject.role() == Role::logd) {
    flood(subject.channel(peer), [&](std::uint64_t i) {
      if (i == 1) return frame_of(ipc::LogOpen{.role = peer, .instance = 2});
      ipc::LogRecord record;
      record.sequence = i - 1;
      record.elements.push({"event", 0, {}});
      return frame_of(record);
    });
  } else {
    return;  // nobody asks smtpd-proxy anything
  }
  tally.check(subject.is_serving(), what + "the receiver does not serve any more");
  subject.renew_channel(peer);
  tally.check(subject.is_serving(), what + "no new channel");
}

}  // namespace

void check_hostile_frames(Tally& tally, Subject& subject) {
  tally.check(subject.is_serving(), std::string(ipc::name_of(subject.role())) + " does not serve");
  for (const Role peer : {Role::smtpd_proxy, Role::policyd, Role::dnsd, Role::logd}) {
    if (subject.channel(peer) < 0) continue;
    for (const HostileFrame& frame : hostile_frames(peer)) check_frame(tally, subject, peer, frame);
  }
  check_peer_that_never_reads(tally, subject);
}

}  // namespace caronte::tests
