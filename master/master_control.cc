// Master's answers on its control socket.
#include <unistd.h>

#include <algorithm>

#include "config.h"
#include "master/master.h"
#include "master/notify.h"

namespace caronte::master {

bool Master::on_control_message(ipc::Channel& channel, ipc::Incoming& message) {
  return ipc::dispatch<ipc::StatusRequest, ipc::ReloadRequest, ipc::StopRequest, ipc::ListFolderRequest>(*this, channel, message);
}

void Master::on_control_closed(ipc::Channel& channel) {
  std::erase(askers_, &channel);
  std::erase(next_askers_, &channel);
}

void Master::on(ipc::Channel& channel, const ipc::StatusRequest&) {
  send_status(channel);
}

// Answered when the reload is done; one that is under way may have read the file too early for this asker.
void Master::on(ipc::Channel& channel, const ipc::ReloadRequest&) {
  if (is_stopping_) {
    ipc::ControlResult result;
    result.lines.push("caronted is stopping");
    channel.send(result);
    return;
  }
  auto& askers = reloader_.is_running() ? next_askers_ : askers_;
  if (std::find(askers.begin(), askers.end(), &channel) == askers.end()) askers.push_back(&channel);
  on_reload_signal(0);
}

// For carontectl, which edits it with its caller's rights. A list of recipients has no name here.
void Master::on(ipc::Channel& channel, const ipc::ListFolderRequest& request) {
  ipc::ListFolderAnswer answer;
  for (const LoadedList& list : reloader_.current()->loaded.lists) {
    const auto id = static_cast<config::ListId>(list.number);
    if (id < config::ListId::kCount && config::name_of(id) == request.list.str()) answer.file = list.file;
  }
  channel.send(answer);
}

// The connection then ends when caronted does.
void Master::on(ipc::Channel& channel, const ipc::StopRequest&) {
  ipc::ControlResult result;
  result.is_ok = true;
  result.lines.push("stopping");
  channel.send(result);
  channel.flush();
  begin_stop("asked to stop by carontectl");
}

void Master::send_status(ipc::Channel& channel) {
  const auto now = base::system_clock().monotonic();
  const auto seconds_since = [&](base::MonotonicTime then) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now - then).count());
  };
  const auto say = [&](std::string_view section, const std::string& subject, std::string_view name, const std::string& value) {
    channel.send(ipc::StatusItem{section, subject, name, value});
  };
  const bool is_up = is_announced_ && !is_stopping_;
  say("gateway", "caronted", "version", PACKAGE_VERSION);
  say("gateway", "caronted", "pid", std::to_string(::getpid()));
  say("gateway", "caronted", "uptime", seconds_since(started_));
  say("gateway", "caronted", "generation", std::to_string(reloader_.current()->number));
  say("gateway", "caronted", "state", is_stopping_ ? "stopping" : is_up ? "ready" : "starting");
  for (const auto& process : supervisor_.processes()) {
    if (!process->is_wanted && process->pid < 0) continue;
    const std::string name = process->name();
    say("process", name, "state", std::string(name_of(process->state)));
    say("process", name, "restarts", std::to_string(process->restarts));
    if (process->pid < 0) continue;
    say("process", name, "pid", std::to_string(process->pid));
    say("process", name, "uptime", seconds_since(process->started));
  }
  bool is_listening = true;
  for (const config::Listen& listen : reloader_.current()->configuration().listens) {
    const bool is_open = listeners_.has(listen.endpoint);
    is_listening = is_listening && is_open;
    say("listener", listen.endpoint.text(), "state", is_open ? "open" : "failed");
  }
  channel.send(ipc::StatusEnd{is_up && is_listening && supervisor_.is_ready(false)});
}

}  // namespace caronte::master
