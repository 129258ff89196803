// The accepting side of a control socket (master, policyd and logd have one each; carontectl asks). The listening socket
// is made by master; the process that answers checks the peer's credentials itself. A peer that sends rubbish, stays
// silent or does not read loses its own connection and nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "ipc/channel.h"
#include "wrap/event.h"

namespace caronte::worker {

class ControlHandler {
 public:
  virtual ~ControlHandler() = default;
  // A request; answer on `channel`, now or later. False: not expected here or malformed; the connection is closed. Usually
  // `return ipc::dispatch<ipc::StatusRequest>(*this, channel, message);`.
  [[nodiscard]] virtual bool on_control_message(ipc::Channel& channel, ipc::Incoming& message) = 0;
  // The connection has ended: forget the channel.
  virtual void on_control_closed(ipc::Channel&) {}
};

class ControlServer final : public ipc::ChannelOwner {
 public:
  static constexpr std::size_t kMaxConnections = 16;  // further ones wait in the kernel's queue
  static constexpr base::Duration kMaxAge{120'000};   // of a connection, whatever it does

  // `listener`: SOCK_SEQPACKET, listening; a closed Fd makes a server that never hears anything. `control_gid`: the group
  // that may ask besides root; 0: none.
  ControlServer(wrap::EventLoop& loop, base::Fd listener, ipc::Role local, std::uint32_t control_gid, ControlHandler& handler);

 private:
  struct Connection {
    std::unique_ptr<ipc::Channel> channel;
    base::MonotonicTime accepted;
  };
  void on_acceptable(short what);
  void on_tick(short what);
  bool on_message(ipc::Channel& channel, ipc::Incoming& message) override;
  void on_channel_closed(ipc::Channel& channel, std::string_view broken_rule) override;
  void forget(ipc::Channel& channel);
  [[nodiscard]] bool is_allowed(int socket) const noexcept;

  wrap::EventLoop& loop_;
  base::Fd listener_;
  ipc::Role local_;
  std::uint32_t control_gid_;
  ControlHandler& handler_;
  std::vector<Connection> connections_;
  wrap::Event acceptable_;
  wrap::Event tick_;  // only while there are connections
};

}  // namespace caronte::worker
