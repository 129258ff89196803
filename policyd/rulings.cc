#include "policyd/rulings.h"

namespace caronte::policyd {

namespace {

// A session keeps its generation, and policyd keeps two besides the one that comes next.
constexpr std::size_t kGenerations = 3;

// What smtpd-proxy may know better than policyd did at connect.
constexpr ipc::ClientClasses kToldLater = config::bit_of(config::ClientClass::authenticated);

}  // namespace

bool may_ask(const ipc::StageQuestion& question, const SessionState& state) noexcept {
  using ipc::Stage;
  if (question.stage == Stage::connect || question.stage >= Stage::kCount) return false;
  if (!state.is_resumed && (state.stages & ipc::mask_of(question.stage)) == 0) return false;
  switch (question.stage) {
    case Stage::early_talker: return !state.has_begun;
    case Stage::rcpt: return !question.recipient.empty();
    case Stage::recipient_accepted: return !question.recipient.empty() && question.code / 100 == 2;
    case Stage::recipient_refused: return question.code / 100 == 5;  // a RCPT without an address has none
    default: return true;
  }
}

Decision Rulings::connect(const ipc::SessionAnswer& admitted, const worker::Generation& settings, const Moment& moment) {
  const Session* session = sessions_.find(admitted.session);
  SessionState* state = sessions_.state_of(admitted.session);
  state->is_trust_awaited = admitted.is_trust_awaited;
  Facts facts = facts_of(admitted.session, *session, moment);
  facts.stage = ipc::Stage::connect;
  Decision decision = rule(facts, *state, settings, moment);
  decision.answer.classes = admitted.classes;
  decision.answer.is_stressed = admitted.is_stressed;
  decision.answer.is_trust_awaited = admitted.is_trust_awaited;
  decision.answer.server = admitted.server;
  if (decision.answer.verdict != ipc::Verdict::proceed) {
    held_.close(admitted.session);
    sessions_.close(admitted.session);
    return decision;
  }
  state->generation = settings.number;
  state->stages = decision.answer.stages = stages_for(admitted.classes, settings.configuration);
  return decision;
}

std::optional<Decision> Rulings::ask(const ipc::StageQuestion& question, const worker::Generation& settings, const Moment& moment) {
  const Session* session = sessions_.find(question.session);
  SessionState* state = sessions_.state_of(question.session);
  if (!may_ask(question, *state)) return std::nullopt;
  state->has_begun = state->has_begun || question.stage != ipc::Stage::early_talker;
  Facts facts = facts_of(question.session, *session, moment);
  facts.stage = question.stage;
  facts.classes = static_cast<ipc::ClientClasses>(facts.classes | (question.classes & kToldLater));
  facts.helo = question.helo;
  facts.sender = question.sender;
  facts.recipient = question.recipient;
  facts.code = question.code;
  facts.is_destinations = question.is_destinations;
  facts.recipients_valid = question.recipients_valid;
  facts.recipients_invalid = question.recipients_invalid;
  return rule(facts, *state, settings, moment);
}

Facts Rulings::facts_of(std::uint64_t id, const Session& session, const Moment& moment) {
  Facts facts;
  facts.session = id;
  facts.client = session.client.address;
  facts.is_address_known = session.is_address_known;
  facts.classes = session.classes;
  facts.hits = session.state.hits;
  facts.has_offended = session.state.has_offended;
  facts.is_stressed = moment.is_stressed;
  facts.is_trust_awaited = session.state.is_trust_awaited;
  facts.held = held_.count(moment.now.monotonic);
  return facts;
}

Decision Rulings::rule(Facts& facts, SessionState& state, const worker::Generation& settings, const Moment& moment) {
  book_.look_up(facts, settings.configuration, domains_of(settings), moment.now);
  Decision decision = judge(facts, settings.configuration);
  for (const ipc::CheckNote& note : decision.notes) {
    if (note.is_hit) state.hits |= 1U << reason_index(note.check);
  }
  for (const Effect& effect : decision.effects) {
    if (effect.kind == Effect::Kind::add_points) state.points += effect.points;
    if (effect.kind == Effect::Kind::count_offence) state.has_offended = true;
  }
  book_.apply(decision, facts, settings.configuration, moment.protect, moment.now);
  const base::Duration hold = decision.answer.hold + decision.answer.helo_hold;
  if (hold.count() > 0) held_.hold(facts.session, moment.now.monotonic + hold);
  return decision;
}

const config::LocalDomains& Rulings::domains_of(const worker::Generation& settings) {
  const auto found = domains_.find(settings.number);
  if (found != domains_.end()) return found->second;
  if (domains_.size() >= kGenerations) domains_.erase(domains_.begin());
  return domains_.emplace(settings.number, config::LocalDomains(settings.configuration.domains, settings.recipients)).first->second;
}

}  // namespace caronte::policyd
