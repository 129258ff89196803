// Channel: one end of a SOCK_SEQPACKET pair between two processes. Messages of one turn of the loop leave in one frame;
// nothing ever blocks: what the socket does not take waits in a bounded queue. The receiver checks version, route, length
// and descriptor of every message; a peer that breaks a rule is cut off (on_channel_closed tells why) and is to be blamed
// at master. A bad message never ends its receiver.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "ipc/schema.h"
#include "wrap/event.h"

namespace caronte::ipc {

// Largest frame on any channel; a frame holds whole messages, or one message with its descriptor.
inline constexpr std::size_t kMaxFrameBytes = 64 * 1024;
// Type and length in front of each message.
inline constexpr std::size_t kMessageHeaderBytes = 5;

struct Incoming {
  MessageType type = MessageType::kCount;
  std::string_view body;  // valid during the call
  base::Fd descriptor;    // open exactly when the row says so
};

class Channel;

class ChannelOwner {
 public:
  virtual ~ChannelOwner() = default;
  // False: this message is not expected here or malformed; the channel is closed and the peer blamed. Usually
  // `return ipc::dispatch<A, B, ...>(*this, channel, message);`.
  [[nodiscard]] virtual bool on_message(Channel& channel, Incoming& message) = 0;
  // The peer has gone (`broken_rule` empty) or broke a rule (what it did). The channel is closed; it may be destroyed
  // in this call.
  virtual void on_channel_closed(Channel& channel, std::string_view broken_rule) = 0;
  // The queue, which was congested, is empty again.
  virtual void on_channel_drained(Channel&) {}
};

class Channel {
 public:
  static constexpr std::size_t kDefaultQueueBytes = 1024 * 1024;

  // Takes the connected socket and makes it non-blocking. `peer_index` is for names in logs only.
  Channel(wrap::EventLoop& loop, base::Fd socket, Role local, Role peer, std::uint16_t peer_index, ChannelOwner& owner,
          std::size_t queue_bytes = kDefaultQueueBytes);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Queues a message; it leaves at the end of this turn. False: the queue is full or the channel closed, and nothing was
  // queued. The caller counts, refuses or pauses its source.
  template <class Message>
  bool send(const Message& message, base::Fd descriptor = {}) {
    scratch_.clear();
    encode(message, scratch_);
    return enqueue(Message::kType, std::move(descriptor));
  }

  // Sends now what this turn has queued.
  void flush();
  // Neither call-back is made any more; queued messages are dropped.
  void close() noexcept;
  // Reads no more until resume(): back-pressure on the peer.
  void pause() noexcept;
  void resume() noexcept;

  [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }
  // Messages that wait, in octets.
  [[nodiscard]] std::size_t queued_bytes() const noexcept { return queued_bytes_; }
  [[nodiscard]] Role peer() const noexcept { return peer_; }
  [[nodiscard]] std::uint16_t peer_index() const noexcept { return peer_index_; }

 private:
  struct Frame {
    std::string bytes;
    base::Fd descriptor;
  };
  bool enqueue(MessageType type, base::Fd descriptor);
  void on_turn_end() { flush(); }
  void on_readable(short what);
  void on_writable(short what);
  bool receive_frame();  // false: nothing left, closed or destroyed
  bool take_messages(std::string_view frame, base::Fd descriptor, const bool& is_destroyed);
  void fail(std::string_view broken_rule);

  wrap::EventLoop& loop_;
  base::Fd socket_;
  Role local_;
  Role peer_;
  std::uint16_t peer_index_;
  ChannelOwner& owner_;
  std::size_t queue_limit_;
  std::deque<Frame> frames_;  // the last one takes further messages unless it carries a descriptor
  std::size_t queued_bytes_ = 0;
  bool is_congested_ = false;
  bool is_greeted_ = false;  // the peer's first message came
  bool* destroyed_ = nullptr;
  std::string scratch_;
  wrap::Event readable_;
  wrap::Event writable_;
  wrap::Deferred turn_end_;
};

// Calls `owner.on(channel, message)` or, for a message with a descriptor, `owner.on(channel, message, Fd)` when the type
// is one of the list; false when it is none of them or malformed.
template <class... Messages, class Owner>
[[nodiscard]] bool dispatch(Owner& owner, Channel& channel, Incoming& incoming) {
  const auto try_one = [&]<class Message>(std::type_identity<Message>) {
    if (incoming.type != Message::kType) return false;
    Message message;
    if (!decode(incoming.body, message)) return false;
    if constexpr (requires { owner.on(channel, message, base::Fd{}); }) {
      owner.on(channel, message, std::move(incoming.descriptor));
    } else {
      owner.on(channel, message);
    }
    return true;
  };
  return (try_one(std::type_identity<Messages>{}) || ...);
}

// ------------------------------------------------------------------------------- blocking use: start of a worker, carontectl

// A frame with one message, sent on a blocking socket.
[[nodiscard]] base::Status send_blocking(int socket, MessageType type, std::string_view body, int descriptor = -1);
template <class Message>
[[nodiscard]] base::Status send_blocking(int socket, const Message& message, int descriptor = -1) {
  std::string body;
  encode(message, body);
  return send_blocking(socket, Message::kType, body, descriptor);
}

// Reads messages one by one from a blocking socket; frames with several are taken apart. Route and descriptor are checked.
class BlockingReader {
 public:
  BlockingReader(int socket, Role local, Role peer) noexcept : socket_(socket), local_(local), peer_(peer) {}
  // Error with code 0: the peer has gone; EPROTO: it broke a rule; otherwise errno of recvmsg (EAGAIN: time-out).
  // Incoming::body is valid until the next call.
  [[nodiscard]] base::Result<Incoming> next();

 private:
  int socket_;
  Role local_;
  Role peer_;
  std::string frame_;
  std::size_t taken_ = 0;
};

// A connected pair of SOCK_SEQPACKET sockets, close-on-exec, with roomy buffers.
[[nodiscard]] base::Result<std::pair<base::Fd, base::Fd>> make_channel_pair();

}  // namespace caronte::ipc
