// What a session does for each command of the client (RFC 5321 section 4.1.1), and for policyd's answer.
#include <algorithm>

#include "base/quoting.h"
#include "smtpd-proxy/proxy.h"
#include "smtpd-proxy/replies.h"
#include "smtpd-proxy/session.h"

namespace caronte::smtpd_proxy {

namespace {

// policyd's texts are checked again: a reply is one safe line with a code that refuses.
bool is_refusal(std::string_view reply) noexcept {
  return reply.size() >= 4 && (reply[0] == '4' || reply[0] == '5') && reply[3] == ' ' && base::is_safe_line(reply);
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------- policyd

ipc::SessionQuestion Session::question() const {
  return {.session = id_,
          .client = client_,
          .listener = listen_.endpoint,
          .generation = generation_->number,
          .is_address_known = is_address_known_};
}

ipc::SessionLive Session::live() const {
  return {.session = id_,
          .client = client_,
          .classes = classes_,
          .is_counted = is_address_known_ && !is_exempt(config::Check::session_cap)};
}

bool Session::is_exempt(config::Check check) const noexcept {
  return config::is_exempt(check, classes_);
}

Event Session::ask_policy() {
  // The guard's classes are this process's own finding: a numeric relay address (design.md section 4.4).
  if (is_address_known_ && generation_->list(config::ListId::relay).find(client_.address)) {
    classes_ = config::bit_of(config::ClientClass::relay);
  }
  proxy_.ask_policy(*this);
  return Event::none;
}

void Session::on_answer(const ipc::SessionAnswer& answer) {
  if (state_ != State::question) return;
  constexpr auto kGrantable =
      static_cast<ipc::ClientClasses>(config::bit_of(config::ClientClass::white) | config::bit_of(config::ClientClass::no_grey));
  classes_ = static_cast<ipc::ClientClasses>(classes_ | (answer.classes & kGrantable));
  server_ = answer.server;
  if (!answer.reason.empty()) {
    record_->reason = answer.reason.str();
    record_->value = answer.value;
    record_->limit = answer.limit;
  }
  switch (answer.verdict) {
    case ipc::Verdict::proceed:
      if (answer.hold.count() <= 0) {
        fire(Event::proceed);
        break;
      }
      hold_ = std::make_unique<wrap::Event>();
      hold_->assign_timer<&Session::on_hold_over>(proxy_.loop(), this);
      hold_->enable(answer.hold);
      fire(Event::held);
      break;
    case ipc::Verdict::refuse: {
      const bool is_cap = answer.reason == ipc::Text<32>("session-cap");
      const std::string_view text = is_refusal(answer.reply) ? std::string_view(answer.reply) : replies::kNoPolicy;
      shut(is_cap ? ipc::Outcome::busy : text[0] == '5' ? ipc::Outcome::refused : ipc::Outcome::deferred, text);
      break;
    }
    default: shut(ipc::Outcome::refused); break;
  }
  resume_input();
}

void Session::on_hold_over(short) {
  fire(Event::hold_over);
  resume_input();
}

void Session::on_policy_away() {
  if (state_ != State::question) return;
  if (is_exempt(config::Check::relay_guard)) {
    fire(Event::proceed);  // relay-list clients go on, to the first server
  } else {
    record_->reason = "policyd-away";
    shut(ipc::Outcome::deferred, replies::kNoPolicy);
  }
  resume_input();
}

void Session::on_fact(const ipc::SessionFact& fact) {
  name_status_ = fact.status;
  name_ = fact.name.str();
}

void Session::stop() {
  is_stopping_ = true;
  const bool is_past_data =
      state_ == State::opening_data || state_ == State::data || state_ == State::discard || state_ == State::ending;
  if (is_past_data || is_over_) return;
  shut(ipc::Outcome::stopped, replies::kShuttingDown);
  flush();
}

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
  if (!is_ehlo) {
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
  if (!proxy_.is_policy_present() && !is_exempt(config::Check::relay_guard)) {
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
  reply(replies::kSenderOk);
  return Event::called;
}

Event Session::take_rcpt() {
  Transaction& transaction = *transaction_;
  RcptCommand command;
  PendingRecipient recipient;
  const Syntax syntax = parse_rcpt(argument_, offered_, transaction.smtputf8, command);
  recipient.address = command.recipient.text.empty() ? base::quote_visible(argument_, 256) : std::string(command.recipient.text);
  if (syntax != Syntax::ok) {
    recipient.own_reply = reply_of(syntax, Verb::rcpt);
  } else {
    decide_recipient(command, recipient);
  }
  ++transaction.tried;
  const bool is_ours = !recipient.own_reply.empty();
  const bool was_waiting = !transaction.pending.empty();
  if (is_ours) {
    transaction.pending.push_back(std::move(recipient));
    if (!was_waiting) answer_pending();
  } else {
    forward_recipient(std::move(recipient));
  }
  return !is_ours && state_ != State::calling ? Event::called : Event::none;
}

// BA-7 first: whether a recipient may be relayed at all does not depend on anything that may be away or broken.
void Session::decide_recipient(const RcptCommand& command, PendingRecipient& recipient) {
  const Transaction& transaction = *transaction_;
  const bool is_relay = config::has_class(classes_, config::ClientClass::relay);
  if (guard(command.recipient, false, is_relay, proxy_.local_domains(*generation_)) == GuardAnswer::relaying_denied) {
    ++record_->relaying_denied;
    recipient.own_reply = configuration().replies.relaying_denied;
    return;
  }
  const std::uint32_t limit = configuration().recipients.maximum;
  const std::size_t taken = transaction.accepted + transaction.pending.size();
  if (limit != 0 && taken >= limit && !is_exempt(config::Check::recipient_caps_and_size)) {
    recipient.own_reply = replies::kTooManyRecipients;
  } else if (!proxy_.is_policy_present() && !is_exempt(config::Check::relay_guard)) {
    recipient.own_reply = replies::kPolicyAway;
  } else if (!transaction.refusal.empty()) {
    recipient.own_reply = transaction.refusal;
  } else {
    recipient.command = "RCPT TO:<" + recipient.address + ">";
    if (!command.notify.empty()) recipient.command.append(" NOTIFY=").append(command.notify);
    if (!command.original_recipient.empty()) recipient.command.append(" ORCPT=").append(command.original_recipient);
    recipient.command += "\r\n";
  }
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
    record_->reason = "noops";
    record_->value = noops_;
    record_->limit = limit;
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
