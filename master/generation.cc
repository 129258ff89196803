#include "master/generation.h"

#include "master/launcher.h"

namespace caronte::master {

bool send_generation(WorkerProcess& process, const Generation& generation) {
  const ipc::Role role = process.row->role;
  const auto part = generation.loaded.configurations.find(role);
  if (part == generation.loaded.configurations.end()) return false;
  const auto send = [&](const auto& message, const base::Fd& file) {
    base::Fd copy = duplicate(file.get());
    return copy.is_open() && process.channel->send(message, std::move(copy));
  };
  if (!send(ipc::ConfigurationFile{generation.number}, part->second)) return false;
  for (const LoadedList& list : generation.loaded.lists) {
    if ((list.receivers & ipc::mask_of(role)) == 0) continue;
    if (!send(ipc::ListFile{generation.number, list.number}, list.memory)) return false;
  }
  return true;
}

void send_listener(WorkerProcess& process, const Listeners& listeners, const base::Endpoint& endpoint) {
  const auto found = listeners.all().find(endpoint);
  if (found == listeners.all().end()) return;
  for (std::size_t slot = 0; slot < found->second.size(); ++slot) {
    base::Fd copy = duplicate(found->second[slot].get());
    if (copy) process.channel->send(ipc::Listener{endpoint, static_cast<std::uint16_t>(slot)}, std::move(copy));
  }
}

std::vector<std::string> frozen_changes(const config::Configuration& running, const config::Configuration& wanted) {
  std::vector<std::string> lines;
  const auto compare = [&](const char* setting, const auto& old_value, const auto& new_value) {
    if (old_value != new_value) lines.push_back(wanted.file + ": " + setting + ": cannot change by a reload; restart caronted");
  };
  compare("server state", running.server.state_folder, wanted.server.state_folder);
  compare("server run", running.server.run_folder, wanted.server.run_folder);
  compare("server workers", running.server.workers, wanted.server.workers);
  compare("server control-group", running.server.control_group, wanted.server.control_group);
  compare("log folder", running.log.folder, wanted.log.folder);
  compare("log", running.log.is_present, wanted.log.is_present);
  return lines;
}

}  // namespace caronte::master
