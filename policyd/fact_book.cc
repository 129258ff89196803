#include "policyd/fact_book.h"

#include "policyd/text.h"

namespace caronte::policyd {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// What is counted of a client is kept to the second.
seconds whole(std::chrono::milliseconds time) {
  return std::chrono::ceil<seconds>(time);
}

bool is_on(config::Action action) noexcept {
  return action != config::Action::off;
}

}  // namespace

void FactBook::look_up(Facts& facts, const config::Configuration& configuration, const config::LocalDomains& domains,
                       const Now& now) {
  if (facts.is_address_known) look_up_client(facts, configuration, now);
  if (facts.stage == ipc::Stage::connect || facts.stage == ipc::Stage::early_talker) return;
  if (is_on(configuration.sender.local_unauthorised))
    facts.is_sender_local = !facts.sender.empty() && domains.is_local(facts.sender);
  if (facts.stage == ipc::Stage::rcpt) look_up_recipient(facts, configuration, domains, now.monotonic);
}

void FactBook::look_up_client(Facts& facts, const config::Configuration& configuration, const Now& now) {
  if (configuration.repeat_offenders.offences != 0) {
    const config::RepeatOffenders& rule = configuration.repeat_offenders;
    const base::Prefix range = range_of(facts.client, rule);
    facts.offences = senders_.find(range.address, now.stored).offences_within(whole(rule.within), now.stored);
    if (facts.stage == ipc::Stage::connect && rule.tarpit.count() > 0) {
      const base::MonotonicTime* until = held_ranges_.find(range.text());
      facts.is_range_held = until != nullptr && *until > now.monotonic;
    }
  }
  if (facts.stage == ipc::Stage::connect && configuration.tarpit.is_present) {
    const SenderRecord& sender = senders_.find(facts.client, now.stored);
    facts.hang_ups = sender.hang_ups_within(whole(configuration.tarpit.within), now.stored);
    facts.is_remembered = sender.is_in_tarpit(now.stored);
  }
  if (facts.stage == ipc::Stage::mail && configuration.rate.messages != 0) {
    facts.messages = senders_.find(facts.client, now.stored).messages_within(minutes(configuration.rate.minutes), now.stored);
  }
}

void FactBook::look_up_recipient(Facts& facts, const config::Configuration& configuration, const config::LocalDomains& domains,
                                 base::MonotonicTime now) const {
  if (domains.has_recipient_lists()) facts.is_recipient_listed = domains.is_recipient(facts.recipient);
  const config::Backscatter& backscatter = configuration.backscatter;
  if (facts.sender.empty() && backscatter.messages != 0) {
    facts.null_senders = null_senders_.count(facts.recipient, backscatter.messages, backscatter.within, now);
  }
  if (configuration.recipients.invalid != 0 && facts.recipients_invalid != 0) {
    const base::MonotonicTime* when = bad_recipients_.find(lower_case(facts.recipient));
    facts.is_recipient_known_bad = when != nullptr && now - *when < kBadRecipientTime;
  }
}

void FactBook::apply(const Decision& decision, const Facts& facts, const config::Configuration& configuration,
                     const Protect& protect, const Now& now) {
  for (const Effect& effect : decision.effects) apply_one(effect, facts, configuration, protect, now);
}

void FactBook::apply_one(const Effect& effect, const Facts& facts, const config::Configuration& configuration,
                         const Protect& protect, const Now& now) {
  switch (effect.kind) {
    case Effect::Kind::count_message:
      if (facts.is_address_known) senders_.add_message(facts.client, minutes(configuration.rate.minutes), now.stored);
      break;
    case Effect::Kind::count_null_sender:
      null_senders_.add(facts.recipient, configuration.backscatter.messages, configuration.backscatter.within, now.monotonic);
      break;
    case Effect::Kind::remember_recipient: bad_recipients_.touch(lower_case(facts.recipient)) = now.monotonic; break;
    case Effect::Kind::remember_client:
      senders_.remember_tarpit(facts.client, now.stored + whole(effect.time).count(), now.stored);
      break;
    case Effect::Kind::count_offence:
      senders_.add_offence(effect.prefix.address, whole(configuration.repeat_offenders.within), now.stored);
      break;
    case Effect::Kind::hold_range:
      held_ranges_.touch(effect.prefix.text()) = now.monotonic + effect.time;
      senders_.forget_offences(effect.prefix.address, now.stored);
      break;
    case Effect::Kind::ban:
      if (effect.reason == kRepeatOffenders) senders_.forget_offences(effect.prefix.address, now.stored);
      (void)hell_.ban({facts.client, effect.prefix, effect.reason, whole(effect.time).count()}, protect(), now.stored);
      break;
    case Effect::Kind::add_points: break;  // the session's
  }
}

}  // namespace caronte::policyd
