// The far end of a channel: frames as a hostile process composes them from an input, and a neighbour that keeps the rules.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "ipc/channel.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

// What lies in the socket now; `is_closed` is set when nothing more can come.
inline std::string read_all(int socket, bool& is_closed) {
  std::string bytes;
  std::array<char, 65536> buffer;
  ssize_t size = 0;
  while ((size = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0)
    bytes.append(buffer.data(), static_cast<std::size_t>(size));
  if (size == 0 || errno != EAGAIN) is_closed = true;
  return bytes;
}

// Sends with up to three descriptors (of /dev/null).
inline void send_raw(int socket, std::string_view frame, unsigned descriptors) {
  static const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  constexpr unsigned kMost = 3;
  iovec part{const_cast<char*>(frame.data()), frame.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMost)> control{};
  if (descriptors != 0) {
    const std::array<int, kMost> all{null, null, null};
    const std::size_t size = sizeof(int) * std::min(descriptors, kMost);
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), all.data(), size);
  }
  (void)::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

inline void append_message(std::string& frame, unsigned type, std::string_view body) {
  frame += static_cast<char>(type);
  for (unsigned shift = 0; shift < 32; shift += 8) frame += static_cast<char>(body.size() >> shift & 0xFFU);
  frame += body;
}

template <class Message>
void append_message(std::string& frame, const Message& message) {
  std::string body;
  ipc::encode(message, body);
  append_message(frame, static_cast<unsigned>(Message::kType), body);
}

// One frame from the input: some messages with right headers, or any octets; its descriptors, which may be those that its
// first message should have.
inline void send_frame_of(Input& input, int socket) {
  const unsigned bits = input.octet();
  std::string frame;
  unsigned descriptors = bits & 3U;
  if ((bits & 4U) != 0) {
    frame = input.take(input.octet());
  } else {
    for (unsigned count = 1 + (bits >> 3U & 1U); count > 0; --count) {
      const unsigned type = input.octet();
      append_message(frame, type, input.take(input.octet()));
      const bool has_row = type < static_cast<unsigned>(ipc::MessageType::kCount);
      if ((bits & 16U) == 0 && has_row) descriptors = ipc::row_of(static_cast<ipc::MessageType>(type)).carries_descriptor ? 1 : 0;
    }
  }
  if ((bits & 32U) != 0) frame.resize(frame.size() + 16U * input.octet() * input.octet());  // up to more than a frame may have
  if (!frame.empty()) send_raw(socket, frame, descriptors);
}

// The other end of a channel of a process under test, driven by hand.
class Neighbour {
 public:
  base::Fd attach(base::Fd own, base::Fd its) {
    socket_ = std::move(own);
    is_closed_ = false;
    if (role_ != ipc::Role::master) send(ipc::Hello{ipc::kSchemaVersion, role_, 0});
    return its;
  }
  explicit Neighbour(ipc::Role role) noexcept : role_(role) {}
  template <class Message>
  void send(const Message& message, int descriptor = -1) {
    (void)ipc::send_blocking(socket_.get(), message, descriptor).is_ok();
  }
  [[nodiscard]] int socket() const noexcept { return socket_.get(); }
  void hang_up() { socket_.reset(); }
  [[nodiscard]] bool is_open() const noexcept { return socket_.is_open() && !is_closed_; }

  // What the process has sent, each message to `take(type, body)`.
  template <class Take>
  void read(Take&& take) {
    std::array<char, ipc::kMaxFrameBytes> buffer;
    for (ssize_t size = 0; socket_ && (size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) >= 0;) {
      if (size == 0) {
        is_closed_ = true;
        return;
      }
      std::string_view frame(buffer.data(), static_cast<std::size_t>(size));
      while (!frame.empty()) {
        const auto at = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<std::uint8_t>(frame[i])); };
        const std::size_t length = at(1) | at(2) << 8U | at(3) << 16U;
        take(static_cast<ipc::MessageType>(at(0)), frame.substr(ipc::kMessageHeaderBytes, length));
        frame.remove_prefix(ipc::kMessageHeaderBytes + length);
      }
    }
    if (socket_ && errno != EAGAIN) is_closed_ = true;
  }

 private:
  ipc::Role role_;
  base::Fd socket_;
  bool is_closed_ = true;
};

}  // namespace caronte::fuzz
