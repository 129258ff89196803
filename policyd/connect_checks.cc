#include "policyd/connect_checks.h"

namespace caronte::policyd {

namespace {

constexpr std::string_view kCrashPenalty = "421 4.3.2 Service not available, try again later";
constexpr std::string_view kSessionLimit = "421 4.3.2 Too many sessions, try again later";

}  // namespace

bool is_counted(const ConnectFacts& facts) {
  return facts.is_address_known && !config::is_exempt(config::Check::session_cap, facts.classes);
}

std::optional<Refusal> check_connect(const ConnectFacts& facts, const config::Limits& limits, const config::Replies& replies) {
  if (facts.penalty && facts.is_address_known && !config::is_exempt(config::Check::crash_penalty, facts.classes)) {
    return Refusal{std::string(kCrashPenalty), "crash-penalty", facts.penalty->crashes, facts.penalty->left.count()};
  }
  // A resource, and no check of the client: nobody is exempt (Q1).
  if (limits.sessions != 0 && facts.open_sessions >= limits.sessions) {
    return Refusal{std::string(kSessionLimit), "session-limit", static_cast<std::int64_t>(facts.open_sessions) + 1,
                   limits.sessions};
  }
  if (limits.sessions_per_address != 0 && is_counted(facts) && facts.client_sessions >= limits.sessions_per_address) {
    return Refusal{replies.busy, "session-cap", static_cast<std::int64_t>(facts.client_sessions) + 1, limits.sessions_per_address};
  }
  return std::nullopt;
}

}  // namespace caronte::policyd
