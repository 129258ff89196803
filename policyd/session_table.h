// The open sessions of all smtpd-proxies, and how many of them count against each client (FW-5, FW-8; Q10: IPv6 by /64).
// Pure; knows neither settings nor channels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/address.h"
#include "ipc/schema.h"

namespace caronte::policyd {

// What the checks know of a session (rulings.h).
struct SessionState {
  std::uint32_t generation = 0;   // of the settings with which it began; 0: the present ones
  std::uint32_t hits = 0;         // bits of the reasons that have hit
  std::int32_t points = 0;        // sum of Action::score
  ipc::StageMask stages = 0;      // that it may be asked about
  bool is_resumed = false;        // from before this policyd: what the one before had said is not known
  bool is_trust_awaited = false;  // at connect (ipc::SessionAnswer)
  bool has_offended = false;
  bool has_begun = false;  // a stage behind the greeting was asked
};

struct Session {
  base::Endpoint client;
  ipc::ClientClasses classes = 0;
  bool is_counted = true;        // against the cap of its address: not when exempt (FW-9), nor when the address is a balancer's
  bool is_address_known = true;  // false: it is a balancer's; nothing is learnt of it
  std::uint16_t proxy = 0;
  SessionState state = {};
};

class SessionTable {
 public:
  using Entry = std::pair<std::uint64_t, Session>;

  // False: a session of this id is open; nothing was changed.
  [[nodiscard]] bool open(std::uint64_t id, const Session& session);
  [[nodiscard]] const Session* find(std::uint64_t id) const noexcept;
  // For writing; nullptr: no such session.
  [[nodiscard]] SessionState* state_of(std::uint64_t id) noexcept;
  // Gives the slot back. nullopt: no such session.
  std::optional<Session> close(std::uint64_t id);
  // All that this smtpd-proxy held, in the order of their ids; the slots are given back.
  std::vector<Entry> close_all_of(std::uint16_t proxy);

  [[nodiscard]] std::size_t size() const noexcept { return sessions_.size(); }
  // Sessions that count against the client of this address.
  [[nodiscard]] std::size_t count_of(const base::Address& client) const noexcept;
  [[nodiscard]] std::size_t clients() const noexcept { return counts_.size(); }
  // Sessions that have this bit in their classes.
  [[nodiscard]] std::size_t count_with(ipc::ClientClasses bit) const noexcept;

 private:
  std::unordered_map<std::uint64_t, Session> sessions_;
  std::map<base::Prefix, std::size_t> counts_;  // never 0
};

}  // namespace caronte::policyd
