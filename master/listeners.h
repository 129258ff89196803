// The listening sockets. Master keeps every one of them open as long as the configuration names it, so that the death of a
// smtpd-proxy refuses no connection; it never accepts. SO_REUSEPORT: one socket a slot (smtpd-proxy) and endpoint.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"

namespace caronte::master {

class Listeners {
 public:
  explicit Listeners(std::uint16_t slots) noexcept : slots_(slots) {}

  // All slots or none. Error: why, with the endpoint.
  [[nodiscard]] base::Status open(const base::Endpoint& endpoint);
  void close(const base::Endpoint& endpoint) { open_.erase(endpoint); }
  void close_all() { open_.clear(); }

  [[nodiscard]] bool has(const base::Endpoint& endpoint) const { return open_.contains(endpoint); }
  // By slot.
  [[nodiscard]] const std::map<base::Endpoint, std::vector<base::Fd>>& all() const noexcept { return open_; }

 private:
  std::uint16_t slots_;
  std::map<base::Endpoint, std::vector<base::Fd>> open_;
};

}  // namespace caronte::master
