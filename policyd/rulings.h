// The checks of every open session: gathers facts, lets the engine judge, and carries out what follows, once. Knows which
// stage may be asked when, and who is being held. No channels; the times are passed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "policyd/engine.h"
#include "policyd/fact_book.h"
#include "policyd/held_sessions.h"
#include "policyd/session_table.h"
#include "worker/worker.h"

namespace caronte::policyd {

class Rulings {
 public:
  Rulings(SessionTable& sessions, SenderHistory& senders, Hell& hell) : sessions_(sessions), book_(senders, hell) {}

  struct Moment {
    FactBook::Now now;
    bool is_stressed = false;
    FactBook::Protect protect;
  };

  // Stage::connect of a session that admission has just opened: completes its answer. A session that is refused is closed
  // again and holds no slot.
  [[nodiscard]] Decision connect(const ipc::SessionAnswer& admitted, const worker::Generation& settings, const Moment& moment);
  // Any later stage. nullopt: it may not be asked, now or ever. Precondition: the session is open.
  [[nodiscard]] std::optional<Decision> ask(const ipc::StageQuestion& question, const worker::Generation& settings,
                                            const Moment& moment);
  // It is over.
  void close(std::uint64_t session) { held_.close(session); }

  [[nodiscard]] std::size_t held(base::MonotonicTime now) { return held_.count(now); }

 private:
  [[nodiscard]] Facts facts_of(std::uint64_t id, const Session& session, const Moment& moment);
  [[nodiscard]] Decision rule(Facts& facts, SessionState& state, const worker::Generation& settings, const Moment& moment);
  [[nodiscard]] const config::LocalDomains& domains_of(const worker::Generation& settings);

  SessionTable& sessions_;
  FactBook book_;
  HeldSessions held_;
  std::map<std::uint32_t, config::LocalDomains> domains_;  // by generation; the newest few
};

// A stage that makes sense now: known, granted to the session, in order, and complete.
[[nodiscard]] bool may_ask(const ipc::StageQuestion& question, const SessionState& state) noexcept;

}  // namespace caronte::policyd
