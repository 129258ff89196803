// The engine (design.md section 6): facts in, verdict and effects out. A check is a row of one table; its judge is a pure
// function of the facts and the settings. Neither a judge nor the engine writes anything: what is to be remembered is in
// the decision's effects, which whoever asked applies once, with the verdict that he sends.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "config/client_class.h"
#include "config/configuration.h"
#include "ipc/schema.h"
#include "policyd/facts.h"

namespace caronte::policyd {

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

// What is to be remembered.
struct Effect {
  enum class Kind : std::uint8_t {
    count_message,       // AG-8: MAIL was accepted
    count_null_sender,   // AX-25: one more for this recipient
    remember_recipient,  // the destination refuses this recipient for good
    remember_client,     // Q21: for `time`
    count_offence,       // AX-5, of the range `prefix`
    hold_range,          // AX-7: `prefix`, for `time`
    ban,                 // `prefix` to hell for `time`
    add_points,
  };
  Kind kind = Kind::count_message;
  std::string_view reason = {};  // of the check
  base::Prefix prefix = {};
  std::chrono::milliseconds time{0};
  std::int32_t points = 0;
};

struct CheckRow {
  std::string_view reason = {};  // for the record and the counters
  ipc::Stage stage = ipc::Stage::kCount;
  config::Check exemption = config::Check::kCount;
  Wish (*wish)(const config::Configuration&) = nullptr;
  std::string_view element = {};  // of the setting whose line is told
  std::string_view attribute = {};
  Finding (*judge)(const Facts&, const config::Configuration&) = nullptr;
  std::string_view code = {};  // enhanced status code of the refusal; empty: the text of the setting as it stands
  std::string_view text = {};  // our own behind the code; empty: that of the setting, or a bogus one
  bool closes = false;         // a refusal ends the session
  bool is_offence = false;     // for repeat offenders: nothing that an honest mail server does
  bool is_passive = false;     // not worth a question: runs where the stage is asked anyway
  bool is_once = false;        // hits once a session unless it refuses
  // What is to be remembered of a stage for which this check is on, given the answer; null: nothing.
  std::optional<Effect::Kind> (*learn)(const Facts&, const ipc::SessionAnswer&) = nullptr;
};
// In the order of Q33 within each stage. Rows of one reason are one check at several stages.
[[nodiscard]] std::span<const CheckRow> check_rows() noexcept;
// Each reason once, those that the engine adds too; at most 32. For counters.
[[nodiscard]] std::span<const std::string_view> check_reasons() noexcept;
// Its place there; their number: it is none of them.
[[nodiscard]] std::size_t reason_index(std::string_view reason) noexcept;

// What the engine finds besides the rows: offences of a range (AX-5 to AX-7), and clients remembered at connect (Q21).
inline constexpr std::string_view kRepeatOffenders = "repeat-offenders";
inline constexpr std::string_view kRemembered = "remembered";

struct Decision {
  ipc::SessionAnswer answer;
  std::vector<ipc::CheckNote> notes;  // of hits; from log level 2 on of all that ran
  std::vector<Effect> effects;
};

// Judges one stage. The first check that refuses decides; those behind it do not run.
[[nodiscard]] Decision judge(const Facts& facts, const config::Configuration& configuration);

// Which stages beyond `connect` a session of these classes is to be asked about: 0 when nothing is on.
[[nodiscard]] ipc::StageMask stages_for(ipc::ClientClasses classes, const config::Configuration& configuration);

// IW-4: without `white` where the sender claims a local domain and may not, and that check does more than log.
[[nodiscard]] ipc::ClientClasses effective_classes(const Facts& facts, const config::Configuration& configuration);

// The network of this client whose offences count together and that is banned for them (AX-7).
[[nodiscard]] base::Prefix range_of(const base::Address& client, const config::RepeatOffenders& rule) noexcept;

}  // namespace caronte::policyd
