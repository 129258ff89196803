// The recipients of a transaction, from RCPT to the reply: our own judgement, policyd's before anything is forwarded, the
// destination's answer, policyd's about that answer. Replies leave in the order of the commands.
#include <algorithm>

#include "base/quoting.h"
#include "smtpd-proxy/proxy.h"
#include "smtpd-proxy/replies.h"
#include "smtpd-proxy/reply_text.h"
#include "smtpd-proxy/session.h"

namespace caronte::smtpd_proxy {

// ------------------------------------------------------------------------------------------------------------ the command

Event Session::take_rcpt() {
  Transaction& transaction = *transaction_;
  RcptCommand command;
  const Syntax syntax = parse_rcpt(argument_, offered_, transaction.smtputf8, command);
  PendingRecipient recipient;
  recipient.address = command.recipient.text.empty() ? base::quote_visible(argument_, 256) : std::string(command.recipient.text);
  if (syntax != Syntax::ok) {
    recipient.reply = reply_of(syntax, Verb::rcpt);
  } else {
    decide_recipient(command, recipient);
  }
  ++transaction.tried;
  const bool is_ours = !recipient.reply.empty();
  const bool is_first = transaction.pending.empty();
  transaction.pending.push_back(std::move(recipient));
  if (is_ours) return is_first ? answer_pending() : Event::none;
  if (!is_to_ask(ipc::Stage::rcpt)) return Event::called;
  ask(ipc::Stage::rcpt);
  return Event::asked;
}

// BA-7 first: whether a recipient may be relayed at all does not depend on anything that may be away or broken.
void Session::decide_recipient(const RcptCommand& command, PendingRecipient& recipient) {
  const Transaction& transaction = *transaction_;
  const bool may_relay =
      config::has_class(classes_, config::ClientClass::relay) || config::has_class(classes_, config::ClientClass::trusted);
  if (guard(command.recipient, false, may_relay, proxy_.local_domains(*generation_)) == GuardAnswer::relaying_denied) {
    if (is_trust_awaited_) {
      recipient.reply = replies::kPolicyAway;  // it may be a host that is trusted by its name
      return;
    }
    ++record().relaying_denied;
    recipient.reply = configuration().replies.relaying_denied;
    return;
  }
  const std::uint32_t limit = configuration().recipients.maximum;
  const std::size_t taken = transaction.accepted + transaction.pending.size();
  if (limit != 0 && taken >= limit && !is_exempt(config::Check::recipient_caps_and_size)) {
    recipient.reply = replies::kTooManyRecipients;
  } else if (!has_policy() && !is_exempt(config::Check::relay_guard)) {
    recipient.reply = replies::kPolicyAway;
  } else if (!transaction.refusal.empty()) {
    recipient.refuse(transaction.refusal);
  } else {
    recipient.command = "RCPT TO:<" + recipient.address + ">";
    if (!command.notify.empty()) recipient.command.append(" NOTIFY=").append(command.notify);
    if (!command.original_recipient.empty()) recipient.command.append(" ORCPT=").append(command.original_recipient);
    if (!command.notify.empty() || !command.original_recipient.empty()) transaction_->uses_dsn = true;
    recipient.command += "\r\n";
  }
}

// The last one: policyd has nothing against it, or was not to be asked.
Event Session::forward_rcpt() {
  Transaction& transaction = *transaction_;
  PendingRecipient& recipient = transaction.pending.back();
  if (transaction.is_lost) {
    shut(ipc::Outcome::deferred, replies::kDestinationBroken);
    return Event::none;
  }
  recipient.is_forwarded = true;
  if (!transaction.refusal.empty()) {
    recipient.refuse(transaction.refusal);  // it came while policyd thought
  } else if (!destination_) {
    call_destination();
  } else if (destination_->is_ready()) {
    if (!transaction.is_begun) begin_transaction_at_destination();
    send_recipient(recipient);
  }
  return answer_pending();
}

Event Session::refuse_rcpt() {
  PendingRecipient& recipient = transaction_->pending.back();
  recipient.reply = std::move(ruling_->reply);
  recipient.reason = std::move(ruling_->reason);
  recipient.closes = recipient.is_judged = ruling_->closes;
  ruling_.reset();
  return answer_pending();
}

// -------------------------------------------------------------------------------------------------------- the destination

void Session::call_destination() {
  destination_ = std::make_unique<Destination>(proxy_.loop(), configuration().destination, std::string(proxy_.own_name()), *this);
  is_reused_ = false;
  proxy_.call(*destination_, {.generation = generation_->number, .server = server_, .client = client_});
}

void Session::on_destination_ready() {
  proxy_.learn(server_, destination_->capabilities());
  if (!is_destination_awaited()) return;
  begin_transaction_at_destination();
  for (const PendingRecipient& recipient : transaction_->pending) {
    if (recipient.is_awaited()) send_recipient(recipient);
  }
  fire(answer_pending());
  resume_input();
}

void Session::send_recipient(const PendingRecipient& recipient) {
  if (transaction_->refusal.empty()) destination_->ask(Ask::rcpt, recipient.command);
}

bool Session::lacks_promised() const noexcept {
  const Capabilities& has = destination_->capabilities();
  return (transaction_->body != Body::unspecified && !has.eight_bit_mime) || (transaction_->smtputf8 && !has.smtputf8) ||
         (transaction_->uses_dsn && !has.dsn);
}

void Session::begin_transaction_at_destination() {
  Transaction& transaction = *transaction_;
  if (lacks_promised()) {
    proxy_.probe_again(server_);
    transaction.refusal = replies::kCapabilityGone;
    for (PendingRecipient& recipient : transaction.pending) {
      if (recipient.is_awaited()) recipient.refuse(transaction.refusal);
    }
    return;
  }
  if (needs_reset_) destination_->ask(Ask::rset, "RSET\r\n");
  needs_reset_ = false;
  std::string command = "MAIL FROM:<" + transaction.record.sender + ">";
  if (transaction.size && destination_->capabilities().size) command += " SIZE=" + std::to_string(*transaction.size);
  if (transaction.body == Body::eight_bit) command += " BODY=8BITMIME";
  if (transaction.body == Body::seven_bit) command += " BODY=7BIT";
  if (transaction.smtputf8) command += " SMTPUTF8";
  if (!transaction.ret.empty()) command += " RET=" + transaction.ret;
  if (!transaction.envelope_id.empty()) command += " ENVID=" + transaction.envelope_id;
  destination_->ask(Ask::mail, command + "\r\n");
  transaction.is_begun = true;
}

bool Session::is_destination_awaited() const noexcept {
  return transaction_ && std::any_of(transaction_->pending.begin(), transaction_->pending.end(),
                                     [](const PendingRecipient& recipient) { return recipient.is_awaited(); });
}

void Session::take_recipient_reply(const Reply& answer) {
  Transaction& transaction = *transaction_;
  const auto recipient = std::find_if(transaction.pending.begin(), transaction.pending.end(),
                                      [](const PendingRecipient& candidate) { return candidate.is_awaited(); });
  if (recipient == transaction.pending.end()) return;
  if (transaction.refusal.empty()) {
    recipient->is_destinations = true;
    recipient->reply = without_end(answer.bytes);
  } else {
    recipient->refuse(transaction.refusal);  // its own reply, if any, is not what counts
  }
  fire(answer_pending());
}

// ------------------------------------------------------------------------------------------------------------ the answers

// Answers, in the client's order, those at the front whose answer is settled. Not in the order of the questions: while one
// is open about the last RCPT, those before it are answered if policyd is not to be asked about that.
Event Session::answer_pending() {
  Transaction& transaction = *transaction_;
  const bool is_judging = state_ == State::rcpt_question || state_ == State::rcpt_hold || state_ == State::recipient_question ||
                          state_ == State::recipient_hold;
  while (!transaction.pending.empty()) {
    PendingRecipient& recipient = transaction.pending.front();
    if (recipient.reply.empty()) return Event::none;
    const unsigned kind = code_of(recipient.reply) / 100;
    const ipc::Stage stage = kind == 2 ? ipc::Stage::recipient_accepted : ipc::Stage::recipient_refused;
    if (!recipient.is_judged && (kind == 2 || kind == 5) && (stages_ & ipc::mask_of(stage)) != 0) {
      if (is_judging) return Event::none;
      ask(stage);
      return Event::answer_asked;
    }
    answer_first();
    if (state_ == State::closing) return Event::none;
  }
  return Event::answered;
}

void Session::answer_first() {
  Transaction& transaction = *transaction_;
  const PendingRecipient recipient = std::move(transaction.pending.front());
  transaction.pending.pop_front();
  const std::uint16_t code = code_of(recipient.reply);
  const bool is_accepted = code / 100 == 2;
  if (is_accepted) ++transaction.accepted;
  if (recipient.is_counted && is_accepted) ++recipients_valid_;
  if (recipient.is_counted && code / 100 == 5) ++recipients_invalid_;
  if (transaction.record.recipients.size() < kMaxRecordedRecipients) {
    transaction.record.recipients.push_back(
        {recipient.address, std::string(first_line(recipient.reply)), is_accepted, recipient.reason});
  } else {
    ++transaction.record.unrecorded_recipients;
  }
  reply(recipient.reply);
  if (recipient.closes) {
    shut(outcome());
  } else if (code == 421 && recipient.is_destinations) {
    shut(ipc::Outcome::deferred);
  }
}

Event Session::pass_answer() {
  transaction_->pending.front().is_judged = true;
  return answer_pending();
}

// A recipient that the destination has accepted cannot be taken out of its transaction: the whole of it is refused with it
// (AG-6: the message is blocked), and reset there before the next.
Event Session::replace_answer() {
  Transaction& transaction = *transaction_;
  PendingRecipient& recipient = transaction.pending.front();
  if (code_of(recipient.reply) / 100 == 2) {
    ++recipients_valid_;
    transaction.refusal = ruling_->reply;
    transaction.is_blocked = true;
    transaction.accepted = 0;
    for (PendingRecipient& other : transaction.pending) {
      if (other.is_destinations) other.refuse(transaction.refusal);
    }
  }
  recipient.reply = std::move(ruling_->reply);
  recipient.reason = std::move(ruling_->reason);
  recipient.closes = ruling_->closes;
  recipient.is_judged = true;
  recipient.is_destinations = false;
  ruling_.reset();
  return answer_pending();
}

}  // namespace caronte::smtpd_proxy
