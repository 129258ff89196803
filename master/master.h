// caronted itself, once the machine and the configuration are in order: signals, the control socket, listeners and
// connections for smtpd-proxy, the log of what happens to the workers, and the way down. Runs as root. Trusts the
// administrator's files as config-reader has typed them, and nobody's messages. Parses no mail, no DNS, no XML; never waits.
#pragma once

#include <string>
#include <vector>

#include "master/connector.h"
#include "master/daemon.h"
#include "master/generation.h"
#include "master/list_watch.h"
#include "master/listeners.h"
#include "master/reloader.h"
#include "master/site.h"
#include "master/slot_cover.h"
#include "master/supervisor.h"
#include "worker/control_server.h"
#include "worker/log_client.h"
#include "wrap/event.h"

namespace caronte::master {

class Master final : private SupervisorObserver, private ReloaderObserver, private worker::ControlHandler {
 public:
  struct Settings {
    std::string file;  // the configuration
    bool is_foreground = false;
    LoaderSettings loader;
    std::vector<std::uint16_t> counts;  // of kWorkers
    std::uint32_t proxy_descriptors = 0;
    std::vector<std::string> warnings;  // of the start so far, for the log
  };
  Master(Site& site, Settings settings, Listeners listeners, GenerationPtr first, Daemon daemon);

  // Until a stop; the exit code.
  [[nodiscard]] int run();

 private:
  template <class... Messages, class Owner>
  friend bool ipc::dispatch(Owner&, ipc::Channel&, ipc::Incoming&);

  void on_worker_starting(WorkerProcess& process) override;
  void on_worker_ready(WorkerProcess& process) override;
  void on_worker_ending(WorkerProcess& process) override;
  void on_worker_gone(WorkerProcess& process, int crash_signal) override;
  bool on_worker_message(WorkerProcess& process, ipc::Incoming& message) override;
  void report(std::string_view text) override;

  void on_commit(GenerationPtr generation) override;
  void on_reload_done(bool is_ok, const std::vector<std::string>& lines, bool is_last) override;

  bool on_control_message(ipc::Channel& channel, ipc::Incoming& message) override;
  void on_control_closed(ipc::Channel& channel) override;
  void on(ipc::Channel& channel, const ipc::StatusRequest& request);
  void on(ipc::Channel& channel, const ipc::ReloadRequest& request);
  void on(ipc::Channel& channel, const ipc::StopRequest& request);
  void on(ipc::Channel& channel, const ipc::ListFolderRequest& request);

  void on_reload_signal(short what);
  void on_stop_signal(short what);
  void on_child_signal(short what);
  void on_tick(short what);

  void announce_ready();
  void check_start();
  void retry_listeners();
  void check_lists();
  void cover_slots();
  void refuse_for_a_while(const base::Address& client);
  void begin_stop(std::string_view reason);
  void advance_stop();
  void attach_log(WorkerProcess& logd);
  void on_log_broken(std::string_view rule);
  void send_status(ipc::Channel& channel);

  Site& site_;
  Settings settings_;
  wrap::EventLoop loop_;
  Daemon daemon_;
  Listeners listeners_;
  Connector connector_;
  Supervisor supervisor_;
  Reloader reloader_;
  worker::LogClient log_;
  worker::ControlServer control_;
  ListWatch lists_;
  SlotCover cover_;
  std::vector<ipc::Channel*> askers_;       // of the reload under way
  std::vector<ipc::Channel*> next_askers_;  // of the one after it
  std::vector<base::Address> penalties_;    // that policyd has not been told yet
  base::MonotonicTime started_;
  wrap::Event reload_signal_;
  wrap::Event stop_signals_[2];
  wrap::Event child_signal_;
  wrap::Event tick_;
  unsigned ticks_ = 0;
  bool is_announced_ = false;
  bool is_stopping_ = false;
  std::size_t stopping_row_ = 0;  // of kWorkers, from the last to the first
  int exit_code_ = 0;
};

}  // namespace caronte::master
