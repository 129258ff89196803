// The judges of the client: hang-ups, early talkers, rate.
#include "policyd/checks.h"

namespace caronte::policyd {

Finding judge_hang_ups(const Facts& facts, const config::Configuration& configuration) {
  const std::int64_t limit = configuration.tarpit.hang_ups;
  if (limit == 0) return {};
  if (!facts.hang_ups) return unknown();
  return at_least(*facts.hang_ups, limit, limit);
}

Finding judge_early_talker(const Facts& facts, const config::Configuration&) {
  return at_least(facts.stage == ipc::Stage::early_talker ? 1 : 0, 1, 0);
}

Finding judge_rate(const Facts& facts, const config::Configuration& configuration) {
  const std::int64_t limit = configuration.rate.messages;
  if (limit == 0) return {};
  if (!facts.messages) return unknown();
  return at_least(std::int64_t{*facts.messages} + 1, limit + 1, limit);
}

}  // namespace caronte::policyd
