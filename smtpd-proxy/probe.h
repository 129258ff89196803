// What the servers of the destination offer: asked of each at start and again when a session found one changed; kept
// current by live sessions. A server that could not be asked offers nothing, so nothing is promised in its name.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "smtpd-proxy/capabilities.h"
#include "smtpd-proxy/destination.h"
#include "worker/worker.h"

namespace caronte::smtpd_proxy {

class Proxy;

class Probes {
 public:
  explicit Probes(Proxy& proxy) noexcept;
  ~Probes();
  // Forgets all and asks each server of this generation anew.
  void start(worker::GenerationPtr generation);
  void stop() noexcept;
  // Asks one server, unless that is under way.
  void probe(std::uint16_t server);
  void learn(std::uint16_t server, const Capabilities& capabilities);
  [[nodiscard]] const Capabilities& offered() const noexcept { return offered_; }

 private:
  // One server, and the connection that asks it.
  class Target;
  void update_offered();

  Proxy& proxy_;
  worker::GenerationPtr generation_;
  std::vector<std::unique_ptr<Target>> targets_;
  Capabilities offered_;
};

}  // namespace caronte::smtpd_proxy
