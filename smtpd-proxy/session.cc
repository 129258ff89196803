#include "smtpd-proxy/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "smtpd-proxy/deadlines.h"
#include "smtpd-proxy/proxy.h"
#include "smtpd-proxy/proxy_header_parser.h"
#include "smtpd-proxy/replies.h"

namespace caronte::smtpd_proxy {

namespace {

constexpr std::size_t kMaxLineBytes = 2048;         // a command with its parameters; RFC 5321 4.5.3.1.4 asks for 512 and more
constexpr std::size_t kMaxUnreadBytes = 8 * 1024;   // commands behind one that waits
constexpr std::size_t kMaxUnsentBytes = 16 * 1024;  // replies that the client does not take
constexpr std::size_t kMaxPendingRecipients = 100;
constexpr std::size_t kCommandReadBytes = 4 * 1024;
constexpr std::size_t kDataReadBytes = 64 * 1024;
constexpr std::size_t kLingerBytes = 1024 * 1024;
constexpr base::Duration kHeaderTimeout{5000};
constexpr int kMessageTimeFactor = 6;  // a message may take this many times command-time (Q7)

std::span<char> read_buffer() {
  static std::array<char, kDataReadBytes> buffer;
  return buffer;
}

base::MonotonicTime now() noexcept {
  return std::chrono::steady_clock::now();
}

Event event_of(Verb verb) noexcept {
  switch (verb) {
    case Verb::helo: return Event::helo;
    case Verb::ehlo: return Event::ehlo;
    case Verb::mail: return Event::mail;
    case Verb::rcpt: return Event::rcpt;
    case Verb::data: return Event::data;
    case Verb::rset: return Event::rset;
    case Verb::noop: return Event::noop;
    case Verb::quit: return Event::quit;
    case Verb::help: return Event::help;
    case Verb::vrfy:
    case Verb::expn: return Event::vrfy;
    default: return Event::other;
  }
}

}  // namespace

Session::Session(Proxy& proxy, base::Fd socket, base::Endpoint client, const config::Listen& listen,
                 worker::GenerationPtr generation, std::uint64_t id)
    : proxy_(proxy),
      socket_(std::move(socket)),
      generation_(std::move(generation)),
      listen_(listen),
      id_(id),
      client_(client),
      opened_(now()),
      waiting_since_(opened_) {
  const auto& trusted = listen_.proxy_protocol;
  if (std::any_of(trusted.begin(), trusted.end(), [&](const config::Range& range) { return range.contains(client_.address); })) {
    balancer_ = client_;
  }
  readable_.assign_readable<&Session::on_readable>(proxy_.loop(), socket_.get(), this);
}

Session::~Session() = default;

void Session::open() {
  if (!listen_.proxy_protocol.empty() && balancer_.port == 0) {
    note_reason("not-a-balancer");  // whoever else calls here has gone round the balancer
    shut(ipc::Outcome::refused);
  } else {
    fire(Event::opened);
  }
  flush();
  if (!is_over_) update_reading();
}

void Session::stop() {
  is_stopping_ = true;
  const bool is_past_data =
      state_ == State::opening_data || state_ == State::data || state_ == State::discard || state_ == State::ending;
  if (is_past_data || is_over_) return;
  shut(ipc::Outcome::stopped, replies::kShuttingDown);
  flush();
}

// ------------------------------------------------------------------------------------------------------- the state machine

void Session::fire(Event event) {
  while (event != Event::none && !is_over_) {
    const Transition transition = transition_of(state_, event, [this](Guard guard) { return holds(guard); });
    state_ = transition.next;
    event = perform(transition.action);
  }
}

bool Session::holds(Guard guard) const noexcept {
  switch (guard) {
    case Guard::has_header: return balancer_.port != 0;
    case Guard::has_early_talk: return has_early_talk();
    case Guard::has_recipients: return transaction_ && transaction_->accepted > 0;
    case Guard::has_tried_recipients: return transaction_ && transaction_->tried > 0;
    default: return true;
  }
}

Event Session::perform(Action action) {
  switch (action) {
    case Action::ask_policy: return ask_policy();
    case Action::ask_early: return ask_early();
    case Action::start_hold: return start_hold();
    case Action::greet: return greet();
    case Action::take_helo: return take_helo(false);
    case Action::take_ehlo: return take_helo(true);
    case Action::answer_helo: return answer_helo();
    case Action::take_mail: return take_mail();
    case Action::accept_mail: return accept_mail();
    case Action::refuse_mail: return refuse_mail();
    case Action::take_rcpt: return take_rcpt();
    case Action::forward_rcpt: return forward_rcpt();
    case Action::refuse_rcpt: return refuse_rcpt();
    case Action::pass_answer: return pass_answer();
    case Action::replace_answer: return replace_answer();
    case Action::take_data: return take_data();
    case Action::take_rset: return take_rset();
    case Action::take_noop: return take_noop();
    case Action::take_help: reply(replies::kHelp); return Event::none;
    case Action::take_vrfy: reply(verb_ == Verb::expn ? replies::kNotImplemented : replies::kCannotVerify); return Event::none;
    case Action::take_quit: return take_quit();
    case Action::refuse_unknown:
      reply(verb_ == Verb::unknown ? replies::kUnknownCommand : replies::kNotImplemented);
      return Event::none;
    case Action::refuse_order: return refuse_order();
    case Action::refuse_no_recipients: return refuse_no_recipients();
    case Action::open_stream: return open_stream();
    case Action::end_message: return end_message();
    case Action::answer_discarded: return answer_discarded();
    case Action::begin_close: begin_close(); return Event::none;
    default: return Event::none;
  }
}

// -------------------------------------------------------------------------------------------------------- bytes of the client

void Session::on_readable(short what) {
  proxy_.black_box().note(client_.address);
  if ((what & EV_TIMEOUT) != 0) {
    on_idle();
    proxy_.black_box().clear();
    return;
  }
  const std::span<char> buffer = read_buffer();
  const bool is_bulk = state_ == State::data || state_ == State::discard || is_lingering_;
  const ssize_t size = ::recv(socket_.get(), buffer.data(), is_bulk ? kDataReadBytes : kCommandReadBytes, MSG_DONTWAIT);
  if (size > 0) {
    bytes_in_ += static_cast<std::uint64_t>(size);
    waiting_since_ = now();
    if (is_timer_short_) {
      is_timer_short_ = false;
      readable_.disable();  // update_reading() enables it with the whole time
    }
    if (is_lingering_) {
      // Neither many bytes nor slow ones keep the session: the time is not restarted by them.
      if (bytes_in_ - bytes_before_linger_ > kLingerBytes || waiting_since_ - linger_since_ > kLinger) finish();
    } else {
      take_bytes({buffer.data(), static_cast<std::size_t>(size)});
    }
  } else if (size == 0) {
    client_closed_ = true;
    readable_.disable();
    if (is_lingering_) {
      finish();
    } else {
      resume_input();
    }
  } else if (errno != EAGAIN && errno != EINTR) {
    finish();
  }
  proxy_.black_box().clear();
}

void Session::take_bytes(std::string_view bytes) {
  const bool had_rest = !in_.is_empty();
  if (had_rest) {
    in_.append(bytes);
    bytes = in_.view();
  }
  is_taking_ = true;
  std::size_t taken = 0;
  while (!is_over_ && taken < bytes.size()) {
    if (out_.size() >= kMaxUnsentBytes) {
      flush();
      if (is_over_ || out_.size() >= kMaxUnsentBytes) break;  // on_writable() goes on
    }
    const std::string_view rest = bytes.substr(taken);
    std::size_t count = 0;
    if (state_ == State::header) {
      count = take_header(rest);
    } else if (state_ == State::data || state_ == State::discard) {
      if (is_paused_) break;
      count = take_message(rest);
    } else if (takes_commands(state_) || state_ == State::calling) {
      count = take_line(rest);
    } else if (state_ == State::closing) {
      count = rest.size();
    }
    if (count == 0) break;
    taken += count;
  }
  is_taking_ = false;
  if (is_over_) return;
  if (had_rest) {
    in_.consume(taken);
  } else {
    in_.append(bytes.substr(taken));
  }
  if (is_too_slow()) shut(ipc::Outcome::timed_out, replies::kClientTimeout);
  if (destination_) destination_->flush();
  flush();
  if (is_over_) return;
  if (client_closed_ && waits_for_client()) {
    // Half-closed, and nothing is left that could be carried out.
    leave_destination();
    finish();
    return;
  }
  update_reading();
}

// A byte timer alone can be drip-fed for ever: a command has a time of its own from its first octet, a message from its
// 354 (Q7).
bool Session::is_too_slow() {
  const auto limit = in_stress(configuration().limits.command_time);
  if (state_ == State::data || state_ == State::discard) {
    return limit.count() > 0 && transaction_ && waiting_since_ - transaction_->data_since > limit * kMessageTimeFactor;
  }
  if (in_.is_empty() || !takes_commands(state_)) {
    command_since_ = {};
    return false;
  }
  if (command_since_ == base::MonotonicTime{}) command_since_ = waiting_since_;
  return limit.count() > 0 && waiting_since_ - command_since_ > limit;
}

void Session::resume_input() {
  if (!is_taking_ && !is_over_) take_bytes({});
}

std::size_t Session::take_header(std::string_view bytes) {
  const ProxyHeader header = parse_proxy_header(bytes);
  switch (header.kind) {
    case ProxyHeaderKind::need_more: return 0;
    case ProxyHeaderKind::malformed:
      note_reason("proxy-header");
      shut(ipc::Outcome::aborted);
      return bytes.size();
    case ProxyHeaderKind::no_client: is_address_known_ = false; break;
    case ProxyHeaderKind::client: client_ = header.source; break;
  }
  fire(Event::header_taken);
  return header.size;
}

std::size_t Session::take_line(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  if (skips_line_) {
    if (end == std::string_view::npos) return bytes.size();
    skips_line_ = false;
    return end + 1;
  }
  if (end >= kMaxLineBytes) {  // npos too
    if (bytes.size() < kMaxLineBytes && end == std::string_view::npos) return 0;
    if (state_ == State::calling) return 0;
    reply(replies::kLineTooLong);
    skips_line_ = end == std::string_view::npos;
    return skips_line_ ? bytes.size() : end + 1;
  }
  const std::string_view line = bytes.substr(0, end);
  if (!line.ends_with('\r')) {
    if (state_ == State::calling) return 0;
    reply(replies::kBareLineEnd);
    return end + 1;
  }
  const std::string_view command = line.substr(0, line.size() - 1);
  if (state_ == State::calling &&
      (parse_command(command).verb != Verb::rcpt || transaction_->pending.size() >= kMaxPendingRecipients)) {
    return 0;  // it waits for the recipients' answers
  }
  take_command(command);
  return end + 1;
}

void Session::take_command(std::string_view line) {
  note_dialogue(DialogueLine::From::client, line);
  command_since_ = {};
  const Command command = parse_command(line);
  verb_ = command.verb;
  argument_ = command.argument;
  fire(event_of(verb_));
  argument_ = {};
}

// Before its first reply and during a hold nothing is read: it would take memory for nothing.
void Session::update_reading() {
  if (is_held_ || (state_ == State::question && !readable_.is_enabled())) return;
  const bool wanted = !client_closed_ && !is_paused_ && out_.size() < kMaxUnsentBytes &&
                      (is_lingering_ || (state_ != State::closing && in_.size() < kMaxUnreadBytes)) &&
                      !(in_.size() >= kMaxLineBytes && state_ == State::calling);
  if (!wanted) {
    readable_.disable();
    return;
  }
  if (readable_.is_enabled()) return;
  if (state_ == State::header) {
    readable_.enable(kHeaderTimeout);
  } else if (const auto timeout = in_stress(configuration().limits.client_timeout); timeout.count() > 0) {
    readable_.enable(timeout);
  } else {
    readable_.enable();
  }
}

// FW-12: the timer of the descriptor starts anew with each byte; here it is only acted upon while the client is the one to
// send, and counted from the moment it became so.
void Session::on_idle() {
  if (is_lingering_) {
    finish();
    return;
  }
  const auto timeout = state_ == State::header ? kHeaderTimeout : in_stress(configuration().limits.client_timeout);
  if (!waits_for_client() || timeout.count() == 0) return;
  const auto waited = std::chrono::duration_cast<base::Duration>(now() - waiting_since_);
  if (waited < timeout) {
    readable_.enable(timeout - waited + base::Duration(1));
    is_timer_short_ = true;
    return;
  }
  if (state_ == State::header) {
    note_reason("proxy-header");
    shut(ipc::Outcome::timed_out);
  } else {
    shut(ipc::Outcome::timed_out, replies::kClientTimeout);
  }
  flush();
}

bool Session::waits_for_client() const noexcept {
  return takes_commands(state_) || state_ == State::header ||
         ((state_ == State::data || state_ == State::discard) && !is_paused_) ||
         (state_ == State::question && client_closed_ && in_.is_empty());
}

base::Duration Session::in_stress(base::Duration time) const noexcept {
  return is_stressed_ ? shortened(time) : time;
}

}  // namespace caronte::smtpd_proxy
