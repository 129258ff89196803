#include "master/connector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace caronte::master {

namespace {

// Connected as it lies in the queue: header and request number.
constexpr std::size_t kConnectedBytes = ipc::kMessageHeaderBytes + sizeof(std::uint64_t);

// A socket whose connection is at least begun; otherwise closed, errno says why.
base::Fd begin_connection(const base::Endpoint& server) noexcept {
  sockaddr_storage address{};
  const socklen_t size = server.to_sockaddr(address);
  base::Fd socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return {};
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0 || errno == EINPROGRESS) return socket;
  return {};
}

}  // namespace

void Connector::learn(std::uint32_t generation, const config::Destination& destination) {
  std::vector<base::Endpoint>& servers = servers_[generation];
  servers.clear();
  for (const config::DestinationServer& server : destination.servers) servers.push_back(server.endpoint);
  while (servers_.size() > kMaxGenerations) servers_.erase(servers_.begin());
}

bool Connector::on_request(ipc::Channel& channel, const ipc::ConnectRequest& request) const {
  const auto fail = [&](int error) {
    channel.send(ipc::ConnectFailed{request.request, error});
    return true;
  };
  const auto found = servers_.find(request.generation);
  if (found == servers_.end()) {
    return !servers_.empty() && request.generation < servers_.begin()->first && fail(ESTALE);
  }
  if (request.server >= found->second.size()) return false;
  if (channel.queued_bytes() >= kMaxOutstanding * kConnectedBytes) return fail(EAGAIN);
  base::Fd socket = begin_connection(found->second[request.server]);
  if (!socket) return fail(errno);
  // Not duplicated: master's copy is closed when it has left.
  if (!channel.send(ipc::Connected{request.request}, std::move(socket))) return fail(EAGAIN);
  return true;
}

}  // namespace caronte::master
