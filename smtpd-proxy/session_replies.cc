// What goes to the client: replies, the count of the bad ones, and the end of the connection and of the session.
#include <sys/socket.h>

#include <cerrno>

#include "smtpd-proxy/deadlines.h"
#include "smtpd-proxy/proxy.h"
#include "smtpd-proxy/replies.h"
#include "smtpd-proxy/reply_text.h"
#include "smtpd-proxy/session.h"

namespace caronte::smtpd_proxy {

namespace {

base::MonotonicTime now() noexcept {
  return std::chrono::steady_clock::now();
}

}  // namespace

void Session::reply(std::string_view text) {
  out_.append(text);
  out_.append("\r\n");
  note_reply(text);
}

void Session::pass_on(std::string_view reply_bytes) {
  out_.append(reply_bytes);
  note_reply(reply_bytes);
}

void Session::note_reply(std::string_view reply_bytes) {
  const std::string_view line = first_line(reply_bytes);
  note_dialogue(DialogueLine::From::gateway, line);
  if (line[0] == '4' || line[0] == '5') record().last_reply = line;
  count_reply(code_of(line));
}

// FW-10, Q5: every 5xx that the client receives, ours or the destination's.
void Session::count_reply(std::uint16_t code) {
  if (code / 100 == 4) record().had_deferral = true;
  if (code / 100 != 5) return;
  record().had_refusal = true;
  const std::uint32_t limit = configuration().limits.errors;
  if (limit == 0 || is_exempt(config::Check::noops_and_errors) || state_ == State::closing) return;
  if (++errors_ < limit) return;
  note_reason("errors", errors_, limit);
  shut(ipc::Outcome::errors, replies::kTooManyErrors);
}

void Session::shut(ipc::Outcome outcome, std::string_view last_reply) {
  if (state_ == State::closing || is_over_) return;
  forced_outcome_ = outcome;
  if (!last_reply.empty()) {
    out_.append(last_reply);
    out_.append("\r\n");
    note_dialogue(DialogueLine::From::gateway, last_reply);
    record().last_reply = last_reply;
  }
  fire(Event::shut);
}

void Session::begin_close() {
  asked_ = kNothingAsked;
  leave_hold();
  leave_destination();
  readable_.disable();
  // The bytes go out by the flush() at the end of whatever is being handled.
}

void Session::flush() {
  if (is_over_) return;
  if (!out_.is_empty()) {
    const std::string_view bytes = out_.view();
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      leave_destination();
      finish();
      return;
    }
    if (sent > 0) out_.consume(static_cast<std::size_t>(sent));
    waiting_since_ = now();
  }
  if (!out_.is_empty()) {
    if (!writable_) {
      writable_ = std::make_unique<wrap::Event>();
      writable_->assign_writable<&Session::on_writable>(proxy_.loop(), socket_.get(), this);
    }
    const auto timeout = in_stress(configuration().limits.client_timeout);
    writable_->enable(timeout.count() > 0 ? timeout : kDefaultTimeout);
    return;
  }
  if (writable_) writable_->disable();
  if (state_ == State::closing && !is_lingering_) linger();
}

void Session::on_writable(short what) {
  if ((what & EV_TIMEOUT) != 0) {
    leave_destination();
    finish();
    return;
  }
  flush();
  if (!is_over_ && state_ != State::closing) resume_input();
}

// A close with unread bytes would be a reset, which can take the last reply away from the client: our side is shut, and
// what still comes is thrown away for a moment.
void Session::linger() {
  if (client_closed_ || verb_ == Verb::quit || helo_.empty() || is_stopping_) {
    finish();
    return;
  }
  is_lingering_ = true;
  linger_since_ = now();
  bytes_before_linger_ = bytes_in_;
  ::shutdown(socket_.get(), SHUT_WR);
  readable_.enable(kLinger);
}

void Session::finish() {
  if (is_over_) return;
  is_over_ = true;
  leave_destination();
  if (transaction_) end_transaction({}, false);
  readable_.disable();
  writable_.reset();
  socket_.reset();
  const ipc::Outcome how = outcome();
  const SessionFacts facts{.session = id_,
                           .client = client_,
                           .listener = listen_.endpoint,
                           .balancer = balancer_,
                           .helo = helo_,
                           .name_status = name_status_,
                           .name = name_,
                           .classes = classes_,
                           .outcome = how,
                           .duration = std::chrono::duration_cast<base::Duration>(now() - opened_),
                           .bytes_in = bytes_in_,
                           .has_hung_up = has_left_hold_};
  if (!checks_.empty()) record().checks = std::move(checks_);
  static const SessionRecord kNothing;
  const SessionRecord& record = record_ ? *record_ : kNothing;
  if (proxy_.log().wants(ipc::LogLevel::level1)) {
    worker::RecordBuilder builder = compose_record(facts, record, configuration().log.level);
    proxy_.log().write(builder);
  }
  proxy_.close_session(*this, ipc::SessionClosed{.session = id_,
                                                 .outcome = how,
                                                 .delivered = record.delivered,
                                                 .recipients = record.delivered_recipients,
                                                 .relaying_denied = record.relaying_denied,
                                                 .bytes = record.delivered_bytes,
                                                 .hung_up = has_left_hold_});
}

SessionRecord& Session::record() {
  if (!record_) record_ = std::make_unique<SessionRecord>();
  return *record_;
}

ipc::Outcome Session::outcome() const noexcept {
  if (forced_outcome_) return *forced_outcome_;
  if (record_ && record_->delivered > 0) return ipc::Outcome::delivered;
  if (record_ && record_->had_refusal) return ipc::Outcome::refused;
  if (record_ && record_->had_deferral) return ipc::Outcome::deferred;
  return verb_ == Verb::quit ? ipc::Outcome::quiet : ipc::Outcome::aborted;
}

void Session::note_dialogue(DialogueLine::From from, std::string_view text) {
  if (!proxy_.log().wants(ipc::LogLevel::level3) || record().dialogue.size() >= kMaxDialogueLines) return;
  record().dialogue.push_back({from, std::string(text.substr(0, 512))});
}

}  // namespace caronte::smtpd_proxy
