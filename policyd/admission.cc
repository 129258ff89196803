#include "policyd/admission.h"

namespace caronte::policyd {

namespace {

ipc::ClientClasses classes_of(const base::Address& client, const AdmissionSettings& settings) {
  ipc::ClientClasses classes = 0;
  const auto add = [&](const config::MappedList& list, config::ClientClass client_class) {
    if (list.find(client)) classes = static_cast<ipc::ClientClasses>(classes | config::bit_of(client_class));
  };
  add(settings.relay, config::ClientClass::relay);      // FW-1
  add(settings.trusted, config::ClientClass::trusted);  // IW-5
  add(settings.white, config::ClientClass::white);      // L1-7
  return classes;
}

void refuse(ipc::SessionAnswer& answer, const Refusal& refusal) {
  answer.verdict = refusal.reply.empty() ? ipc::Verdict::drop : ipc::Verdict::refuse;
  answer.closes = true;
  answer.reply = refusal.reply;
  answer.reason = refusal.reason;
  answer.value = refusal.value;
  answer.limit = refusal.limit;
}

}  // namespace

ConnectFacts Admission::gather(const ipc::SessionQuestion& question, const AdmissionSettings& settings, StoreTime now,
                               ipc::ClientClasses named) {
  const base::Address& client = question.client.address;
  ConnectFacts facts;
  facts.is_address_known = question.is_address_known;
  facts.open_sessions = sessions_.size();
  if (!question.is_address_known) return facts;
  // Q9: before anything else; who is in it costs nothing more.
  if (settings.hell.is_present) facts.hell = hell_.find(client, settings.in_hell, now);
  if (facts.hell && !settings.observe) return facts;
  facts.classes = static_cast<ipc::ClientClasses>(classes_of(client, settings) | named);
  facts.penalty = penalties_.find(client, clock_.monotonic());
  facts.client_sessions = sessions_.count_of(client);
  // Asked only where it matters: strangers find no room any more.
  const std::uint32_t limit = limit_for_strangers(settings.limits);
  facts.has_delivered = limit != 0 && facts.open_sessions >= limit && senders_.find(client, now).is_good();
  return facts;
}

Admission::Decision Admission::decide(const ipc::SessionQuestion& question, std::uint16_t proxy, const AdmissionSettings& settings,
                                      StoreTime now, ipc::ClientClasses named) {
  const ConnectFacts facts = gather(question, settings, now, named);
  Decision decision;
  ipc::SessionAnswer& answer = decision.answer;
  answer.session = question.session;
  answer.classes = facts.classes;
  answer.is_stressed = overload_.is_stressed();
  auto refusal = check_hell(facts, settings.hell);
  if (refusal && settings.observe) {
    decision.note = ipc::CheckNote{.session = question.session,
                                   .check = refusal->reason,
                                   .action = "refuse",
                                   .is_observed = true,
                                   .value = refusal->value,
                                   .limit = refusal->limit};
    refusal.reset();
  }
  if (!refusal) refusal = check_connect(facts, settings.limits, settings.replies);
  if (refusal) {
    refuse(answer, *refusal);
  } else {
    (void)sessions_.open(question.session, {question.client, facts.classes, is_counted(facts), question.is_address_known, proxy});
  }
  return decision;
}

PenaltyBox::Penalty Admission::punish(const base::Address& client) {
  const base::MonotonicTime now = clock_.monotonic();
  penalties_.add(client, now);
  return penalties_.find(client, now).value_or(PenaltyBox::Penalty{});
}

}  // namespace caronte::policyd
