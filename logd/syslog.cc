#include "logd/syslog.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace caronte::logd {

namespace {

constexpr std::string_view kPriority = "<22>";  // mail.info

}  // namespace

base::Status Syslog::connect(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return base::system_error(ENAMETOOLONG, path);
  std::memcpy(address.sun_path, path.data(), path.size());
  socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return base::system_error(errno, "socket");
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    socket_.reset();
    return base::system_error(error, path);
  }
  tag_ = std::string(kPriority) + "caronte[" + std::to_string(::getpid()) + "]: ";
  return base::Done{};
}

void Syslog::send(std::string_view text) {
  if (socket_) {
    line_.assign(tag_).append(text);
    if (::send(socket_.get(), line_.data(), line_.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return;
    // The logger has gone; a socket cannot be connected again from within the sandbox.
    if (errno == ECONNREFUSED || errno == ENOTCONN || errno == ECONNRESET) socket_.reset();
  }
  ++lost_;
}

}  // namespace caronte::logd
