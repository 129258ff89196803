// Reload, all or nothing, in two phases: config-reader reads, every worker prepares and acknowledges, the new listeners are
// bound; only then all commit. Any failure leaves the running configuration untouched. Requests that come meanwhile
// become one further reload.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/address.h"
#include "master/config_loader.h"
#include "master/generation.h"
#include "master/listeners.h"
#include "master/supervisor.h"
#include "wrap/event.h"

namespace caronte::master {

class ReloaderObserver {
 public:
  virtual ~ReloaderObserver() = default;
  // Before the workers hear of Commit.
  virtual void on_commit(GenerationPtr generation) = 0;
  // `is_last`: no further request waits. `lines`: diagnostics, warnings too.
  virtual void on_reload_done(bool is_ok, const std::vector<std::string>& lines, bool is_last) = 0;
};

class Reloader {
 public:
  static constexpr base::Duration kPatience{5'000};  // for the workers' answers

  Reloader(wrap::EventLoop& loop, std::string file, LoaderSettings settings, Supervisor& supervisor, Listeners& listeners,
           GenerationPtr first, ReloaderObserver& observer);

  void request();
  // Ends a reload under way, without a word to the observer; no further one begins.
  void stop();
  [[nodiscard]] const GenerationPtr& current() const noexcept { return current_; }
  [[nodiscard]] bool is_running() const noexcept { return loader_.is_running() || pending_ != nullptr; }

  // A worker that starts gets the current generation; if one is pending, that too once it is ready.
  void on_worker_starting(WorkerProcess& process);
  void on_worker_ready(WorkerProcess& process);
  void on_worker_gone(WorkerProcess& process);
  // False: it was not asked.
  [[nodiscard]] bool on_prepared(WorkerProcess& process, const ipc::Prepared& answer);
  [[nodiscard]] bool on_prepare_failed(WorkerProcess& process, const ipc::PrepareFailed& answer);

 private:
  void begin();
  void on_loaded(LoadResult result);
  void prepare(WorkerProcess& process);
  void on_overdue(short what);
  void commit_if_complete();
  [[nodiscard]] bool bind_new(std::vector<base::Endpoint>& bound);
  void commit(const std::vector<base::Endpoint>& bound);
  void refuse(const std::string& reason);
  void finish(bool is_ok);

  std::string file_;
  Supervisor& supervisor_;
  Listeners& listeners_;
  ReloaderObserver& observer_;
  ConfigLoader loader_;
  wrap::Event overdue_;
  GenerationPtr current_;
  std::shared_ptr<Generation> pending_;
  base::WallTime read_at_{};
  std::uint32_t last_number_;
  std::set<WorkerProcess*> awaited_;   // asked, not answered
  std::set<WorkerProcess*> prepared_;  // will be told to commit or to forget
  std::vector<std::string> lines_;
  bool is_wanted_again_ = false;
  bool is_stopped_ = false;
};

}  // namespace caronte::master
