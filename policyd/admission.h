// Who may have a session: gathers the facts about a client that connects, lets the checks judge, and keeps the books of
// open sessions and penalties. No channels; the time is passed in.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "config/configuration.h"
#include "config/mapped_list.h"
#include "ipc/schema.h"
#include "policyd/connect_checks.h"
#include "policyd/penalty_box.h"
#include "policyd/session_table.h"

namespace caronte::policyd {

// Of the generation of the session.
struct AdmissionSettings {
  const config::Limits& limits;
  const config::Replies& replies;
  const config::MappedList& relay;
};

class Admission {
 public:
  explicit Admission(const base::Clock& clock) : clock_(clock) {}

  // The answer to a client that connects to this smtpd-proxy. A session that may go on is open from here on; one that is
  // refused holds no slot. Precondition: no session of this id is open.
  [[nodiscard]] ipc::SessionAnswer decide(const ipc::SessionQuestion& question, std::uint16_t proxy,
                                          const AdmissionSettings& settings);

  [[nodiscard]] SessionTable& sessions() noexcept { return sessions_; }
  [[nodiscard]] const SessionTable& sessions() const noexcept { return sessions_; }
  // A worker crashed at a session of this client: the penalty that it now has.
  PenaltyBox::Penalty punish(const base::Address& client);

 private:
  const base::Clock& clock_;
  SessionTable sessions_;
  PenaltyBox penalties_;
};

}  // namespace caronte::policyd
