// The judges of recipients: lists, invalid ones, valid ones.
#include "policyd/checks.h"

namespace caronte::policyd {

namespace {

bool is_refusal(const Facts& facts) {
  return facts.stage == ipc::Stage::recipient_refused && facts.code >= 500 && facts.code <= 599;
}

}  // namespace

Finding judge_unlisted_recipient(const Facts& facts, const config::Configuration&) {
  if (!facts.is_recipient_listed) return unknown();
  return at_least(*facts.is_recipient_listed ? 0 : 1, 1, 0);
}

Finding judge_invalid_recipients(const Facts& facts, const config::Configuration& configuration) {
  const std::int64_t limit = configuration.recipients.invalid;
  if (limit == 0 || !is_refusal(facts)) return {};
  return at_least(std::int64_t{facts.recipients_invalid} + 1, limit, limit);
}

Finding judge_known_bad_recipient(const Facts& facts, const config::Configuration& configuration) {
  const std::int64_t limit = configuration.recipients.invalid;
  if (limit == 0 || facts.recipients_invalid == 0) return {};
  if (!facts.is_recipient_known_bad) return unknown();
  if (!*facts.is_recipient_known_bad) return {};
  return at_least(std::int64_t{facts.recipients_invalid} + 1, limit, limit);
}

Finding judge_valid_recipients(const Facts& facts, const config::Configuration& configuration) {
  const std::int64_t limit = configuration.recipients.valid;
  const bool is_accepted = facts.stage == ipc::Stage::recipient_accepted;
  const std::int64_t valid = std::int64_t{facts.recipients_valid} + (is_accepted ? 1 : 0);
  const std::int64_t invalid = std::int64_t{facts.recipients_invalid} + (is_refusal(facts) ? 1 : 0);
  if (limit == 0 || invalid < configuration.recipients.valid_needs_invalid) return {Finding::State::pass, valid, limit};
  return at_least(valid, limit, limit);
}

}  // namespace caronte::policyd
