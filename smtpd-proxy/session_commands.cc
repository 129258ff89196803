// What a session does for each command of the client (RFC 5321 section 4.1.1) but RCPT.
#include <algorithm>

#include "base/quoting.h"
#include "smtpd-proxy/proxy.h"
#include "smtpd-proxy/replies.h"
#include "smtpd-proxy/session.h"

namespace caronte::smtpd_proxy {

// --------------------------------------------------------------------------------------------------------------- commands

Event Session::greet() {
  reply("220 " + std::string(proxy_.own_name()) + " ESMTP Caronte");
  return Event::none;
}

Event Session::take_helo(bool is_ehlo) {
  if (const Syntax syntax = check_helo(argument_); syntax != Syntax::ok) {
    reply(reply_of(syntax, verb_));
    return Event::none;
  }
  helo_ = argument_;
  is_esmtp_ = is_ehlo;
  const bool had_transaction = transaction_ != nullptr;
  if (had_transaction) end_transaction({}, false);  // RFC 5321 4.1.4: as RSET
  if (helo_hold_ms_ == 0) return answer_helo();
  hold_until_ = std::chrono::steady_clock::now() + base::Duration(helo_hold_ms_);
  return Event::held;
}

Event Session::answer_helo() {
  if (!is_esmtp_) {
    offered_ = {};
    reply("250 " + std::string(proxy_.own_name()));
    return Event::done;
  }
  // What is promised here holds for the session, whatever probes find out meanwhile.
  const Capabilities& offers = proxy_.offered();
  offered_ = {
      .size = offers.size, .eight_bit_mime = offers.eight_bit_mime, .smtputf8 = offers.smtputf8, .dsn = offers.dsn, .auth = false};
  const std::uint64_t limit = is_exempt(config::Check::recipient_caps_and_size) ? 0 : configuration().limits.message_size;
  const std::string text = compose_ehlo_reply(proxy_.own_name(), offers, limit);
  pass_on(text);
  return Event::done;
}

Event Session::take_mail() {
  MailCommand mail;
  if (const Syntax syntax = parse_mail(argument_, offered_, mail); syntax != Syntax::ok) {
    reply(reply_of(syntax, Verb::mail));
    return Event::none;
  }
  const std::uint64_t limit = configuration().limits.message_size;
  if (limit != 0 && mail.size.value_or(0) > limit && !is_exempt(config::Check::recipient_caps_and_size)) {
    reply(replies::kTooBig);  // AG-11, Q24
    return Event::none;
  }
  if (!has_policy() && !is_exempt(config::Check::relay_guard)) {
    reply(replies::kPolicyAway);
    return Event::none;
  }
  transaction_ = std::make_unique<Transaction>();
  transaction_->record.sender = mail.sender.text;
  transaction_->size = mail.size;
  transaction_->body = mail.body;
  transaction_->smtputf8 = mail.smtputf8;
  transaction_->ret = mail.ret;
  transaction_->envelope_id = mail.envelope_id;
  transaction_->uses_dsn = !mail.ret.empty() || !mail.envelope_id.empty();
  if (is_to_ask(ipc::Stage::mail)) {
    ask(ipc::Stage::mail);
    return Event::asked;
  }
  reply(replies::kSenderOk);
  return Event::called;
}

Event Session::accept_mail() {
  reply(replies::kSenderOk);
  return Event::none;
}

Event Session::refuse_mail() {
  const std::unique_ptr<Ruling> ruling = std::move(ruling_);
  transaction_->record.reason = ruling->reason;
  end_transaction(ruling->reply, false);
  reply(ruling->reply);
  if (ruling->closes) shut(outcome());
  return Event::none;
}

Event Session::take_data() {
  if (!argument_.empty()) {
    reply(reply_of(Syntax::unwanted_argument, Verb::data));
    return Event::answered;
  }
  if (transaction_->is_lost || !destination_) {
    shut(ipc::Outcome::deferred, replies::kDestinationBroken);
    return Event::none;
  }
  destination_->ask(Ask::data, "DATA\r\n");
  return Event::none;
}

Event Session::take_rset() {
  if (!argument_.empty()) {
    reply(reply_of(Syntax::unwanted_argument, Verb::rset));
    return Event::none;
  }
  const bool had_transaction = transaction_ != nullptr;
  if (had_transaction) end_transaction({}, false);
  reply(replies::kOk);
  return had_transaction ? Event::done : Event::none;
}

// FW-11, Q6: over the limit the client hears nothing but the end of the connection.
Event Session::take_noop() {
  const std::uint32_t limit = configuration().limits.noops;
  if (limit != 0 && !is_exempt(config::Check::noops_and_errors) && ++noops_ > limit) {
    note_reason("noops", noops_, limit);
    shut(ipc::Outcome::noops);
    return Event::none;
  }
  reply(replies::kOk);
  return Event::none;
}

Event Session::take_quit() {
  if (!argument_.empty()) {
    reply(reply_of(Syntax::unwanted_argument, Verb::quit));
    return Event::none;
  }
  reply(replies::kBye);
  return Event::shut;
}

// Policyd's refusal of the transaction is told again: recipients that were accepted before it wait for a word of their own.
Event Session::refuse_no_recipients() {
  reply(transaction_->is_blocked ? std::string_view(transaction_->refusal) : replies::kNoValidRecipients);
  return Event::none;
}

Event Session::refuse_order() {
  const bool is_greeted = state_ != State::start;
  if (!is_greeted) {
    reply(replies::kHeloFirst);
  } else if (verb_ == Verb::mail) {
    reply(replies::kNestedMail);
  } else if (verb_ == Verb::data) {
    reply(state_ == State::idle ? replies::kMailFirst : replies::kRcptFirst);
  } else {
    reply(verb_ == Verb::rcpt ? replies::kMailFirst : replies::kBadSequence);
  }
  return Event::none;
}

}  // namespace caronte::smtpd_proxy
