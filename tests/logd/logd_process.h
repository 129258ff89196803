// The real logd in its sandbox, started and killed by a test that plays master and senders. Needs root, as master does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "config/configuration.h"
#include "ipc/channel.h"
#include "tests/support/temporary_folder.h"
#include "wrap/event.h"

namespace caronte::tests {

class LogdProcess final : public ipc::ChannelOwner {
 public:
  static constexpr unsigned kUser = 65534;

  LogdProcess(wrap::EventLoop& loop, const TemporaryFolder& folder, config::Log settings);
  ~LogdProcess() override;

  // A new process; the log side of a channel for `peer` goes to it, the sender's side is returned.
  void start();
  [[nodiscard]] base::Fd connect(const ipc::Peer& peer);
  void kill(int signal) const;
  // Waits for its end; the status of waitpid().
  int wait();
  void stop_gracefully();

  std::vector<ipc::Blame> blames;
  bool is_ready = false;
  void on(ipc::Channel&, const ipc::Ready&) { is_ready = true; }
  void on(ipc::Channel&, const ipc::Blame& blame) { blames.push_back(blame); }

 private:
  bool on_message(ipc::Channel& channel, ipc::Incoming& message) override {
    return ipc::dispatch<ipc::Ready, ipc::Blame>(*this, channel, message);
  }
  void on_channel_closed(ipc::Channel&, std::string_view) override {}

  wrap::EventLoop& loop_;
  const TemporaryFolder& folder_;
  TemporaryFolder empty_;
  config::Log settings_;
  std::unique_ptr<ipc::Channel> channel_;
  std::uint32_t instance_ = 1000;
  int pid_ = -1;
};

}  // namespace caronte::tests
