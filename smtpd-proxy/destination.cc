#include "smtpd-proxy/destination.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/result.h"

namespace caronte::smtpd_proxy {

namespace {

// A reply of at most 100 lines of 1,024 octets, and the beginning of the next.
constexpr std::size_t kReadBytes = 16 * 1024;

std::span<char> read_buffer() {
  static std::array<char, kReadBytes> buffer;
  return buffer;
}

}  // namespace

std::string_view name_of(Failure failure) noexcept {
  static constexpr std::array<std::string_view, 5> kNames{"unreachable", "refused", "busy", "lost", "broken"};
  return kNames[static_cast<std::size_t>(failure)];
}

Destination::Destination(wrap::EventLoop& loop, const config::Destination& settings, std::string own_name, DestinationOwner& owner)
    : loop_(loop), settings_(settings), own_name_(std::move(own_name)), owner_(owner) {
  deadline_.assign_timer<&Destination::on_deadline>(loop_, this);
  deadline_.enable(settings_.connect_timeout);
}

void Destination::adopt(base::Fd socket) {
  if (has_failed_) return;
  socket_ = std::move(socket);
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  readable_.assign_readable<&Destination::on_readable>(loop_, socket_.get(), this);
  writable_.assign_writable<&Destination::on_writable>(loop_, socket_.get(), this);
  asked_.push_back(Ask::greeting);
  // No wait for writability: the greeting, or the error, makes it readable. The deadline tells the two waits apart.
  readable_.enable();
}

void Destination::ask(Ask ask, std::string_view line) {
  waiting_.push_back({ask, std::string(line)});
}

void Destination::flush() {
  send_next();
  // While the write event is waited for it alone goes on: a write here that took the rest would put the event away, and
  // nobody would be told that there is room again.
  if (!writable_.is_enabled()) write_out();
}

void Destination::send_next() {
  if (!is_ready_) return;
  while (!waiting_.empty() && (asked_.empty() || capabilities_.pipelining)) {
    out_.append(waiting_.front().line);
    asked_.push_back(waiting_.front().ask);
    waiting_.pop_front();
  }
}

void Destination::write_out() {
  if (has_failed_ || !socket_ || out_.is_empty()) return;
  const std::string_view bytes = out_.view();
  const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0) out_.consume(static_cast<std::size_t>(sent));
  // An error shows again on reading, after what the server still had to say.
  if (sent < 0 && errno != EAGAIN && errno != EINTR) out_.clear();
  if (out_.is_empty()) {
    writable_.disable();
  } else if (!writable_.is_enabled()) {
    writable_.enable();
  }
  set_deadline();
}

bool Destination::write_data(std::span<iovec> pieces) {
  if (has_failed_) return true;
  if (out_.is_empty()) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return true;  // reading will tell
    std::size_t gone = sent > 0 ? static_cast<std::size_t>(sent) : 0;
    for (iovec& piece : pieces) {
      const std::size_t taken = std::min(gone, piece.iov_len);
      gone -= taken;
      out_.append({static_cast<const char*>(piece.iov_base) + taken, piece.iov_len - taken});
    }
  } else {
    for (const iovec& piece : pieces) out_.append({static_cast<const char*>(piece.iov_base), piece.iov_len});
  }
  is_congested_ = !out_.is_empty();
  if (is_congested_) {
    if (!writable_.is_enabled()) {
      writable_.enable();
      deadline_.enable(settings_.data_timeout);
    }
  } else {
    deadline_.disable();
  }
  return !is_congested_;
}

void Destination::expect_message_reply() {
  asked_.push_back(Ask::message);
  deadline_.enable(settings_.end_timeout);
}

void Destination::leave() {
  if (socket_ && is_ready_ && !is_streaming_ && asked_.empty() && out_.is_empty() && !has_failed_) {
    static constexpr std::string_view kQuit = "QUIT\r\n";
    // Best effort: the connection is closed right behind it.
    (void)!::send(socket_.get(), kQuit.data(), kQuit.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  has_failed_ = true;
  readable_.disable();
  writable_.disable();
  deadline_.disable();
  socket_.reset();
}

void Destination::on_readable(short) {
  const std::span<char> buffer = read_buffer();
  const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size > 0) {
    is_connected_ = true;
    take_replies({buffer.data(), static_cast<std::size_t>(size)});
  } else if (size == 0) {
    fail(Failure::lost, "closed the connection");
  } else if (errno != EAGAIN && errno != EINTR) {
    const bool was_open = is_connected_;
    fail(was_open ? Failure::lost : Failure::unreachable, base::system_error(errno, "connection").text);
  }
}

void Destination::on_writable(short) {
  write_out();
  if (has_failed_ || !out_.is_empty()) return;
  if (is_congested_) {
    is_congested_ = false;
    // From here the wait is for the client, or for the reply to the final dot.
    if (asked_.empty()) {
      deadline_.disable();
    } else if (asked_.front() == Ask::message) {
      deadline_.enable(settings_.end_timeout);
    }
    owner_.on_destination_drained();
  }
}

void Destination::take_replies(std::string_view bytes) {
  const bool had_rest = !in_.is_empty();
  if (had_rest) {
    in_.append(bytes);
    bytes = in_.view();
  }
  std::size_t taken = 0;
  while (!has_failed_ && taken < bytes.size()) {
    const Reply reply = parse_reply(bytes.substr(taken));
    if (reply.parsed == Parsed::need_more) break;
    if (reply.parsed == Parsed::malformed) {
      fail(Failure::broken, reply.why);
      return;
    }
    taken += reply.size;
    if (!take_reply(reply)) return;
  }
  if (has_failed_) return;
  if (had_rest) {
    in_.consume(taken);
  } else {
    in_.append(bytes.substr(taken));
  }
  flush();
}

bool Destination::take_reply(const Reply& reply) {
  if (asked_.empty()) {
    // Unasked: a server that is about to close says 421; anything else is out of step.
    fail(reply.code == 421 ? Failure::lost : Failure::broken, "a reply without a request", reply.bytes);
    return false;
  }
  const Ask ask = asked_.front();
  asked_.pop_front();
  if (ask == Ask::greeting) {
    take_greeting(reply);
  } else if (ask == Ask::ehlo) {
    take_ehlo(reply);
  } else {
    is_streaming_ = ask == Ask::data && reply.code == 354;
    owner_.on_destination_reply(ask, reply);
  }
  if (!has_failed_) set_deadline();
  return !has_failed_;
}

void Destination::take_greeting(const Reply& reply) {
  if (reply.code / 100 != 2) {
    fail(reply.code / 100 == 4 ? Failure::busy : Failure::refused, "greeted us with a refusal", reply.bytes);
    return;
  }
  asked_.push_back(Ask::ehlo);
  out_.append("EHLO " + own_name_ + "\r\n");
}

void Destination::take_ehlo(const Reply& reply) {
  if (reply.code / 100 != 2) {
    fail(reply.code / 100 == 4 ? Failure::busy : Failure::refused, "refused our EHLO", reply.bytes);
    return;
  }
  capabilities_ = parse_capabilities(reply.bytes);
  is_ready_ = true;
  owner_.on_destination_ready();
}

void Destination::set_deadline() {
  if (asked_.empty() && !is_congested_) {
    deadline_.disable();
  } else if (!asked_.empty() && asked_.front() != Ask::message && !(asked_.front() == Ask::greeting && !is_connected_)) {
    deadline_.enable(settings_.reply_timeout);
  } else if (is_congested_) {
    deadline_.enable(settings_.data_timeout);
  }
}

void Destination::on_deadline(short) {
  if (!is_connected_) {
    tcp_info info{};
    socklen_t length = sizeof info;
    const bool stands =
        socket_ && ::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_state == TCP_ESTABLISHED;
    if (stands) {
      // Connected, and slow to greet.
      is_connected_ = true;
      deadline_.enable(settings_.reply_timeout);
      return;
    }
    fail(Failure::unreachable, "connect timed out");
    return;
  }
  fail(Failure::lost, is_congested_ ? "took no data in time" : "did not reply in time");
}

void Destination::fail(Failure failure, std::string_view why, std::string_view reply) {
  if (has_failed_) return;
  has_failed_ = true;
  readable_.disable();
  writable_.disable();
  deadline_.disable();
  socket_.reset();
  owner_.on_destination_failed(failure, why, reply);
}

}  // namespace caronte::smtpd_proxy
