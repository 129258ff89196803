// THE table of checks.
#include <algorithm>
#include <array>

#include "policyd/checks.h"

namespace caronte::policyd {

namespace {

using config::Action;
using config::Check;
using config::Configuration;
using ipc::Stage;

// <recipients> has one action for two checks: one whose limit is 0 is off.
Wish when(bool is_on, Action action, std::int32_t points) {
  return {is_on ? action : Action::off, points};
}
Wish wish_invalid(const Configuration& c) {
  return when(c.recipients.invalid != 0, c.recipients.action, c.recipients.points);
}
Wish wish_valid(const Configuration& c) {
  return when(c.recipients.valid != 0, c.recipients.action, c.recipients.points);
}
// Without AG-7 a refused recipient cannot make the valid ones too many.
Wish wish_valid_at_refusal(const Configuration& c) {
  return when(c.recipients.valid != 0 && c.recipients.valid_needs_invalid != 0, c.recipients.action, c.recipients.points);
}
Wish wish_characters(const Configuration& c) {
  return {c.characters.action, c.characters.points};
}
Wish wish_null_sender(const Configuration& c) {
  return {c.sender.null, c.sender.points};
}
Wish wish_local_sender(const Configuration& c) {
  return {c.sender.local_unauthorised, c.sender.points};
}
Wish wish_backscatter(const Configuration& c) {
  return when(c.backscatter.messages != 0, c.backscatter.action, c.backscatter.points);
}
Wish wish_rate(const Configuration& c) {
  return when(c.rate.messages != 0, c.rate.action, c.rate.points);
}
Wish wish_hang_ups(const Configuration& c) {
  return when(c.tarpit.is_present && c.tarpit.hang_ups != 0, Action::refuse, 0);
}
Wish wish_early_talkers(const Configuration& c) {
  return when(c.tarpit.is_present, c.tarpit.early_talkers, c.tarpit.points);
}
Wish wish_lists(const Configuration& c) {
  const bool has_any = std::any_of(c.domains.begin(), c.domains.end(), [](const config::Domain& d) { return d.has_recipients; });
  return when(has_any, Action::refuse, 0);
}

std::optional<Effect::Kind> learn_message(const Facts&, const ipc::SessionAnswer& answer) {
  if (answer.verdict != ipc::Verdict::proceed) return std::nullopt;
  return Effect::Kind::count_message;
}
// Those that it refuses count too: they are let through only when none has come for a while.
std::optional<Effect::Kind> learn_null_sender(const Facts& facts, const ipc::SessionAnswer& answer) {
  const bool is_taken = answer.verdict == ipc::Verdict::proceed || answer.reason == "backscatter";
  if (!facts.sender.empty() || !is_taken) return std::nullopt;
  return Effect::Kind::count_null_sender;
}
std::optional<Effect::Kind> learn_recipient(const Facts& facts, const ipc::SessionAnswer&) {
  if (!facts.is_destinations || facts.code != 550 || facts.recipient.empty()) return std::nullopt;
  return Effect::Kind::remember_recipient;
}

// A row is read across. In the order of Q33.
// clang-format off
constexpr std::array<CheckRow, 14> kRows{{
    {.reason = "hang-ups", .stage = Stage::connect, .exemption = Check::rate_and_tarpit, .wish = wish_hang_ups,
     .element = "tarpit", .attribute = "hang-ups", .judge = judge_hang_ups, .closes = true},
    {.reason = "early-talker", .stage = Stage::early_talker, .exemption = Check::rate_and_tarpit, .wish = wish_early_talkers,
     .element = "tarpit", .attribute = "early-talkers", .judge = judge_early_talker, .closes = true, .is_offence = true},

    {.reason = "rate", .stage = Stage::mail, .exemption = Check::rate_and_tarpit, .wish = wish_rate,
     .element = "rate", .attribute = "messages", .judge = judge_rate, .closes = true, .is_offence = true,
     .learn = learn_message},
    {.reason = "helo-characters", .stage = Stage::mail, .exemption = Check::envelope, .wish = wish_characters,
     .element = "characters", .attribute = "helo", .judge = judge_helo_characters, .is_offence = true},
    {.reason = "sender-characters", .stage = Stage::mail, .exemption = Check::envelope, .wish = wish_characters,
     .element = "characters", .attribute = "action", .judge = judge_sender_characters, .is_offence = true},
    {.reason = "null-sender", .stage = Stage::mail, .exemption = Check::envelope, .wish = wish_null_sender,
     .element = "sender", .attribute = "null", .judge = judge_null_sender, .closes = true},
    {.reason = "local-unauthorised", .stage = Stage::mail, .exemption = Check::local_sender, .wish = wish_local_sender,
     .element = "sender", .attribute = "local-unauthorised", .judge = judge_local_sender, .code = "5.7.1"},

    {.reason = "recipient-characters", .stage = Stage::rcpt, .exemption = Check::envelope, .wish = wish_characters,
     .element = "characters", .attribute = "action", .judge = judge_recipient_characters, .is_offence = true},
    {.reason = "unlisted-recipient", .stage = Stage::rcpt, .exemption = Check::recipient_caps_and_size, .wish = wish_lists,
     .element = "domains/domain", .attribute = "recipients", .judge = judge_unlisted_recipient, .code = "5.1.1",
     .text = "No such recipient here"},
    {.reason = "invalid-recipients", .stage = Stage::rcpt, .exemption = Check::recipient_caps_and_size, .wish = wish_invalid,
     .element = "recipients", .attribute = "invalid", .judge = judge_known_bad_recipient, .closes = true, .is_offence = true,
     .is_passive = true, .is_once = true},
    {.reason = "backscatter", .stage = Stage::rcpt, .exemption = Check::envelope, .wish = wish_backscatter,
     .element = "backscatter", .attribute = "messages", .judge = judge_backscatter, .learn = learn_null_sender},

    {.reason = "valid-recipients", .stage = Stage::recipient_accepted, .exemption = Check::recipient_caps_and_size,
     .wish = wish_valid, .element = "recipients", .attribute = "valid", .judge = judge_valid_recipients, .closes = true,
     .is_offence = true, .is_once = true},

    {.reason = "invalid-recipients", .stage = Stage::recipient_refused, .exemption = Check::recipient_caps_and_size,
     .wish = wish_invalid, .element = "recipients", .attribute = "invalid", .judge = judge_invalid_recipients, .closes = true,
     .is_offence = true, .is_once = true, .learn = learn_recipient},
    {.reason = "valid-recipients", .stage = Stage::recipient_refused, .exemption = Check::recipient_caps_and_size,
     .wish = wish_valid_at_refusal, .element = "recipients", .attribute = "valid-needs-invalid", .judge = judge_valid_recipients,
     .closes = true, .is_offence = true, .is_once = true},
}};
// clang-format on

constexpr std::array<std::string_view, 14> kReasons{"hang-ups",
                                                    "early-talker",
                                                    "rate",
                                                    "helo-characters",
                                                    "sender-characters",
                                                    "null-sender",
                                                    "local-unauthorised",
                                                    "recipient-characters",
                                                    "unlisted-recipient",
                                                    "invalid-recipients",
                                                    "backscatter",
                                                    "valid-recipients",
                                                    kRepeatOffenders,
                                                    kRemembered};
static_assert(kReasons.size() <= 32);

constexpr std::size_t index_of(std::string_view reason) {
  return static_cast<std::size_t>(std::find(kReasons.begin(), kReasons.end(), reason) - kReasons.begin());
}
static_assert(std::all_of(kRows.begin(), kRows.end(), [](const CheckRow& row) { return index_of(row.reason) < kReasons.size(); }));

}  // namespace

std::span<const CheckRow> check_rows() noexcept {
  return kRows;
}

std::span<const std::string_view> check_reasons() noexcept {
  return kReasons;
}

std::size_t reason_index(std::string_view reason) noexcept {
  return index_of(reason);
}

}  // namespace caronte::policyd
