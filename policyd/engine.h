// The engine (design.md section 6): facts in, verdict and effects out. A check is a row of one table; its judge is a pure
// function of the facts and the settings. Neither a judge nor the engine writes anything: what is to be remembered is in
// the decision's effects, which whoever asked applies once, with the verdict that he sends.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "config/client_class.h"
#include "config/configuration.h"
#include "ipc/schema.h"

namespace caronte::policyd {

// What is known when a stage is judged. A fact that is missing is unknown and never a reason to refuse.
struct Facts {
  std::uint64_t session = 0;
  ipc::Stage stage = ipc::Stage::connect;
  base::Address client;
  bool is_address_known = true;    // false: a balancer's own address; no check by address then
  ipc::ClientClasses classes = 0;  // of connect and of the session since
  std::string_view helo;           // from here to recipients_invalid as in ipc::StageQuestion
  std::string_view sender;         // from Stage::mail on
  std::string_view recipient;      // from Stage::rcpt on
  std::uint16_t code = 0;
  bool is_destinations = false;
  std::uint32_t recipients_valid = 0;
  std::uint32_t recipients_invalid = 0;
  bool has_offended = false;  // an offence of this session was counted already
  bool is_stressed = false;   // overload: nobody is held
  std::size_t held = 0;       // sessions that are being held now

  std::optional<bool> is_sender_local;         // Stage::mail on: its domain is a local one
  std::optional<std::uint32_t> messages;       // of this client, in the window of <rate>
  std::optional<std::uint32_t> hang_ups;       // of this client, in the window of <tarpit>
  std::optional<bool> is_remembered;           // this client broke a rule in an earlier session (Q21)
  std::optional<std::uint32_t> offences;       // of this client's range, in the window of <repeat-offenders>
  std::optional<std::uint32_t> null_senders;   // Stage::rcpt, sender <>: messages to this recipient that count (AX-25)
  std::optional<bool> is_recipient_listed;     // Stage::rcpt: its domain has a list; nullopt: it has none
  std::optional<bool> is_recipient_known_bad;  // Stage::rcpt: the destination has refused it a short while ago
};

// What a judge finds.
struct Finding {
  enum class State : std::uint8_t { pass, hit, unknown };  // unknown: a fact that it needs is missing
  State state = State::pass;
  std::int64_t value = 0;  // measured
  std::int64_t limit = 0;
};
[[nodiscard]] constexpr Finding unknown() noexcept {
  return {Finding::State::unknown, 0, 0};
}
// A hit if `value` is at least `least`.
[[nodiscard]] constexpr Finding at_least(std::int64_t value, std::int64_t least, std::int64_t limit) noexcept {
  return {value >= least ? Finding::State::hit : Finding::State::pass, value, limit};
}

// What a setting wants of a check. Action::off: it does not run.
struct Wish {
  config::Action action = config::Action::off;
  std::int32_t points = 0;
};

struct CheckRow {
  std::string_view reason;  // for the record and the counters
  ipc::Stage stage = ipc::Stage::kCount;
  config::Check exemption = config::Check::kCount;
  Wish (*wish)(const config::Configuration&) = nullptr;
  std::string_view element;  // of the setting whose line is told
  std::string_view attribute;
  Finding (*judge)(const Facts&, const config::Configuration&) = nullptr;
  std::string_view code;    // enhanced status code of the refusal; empty: the text of the setting as it stands
  bool closes = false;      // a refusal ends the session
  bool is_offence = false;  // for repeat offenders: nothing that an honest mail server does by mistake
};
// In the order of Q33 within each stage. Rows of one reason stand for one check at several stages.
[[nodiscard]] std::span<const CheckRow> check_rows() noexcept;

// What is to be remembered of a decision.
struct Effect {
  enum class Kind : std::uint8_t {
    count_message,       // AG-8: MAIL was accepted
    count_null_sender,   // AX-25: one more for this recipient
    remember_recipient,  // the destination refuses this recipient for good
    remember_client,     // Q21: hold it at HELO in its next sessions, for `time`
    count_offence,       // AX-5
    ban,                 // `prefix` to hell for `time`
    add_points,
  };
  Kind kind = Kind::count_message;
  std::string_view reason;  // of the check
  base::Prefix prefix;      // of the client, or of its range (AX-7)
  std::chrono::milliseconds time{0};
  std::int32_t points = 0;
};

struct Decision {
  ipc::SessionAnswer answer;
  std::vector<ipc::CheckNote> notes;  // of hits; from log level 2 on of all that ran
  std::vector<Effect> effects;
};

// Judges one stage.
[[nodiscard]] Decision judge(const Facts& facts, const config::Configuration& configuration);

// Which stages beyond `connect` a session of these classes is to be asked about: 0 when nothing is on.
[[nodiscard]] ipc::StageMask stages_for(ipc::ClientClasses classes, const config::Configuration& configuration);

// IW-4: without `white` where the sender claims a local domain and is not authorised to, and that check does more than log.
[[nodiscard]] ipc::ClientClasses effective_classes(const Facts& facts, const config::Configuration& configuration);

}  // namespace caronte::policyd
