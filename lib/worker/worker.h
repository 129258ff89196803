// The common steps of every worker. A main() reads:
//
//   worker::Startup startup = worker::adopt(argc, argv, ipc::Role::policyd);   // options, descriptors, configuration
//   Policyd policyd(std::move(startup));                                        // open resources; derives from Worker
//   return policyd.run(sandbox_policy());                                       // drop privileges, sandbox, ready, loop
//
// No byte from outside is read before the sandbox is on: up to Ready only master's messages are.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "config/configuration.h"
#include "config/mapped_list.h"
#include "ipc/channel.h"
#include "sandbox/sandbox.h"
#include "worker/black_box.h"
#include "worker/log_client.h"
#include "wrap/event.h"

namespace caronte::worker {

// One generation of the configuration, with its lists. Shared by the sessions that began under it.
struct Generation {
  std::uint32_t number = 0;
  config::Configuration configuration;
  std::vector<config::MappedList> lists = std::vector<config::MappedList>(static_cast<std::size_t>(config::ListId::kCount));
  std::vector<config::MappedNames> recipients;  // by the place of the domain; shorter where the last ones have no list
  [[nodiscard]] const config::MappedList& list(config::ListId id) const { return lists[static_cast<std::size_t>(id)]; }
  // Takes a list that master sent; its number is ipc::ListFile's.
  [[nodiscard]] base::Status adopt(std::uint16_t list_number, int memory);
};
using GenerationPtr = std::shared_ptr<const Generation>;

// All that master sent before StartDone.
struct Startup {
  ipc::Start start;
  base::Fd master;
  std::shared_ptr<Generation> generation;
  struct PeerEnd {
    ipc::Peer peer;
    base::Fd socket;
  };
  std::vector<PeerEnd> peers;
  struct ListenerEnd {
    ipc::Listener listener;
    base::Fd socket;
  };
  std::vector<ListenerEnd> listeners;
  std::map<ipc::ResourceKind, base::Fd> resources;
};

// Options (-V; anything else is refused: workers are started by caronted), then descriptor 3 up to StartDone. Exits with
// one line and a sysexits code on any error.
[[nodiscard]] Startup adopt(int argc, char** argv, ipc::Role role);

class Worker : public ipc::ChannelOwner {
 public:
  explicit Worker(Startup startup);
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // chroot, ids, capabilities, rlimits, sandbox; then Ready to master, and the loop until finish(). Returns the exit code.
  [[nodiscard]] int run(const sandbox::Policy& policy);

 protected:
  // In the sandbox, before Ready and before anything but master is heard: for resources that are opened inside of it, and for
  // threads, which no filter reaches that comes later.
  virtual void on_sandboxed() {}
  // A channel to another worker: at the start, and again after that one was restarted (the old one is closed by then or
  // broken; replace it). Role logd is handled here and does not come.
  virtual void on_peer(const ipc::Peer& peer, base::Fd socket) = 0;
  // Phase one of a reload: look at it, hold resources for it, or refuse with a reason. Must not change what is served.
  [[nodiscard]] virtual base::Status on_prepare(const Generation&) { return base::Done{}; }
  // Phase two: current() is the new generation, previous() the one before.
  virtual void on_commit() {}
  // Stop gracefully, then finish(0). Called once, also when master has died.
  virtual void on_stop() { finish(0); }
  // Messages of master that the common part does not know (Connected, TakeOver, Penalty, Listener ...).
  [[nodiscard]] virtual bool on_master_message(ipc::Channel&, ipc::Incoming&) { return false; }
  // Messages and end of the worker's own channels.
  [[nodiscard]] virtual bool on_peer_message(ipc::Channel&, ipc::Incoming&) { return false; }
  virtual void on_peer_closed(ipc::Channel&) {}

  // Ends run() at the end of this turn.
  void finish(int exit_code);

  [[nodiscard]] wrap::EventLoop& loop() noexcept { return loop_; }
  [[nodiscard]] const ipc::Start& start() const noexcept { return start_; }
  [[nodiscard]] const GenerationPtr& current() const noexcept { return current_; }
  [[nodiscard]] const GenerationPtr& previous() const noexcept { return previous_; }
  // The one that comes next, between the two phases of a reload, or null: the Commit of a peer may be faster than ours.
  [[nodiscard]] GenerationPtr prepared() const noexcept { return prepared_; }
  [[nodiscard]] ipc::Channel& master() noexcept { return *master_; }
  [[nodiscard]] LogClient& log() noexcept { return log_; }
  [[nodiscard]] BlackBox& black_box() noexcept { return black_box_; }
  // Creates a channel whose owner is this worker, says Hello on it; for on_peer().
  [[nodiscard]] std::unique_ptr<ipc::Channel> open_channel(const ipc::Peer& peer, base::Fd socket,
                                                           std::size_t queue_bytes = ipc::Channel::kDefaultQueueBytes);
  // Takes a resource of Startup (closed if never taken); closed Fd when master sent none.
  [[nodiscard]] base::Fd take_resource(ipc::ResourceKind kind);
  [[nodiscard]] std::vector<Startup::ListenerEnd> take_listeners();

 private:
  bool on_message(ipc::Channel& channel, ipc::Incoming& message) final;
  void on_channel_closed(ipc::Channel& channel, std::string_view broken_rule) final;
  template <class... Messages, class Owner>
  friend bool ipc::dispatch(Owner&, ipc::Channel&, ipc::Incoming&);
  void on(ipc::Channel&, const ipc::Ping& ping);
  void on(ipc::Channel&, const ipc::Stop& stop);
  void on(ipc::Channel&, const ipc::Peer& peer, base::Fd socket);
  void on(ipc::Channel&, const ipc::ConfigurationFile& file, base::Fd memfd);
  void on(ipc::Channel&, const ipc::ListFile& file, base::Fd memfd);
  void on(ipc::Channel&, const ipc::Prepare& prepare);
  void on(ipc::Channel&, const ipc::Commit& commit);
  void on(ipc::Channel&, const ipc::Abort& abort);
  void stop_once();
  void enter_sandbox(const sandbox::Policy& policy);
  void adopt_peers();

  wrap::EventLoop loop_;
  ipc::Start start_;
  Startup startup_;  // what has not been taken yet
  GenerationPtr current_;
  GenerationPtr previous_;
  std::shared_ptr<Generation> prepared_;  // being received
  std::string prepare_error_;
  LogClient log_;
  BlackBox black_box_;
  std::unique_ptr<ipc::Channel> master_;
  int folder_ = -1;  // the worker's own folder, open; becomes its root
  bool is_stopping_ = false;
  int exit_code_ = 0;
};

}  // namespace caronte::worker
