#include "master/connector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
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
  std::vector<base::Endpoint> servers;
  for (const config::DestinationServer& server : destination.servers) servers.push_back(server.endpoint);
  newest_ = generation;
  if (!epochs_.empty() && epochs_.back().servers == servers) return;
  epochs_.push_back({generation, std::move(servers)});
  if (epochs_.size() > kMaxEpochs) epochs_.pop_front();
}

bool Connector::on_request(ipc::Channel& channel, const ipc::ConnectRequest& request) const {
  const auto fail = [&](int error) {
    channel.send(ipc::ConnectFailed{request.request, error});
    return true;
  };
  if (request.generation == 0 || request.generation > newest_) return false;
  const auto found =
      std::find_if(epochs_.rbegin(), epochs_.rend(), [&](const Epoch& epoch) { return epoch.first <= request.generation; });
  if (found == epochs_.rend()) return fail(ESTALE);
  if (request.server >= found->servers.size()) return false;
  if (channel.queued_bytes() >= kMaxOutstanding * kConnectedBytes) return fail(EAGAIN);
  base::Fd socket = begin_connection(found->servers[request.server]);
  if (!socket) return fail(errno);
  // Not duplicated: master's copy is closed when it has left.
  if (!channel.send(ipc::Connected{request.request}, std::move(socket))) return fail(EAGAIN);
  return true;
}

}  // namespace caronte::master
