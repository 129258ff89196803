#include "ipc/channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>

namespace caronte::ipc {

namespace {

constexpr int kFramesPerWake = 16;
constexpr int kSocketBufferBytes = 512 * 1024;

void put_header(std::string& out, MessageType type, std::size_t length) {
  const auto size = static_cast<std::uint32_t>(length);
  out += static_cast<char>(type);
  for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>((size >> shift) & 0xFFU);
}

struct Header {
  MessageType type;
  std::size_t length;
};

// nullopt: not a whole header and body of a known type.
std::optional<Header> get_header(std::string_view frame) noexcept {
  if (frame.size() < kMessageHeaderBytes) return std::nullopt;
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<std::uint8_t>(frame[i])); };
  const std::uint32_t length = at(1) | at(2) << 8U | at(3) << 16U | at(4) << 24U;
  if (length > frame.size() - kMessageHeaderBytes || at(0) >= static_cast<std::uint32_t>(MessageType::kCount)) return std::nullopt;
  return Header{static_cast<MessageType>(at(0)), length};
}

ssize_t send_frame(int socket, std::string_view bytes, int descriptor, int flags) noexcept {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

struct Received {
  ssize_t size = 0;        // as recvmsg returns it
  base::Fd descriptor;     // the one descriptor, if exactly one came
  bool is_broken = false;  // cut, or more than one descriptor
  bool is_short = false;   // its descriptor found no room in our table
};

Received receive_frame_from(int socket, std::span<char> buffer, int flags) noexcept {
  Received result;
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 253)> control;  // SCM_MAX_FD: take all, keep one
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  do {
    result.size = ::recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  } while (result.size < 0 && errno == EINTR);
  if (result.size < 0) return result;
  if ((message.msg_flags & MSG_TRUNC) != 0) result.is_broken = true;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int raw = -1;
      std::memcpy(&raw, CMSG_DATA(header) + i * sizeof(int), sizeof raw);
      if (result.descriptor.is_open() || count > 1) result.is_broken = true;
      result.descriptor.reset(raw);
    }
  }
  result.is_short = (message.msg_flags & MSG_CTRUNC) != 0 && !result.descriptor.is_open();
  return result;
}

std::span<char> shared_frame_buffer() {
  static std::array<char, kMaxFrameBytes + 1> buffer;
  return buffer;
}

}  // namespace

Channel::Channel(wrap::EventLoop& loop, base::Fd socket, Role local, Role peer, std::uint16_t peer_index, ChannelOwner& owner,
                 std::size_t queue_bytes)
    : loop_(loop),
      socket_(std::move(socket)),
      local_(local),
      peer_(peer),
      peer_index_(peer_index),
      owner_(owner),
      queue_limit_(queue_bytes),
      turn_end_(loop) {
  ::fcntl(socket_.get(), F_SETFL, O_RDWR | O_NONBLOCK);
  readable_.assign_readable<&Channel::on_readable>(loop_, socket_.get(), this);
  writable_.assign_writable<&Channel::on_writable>(loop_, socket_.get(), this);
  turn_end_.bind<&Channel::on_turn_end>(this);
  readable_.enable();
}

Channel::~Channel() {
  if (destroyed_ != nullptr) *destroyed_ = true;
}

bool Channel::enqueue(MessageType type, base::Fd descriptor) {
  if (!is_open()) return false;
  const std::size_t size = kMessageHeaderBytes + scratch_.size();
  if (size > kMaxFrameBytes || !may_send(type, local_, peer_) || row_of(type).carries_descriptor != descriptor.is_open()) {
    std::abort();  // a mistake of ours, never of the peer
  }
  if (size > queue_limit_ - std::min(queue_limit_, queued_bytes_)) {
    is_congested_ = true;
    return false;
  }
  const bool joins = !descriptor.is_open() && !frames_.empty() && !frames_.back().descriptor.is_open() &&
                     size <= kMaxFrameBytes - frames_.back().bytes.size();
  if (!joins) frames_.emplace_back();
  Frame& frame = frames_.back();
  put_header(frame.bytes, type, scratch_.size());
  frame.bytes += scratch_;
  frame.descriptor = std::move(descriptor);
  queued_bytes_ += size;
  if (!writable_.is_enabled()) turn_end_.schedule();
  return true;
}

void Channel::flush() {
  while (is_open() && !frames_.empty()) {
    const Frame& frame = frames_.front();
    if (send_frame(socket_.get(), frame.bytes, frame.descriptor.get(), MSG_DONTWAIT) < 0) {
      if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS) {
        if (!writable_.is_enabled()) writable_.enable();
        return;
      }
      // The peer has gone; what it sent before is still read, and reading reports the end.
      frames_.clear();
      queued_bytes_ = 0;
      return;
    }
    queued_bytes_ -= frame.bytes.size();
    frames_.pop_front();
  }
  writable_.disable();
  if (is_congested_) {
    is_congested_ = false;
    owner_.on_channel_drained(*this);
  }
}

void Channel::close() noexcept {
  readable_.disable();
  writable_.disable();
  turn_end_.cancel();
  frames_.clear();
  queued_bytes_ = 0;
  socket_.reset();
}

void Channel::pause() noexcept {
  readable_.disable();
}

void Channel::resume() noexcept {
  if (is_open() && !readable_.is_enabled()) readable_.enable();
}

void Channel::on_writable(short) {
  flush();
}

void Channel::on_readable(short) {
  for (int i = 0; i < kFramesPerWake; ++i) {
    if (!receive_frame()) return;
  }
}

bool Channel::receive_frame() {
  const std::span<char> buffer = shared_frame_buffer();
  Received received = receive_frame_from(socket_.get(), buffer, MSG_DONTWAIT);
  if (received.size < 0) {
    if (errno != EAGAIN) fail({});
    return false;
  }
  if (received.size == 0) {
    fail({});
    return false;
  }
  if (received.is_broken || static_cast<std::size_t>(received.size) > kMaxFrameBytes) {
    fail("frame too long or with several descriptors");
    return false;
  }
  // No room for its descriptor here: not the sender's fault, and what is lost is one message (F51).
  if (received.is_short) return true;
  bool is_destroyed = false;
  destroyed_ = &is_destroyed;
  const bool is_alive =
      take_messages({buffer.data(), static_cast<std::size_t>(received.size)}, std::move(received.descriptor), is_destroyed);
  if (!is_destroyed) destroyed_ = nullptr;
  return is_alive && readable_.is_enabled();
}

bool Channel::take_messages(std::string_view frame, base::Fd descriptor, const bool& is_destroyed) {
  const bool had_descriptor = descriptor.is_open();
  std::size_t count = 0;
  while (!frame.empty()) {
    const auto header = get_header(frame);
    if (!header) {
      fail("malformed frame");
      return false;
    }
    const MessageRow& row = row_of(header->type);
    if (!may_send(header->type, peer_, local_)) {
      fail(std::string(row.name) + " is not this peer's to send");
      return false;
    }
    const bool is_alone = count == 0 && frame.size() == kMessageHeaderBytes + header->length;
    if (row.carries_descriptor != had_descriptor || (had_descriptor && !is_alone)) {
      fail(std::string(row.name) + (had_descriptor ? " with a descriptor" : " without its descriptor"));
      return false;
    }
    if (!is_greeted_ && header->type == MessageType::Hello) {
      Hello hello;
      if (!decode(frame.substr(kMessageHeaderBytes, header->length), hello) || hello.version != kSchemaVersion ||
          hello.role != peer_) {
        fail("Hello of another version or role");
        return false;
      }
    } else {
      Incoming incoming{header->type, frame.substr(kMessageHeaderBytes, header->length), std::exchange(descriptor, {})};
      const bool is_accepted = owner_.on_message(*this, incoming);
      if (is_destroyed || !is_open()) return false;
      if (!is_accepted) {
        fail(std::string(row.name) + " malformed or not expected here");
        return false;
      }
    }
    is_greeted_ = true;
    frame.remove_prefix(kMessageHeaderBytes + header->length);
    ++count;
  }
  return true;
}

void Channel::fail(std::string_view broken_rule) {
  const std::string rule(broken_rule);
  close();
  owner_.on_channel_closed(*this, rule);
}

base::Status send_blocking(int socket, MessageType type, std::string_view body, int descriptor) {
  std::string frame;
  put_header(frame, type, body.size());
  frame += body;
  if (send_frame(socket, frame, descriptor, 0) < 0) return base::system_error(errno, "sendmsg");
  return base::Done{};
}

base::Result<Incoming> BlockingReader::next() {
  base::Fd descriptor;
  if (taken_ == frame_.size()) {
    const std::span<char> buffer = shared_frame_buffer();
    Received received = receive_frame_from(socket_, buffer, 0);
    if (received.size < 0) return base::system_error(errno, "recvmsg");
    if (received.size == 0) return base::Error{0, "the other process has gone"};
    if (received.is_broken) return base::Error{EPROTO, "frame too long or with several descriptors"};
    frame_.assign(buffer.data(), static_cast<std::size_t>(received.size));
    taken_ = 0;
    descriptor = std::move(received.descriptor);
  }
  const std::string_view rest = std::string_view(frame_).substr(taken_);
  const auto header = get_header(rest);
  if (!header || !may_send(header->type, peer_, local_) || row_of(header->type).carries_descriptor != descriptor.is_open()) {
    return base::Error{EPROTO, "malformed message or not this sender's"};
  }
  taken_ += kMessageHeaderBytes + header->length;
  return Incoming{header->type, rest.substr(kMessageHeaderBytes, header->length), std::exchange(descriptor, {})};
}

base::Result<std::pair<base::Fd, base::Fd>> make_channel_pair() {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return base::system_error(errno, "socketpair");
  for (const int end : ends) {
    ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  }
  return std::pair{base::Fd(ends[0]), base::Fd(ends[1])};
}

}  // namespace caronte::ipc
