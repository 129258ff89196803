#include "master/worker_table.h"

#include <algorithm>

namespace caronte::master {

namespace {

constexpr std::uint32_t kReservedDescriptors = 128;  // channels, lists, the loop
constexpr std::uint32_t kDescriptorsPerSession = 2;
constexpr std::uint32_t kMaxProxies = 256;

}  // namespace

std::uint16_t count_of(ipc::Role role, const config::Configuration& configuration, unsigned cores) noexcept {
  if (role == ipc::Role::dnsd) return configuration.dns.is_present ? 1 : 0;
  if (role != ipc::Role::smtpd_proxy) return 1;
  const std::uint32_t wanted = configuration.server.workers == 0 ? cores : configuration.server.workers;
  return static_cast<std::uint16_t>(std::clamp(wanted, 1U, kMaxProxies));
}

std::uint32_t descriptors_for_sessions(std::uint32_t sessions, std::size_t listeners) noexcept {
  if (sessions == 0) return 0;
  constexpr std::uint64_t kMost = 1U << 30U;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(kMost, std::uint64_t{sessions} * kDescriptorsPerSession + kReservedDescriptors + listeners));
}

std::uint32_t sessions_for_descriptors(std::uint64_t descriptors, std::size_t listeners) noexcept {
  const std::uint64_t reserved = kReservedDescriptors + listeners;
  return descriptors <= reserved ? 0 : static_cast<std::uint32_t>((descriptors - reserved) / kDescriptorsPerSession);
}

std::string process_name(ipc::Role role, std::uint16_t index) {
  return std::string(ipc::name_of(role)) + '.' + std::to_string(index);
}

}  // namespace caronte::master
