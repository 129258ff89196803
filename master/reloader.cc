#include "master/reloader.h"

#include <algorithm>

#include "base/quoting.h"
#include "master/launcher.h"

namespace caronte::master {

namespace {

bool names(const config::Configuration& configuration, const base::Endpoint& endpoint) {
  return std::any_of(configuration.listens.begin(), configuration.listens.end(),
                     [&](const config::Listen& listen) { return listen.endpoint == endpoint; });
}

}  // namespace

Reloader::Reloader(wrap::EventLoop& loop, std::string file, LoaderSettings settings, Supervisor& supervisor, Listeners& listeners,
                   GenerationPtr first, ReloaderObserver& observer)
    : file_(std::move(file)),
      supervisor_(supervisor),
      listeners_(listeners),
      observer_(observer),
      loader_(loop, std::move(settings)),
      current_(std::move(first)),
      last_number_(current_->number) {
  overdue_.assign_timer<&Reloader::on_overdue>(loop, this);
}

void Reloader::request() {
  if (is_running()) {
    is_wanted_again_ = true;
  } else if (!is_stopped_) {
    begin();
  }
}

void Reloader::stop() {
  is_stopped_ = true;
  is_wanted_again_ = false;
  loader_.cancel();
  overdue_.disable();
  pending_.reset();
}

void Reloader::begin() {
  is_wanted_again_ = false;
  lines_.clear();
  read_at_ = base::system_clock().wall();
  loader_.start(file_, [this](LoadResult result) { on_loaded(std::move(result)); });
}

void Reloader::on_loaded(LoadResult result) {
  for (const ipc::Diagnostic& diagnostic : result.diagnostics) {
    lines_.push_back((diagnostic.severity == ipc::Severity::warning ? "warning: " : "") + text_of(diagnostic));
  }
  if (!result.is_ok) {
    finish(false);
    return;
  }
  const std::vector<std::string> frozen = frozen_changes(current_->configuration(), result.configuration);
  if (!frozen.empty()) {
    lines_.insert(lines_.end(), frozen.begin(), frozen.end());
    finish(false);
    return;
  }
  pending_ = std::make_shared<Generation>(Generation{++last_number_, read_at_, std::move(result)});
  awaited_.clear();
  prepared_.clear();
  overdue_.enable(kPatience);
  for (const auto& process : supervisor_.processes()) {
    if (pending_ && process->is_serving()) prepare(*process);
  }
  for (const auto& process : supervisor_.processes()) {
    if (process->state == WorkerProcess::State::starting) on_worker_starting(*process);
  }
  commit_if_complete();
}

void Reloader::prepare(WorkerProcess& process) {
  awaited_.insert(&process);
  if (!send_generation(process, *pending_) || !process.channel->send(ipc::Prepare{pending_->number})) {
    refuse(process.name() + " cannot be given the new configuration");
  }
}

void Reloader::on_worker_starting(WorkerProcess& process) {
  if (pending_) awaited_.insert(&process);
}

void Reloader::on_worker_ready(WorkerProcess& process) {
  if (pending_) prepare(process);
}

// A dead worker counts as prepared: the next one is given whatever is in force by then.
void Reloader::on_worker_gone(WorkerProcess& process) {
  awaited_.erase(&process);
  prepared_.erase(&process);
  commit_if_complete();
}

bool Reloader::on_prepared(WorkerProcess& process, const ipc::Prepared& answer) {
  if (answer.generation > last_number_) return false;
  if (!pending_ || answer.generation != pending_->number) return true;  // late
  if (awaited_.erase(&process) == 0) return false;
  prepared_.insert(&process);
  commit_if_complete();
  return true;
}

bool Reloader::on_prepare_failed(WorkerProcess& process, const ipc::PrepareFailed& answer) {
  if (answer.generation > last_number_) return false;
  if (!pending_ || answer.generation != pending_->number) return true;
  if (!awaited_.contains(&process)) return false;
  refuse(process.name() + ": " + base::quote_visible(answer.reason));
  return true;
}

void Reloader::on_overdue(short) {
  std::string late;
  for (const WorkerProcess* process : awaited_) late += ' ' + process->name();
  refuse("no answer within " + std::to_string(kPatience.count()) + " ms from" + late);
}

void Reloader::commit_if_complete() {
  if (!pending_ || !awaited_.empty()) return;
  std::vector<base::Endpoint> bound;
  if (bind_new(bound)) {
    commit(bound);
    return;
  }
  for (const base::Endpoint& endpoint : bound) listeners_.close(endpoint);
}

// What the running configuration names already and could not be bound is retried elsewhere and no reason to refuse.
bool Reloader::bind_new(std::vector<base::Endpoint>& bound) {
  for (const config::Listen& listen : pending_->configuration().listens) {
    if (listeners_.has(listen.endpoint) || names(current_->configuration(), listen.endpoint)) continue;
    if (auto status = listeners_.open(listen.endpoint); !status) {
      refuse(file_ + ':' + std::to_string(listen.line) + ": listen: " + status.error().text);
      return false;
    }
    bound.push_back(listen.endpoint);
  }
  return true;
}

void Reloader::commit(const std::vector<base::Endpoint>& bound) {
  overdue_.disable();
  const GenerationPtr before = std::move(current_);
  current_ = std::move(pending_);
  pending_.reset();
  observer_.on_commit(current_);
  for (WorkerProcess* process : prepared_) {
    if (process->row->role == ipc::Role::smtpd_proxy) {
      for (const base::Endpoint& endpoint : bound) send_listener(*process, listeners_, endpoint);
    }
    process->channel->send(ipc::Commit{current_->number});
    process->channel->flush();
  }
  for (const config::Listen& listen : before->configuration().listens) {
    if (!names(current_->configuration(), listen.endpoint)) listeners_.close(listen.endpoint);
  }
  finish(true);
}

void Reloader::refuse(const std::string& reason) {
  lines_.push_back(reason);
  overdue_.disable();
  prepared_.insert(awaited_.begin(), awaited_.end());
  for (WorkerProcess* process : prepared_) {
    if (process->is_serving()) process->channel->send(ipc::Abort{pending_->number});
  }
  pending_.reset();
  finish(false);
}

void Reloader::finish(bool is_ok) {
  awaited_.clear();
  prepared_.clear();
  const bool is_last = !is_wanted_again_;
  observer_.on_reload_done(is_ok, lines_, is_last);
  if (!is_last && !is_stopped_) begin();
}

}  // namespace caronte::master
