#include "policyd/connect_checks.h"

#include "policyd/overload.h"

namespace caronte::policyd {

namespace {

constexpr std::string_view kCrashPenalty = "421 4.3.2 Service not available, try again later";
constexpr std::string_view kSessionLimit = "421 4.3.2 Too many sessions, try again later";

}  // namespace

bool is_counted(const ConnectFacts& facts) {
  return facts.is_address_known && !config::is_exempt(config::Check::session_cap, facts.classes);
}

bool may_use_reserve(const ConnectFacts& facts) {
  using config::ClientClass;
  const bool is_ours =
      config::has_class(facts.classes, ClientClass::relay) || config::has_class(facts.classes, ClientClass::trusted);
  return facts.is_address_known && (is_ours || facts.has_delivered);
}

std::optional<Refusal> check_hell(const ConnectFacts& facts, const config::Hell& hell) {
  if (!hell.is_present || !facts.hell || !facts.is_address_known) return std::nullopt;
  Refusal refusal{hell.mute ? std::string{} : hell.reply, "hell", facts.hell->offences, facts.hell->left};
  if (facts.hell->source == ipc::HellSource::list) refusal.limit = facts.hell->line;
  return refusal;
}

std::optional<Refusal> check_connect(const ConnectFacts& facts, const config::Limits& limits, const config::Replies& replies) {
  if (facts.penalty && facts.is_address_known && !config::is_exempt(config::Check::crash_penalty, facts.classes)) {
    return Refusal{std::string(kCrashPenalty), "crash-penalty", facts.penalty->crashes, facts.penalty->left.count()};
  }
  // A resource, and no check of the client: nobody is exempt (Q1).
  const std::uint32_t limit = may_use_reserve(facts) ? limits.sessions : limit_for_strangers(limits);
  if (limit != 0 && facts.open_sessions >= limit) {
    return Refusal{std::string(kSessionLimit), "session-limit", static_cast<std::int64_t>(facts.open_sessions) + 1, limit};
  }
  if (limits.sessions_per_address != 0 && is_counted(facts) && facts.client_sessions >= limits.sessions_per_address) {
    return Refusal{replies.busy, "session-cap", static_cast<std::int64_t>(facts.client_sessions) + 1, limits.sessions_per_address};
  }
  return std::nullopt;
}

}  // namespace caronte::policyd
