#include "master/master.h"

#include <sysexits.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "config.h"
#include "master/launcher.h"
#include "master/notify.h"

namespace caronte::master {

namespace {

constexpr base::Duration kTick{1'000};
constexpr unsigned kStartTicks = 30;     // for all workers to become ready
constexpr unsigned kListenerTicks = 10;  // between two tries to bind what could not be bound
constexpr unsigned kListTicks = 2;
constexpr std::size_t kMaxPenalties = 64;
constexpr base::Duration kLogPatience{1'000};

}  // namespace

Master::Master(Site& site, Settings settings, Listeners listeners, GenerationPtr first, Daemon daemon)
    : site_(site),
      settings_(std::move(settings)),
      daemon_(daemon),
      listeners_(std::move(listeners)),
      supervisor_(loop_, site_, settings_.counts, {settings_.proxy_descriptors, settings_.is_foreground}, *this),
      reloader_(loop_, settings_.file, settings_.loader, supervisor_, listeners_, first, *this),
      log_(loop_, ipc::Role::master, 0, supervisor_.next_instance()),
      control_(loop_, duplicate(site_.control_sockets.at(ipc::Role::master).get()), ipc::Role::master, site_.control_gid, *this),
      started_(base::system_clock().monotonic()) {
  connector_.learn(first->number, first->configuration().destination);
  log_.set_level(first->configuration().log.level);
  log_.set_blame([](void* self, std::string_view rule) { static_cast<Master*>(self)->on_log_broken(rule); }, this);
  lists_.watch(first->loaded.list_files, first->read_at);
  reload_signal_.assign_signal<&Master::on_reload_signal>(loop_, SIGHUP, this);
  stop_signals_[0].assign_signal<&Master::on_stop_signal>(loop_, SIGTERM, this);
  stop_signals_[1].assign_signal<&Master::on_stop_signal>(loop_, SIGINT, this);
  child_signal_.assign_signal<&Master::on_child_signal>(loop_, SIGCHLD, this);
  tick_.assign_timer<&Master::on_tick>(loop_, this);
  for (wrap::Event* signal : {&reload_signal_, &stop_signals_[0], &stop_signals_[1], &child_signal_}) signal->enable();
}

int Master::run() {
  site_.write_pid();
  report("caronted " PACKAGE_VERSION " starts");
  for (const std::string& warning : settings_.warnings) log_.event(warning);
  retry_listeners();
  supervisor_.start_all();
  tick_.enable(kTick);
  loop_.run();
  // Only logd is left, unless all were killed: it has the last word.
  report("stopped");
  if (!supervisor_.is_down(ipc::Role::logd)) log_.drain(kLogPatience);
  log_.detach();
  supervisor_.stop(ipc::Role::logd);
  while (!supervisor_.is_down(ipc::Role::logd)) loop_.turn(true);
  site_.remove_files();
  return exit_code_;
}

void Master::report(std::string_view text) {
  std::fprintf(stderr, "caronted: %.*s\n", static_cast<int>(text.size()), text.data());
  log_.event(text);
}

// -------------------------------------------------------------------------------------------------------------------- workers

void Master::on_worker_starting(WorkerProcess& process) {
  const ipc::Role role = process.row->role;
  const auto give = [&](ipc::ResourceKind kind, const base::Fd& resource) {
    if ((process.row->resources & mask_of(kind)) == 0 || !resource) return;
    base::Fd copy = duplicate(resource.get());
    if (copy) process.channel->send(ipc::Resource{kind}, std::move(copy));
  };
  if (!send_generation(process, *reloader_.current())) {
    supervisor_.condemn(process, "it cannot be given its configuration");
    return;
  }
  give(ipc::ResourceKind::state_folder, site_.state_folder);
  if (role == ipc::Role::logd) {
    if (auto status = site_.renew_log_folder(); !status) report("log folder: " + status.error().text);
  }
  give(ipc::ResourceKind::log_folder, site_.log_folder);
  if (const auto found = site_.control_sockets.find(role); found != site_.control_sockets.end()) {
    give(ipc::ResourceKind::control_socket, found->second);
  }
  process.black_box = {};
  if (auto page = worker::BlackBox::create(); page) {
    if (auto box = worker::BlackBox::map(page.value().get()); box) process.black_box = std::move(box).value();
    process.channel->send(ipc::Resource{ipc::ResourceKind::black_box}, std::move(page).value());
  }
  if (role == ipc::Role::smtpd_proxy) {
    for (const auto& [endpoint, sockets] : listeners_.all()) send_listener(process, listeners_, endpoint);
  }
  if (role == ipc::Role::logd) attach_log(process);
  reloader_.on_worker_starting(process);
}

void Master::attach_log(WorkerProcess& logd) {
  auto pair = ipc::make_channel_pair();
  if (!pair) return;  // said by standard error only; the next logd may have more luck
  logd.channel->send(ipc::Peer{ipc::Role::master, 0}, std::move(pair.value().first));
  base::Fd ours = duplicate(pair.value().second.get());
  if (ours) log_.attach(std::move(ours));
}

void Master::on_log_broken(std::string_view rule) {
  if (WorkerProcess* logd = supervisor_.find(ipc::Role::logd, 0)) supervisor_.condemn(*logd, rule);
}

void Master::on_worker_ready(WorkerProcess& process) {
  report(process.name() + " (pid " + std::to_string(process.pid) + ") is ready");
  reloader_.on_worker_ready(process);
  if (process.row->role == ipc::Role::policyd) {
    for (const base::Address& client : std::exchange(penalties_, {})) process.channel->send(ipc::Penalty{client});
  }
  cover_slots();
  if (!is_announced_ && supervisor_.is_ready(false)) announce_ready();
}

void Master::on_worker_ending(WorkerProcess& process) {
  reloader_.on_worker_gone(process);
  cover_slots();
}

void Master::on_worker_gone(WorkerProcess& process, int crash_signal) {
  reloader_.on_worker_gone(process);
  cover_slots();
  if (crash_signal == 0 || !process.row->handles_clients) return;
  if (const auto client = process.black_box.read()) refuse_for_a_while(*client);
}

void Master::refuse_for_a_while(const base::Address& client) {
  report("the worker that crashed was serving " + client.text() + ": that client is refused for a while");
  WorkerProcess* policyd = supervisor_.find(ipc::Role::policyd, 0);
  if (policyd != nullptr && policyd->is_serving()) {
    policyd->channel->send(ipc::Penalty{client});
  } else if (penalties_.size() < kMaxPenalties) {
    penalties_.push_back(client);
  }
}

void Master::cover_slots() {
  if (is_stopping_) return;
  std::vector<bool> is_serving;
  for (const auto& process : supervisor_.processes()) {
    if (process->row->role == ipc::Role::smtpd_proxy) is_serving.push_back(process->is_serving());
  }
  for (const SlotCover::Order& order : cover_.update(is_serving)) {
    supervisor_.find(ipc::Role::smtpd_proxy, order.to)->channel->send(ipc::TakeOver{order.slot, order.on});
  }
}

bool Master::on_worker_message(WorkerProcess& process, ipc::Incoming& message) {
  switch (message.type) {
    case ipc::MessageType::ConnectRequest: {
      ipc::ConnectRequest request;
      return ipc::decode(message.body, request) && connector_.on_request(*process.channel, request);
    }
    case ipc::MessageType::Prepared: {
      ipc::Prepared answer;
      return ipc::decode(message.body, answer) && reloader_.on_prepared(process, answer);
    }
    case ipc::MessageType::PrepareFailed: {
      ipc::PrepareFailed answer;
      return ipc::decode(message.body, answer) && reloader_.on_prepare_failed(process, answer);
    }
    default: return false;
  }
}

// ------------------------------------------------------------------------------------------------------- time, start, listeners

void Master::on_tick(short) {
  tick_.enable(kTick);
  ++ticks_;
  notify("WATCHDOG=1");
  supervisor_.tick();
  if (is_stopping_) {
    advance_stop();
    return;
  }
  check_start();
  if (ticks_ % kListenerTicks == 0) retry_listeners();
  if (ticks_ % kListTicks == 0) check_lists();
}

void Master::announce_ready() {
  is_announced_ = true;
  report("ready");
  notify("READY=1");
  daemon_.tell_ready();
}

void Master::check_start() {
  if (is_announced_ || ticks_ < kStartTicks) return;
  if (supervisor_.is_ready(true)) {
    report("not every worker is ready, but mail is served");
    announce_ready();
    return;
  }
  exit_code_ = EX_SOFTWARE;
  begin_stop("the workers do not become ready");
}

// At the start those that failed before are only named; ten seconds later the tries begin.
void Master::retry_listeners() {
  for (const config::Listen& listen : reloader_.current()->configuration().listens) {
    if (listeners_.has(listen.endpoint)) continue;
    if (auto status = listeners_.open(listen.endpoint); !status) {
      report("ALARM: not listening on " + status.error().text + "; tried again every 10 s");
      continue;
    }
    if (ticks_ > 0) report("listening on " + listen.endpoint.text());
    for (const auto& process : supervisor_.processes()) {
      if (process->row->role == ipc::Role::smtpd_proxy && process->is_listening()) {
        send_listener(*process, listeners_, listen.endpoint);
      }
    }
  }
}

void Master::check_lists() {
  if (reloader_.is_running()) return;
  const ListWatch::Finding finding = lists_.check();
  for (const std::string& path : finding.shrunk) {
    report("ALARM: list " + path + " shrank by half or is gone: kept as it was until a reload is asked for");
  }
  if (!finding.is_reload_due) return;
  report("a list has changed: reload");
  reloader_.request();
}

// --------------------------------------------------------------------------------------------------------------------- reload

void Master::on_reload_signal(short) {
  if (is_stopping_) return;
  if (!reloader_.is_running()) notify_reloading();
  reloader_.request();
}

void Master::on_commit(GenerationPtr generation) {
  const config::Configuration& configuration = generation->configuration();
  connector_.learn(generation->number, configuration.destination);
  log_.set_level(configuration.log.level);
  lists_.watch(generation->loaded.list_files, generation->read_at);
}

void Master::on_reload_done(bool is_ok, const std::vector<std::string>& lines, bool is_last) {
  for (const std::string& line : lines) report((is_ok ? "reload: " : "reload refused: ") + line);
  if (is_ok) {
    report("reloaded, generation " + std::to_string(reloader_.current()->number));
    supervisor_.want(ipc::Role::dnsd, reloader_.current()->configuration().dns.is_present);
  }
  ipc::ControlResult result;
  result.is_ok = is_ok;
  for (const std::string& line : lines) result.lines.push(line);
  for (ipc::Channel* asker : std::exchange(askers_, std::exchange(next_askers_, {}))) asker->send(result);
  if (is_last) notify("READY=1");
}

// ----------------------------------------------------------------------------------------------------------------------- stop

void Master::on_child_signal(short) {
  supervisor_.reap();
  if (is_stopping_) advance_stop();
}

void Master::on_stop_signal(short) {
  if (!is_stopping_) {
    begin_stop("asked to stop");
    return;
  }
  report("asked to stop again: at once");
  supervisor_.kill_all();
}

void Master::begin_stop(std::string_view reason) {
  if (is_stopping_) return;
  report("stopping: " + std::string(reason));
  notify("STOPPING=1");
  is_stopping_ = true;
  reloader_.stop();
  listeners_.close_all();
  stopping_row_ = kWorkers.size() - 1;
  supervisor_.stop(kWorkers[stopping_row_].role);
  advance_stop();
}

// One role after the other, in the reverse order of their start; logd when the loop has ended.
void Master::advance_stop() {
  while (stopping_row_ > 0 && supervisor_.is_down(kWorkers[stopping_row_].role)) {  // 0: logd, whose end is reaped here too
    if (--stopping_row_ == 0) {
      loop_.stop();
      return;
    }
    supervisor_.stop(kWorkers[stopping_row_].role);
  }
}

}  // namespace caronte::master
