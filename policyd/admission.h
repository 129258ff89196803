// Who may have a session: gathers the facts about a client that connects, lets the checks judge, and keeps the books of
// open sessions, load and penalties. No channels; the time is passed in.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "config/configuration.h"
#include "config/mapped_list.h"
#include "ipc/schema.h"
#include "policyd/connect_checks.h"
#include "policyd/hell.h"
#include "policyd/overload.h"
#include "policyd/penalty_box.h"
#include "policyd/sender_history.h"
#include "policyd/session_table.h"

namespace caronte::policyd {

// Of the generation of the session.
struct AdmissionSettings {
  const config::Limits& limits;
  const config::Replies& replies;
  const config::Hell& hell;
  bool observe;  // what is no resource of ours only notes
  const config::MappedList& relay;
  const config::MappedList& trusted;
  const config::MappedList& white;
  const config::MappedList& in_hell;
};

class Admission {
 public:
  Admission(const base::Clock& clock, Hell& hell, SenderHistory& senders) : clock_(clock), hell_(hell), senders_(senders) {}

  struct Decision {
    ipc::SessionAnswer answer;
    std::optional<ipc::CheckNote> note;  // what would have been done but for observe="yes"
  };
  // The answer to a client that connects to this smtpd-proxy. A session that may go on is open from here on; one that is
  // refused holds no slot. `named`: the classes that host names of the lists give this client (IW-7). Precondition: no
  // session of this id is open.
  [[nodiscard]] Decision decide(const ipc::SessionQuestion& question, std::uint16_t proxy, const AdmissionSettings& settings,
                                StoreTime now, ipc::ClientClasses named = 0);

  // To be called when sessions have begun or ended. True: is_stressed() has changed.
  bool update_load(const config::Limits& limits) noexcept { return overload_.update(sessions_.size(), limits.sessions); }
  [[nodiscard]] const Overload& overload() const noexcept { return overload_; }

  [[nodiscard]] SessionTable& sessions() noexcept { return sessions_; }
  [[nodiscard]] const SessionTable& sessions() const noexcept { return sessions_; }
  // A worker crashed at a session of this client: the penalty that it now has.
  PenaltyBox::Penalty punish(const base::Address& client);

 private:
  [[nodiscard]] ConnectFacts gather(const ipc::SessionQuestion& question, const AdmissionSettings& settings, StoreTime now,
                                    ipc::ClientClasses named);

  const base::Clock& clock_;
  Hell& hell_;
  SenderHistory& senders_;
  SessionTable sessions_;
  PenaltyBox penalties_;
  Overload overload_;
};

}  // namespace caronte::policyd
