#include "master/listeners.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace caronte::master {

namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn

base::Result<base::Fd> open_socket(const base::Endpoint& endpoint) {
  sockaddr_storage address{};
  const socklen_t size = endpoint.to_sockaddr(address);
  base::Fd socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return base::system_error(errno, endpoint.text());
  const int on = 1;
  const auto set = [&](int level, int option) { return ::setsockopt(socket.get(), level, option, &on, sizeof on) == 0; };
  // TCP_NODELAY is inherited by what is accepted.
  if (!set(SOL_SOCKET, SO_REUSEADDR) || !set(SOL_SOCKET, SO_REUSEPORT) || !set(IPPROTO_TCP, TCP_NODELAY) ||
      (address.ss_family == AF_INET6 && !set(IPPROTO_IPV6, IPV6_V6ONLY)) ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    return base::system_error(errno, endpoint.text());
  }
  return socket;
}

}  // namespace

base::Status Listeners::open(const base::Endpoint& endpoint) {
  std::vector<base::Fd> sockets;
  for (std::uint16_t slot = 0; slot < slots_; ++slot) {
    auto socket = open_socket(endpoint);
    if (!socket) return socket.error();
    sockets.push_back(std::move(socket).value());
  }
  open_[endpoint] = std::move(sockets);
  return base::Done{};
}

}  // namespace caronte::master
