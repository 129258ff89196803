// The running workers: start, readiness, heartbeat, death, restart with back-off, channels between neighbours, blame.
// What a worker is given and what its messages mean beyond this is the observer's business. Nothing here waits for a
// worker, and no word of a worker is followed further than its row and edges allow.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ipc/channel.h"
#include "master/site.h"
#include "master/supervision.h"
#include "master/worker_table.h"
#include "worker/black_box.h"
#include "wrap/event.h"

namespace caronte::master {

class Supervisor;

// One place in the table, over all processes that fill it one after the other.
struct WorkerProcess {
  enum class State : std::uint8_t { down, starting, ready, ending };

  const WorkerRow* row = nullptr;
  std::uint16_t index = 0;
  State state = State::down;
  bool is_wanted = false;  // to be started again when it dies
  bool was_ready = false;  // this process, at any time
  pid_t pid = -1;
  std::uint32_t restarts = 0;
  unsigned blames = 0;      // that this process has sent
  unsigned kill_ticks = 0;  // until SIGKILL; 0: none is due
  base::MonotonicTime started{};
  std::unique_ptr<ipc::Channel> channel;
  worker::BlackBox black_box;
  Heartbeat heartbeat;
  Backoff backoff;

  Supervisor* supervisor = nullptr;
  wrap::Event restart_timer;
  void on_restart_due(short what);

  [[nodiscard]] std::string name() const { return process_name(row->role, index); }
  [[nodiscard]] bool is_serving() const noexcept { return state == State::ready; }
  [[nodiscard]] bool is_listening() const noexcept { return state == State::starting || state == State::ready; }
};
[[nodiscard]] std::string_view name_of(WorkerProcess::State state) noexcept;

class SupervisorObserver {
 public:
  virtual ~SupervisorObserver() = default;
  // Between Start and StartDone: send what else it needs.
  virtual void on_worker_starting(WorkerProcess& process) = 0;
  virtual void on_worker_ready(WorkerProcess& process) = 0;
  // It no longer serves: judged hung, or cut off.
  virtual void on_worker_ending(WorkerProcess& process) = 0;
  // It is dead. `crash_signal`: one that a bug or an attack raises, else 0.
  virtual void on_worker_gone(WorkerProcess& process, int crash_signal) = 0;
  // False: this worker must not send that; it will be killed.
  [[nodiscard]] virtual bool on_worker_message(WorkerProcess& process, ipc::Incoming& message) = 0;
  virtual void report(std::string_view text) = 0;
};

class Supervisor final : public ipc::ChannelOwner {
 public:
  struct Settings {
    std::uint32_t proxy_descriptors = 0;  // RLIMIT_NOFILE of a smtpd-proxy
    bool keeps_stderr = false;
  };
  // `counts[i]`: processes of kWorkers[i]. Nothing runs before start_all().
  Supervisor(wrap::EventLoop& loop, const Site& site, std::vector<std::uint16_t> counts, Settings settings,
             SupervisorObserver& observer);
  ~Supervisor() override;

  void start_all();
  // Sends Stop; SIGKILL follows after the row's patience. None of the role is started again.
  void stop(ipc::Role role);
  void kill_all();
  // Starts those that are down and wanted now, stops those that are wanted no more (dnsd after a reload).
  void want(ipc::Role role, bool is_wanted);
  // Once a second.
  void tick();
  // On SIGCHLD.
  void reap();
  // This process broke a rule: the reason is reported, the process killed.
  void condemn(WorkerProcess& process, std::string_view reason);

  [[nodiscard]] const std::vector<std::unique_ptr<WorkerProcess>>& processes() const noexcept { return processes_; }
  [[nodiscard]] WorkerProcess* find(ipc::Role role, std::uint16_t index) const noexcept;
  [[nodiscard]] std::uint16_t count(ipc::Role role) const noexcept;
  [[nodiscard]] bool is_down(ipc::Role role) const noexcept;
  // Every wanted process is ready; or, `essential_only`, those without which there is no service.
  [[nodiscard]] bool is_ready(bool essential_only) const noexcept;
  // A number for a new sender of records and sessions.
  [[nodiscard]] std::uint32_t next_instance() noexcept;

 private:
  friend struct WorkerProcess;
  template <class... Messages, class Owner>
  friend bool ipc::dispatch(Owner&, ipc::Channel&, ipc::Incoming&);
  bool on_message(ipc::Channel& channel, ipc::Incoming& message) override;
  void on_channel_closed(ipc::Channel& channel, std::string_view broken_rule) override;
  void on(ipc::Channel& channel, const ipc::Ready& ready);
  void on(ipc::Channel& channel, const ipc::Pong& pong);
  void on(ipc::Channel& channel, const ipc::Blame& blame);

  void start(WorkerProcess& process);
  void introduce(WorkerProcess& process);
  void plan_restart(WorkerProcess& process, const std::string& what);
  void on_death(WorkerProcess& process, int status);
  void on_hung(WorkerProcess& process);
  void begin_end(WorkerProcess& process, int signal, unsigned kill_ticks);
  [[nodiscard]] WorkerProcess& process_of(const ipc::Channel& channel) const;

  wrap::EventLoop& loop_;
  const Site& site_;
  Settings settings_;
  SupervisorObserver& observer_;
  std::vector<std::unique_ptr<WorkerProcess>> processes_;  // in the order of kWorkers
  std::uint32_t instance_ = 0;
};

}  // namespace caronte::master
