// A session and its destination: called late, at the first recipient that may pass; what the destination says is handed on
// word for word, and what it does wrong ends in a 4xx, never in an acceptance.
#include <array>

#include "smtpd-proxy/proxy.h"
#include "smtpd-proxy/replies.h"
#include "smtpd-proxy/reply_text.h"
#include "smtpd-proxy/session.h"
#include "smtpd-proxy/trace_header.h"

namespace caronte::smtpd_proxy {

namespace {

constexpr unsigned kMaxHops = 50;       // RFC 5321 section 6.3
constexpr std::size_t kMaxPieces = 64;  // of one write; IOV_MAX is 1024
constexpr std::string_view kFinalDot = ".\r\n";

iovec piece_of(std::string_view bytes) noexcept {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

bool is_answer(std::uint16_t code) noexcept {
  return code / 100 == 2 || code / 100 == 4 || code / 100 == 5;
}

}  // namespace

// ----------------------------------------------------------------------------------------------- replies and failures of it

void Session::on_destination_reply(Ask ask, const Reply& answer) {
  proxy_.black_box().note(client_.address);
  note_dialogue(DialogueLine::From::destination, first_line(answer.bytes));
  switch (ask) {
    case Ask::rset:
      if (answer.code / 100 != 2) shut(ipc::Outcome::deferred, replies::kDestinationBroken);
      break;
    case Ask::mail:
      if (transaction_) transaction_->is_answered = true;
      if (!is_answer(answer.code)) {
        shut(ipc::Outcome::deferred, replies::kDestinationBroken);
      } else if (answer.code == 421) {
        pass_on(answer.bytes);
        shut(ipc::Outcome::deferred);
      } else if (answer.code / 100 != 2 && transaction_) {
        transaction_->refusal = without_end(answer.bytes);  // the recipients' own replies, if any, are not what counts
      }
      break;
    case Ask::rcpt:
      if (!is_answer(answer.code)) {
        shut(ipc::Outcome::deferred, replies::kDestinationBroken);
      } else if (transaction_) {
        take_recipient_reply(answer);
      }
      break;
    case Ask::data: take_data_reply(answer); break;
    case Ask::message: take_message_reply(answer); break;
    default: break;
  }
  resume_input();
  proxy_.black_box().clear();
}

void Session::take_data_reply(const Reply& answer) {
  if (answer.code == 354) {
    pass_on(answer.bytes);
    fire(Event::data_accepted);
  } else if (answer.code / 100 == 4 || answer.code / 100 == 5) {
    pass_on(answer.bytes);
    end_transaction(first_line(answer.bytes), false);
    if (answer.code == 421) {
      shut(ipc::Outcome::deferred);
    } else {
      fire(Event::data_refused);
    }
  } else {
    shut(ipc::Outcome::deferred, replies::kDestinationBroken);
  }
}

void Session::take_message_reply(const Reply& answer) {
  transaction_->is_begun = false;  // it is over at the destination too
  if (!is_answer(answer.code)) {
    reply(replies::kDeliveryFailed);
    end_transaction(replies::kDeliveryFailed, false);
    leave_destination();
  } else {
    const bool is_delivered = answer.code / 100 == 2;
    if (is_delivered) errors_ = noops_ = 0;  // Q5, Q6
    pass_on(answer.bytes);
    end_transaction(first_line(answer.bytes), is_delivered);
  }
  if (answer.code == 421) {
    shut(ipc::Outcome::deferred);
  } else {
    fire(Event::message_answered);
    if (is_stopping_) shut(ipc::Outcome::stopped, replies::kShuttingDown);
  }
}

void Session::on_destination_failed(Failure failure, std::string_view why, std::string_view answer) {
  proxy_.black_box().note(client_.address);
  const Failure kind = failure;
  const bool was_begun = transaction_ && transaction_->is_begun;
  if (kind == Failure::refused || kind == Failure::broken) {
    proxy_.log().event("destination " + std::string(name_of(kind)) + ": " + std::string(why) + ": " +
                       std::string(first_line(answer)));
  }
  note_reason("destination-" + std::string(name_of(kind)));
  record().cause = why;
  const std::string last_words(answer);
  proxy_.forget(std::move(destination_));
  needs_reset_ = false;
  switch (state_) {
    case State::opening_data: shut(ipc::Outcome::deferred, replies::kDestinationBroken); break;
    case State::data: {
      // Its own refusal in the middle of the message counts; anything else is a failure.
      const bool is_refusal = last_words.starts_with('5') || (last_words.starts_with('4') && !last_words.starts_with("421"));
      transaction_->message_reply = is_refusal ? without_end(last_words) : replies::kDeliveryFailed;
      is_paused_ = false;
      fire(Event::message_refused);
      break;
    }
    case State::ending:
      reply(replies::kDeliveryFailed);
      end_transaction(replies::kDeliveryFailed, false);
      fire(Event::message_answered);
      if (is_stopping_) shut(ipc::Outcome::stopped, replies::kShuttingDown);
      break;
    default:
      if (is_destination_awaited()) {
        lose_recipients(kind, last_words);
      } else if (was_begun) {
        transaction_->is_lost = true;  // the client learns at its next command; between transactions it is called anew
      }
      break;
  }
  resume_input();
  proxy_.black_box().clear();
}

// Recipients wait for answers that do not come.
void Session::lose_recipients(Failure kind, std::string_view last_words) {
  if (kind == Failure::lost && is_reused_ && !transaction_->is_answered) {
    // It closed between transactions, and this one had begun before that was seen: called anew, once.
    record().reason.clear();
    record().cause.clear();
    transaction_->is_begun = false;
    call_destination();
  } else if (kind == Failure::busy) {
    pass_on(last_words);  // BA-12
    shut(ipc::Outcome::deferred);
  } else {
    const bool never_stood = kind == Failure::unreachable || kind == Failure::refused;
    shut(ipc::Outcome::deferred, never_stood ? replies::kNoDestination : replies::kDestinationBroken);
  }
}

void Session::on_destination_drained() {
  is_paused_ = false;
  resume_input();
}

void Session::leave_destination() {
  if (!destination_) return;
  destination_->leave();
  proxy_.forget(std::move(destination_));
  needs_reset_ = false;
}

// ------------------------------------------------------------------------------------------------------------- the message

Event Session::open_stream() {
  Transaction& transaction = *transaction_;
  transaction.parser = std::make_unique<DataParser>(configuration().data.bare_line_endings == config::BareLineEndings::repair);
  transaction.hops = std::make_unique<ReceivedCounter>();
  transaction.data_since = std::chrono::steady_clock::now();
  if (configuration().server.trace) {
    // It leaves with the message's first bytes.
    transaction.trace =
        compose_received({.helo = helo_,
                          .verified_name = name_status_ == ipc::ReverseStatus::verified ? std::string_view(name_) : "",
                          .client = client_.address,
                          .server_name = proxy_.own_name(),
                          .protocol = transaction.smtputf8 ? Protocol::utf8smtp
                                      : is_esmtp_          ? Protocol::esmtp
                                                           : Protocol::smtp,
                          .session = id_,
                          .time = base::system_clock().wall()});
  }
  return Event::none;
}

std::size_t Session::take_message(std::string_view bytes) {
  Transaction& transaction = *transaction_;
  const bool is_streaming = state_ == State::data;
  const std::uint64_t limit = is_exempt(config::Check::recipient_caps_and_size) ? 0 : configuration().limits.message_size;
  std::array<iovec, kMaxPieces> pieces{};
  std::size_t count = 0;
  std::size_t taken = 0;
  DataEvent event = DataEvent::none;
  if (is_streaming && !transaction.trace.empty()) pieces[count++] = piece_of(transaction.trace);
  while (taken < bytes.size() && event == DataEvent::none && count + 3 < kMaxPieces) {
    const DataStep step = transaction.parser->step(bytes.substr(taken));
    const std::string_view passed = bytes.substr(taken, step.pass);
    taken += step.pass + step.skip;
    event = step.event;
    if (!is_streaming) {
      if (event != DataEvent::end) event = DataEvent::none;
      continue;
    }
    if (!step.before.empty()) pieces[count++] = piece_of(step.before);
    if (!passed.empty()) pieces[count++] = piece_of(passed);
    if (!transaction.hops->is_header_over()) {
      transaction.hops->feed(step.before);
      transaction.hops->feed(passed);
    }
  }
  if (!is_streaming) {
    if (event == DataEvent::end) fire(Event::message_over);
    return taken;
  }
  if (event != DataEvent::none && event != DataEvent::end) {
    // Two readers may disagree on where such a message ends: nothing behind it is believed.
    note_reason(event == DataEvent::bare_cr ? "bare-cr" : event == DataEvent::bare_lf ? "bare-lf" : "nul");
    const std::string_view text = event == DataEvent::nul ? replies::kNulInData : replies::kBareInData;
    end_transaction(text, false);
    reply(text);
    shut(ipc::Outcome::refused);
    return bytes.size();
  }
  if (transaction.hops->count() > kMaxHops) {
    refuse_message(replies::kMailLoop, "hops", transaction.hops->count(), kMaxHops);
  } else if (limit != 0 && transaction.parser->size() > limit) {
    refuse_message(replies::kTooBig, "size", static_cast<std::int64_t>(transaction.parser->size()),
                   static_cast<std::int64_t>(limit));
  }
  // A 250 that lies here before the dot is no answer to it (F03).
  if (event == DataEvent::end && state_ == State::data) destination_->take_early_replies();
  if (state_ != State::data) {
    if (event == DataEvent::end) fire(Event::message_over);
    return taken;
  }
  // Nothing of ours withholds it: the final dot goes with the rest.
  if (event == DataEvent::end) pieces[count++] = piece_of(kFinalDot);
  is_paused_ = !destination_->write_data(std::span(pieces).first(count));
  transaction.trace.clear();
  if (event == DataEvent::end) {
    is_paused_ = false;
    fire(Event::message_over);
  }
  return taken;
}

// The destination never gets the dot: its connection ends here. The client's bytes are thrown away up to its own.
void Session::refuse_message(std::string_view text, std::string_view reason, std::int64_t value, std::int64_t limit) {
  note_reason(reason, value, limit);
  transaction_->message_reply = text;
  leave_destination();
  fire(Event::message_refused);
}

Event Session::end_message() {
  destination_->expect_message_reply();
  return Event::none;
}

Event Session::answer_discarded() {
  const std::string text = std::move(transaction_->message_reply);
  transaction_->is_begun = false;
  end_transaction(first_line(text), false);
  reply(text);
  if (is_stopping_) return Event::shut;
  return Event::message_answered;
}

// The record of it is closed; a transaction that the destination still holds is reset before the next.
void Session::end_transaction(std::string_view last_reply, bool is_delivered) {
  Transaction& transaction = *transaction_;
  MessageRecord& message = transaction.record;
  message.reply = last_reply;
  message.is_delivered = is_delivered;
  message.size = transaction.parser ? transaction.parser->size() : 0;
  if (is_delivered) {
    ++record().delivered;
    record().delivered_recipients += transaction.accepted;
    record().delivered_bytes += message.size;
  }
  if (transaction.is_begun && destination_) needs_reset_ = true;
  is_reused_ = destination_ != nullptr;
  if (record().messages.size() < kMaxRecordedMessages) {
    record().messages.push_back(std::move(message));
  } else {
    ++record().unrecorded_messages;
  }
  transaction_.reset();
}

}  // namespace caronte::smtpd_proxy
