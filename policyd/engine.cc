#include "policyd/engine.h"

#include <algorithm>
#include <string>

#include "config/settings.h"
#include "policyd/checks.h"
#include "policyd/replies.h"
#include "policyd/text.h"

namespace caronte::policyd {

namespace {

using config::Action;
using config::Check;
using config::ClientClass;
using std::chrono::milliseconds;

config::ExemptionSwitches switches_of(const config::Configuration& configuration) {
  return {configuration.trusted.bypass_antispam, configuration.rate.exclude_authenticated};
}

bool is_decisive(Action action) noexcept {
  return action == Action::refuse || action == Action::defer || action == Action::tarpit || action == Action::ban;
}

std::uint32_t line_of(const config::Configuration& configuration, std::string_view element, std::string_view attribute) {
  const config::Setting* setting = config::find_setting(element, attribute);
  if (setting == nullptr) return 0;
  const auto index = static_cast<std::size_t>(setting - config::settings().data());
  return index < configuration.setting_lines.size() ? configuration.setting_lines[index] : 0;
}

constexpr ipc::ClientClasses without(ipc::ClientClasses classes, ClientClass one) noexcept {
  return static_cast<ipc::ClientClasses>(classes & ~config::bit_of(one));
}

// The check of local senders takes `white` away: it does more than to log.
bool takes_white(const config::Configuration& configuration) {
  const Action action = configuration.sender.local_unauthorised;
  return !configuration.server.observe && action != Action::off && action != Action::log;
}

// One judgement.
class Judging {
 public:
  Judging(const Facts& facts, const config::Configuration& configuration)
      : facts_(facts), configuration_(configuration), classes_(effective_classes(facts, configuration)) {
    decision_.answer.session = facts.session;
    decision_.answer.stage = facts.stage;
  }

  Decision run() {
    for (const CheckRow& row : check_rows()) {
      if (row.stage == facts_.stage && is_on(row) && refuses(row)) break;
    }
    if (facts_.stage == ipc::Stage::connect && decision_.answer.verdict == ipc::Verdict::proceed) hold_at_connect();
    for (const CheckRow& row : check_rows()) {
      if (row.learn == nullptr || row.stage != facts_.stage || !is_on(row)) continue;
      if (const auto kind = row.learn(facts_, decision_.answer)) decision_.effects.push_back({.kind = *kind, .reason = row.reason});
    }
    return std::move(decision_);
  }

 private:
  [[nodiscard]] bool is_exempt(Check check) const { return config::is_exempt(check, classes_, switches_of(configuration_)); }
  [[nodiscard]] bool trust_exempts(Check check) const {
    return config::is_exempt(check, config::bit_of(ClientClass::trusted), switches_of(configuration_));
  }
  [[nodiscard]] bool is_on(const CheckRow& row) const {
    return row.wish(configuration_).action != Action::off && !is_exempt(row.exemption);
  }
  [[nodiscard]] bool may_hold() const {
    const config::Tarpit& tarpit = configuration_.tarpit;
    return tarpit.is_present && facts_.is_address_known && !facts_.is_stressed && facts_.held < tarpit.maximum &&
           !is_exempt(Check::rate_and_tarpit);
  }
  // Q9: what a human has listed is never banned by a machine.
  [[nodiscard]] bool may_ban() const {
    constexpr auto kListed = static_cast<ipc::ClientClasses>(
        config::bit_of(ClientClass::relay) | config::bit_of(ClientClass::trusted) | config::bit_of(ClientClass::white));
    return facts_.is_address_known && (facts_.classes & kListed) == 0;
  }

  // Runs a check that is on; true: the stage is decided.
  bool refuses(const CheckRow& row) {
    const Finding finding = row.judge(facts_, configuration_);
    if (finding.state == Finding::State::unknown) return false;
    const bool is_hit = finding.state == Finding::State::hit;
    if (!is_hit && configuration_.log.level < ipc::LogLevel::level2) return false;
    const Wish wish = row.wish(configuration_);
    const bool is_observed = wish.action == Action::log || configuration_.server.observe;
    if (is_hit && row.is_once && has_hit_before(row.reason) && (is_observed || !is_decisive(wish.action))) return false;
    const Action action = is_observed || !is_hit ? wish.action : possible(wish.action, row);
    note(row, finding, action, is_observed, wish.points);
    if (!is_hit || is_observed) return false;
    if (action == Action::score) {
      decision_.effects.push_back({.kind = Effect::Kind::add_points, .reason = row.reason, .points = wish.points});
      return false;
    }
    refuse(row, finding, action);
    return true;
  }

  [[nodiscard]] bool has_hit_before(std::string_view reason) const { return (facts_.hits >> reason_index(reason) & 1U) != 0; }

  // What can be done now of what is wanted.
  [[nodiscard]] Action possible(Action action, const CheckRow& row) const {
    // Never 5xx for what is our own fault.
    if (facts_.is_trust_awaited && is_decisive(action) && trust_exempts(row.exemption)) return Action::defer;
    if (action == Action::tarpit && (!may_hold() || configuration_.tarpit.delay.count() == 0)) return Action::refuse;
    if (action == Action::ban && !(may_ban() && configuration_.hell.is_present && configuration_.hell.time.count() > 0)) {
      return Action::refuse;
    }
    return action;
  }

  void note(const CheckRow& row, const Finding& finding, Action action, bool is_observed, std::int32_t points) {
    ipc::CheckNote note;
    note.session = facts_.session;
    note.check = row.reason;
    note.action = config::name_of(action);
    note.is_hit = finding.state == Finding::State::hit;
    note.is_observed = is_observed;
    note.value = finding.value;
    note.limit = finding.limit;
    if (note.is_hit && action == Action::score) note.points = points;
    note.line = line(row);
    decision_.notes.push_back(std::move(note));
  }

  void refuse(const CheckRow& row, const Finding& finding, Action action) {
    ipc::SessionAnswer& answer = decision_.answer;
    answer.verdict = ipc::Verdict::refuse;
    answer.closes = action != Action::defer && (row.closes || action == Action::tarpit || action == Action::ban);
    if (facts_.stage == ipc::Stage::connect || facts_.stage == ipc::Stage::early_talker) answer.closes = true;
    answer.reply = reply(row, action);
    answer.reason = row.reason;
    answer.value = finding.value;
    answer.limit = finding.limit;
    answer.line = line(row);
    if (action == Action::tarpit) answer.hold = configuration_.tarpit.delay;
    const base::Prefix client = base::client_prefix(facts_.client);
    // Also when all places in the tarpit are taken now (Q21).
    const bool is_rule_broken = action != Action::defer && row.wish(configuration_).action == Action::tarpit;
    if (is_rule_broken && configuration_.tarpit.is_present && facts_.is_address_known) {
      decision_.effects.push_back({Effect::Kind::remember_client, row.reason, client, configuration_.tarpit.within, 0});
    }
    if (action == Action::ban) {
      decision_.effects.push_back({Effect::Kind::ban, row.reason, client, configuration_.hell.time, 0});
    }
    if (row.is_offence && action != Action::defer) count_offence();
  }

  // Of the setting; of a repeated element, the domain's, where that stands.
  [[nodiscard]] std::uint32_t line(const CheckRow& row) const {
    if (row.element != "domains/domain") return line_of(configuration_, row.element, row.attribute);
    const std::string name = lower_case(domain_of(facts_.recipient));
    const auto domain = std::find_if(configuration_.domains.begin(), configuration_.domains.end(),
                                     [&](const config::Domain& one) { return one.name == name; });
    return domain == configuration_.domains.end() ? 0 : domain->line;
  }

  [[nodiscard]] std::string reply(const CheckRow& row, Action action) const {
    const bool is_greeting = facts_.stage == ipc::Stage::connect || facts_.stage == ipc::Stage::early_talker;
    if (action == Action::defer) return deferral(configuration_.replies, is_greeting, facts_.session);
    return refusal(configuration_.replies, row.code, row.text, facts_.session);
  }

  // AX-5 to AX-7. One a session: somebody who is refused again and again in it has offended once.
  void count_offence() {
    const config::RepeatOffenders& rule = configuration_.repeat_offenders;
    if (rule.offences == 0 || facts_.has_offended || !facts_.is_address_known || is_exempt(Check::rate_and_tarpit)) return;
    const base::Prefix range = range_of(facts_.client, rule);
    decision_.effects.push_back({.kind = Effect::Kind::count_offence, .reason = kRepeatOffenders, .prefix = range});
    if (!facts_.offences || *facts_.offences + 1 < rule.offences) return;
    const bool is_held = rule.tarpit.count() > 0;
    if (!is_held && !(may_ban() && configuration_.hell.is_present)) return;
    note_offences(*facts_.offences + 1, is_held ? Action::tarpit : Action::ban, false);
    decision_.effects.push_back({is_held ? Effect::Kind::hold_range : Effect::Kind::ban, kRepeatOffenders, range, rule.ban, 0});
  }

  void note_offences(std::int64_t count, Action action, bool is_observed) {
    static constexpr CheckRow kRow{.reason = kRepeatOffenders, .element = "repeat-offenders", .attribute = "offences"};
    note(kRow, {Finding::State::hit, count, configuration_.repeat_offenders.offences}, action, is_observed, 0);
  }

  // AX-12, AX-7, Q21: penalties add up.
  void hold_at_connect() {
    if (!may_hold()) return;
    const config::Tarpit& tarpit = configuration_.tarpit;
    const bool is_observed = configuration_.server.observe;
    milliseconds hold = tarpit.greeting;
    milliseconds helo_hold{0};
    const milliseconds extra = configuration_.repeat_offenders.tarpit;
    if (configuration_.repeat_offenders.offences != 0 && extra.count() > 0 && facts_.is_range_held.value_or(false)) {
      note_offences(facts_.offences.value_or(0), Action::tarpit, is_observed);
      hold += extra;
    }
    if (tarpit.delay.count() > 0 && facts_.is_remembered.value_or(false)) {
      static constexpr CheckRow kRow{.reason = kRemembered, .element = "tarpit", .attribute = "delay"};
      note(kRow, {Finding::State::hit, tarpit.delay.count(), 0}, Action::tarpit, is_observed, 0);
      helo_hold = tarpit.delay;
    }
    if (is_observed) return;
    decision_.answer.hold = hold;
    decision_.answer.helo_hold = helo_hold;
  }

  const Facts& facts_;
  const config::Configuration& configuration_;
  const ipc::ClientClasses classes_;
  Decision decision_;
};

}  // namespace

Decision judge(const Facts& facts, const config::Configuration& configuration) {
  return Judging(facts, configuration).run();
}

ipc::StageMask stages_for(ipc::ClientClasses classes, const config::Configuration& configuration) {
  const config::ExemptionSwitches switches = switches_of(configuration);
  // What cannot be taken away later (IW-4).
  const ipc::ClientClasses lasting = takes_white(configuration) ? without(classes, ClientClass::white) : classes;
  ipc::StageMask stages = 0;
  for (const CheckRow& row : check_rows()) {
    if (row.is_passive || row.stage == ipc::Stage::connect || row.wish(configuration).action == Action::off) continue;
    if (!config::is_exempt(row.exemption, lasting, switches)) stages |= ipc::mask_of(row.stage);
  }
  return stages;
}

ipc::ClientClasses effective_classes(const Facts& facts, const config::Configuration& configuration) {
  if (!config::has_class(facts.classes, ClientClass::white) || !takes_white(configuration)) return facts.classes;
  if (config::is_exempt(Check::local_sender, facts.classes, switches_of(configuration))) return facts.classes;
  const bool is_claimed = judge_local_sender(facts, configuration).state == Finding::State::hit;
  return is_claimed ? without(facts.classes, ClientClass::white) : facts.classes;
}

base::Prefix range_of(const base::Address& client, const config::RepeatOffenders& rule) noexcept {
  const unsigned bits = client.is_v4() ? 96U + rule.range4 : rule.range6;
  return {client.masked(bits), static_cast<std::uint8_t>(bits)};
}

}  // namespace caronte::policyd
