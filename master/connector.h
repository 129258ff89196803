// Connections outward, by number: a smtpd-proxy says which server of the destination, master begins the connection and
// hands the descriptor over at once. So a smtpd-proxy reaches nothing that the configuration does not name.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/address.h"
#include "config/configuration.h"
#include "ipc/channel.h"

namespace caronte::master {

class Connector {
 public:
  // Connections that wait for a smtpd-proxy to read; more: EAGAIN.
  static constexpr std::size_t kMaxOutstanding = 1024;
  // A session keeps the generation that it began with, for hours if need be. Lists of servers are remembered, not
  // generations: a reload that does not touch them costs nothing. Before so many different lists: ESTALE.
  static constexpr std::size_t kMaxEpochs = 64;

  // The servers of a generation, before any worker is told to use it.
  void learn(std::uint32_t generation, const config::Destination& destination);

  // Answers on `channel`. False: a number that no configuration gave out; the sender is to be killed.
  [[nodiscard]] bool on_request(ipc::Channel& channel, const ipc::ConnectRequest& request) const;

 private:
  struct Epoch {
    std::uint32_t first;  // generation
    std::vector<base::Endpoint> servers;
  };
  std::deque<Epoch> epochs_;  // oldest first
  std::uint32_t newest_ = 0;  // generation
};

}  // namespace caronte::master
