#include "worker/control_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <span>

namespace caronte::worker {

namespace {

constexpr base::Duration kTick{1000};

}  // namespace

ControlServer::ControlServer(wrap::EventLoop& loop, base::Fd listener, ipc::Role local, std::uint32_t control_gid,
                             ControlHandler& handler)
    : loop_(loop), listener_(std::move(listener)), local_(local), control_gid_(control_gid), handler_(handler) {
  tick_.assign_timer<&ControlServer::on_tick>(loop_, this);
  if (!listener_) return;
  acceptable_.assign_readable<&ControlServer::on_acceptable>(loop_, listener_.get(), this);
  acceptable_.enable();
}

// The listening socket's file mode is the first fence (0660 root:group), this the second.
bool ControlServer::is_allowed(int socket) const noexcept {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  if (peer.uid == 0) return true;
  if (control_gid_ == 0) return false;
  if (peer.gid == control_gid_) return true;
  std::array<gid_t, 256> groups{};  // a peer with more is judged by its primary group alone
  size = sizeof groups;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) return false;
  const std::span<const gid_t> known(groups.data(), std::min(groups.size(), size / sizeof(gid_t)));
  return std::find(known.begin(), known.end(), control_gid_) != known.end();
}

void ControlServer::on_acceptable(short) {
  base::Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!tick_.is_enabled()) tick_.enable(kTick);
  if (!socket) {
    acceptable_.disable();  // no descriptor left or the peer has gone: again at the next tick, not at once
    return;
  }
  if (!is_allowed(socket.get())) return;
  connections_.push_back(
      {std::make_unique<ipc::Channel>(loop_, std::move(socket), local_, ipc::Role::control, std::uint16_t{0}, *this),
       base::system_clock().monotonic()});
  if (connections_.size() == kMaxConnections) acceptable_.disable();
}

void ControlServer::on_tick(short) {
  const base::MonotonicTime now = base::system_clock().monotonic();
  std::vector<ipc::Channel*> aged;
  for (const Connection& connection : connections_) {
    if (now - connection.accepted >= kMaxAge) aged.push_back(connection.channel.get());
  }
  for (ipc::Channel* channel : aged) forget(*channel);
  if (connections_.size() < kMaxConnections && !acceptable_.is_enabled()) acceptable_.enable();
  if (connections_.empty()) {
    tick_.disable();
  } else {
    tick_.enable(kTick);
  }
}

bool ControlServer::on_message(ipc::Channel& channel, ipc::Incoming& message) {
  return handler_.on_control_message(channel, message);
}

void ControlServer::on_channel_closed(ipc::Channel& channel, std::string_view) {
  forget(channel);
}

void ControlServer::forget(ipc::Channel& channel) {
  handler_.on_control_closed(channel);
  std::erase_if(connections_, [&](const Connection& connection) { return connection.channel.get() == &channel; });
  if (connections_.size() < kMaxConnections && !acceptable_.is_enabled()) acceptable_.enable();
}

}  // namespace caronte::worker
