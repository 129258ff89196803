// The workers as a table, and beside it who may talk to whom. Everything that differs between workers at start, restart
// and stop is a row here. Nothing else in master names a worker but the few features that are one worker's alone
// (listeners and connections of smtpd-proxy, penalties of policyd).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "config/configuration.h"
#include "ipc/schema.h"

namespace caronte::master {

using ResourceMask = std::uint8_t;
[[nodiscard]] constexpr ResourceMask mask_of(ipc::ResourceKind kind) noexcept {
  return static_cast<ResourceMask>(1U << static_cast<unsigned>(kind));
}
inline constexpr ResourceMask kLogFolder = mask_of(ipc::ResourceKind::log_folder);
inline constexpr ResourceMask kStateFolder = mask_of(ipc::ResourceKind::state_folder);
inline constexpr ResourceMask kControlSocket = mask_of(ipc::ResourceKind::control_socket);

struct WorkerRow {
  ipc::Role role;
  std::string_view program;      // file name, in the folder of the worker programs
  std::string_view user;         // whose uid and primary gid it gets
  ResourceMask resources;        // besides the black box, which everybody gets
  bool handles_clients;          // its black box tells whom it served when it crashed
  std::uint32_t descriptors;     // RLIMIT_NOFILE; 0: by the limit of sessions
  bool is_essential;             // no service without it: caronted does not count as started before it is ready
  base::Duration stop_patience;  // from Stop to SIGKILL
};

// In the order of their start; they stop in the reverse order.
inline constexpr std::array kWorkers{
    WorkerRow{ipc::Role::logd, "logd", "_caronte-log", kLogFolder | kControlSocket, false, 256, false, base::Duration{5'000}},
    WorkerRow{ipc::Role::dnsd, "dnsd", "_caronte-dns", 0, false, 4096, false, base::Duration{2'000}},
    WorkerRow{ipc::Role::policyd, "policyd", "_caronte-policy", kStateFolder | kControlSocket, true, 1024, true,
              base::Duration{5'000}},
    WorkerRow{ipc::Role::smtpd_proxy, "smtpd-proxy", "_caronte-smtp", 0, true, 0, true, base::Duration{30'000}},
};

// Who reads the configuration; not a worker, but its user is created and checked with theirs.
inline constexpr std::string_view kConfigReaderUser = "_caronte-config";

// Channels between workers. Each process of one role has one to each process of the other. Master has one to each.
struct Edge {
  ipc::Role one;
  ipc::Role other;
};
inline constexpr std::array kEdges{
    Edge{ipc::Role::smtpd_proxy, ipc::Role::policyd}, Edge{ipc::Role::policyd, ipc::Role::dnsd},
    Edge{ipc::Role::smtpd_proxy, ipc::Role::logd},    Edge{ipc::Role::policyd, ipc::Role::logd},
    Edge{ipc::Role::dnsd, ipc::Role::logd},
};
[[nodiscard]] constexpr bool has_edge(ipc::Role one, ipc::Role other) noexcept {
  for (const Edge& edge : kEdges) {
    if ((edge.one == one && edge.other == other) || (edge.one == other && edge.other == one)) return true;
  }
  return false;
}

// How many processes of the role this configuration wants.
[[nodiscard]] std::uint16_t count_of(ipc::Role role, const config::Configuration& configuration, unsigned cores) noexcept;

// RLIMIT_NOFILE that a worker needs: a session holds two, and any smtpd-proxy may have to hold them all for a while.
// `listeners`: sockets of all slots. No limit of sessions: 0 (as many as the kernel permits).
[[nodiscard]] std::uint32_t descriptors_for_sessions(std::uint32_t sessions, std::size_t listeners) noexcept;
// The inverse: how many sessions so many descriptors allow.
[[nodiscard]] std::uint32_t sessions_for_descriptors(std::uint64_t descriptors, std::size_t listeners) noexcept;

// "policyd.0"
[[nodiscard]] std::string process_name(ipc::Role role, std::uint16_t index);

}  // namespace caronte::master
