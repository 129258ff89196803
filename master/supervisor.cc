#include "master/supervisor.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/quoting.h"
#include "master/launcher.h"
#include "wrap/seccomp.h"

namespace caronte::master {

namespace {

constexpr unsigned kAbortTicks = 2;     // from SIGABRT to SIGKILL
constexpr unsigned kFarewellTicks = 3;  // from the end of its channel to SIGKILL
constexpr unsigned kMaxBlames = 5;      // of one process

bool is_crash(int signal) noexcept {
  return signal == SIGSEGV || signal == SIGABRT || signal == SIGBUS || signal == SIGILL || signal == SIGFPE || signal == SIGSYS;
}

// The number comes from a process that may have been taken over: it is a hint, no evidence.
std::string text_of_seccomp(std::optional<int> call) {
  if (!call) return "killed by seccomp (SIGSYS), which call it made is not known";
  const std::string name = wrap::SeccompFilter::name_of(*call);
  return "killed by seccomp (SIGSYS): system call " + std::to_string(*call) + (name.empty() ? "" : " (" + name + ")");
}

std::string text_of_status(int status, const worker::BlackBox& black_box) {
  if (!WIFSIGNALED(status)) return "ended with exit code " + std::to_string(WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  if (signal == SIGSYS) return text_of_seccomp(black_box.forbidden_call());
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? "killed by SIG" + std::string(name) : "killed by signal " + std::to_string(signal);
}

base::MonotonicTime now() noexcept {
  return base::system_clock().monotonic();
}

}  // namespace

std::string_view name_of(WorkerProcess::State state) noexcept {
  switch (state) {
    case WorkerProcess::State::down: return "down";
    case WorkerProcess::State::starting: return "starting";
    case WorkerProcess::State::ready: return "ready";
    case WorkerProcess::State::ending: return "ending";
  }
  return "?";
}

void WorkerProcess::on_restart_due(short) {
  if (is_wanted && state == State::down) supervisor->start(*this);
}

Supervisor::Supervisor(wrap::EventLoop& loop, const Site& site, std::vector<std::uint16_t> counts, Settings settings,
                       SupervisorObserver& observer)
    : loop_(loop), site_(site), settings_(settings), observer_(observer) {
  for (std::size_t i = 0; i < kWorkers.size(); ++i) {
    // A role that is not wanted yet keeps a place: a reload may want it.
    for (std::uint16_t index = 0; index < std::max<std::uint16_t>(counts[i], 1); ++index) {
      auto process = std::make_unique<WorkerProcess>();
      process->row = &kWorkers[i];
      process->index = index;
      process->is_wanted = counts[i] > 0;
      process->supervisor = this;
      process->restart_timer.assign_timer<&WorkerProcess::on_restart_due>(loop_, process.get());
      processes_.push_back(std::move(process));
    }
  }
}

Supervisor::~Supervisor() = default;

std::uint32_t Supervisor::next_instance() noexcept {
  // Eighths of a second since 2025 fit until 2042. Whole seconds would repeat what a master of a short life has given out.
  constexpr std::chrono::milliseconds kEpoch{1'735'689'600'000};
  const auto unix_time = std::chrono::duration_cast<std::chrono::milliseconds>(base::system_clock().wall().time_since_epoch());
  const auto eighths = std::max<std::int64_t>((unix_time - kEpoch).count() / 125, 1);
  return instance_ = std::max(static_cast<std::uint32_t>(eighths), instance_ + 1);
}

WorkerProcess* Supervisor::find(ipc::Role role, std::uint16_t index) const noexcept {
  for (const auto& process : processes_) {
    if (process->row->role == role && process->index == index) return process.get();
  }
  return nullptr;
}

std::uint16_t Supervisor::count(ipc::Role role) const noexcept {
  return static_cast<std::uint16_t>(
      std::count_if(processes_.begin(), processes_.end(), [&](const auto& p) { return p->row->role == role; }));
}

bool Supervisor::is_down(ipc::Role role) const noexcept {
  return std::all_of(processes_.begin(), processes_.end(), [&](const auto& p) { return p->row->role != role || p->pid < 0; });
}

bool Supervisor::is_ready(bool essential_only) const noexcept {
  return std::all_of(processes_.begin(), processes_.end(),
                     [&](const auto& p) { return p->is_serving() || !p->is_wanted || (essential_only && !p->row->is_essential); });
}

WorkerProcess& Supervisor::process_of(const ipc::Channel& channel) const {
  for (const auto& process : processes_) {
    if (process->channel.get() == &channel) return *process;
  }
  std::abort();  // every channel of ours belongs to a process
}

// ------------------------------------------------------------------------------------------------------------- start and end

void Supervisor::start_all() {
  for (const auto& process : processes_) {
    if (process->is_wanted) start(*process);
  }
}

void Supervisor::start(WorkerProcess& process) {
  process.started = now();
  process.backoff.on_start(process.started);
  process.heartbeat.on_start();
  process.was_ready = false;
  process.blames = process.kill_ticks = 0;
  const ipc::Role role = process.row->role;
  auto launched = launch(site_.programs.at(role).get(), process.name(), settings_.keeps_stderr);
  if (!launched) {
    plan_restart(process, "cannot be started (" + launched.error().text + ")");
    return;
  }
  process.pid = launched.value().pid;
  process.state = WorkerProcess::State::starting;
  process.channel =
      std::make_unique<ipc::Channel>(loop_, std::move(launched.value().channel), ipc::Role::master, role, process.index, *this);
  const Identity identity = site_.users.workers.at(role);
  ipc::Start start;
  start.role = role;
  start.index = process.index;
  start.instance = next_instance();
  start.uid = identity.uid;
  start.gid = identity.gid;
  start.descriptors = process.row->descriptors != 0 ? process.row->descriptors : settings_.proxy_descriptors;
  start.restarts = process.restarts;
  start.peers = count(ipc::Role::smtpd_proxy);
  start.control_gid = site_.control_gid;
  start.empty_folder = site_.empty_folder;
#ifdef CARONTE_WITHOUT_SANDBOX
  start.sandbox = false;
#endif
  process.channel->send(start);
  observer_.on_worker_starting(process);
  introduce(process);
  process.channel->send(ipc::StartDone{});
  process.channel->flush();  // nothing may share a frame with StartDone
}

// A fresh channel to each neighbour that runs; the others make theirs when they start.
void Supervisor::introduce(WorkerProcess& process) {
  for (const auto& other : processes_) {
    if (!other->is_listening() || other.get() == &process || !has_edge(process.row->role, other->row->role)) continue;
    auto pair = ipc::make_channel_pair();
    if (!pair) {
      condemn(process, "no channel to " + other->name() + ": " + pair.error().text);  // it starts again later
      return;
    }
    process.channel->send(ipc::Peer{other->row->role, other->index}, std::move(pair.value().first));
    other->channel->send(ipc::Peer{process.row->role, process.index}, std::move(pair.value().second));
  }
}

void Supervisor::stop(ipc::Role role) {
  for (const auto& process : processes_) {
    if (process->row->role != role) continue;
    process->is_wanted = false;
    process->restart_timer.disable();
    if (!process->is_listening()) continue;
    process->state = WorkerProcess::State::ending;
    process->kill_ticks = static_cast<unsigned>(process->row->stop_patience / std::chrono::seconds(1)) + 1;
    process->channel->send(ipc::Stop{});
    process->channel->flush();
  }
}

void Supervisor::want(ipc::Role role, bool is_wanted) {
  if (!is_wanted) {
    stop(role);
    return;
  }
  for (const auto& process : processes_) {
    if (process->row->role != role) continue;
    process->is_wanted = true;
    if (process->state == WorkerProcess::State::down) start(*process);
  }
}

void Supervisor::kill_all() {
  for (const auto& process : processes_) {
    process->is_wanted = false;
    process->restart_timer.disable();
    if (process->pid > 0) ::kill(process->pid, SIGKILL);
  }
}

void Supervisor::begin_end(WorkerProcess& process, int signal, unsigned kill_ticks) {
  const bool was_serving = process.is_serving();
  process.state = WorkerProcess::State::ending;
  process.kill_ticks = kill_ticks;
  if (signal != 0) ::kill(process.pid, signal);
  if (was_serving) observer_.on_worker_ending(process);
}

void Supervisor::condemn(WorkerProcess& process, std::string_view reason) {
  observer_.report(process.name() + " is killed: " + std::string(reason));
  if (process.channel) process.channel->close();
  if (process.pid > 0) begin_end(process, SIGKILL, kFarewellTicks);
}

void Supervisor::on_hung(WorkerProcess& process) {
  observer_.report(process.name() + " (pid " + std::to_string(process.pid) +
                   (process.was_ready ? ") hangs: it answers no ping" : ") hangs: it does not become ready"));
  begin_end(process, SIGABRT, kAbortTicks);
}

void Supervisor::tick() {
  for (const auto& process : processes_) {
    if (process->pid < 0) continue;
    if (process->kill_ticks > 0 && --process->kill_ticks == 0) {
      ::kill(process->pid, SIGKILL);
      process->kill_ticks = kFarewellTicks;  // again, for as long as it is there
    }
    if (!process->is_listening()) continue;
    switch (process->heartbeat.on_tick()) {
      case Heartbeat::Verdict::nothing: break;
      case Heartbeat::Verdict::ping: process->channel->send(ipc::Ping{process->heartbeat.serial()}); break;
      case Heartbeat::Verdict::hung: on_hung(*process); break;
    }
  }
}

void Supervisor::reap() {
  for (const auto& process : processes_) {
    int status = 0;
    if (process->pid > 0 && ::waitpid(process->pid, &status, WNOHANG) == process->pid) on_death(*process, status);
  }
}

void Supervisor::on_death(WorkerProcess& process, int status) {
  const std::string what = "(pid " + std::to_string(process.pid) + ") " + text_of_status(status, process.black_box);
  const int crash = WIFSIGNALED(status) && is_crash(WTERMSIG(status)) ? WTERMSIG(status) : 0;
  process.channel.reset();
  process.pid = -1;
  process.state = WorkerProcess::State::down;
  observer_.on_worker_gone(process, crash);
  if (process.is_wanted) {
    plan_restart(process, what);
  } else if (status != 0) {
    observer_.report(process.name() + ' ' + what);
  }
}

void Supervisor::plan_restart(WorkerProcess& process, const std::string& what) {
  const base::Duration delay = process.backoff.on_death(now(), process.was_ready);
  observer_.report(process.name() + ' ' + what + "; starts again " +
                   (delay.count() == 0 ? "at once" : "in " + std::to_string(delay.count()) + " ms"));
  ++process.restarts;
  // Never from here: a start that fails plans the next.
  process.restart_timer.enable(delay);
}

// ------------------------------------------------------------------------------------------------------------------- messages

bool Supervisor::on_message(ipc::Channel& channel, ipc::Incoming& message) {
  return ipc::dispatch<ipc::Ready, ipc::Pong, ipc::Blame>(*this, channel, message) ||
         (channel.is_open() && observer_.on_worker_message(process_of(channel), message));
}

void Supervisor::on_channel_closed(ipc::Channel& channel, std::string_view broken_rule) {
  WorkerProcess& process = process_of(channel);
  if (!broken_rule.empty()) {
    condemn(process, broken_rule);
  } else if (process.is_listening()) {
    begin_end(process, 0, kFarewellTicks);  // it is ending; if not, it is helped
  }
}

void Supervisor::on(ipc::Channel& channel, const ipc::Ready&) {
  WorkerProcess& process = process_of(channel);
  if (process.was_ready) {
    condemn(process, "Ready said twice");
    return;
  }
  process.was_ready = true;
  process.heartbeat.on_ready();
  if (process.state != WorkerProcess::State::starting) return;
  process.state = WorkerProcess::State::ready;
  observer_.on_worker_ready(process);
}

void Supervisor::on(ipc::Channel& channel, const ipc::Pong& pong) {
  WorkerProcess& process = process_of(channel);
  if (!process.heartbeat.on_pong(pong.serial)) condemn(process, "Pong without its Ping");
}

// Only a neighbour may be blamed, and who blames too often is believed no longer.
void Supervisor::on(ipc::Channel& channel, const ipc::Blame& blame) {
  WorkerProcess& sender = process_of(channel);
  WorkerProcess* const blamed = find(blame.role, blame.index);
  if (blamed == nullptr || !has_edge(sender.row->role, blame.role)) {
    condemn(sender, "it blames a process that it does not know");
  } else if (++sender.blames > kMaxBlames) {
    condemn(sender, "it blames others again and again");
  } else if (blamed->is_listening()) {
    condemn(*blamed, sender.name() + " says: " + base::quote_visible(blame.reason));
  }
}

}  // namespace caronte::master
