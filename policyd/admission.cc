#include "policyd/admission.h"

namespace caronte::policyd {

ipc::SessionAnswer Admission::decide(const ipc::SessionQuestion& question, std::uint16_t proxy, const AdmissionSettings& settings) {
  const base::Address& client = question.client.address;
  ConnectFacts facts;
  facts.is_address_known = question.is_address_known;
  facts.open_sessions = sessions_.size();
  if (question.is_address_known) {
    if (settings.relay.find(client)) facts.classes = config::bit_of(config::ClientClass::relay);  // FW-1
    facts.penalty = penalties_.find(client, clock_.monotonic());
    facts.client_sessions = sessions_.count_of(client);
  }

  ipc::SessionAnswer answer;
  answer.session = question.session;
  answer.classes = facts.classes;
  if (const auto refusal = check_connect(facts, settings.limits, settings.replies)) {
    answer.verdict = ipc::Verdict::refuse;
    answer.reply = refusal->reply;
    answer.reason = refusal->reason;
    answer.value = refusal->value;
    answer.limit = refusal->limit;
  } else {
    (void)sessions_.open(question.session, {question.client, facts.classes, is_counted(facts), proxy});
  }
  return answer;
}

PenaltyBox::Penalty Admission::punish(const base::Address& client) {
  const base::MonotonicTime now = clock_.monotonic();
  penalties_.add(client, now);
  return penalties_.find(client, now).value_or(PenaltyBox::Penalty{});
}

}  // namespace caronte::policyd
