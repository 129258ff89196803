// A session and policyd: one open question at a time, the verdicts, and the holds before they are carried out. policyd may
// have been taken over: an answer to what was not asked is ignored, a reply that is none becomes a 4xx, a hold has an end.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/quoting.h"
#include "smtpd-proxy/proxy.h"
#include "smtpd-proxy/replies.h"
#include "smtpd-proxy/reply_text.h"
#include "smtpd-proxy/session.h"

namespace caronte::smtpd_proxy {

namespace {

// As long as any setting may ask for.
constexpr base::Duration kMaxHold{std::chrono::hours(1)};

base::MonotonicTime now() noexcept {
  return std::chrono::steady_clock::now();
}

base::Duration bounded(base::Duration hold) noexcept {
  return std::clamp(hold, base::Duration(0), kMaxHold);
}

// policyd's texts are checked again: a reply is one safe line with a code that refuses.
bool is_refusal(std::string_view reply) noexcept {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return reply.size() >= 4 && (reply[0] == '4' || reply[0] == '5') && is_digit(reply[1]) && is_digit(reply[2]) && reply[3] == ' ' &&
         base::is_safe_line(reply);
}

// What smtpd-proxy finds out by itself.
constexpr auto kOwnClasses = static_cast<ipc::ClientClasses>(config::bit_of(config::ClientClass::relay) |
                                                             config::bit_of(config::ClientClass::authenticated) |
                                                             config::bit_of(config::ClientClass::trusted));

}  // namespace

// -------------------------------------------------------------------------------------------------------------- questions

ipc::SessionQuestion Session::session_question() const {
  return {.session = id_,
          .client = client_,
          .listener = listen_.endpoint,
          .generation = generation_->number,
          .is_address_known = is_address_known_};
}

ipc::StageQuestion Session::stage_question() const {
  ipc::StageQuestion question{.session = id_,
                              .stage = asked_,
                              .classes = static_cast<ipc::ClientClasses>(classes_ & kOwnClasses),
                              .helo = helo_,
                              .sender = {},
                              .recipient = {},
                              .recipients_valid = recipients_valid_,
                              .recipients_invalid = recipients_invalid_};
  if (!transaction_) return question;
  question.sender = transaction_->record.sender;
  if (transaction_->pending.empty()) return question;
  const bool is_answered = asked_ != ipc::Stage::rcpt;
  const PendingRecipient& recipient = is_answered ? transaction_->pending.front() : transaction_->pending.back();
  question.recipient = recipient.address;
  if (is_answered) question.code = code_of(recipient.reply);
  question.is_destinations = recipient.is_destinations;
  return question;
}

ipc::SessionLive Session::live() const {
  return {.session = id_,
          .client = client_,
          .classes = classes_,
          .is_counted = is_address_known_ && !is_exempt(config::Check::session_cap)};
}

bool Session::put_question(ipc::Channel& policy) const {
  if (asked_ == ipc::Stage::connect) return policy.send(session_question());
  return has_policy() && policy.send(stage_question());
}

void Session::ask(ipc::Stage stage) {
  asked_ = stage;
  ++questions_;
  is_question_sent_ = proxy_.ask_policy(*this);
}

bool Session::has_policy() const noexcept {
  return proxy_.is_policy_present() && !is_answer_owed_;
}

Event Session::ask_policy() {
  // The guard's classes are this process's own finding: a numeric relay or trusted address (design.md section 4.4).
  const auto has = [&](config::ListId list) { return is_address_known_ && generation_->list(list).find(client_.address); };
  if (has(config::ListId::relay)) classes_ |= config::bit_of(config::ClientClass::relay);
  if (has(config::ListId::trusted)) classes_ |= config::bit_of(config::ClientClass::trusted);
  ask(ipc::Stage::connect);
  return Event::none;
}

Event Session::ask_early() {
  is_early_asked_ = true;
  ask(ipc::Stage::early_talker);
  return Event::none;
}

// Octets that nobody has asked for yet. They stay where they are.
bool Session::has_early_talk() const noexcept {
  if (is_early_asked_ || !is_to_ask(ipc::Stage::early_talker)) return false;
  char octet = 0;
  return !in_.is_empty() || ::recv(socket_.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

// ---------------------------------------------------------------------------------------------------------------- answers

void Session::on_answer(const ipc::SessionAnswer& answer) {
  proxy_.black_box().note(client_.address);
  take_answer(answer);
  proxy_.black_box().clear();
}

void Session::take_answer(const ipc::SessionAnswer& answer) {
  if (is_answer_owed_) {
    is_answer_owed_ = false;  // to a question that was given up
    return;
  }
  if (!awaits_policy() || answer.stage != asked_) return;
  const ipc::Stage stage = asked_;
  asked_ = kNothingAsked;
  if (stage == ipc::Stage::connect) take_admission(answer);
  rule(answer);
  if (const base::Duration hold = bounded(answer.hold); hold.count() > 0) {
    hold_until_ = now() + hold;
    fire(Event::held);
  } else {
    carry_out();
  }
  resume_input();
}

// Trust by host name is policyd's to find, but only where the configuration names hosts as trusted (IW-7).
void Session::take_admission(const ipc::SessionAnswer& answer) {
  auto grantable =
      static_cast<ipc::ClientClasses>(config::bit_of(config::ClientClass::white) | config::bit_of(config::ClientClass::no_grey));
  const bool has_names = generation_->list(config::ListId::trusted).names().size() != 0;
  if (has_names) grantable |= config::bit_of(config::ClientClass::trusted);
  is_trust_awaited_ = has_names && answer.is_trust_awaited;
  classes_ = static_cast<ipc::ClientClasses>(classes_ | (answer.classes & grantable));
  server_ = answer.server;
  stages_ = answer.stages;
  is_stressed_ = answer.is_stressed;
  helo_hold_ms_ = static_cast<std::uint32_t>(bounded(answer.helo_hold).count());
}

void Session::rule(const ipc::SessionAnswer& answer) {
  const bool is_refused = answer.verdict != ipc::Verdict::proceed;
  if (!answer.reason.empty() && (is_refused || !record_ || record_->reason.empty())) {
    note_reason(answer.reason, answer.value, answer.limit, answer.line);
  }
  ruling_.reset();
  if (!is_refused) return;
  const std::string_view instead = answer.stage == ipc::Stage::connect ? replies::kNoPolicy : replies::kPolicyAway;
  ruling_ = std::make_unique<Ruling>();
  ruling_->verdict = answer.verdict;
  ruling_->closes = answer.closes;
  ruling_->reply = is_refusal(answer.reply) ? std::string_view(answer.reply) : instead;
  ruling_->reason = answer.reason.str();
}

void Session::carry_out() {
  if (!ruling_) {
    fire(Event::proceed);
  } else if (ruling_->verdict != ipc::Verdict::refuse) {
    shut(ipc::Outcome::refused);
  } else if (state_ == State::question || state_ == State::early || state_ == State::hold) {
    const bool is_cap = ruling_->reason == "session-cap";
    shut(is_cap ? ipc::Outcome::busy : ruling_->reply[0] == '5' ? ipc::Outcome::refused : ipc::Outcome::deferred, ruling_->reply);
  } else {
    fire(Event::refused);
  }
}

// What is not known is no reason to refuse; but nothing new is accepted from strangers without policyd (design.md section 4).
void Session::on_policy_away() {
  const ipc::Stage stage = asked_;
  asked_ = kNothingAsked;
  is_answer_owed_ = is_answer_owed_ || is_question_sent_;
  const bool is_fact = stage == ipc::Stage::early_talker || stage == ipc::Stage::recipient_refused;
  if (is_fact || is_exempt(config::Check::relay_guard)) {
    ruling_.reset();
    fire(Event::proceed);  // relay-list clients go on, to the first server
  } else {
    note_reason("policyd-away");
    ruling_ = std::make_unique<Ruling>();
    ruling_->reply = stage == ipc::Stage::connect ? replies::kNoPolicy : replies::kPolicyAway;
    ruling_->reason = "policyd-away";
    carry_out();
  }
  resume_input();
}

void Session::on_note(const ipc::CheckNote& note) {
  if (!awaits_policy() || !is_recorded(note, configuration().log.level)) return;
  if (checks_.size() < kMaxRecordedChecks) checks_.push_back(note);
}

bool Session::is_exempt(config::Check check) const noexcept {
  return config::is_exempt(check, classes_, {.bypass_antispam = configuration().trusted.bypass_antispam});
}

void Session::on_fact(const ipc::SessionFact& fact) {
  name_status_ = fact.status;
  name_ = fact.name.str();
}

void Session::note_reason(std::string_view reason, std::int64_t value, std::int64_t limit, std::uint32_t line) {
  record().reason = reason;
  record().value = value;
  record().limit = limit;
  record().line = line;
}

// ------------------------------------------------------------------------------------------------------------------ holds

// Nothing is read meanwhile, so that what the client sends costs no memory of ours; only its end is looked for.
Event Session::start_hold() {
  flush();  // replies to what came before
  if (is_over_) return Event::none;
  if (client_closed_) {
    hang_up();
    return Event::none;
  }
  is_held_ = true;
  if (out_.is_empty()) {
    readable_.assign_watch<&Session::on_held>(proxy_.loop(), socket_.get(), this);
  } else {
    readable_.assign_timer<&Session::on_held>(proxy_.loop(), this);  // its end shows when the replies are sent
  }
  readable_.enable(std::chrono::duration_cast<base::Duration>(hold_until_ - now()));
  return Event::none;
}

void Session::on_held(short what) {
  proxy_.black_box().note(client_.address);
  const base::MonotonicTime time = now();
  if ((what & EV_TIMEOUT) == 0 && has_hung_up()) {
    hang_up();
  } else if (time < hold_until_) {
    readable_.enable(std::chrono::duration_cast<base::Duration>(hold_until_ - time) + base::Duration(1));
  } else {
    leave_hold();
    carry_out();
    resume_input();
  }
  proxy_.black_box().clear();
}

void Session::leave_hold() {
  if (!is_held_) return;
  is_held_ = false;
  is_timer_short_ = false;
  waiting_since_ = now();
  readable_.assign_readable<&Session::on_readable>(proxy_.loop(), socket_.get(), this);
}

// Unread octets would hide a reset from recv().
bool Session::has_hung_up() const noexcept {
  tcp_info info{};
  socklen_t length = sizeof info;
  const bool is_known = ::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0;
  return !is_known || info.tcpi_state != TCP_ESTABLISHED;
}

void Session::hang_up() {
  has_left_hold_ = true;
  finish();
}

}  // namespace caronte::smtpd_proxy
