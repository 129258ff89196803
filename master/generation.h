// A generation of the configuration as master holds it, and what a running gateway can take over of a new one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "master/config_loader.h"
#include "master/listeners.h"
#include "master/supervisor.h"

namespace caronte::master {

struct Generation {
  std::uint32_t number = 0;
  base::WallTime read_at;  // when reading began
  LoadResult loaded;
  [[nodiscard]] const config::Configuration& configuration() const noexcept { return loaded.configuration; }
};
using GenerationPtr = std::shared_ptr<const Generation>;

// The worker's part of the configuration and its lists. False: its queue is full.
[[nodiscard]] bool send_generation(WorkerProcess& process, const Generation& generation);

// The sockets of an endpoint, of all slots.
void send_listener(WorkerProcess& process, const Listeners& listeners, const base::Endpoint& endpoint);

// One line for each setting that differs and cannot change while caronted runs.
[[nodiscard]] std::vector<std::string> frozen_changes(const config::Configuration& running, const config::Configuration& wanted);

}  // namespace caronte::master
