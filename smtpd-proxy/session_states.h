// The states of a client's session and the one table that names the next state (RFC 5321 section 4.1.4, design.md
// section 4). Pure data: the actions are Session's; they return an event, and only this table says what follows.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace caronte::smtpd_proxy {

enum class State : std::uint8_t {
  header,              // a load balancer's PROXY header is awaited
  question,            // policyd was asked whether this client may talk
  early,               // policyd was asked about a client that talks before its greeting (AX-12)
  hold,                // the greeting, or what stands for it, waits (tarpit)
  start,               // greeted; no HELO or EHLO yet
  helo_hold,           // the reply to HELO or EHLO waits (AG-9)
  idle,                // between transactions
  mail_question,       // policyd was asked about MAIL
  mail_hold,           // the reply to MAIL waits
  mail,                // MAIL taken, no recipient accepted yet
  rcpt_question,       // policyd was asked about the last RCPT; those before it may wait for the destination
  rcpt_hold,           // its verdict about that RCPT waits
  recipient_question,  // policyd was asked about the answer that the first of the waiting recipients is to get
  recipient_hold,      // that answer waits
  calling,             // recipients wait for the destination's answers
  recipients,          // at least one recipient accepted by the destination
  opening_data,        // DATA sent to the destination
  data,                // the message streams
  discard,             // the rest of a message that is already refused
  ending,              // the final dot is with the destination
  closing,             // the last reply is on its way out
  kCount
};
[[nodiscard]] std::string_view name_of(State state) noexcept;

enum class Event : std::uint8_t {
  none,
  // commands of the client
  helo,
  ehlo,
  mail,
  rcpt,
  data,
  rset,
  noop,
  quit,
  help,
  vrfy,
  other,
  // before the greeting
  opened,
  header_taken,
  // policyd's verdict, when its hold is over
  proceed,
  refused,  // and the session goes on
  held,     // it is to be carried out later
  // what actions and the destination report
  done,              // the command was carried out
  asked,             // policyd was asked about this MAIL or RCPT
  answer_asked,      // policyd was asked about the answer to a RCPT
  called,            // MAIL was taken; a recipient may be put before the destination
  answered,          // all of them have been answered; or DATA itself was, by us
  data_accepted,     // 354
  data_refused,      // anything else to DATA
  message_over,      // CRLF.CRLF
  message_refused,   // by us, or given up by the destination, before its end
  message_answered,  // the reply to the final dot, or to the end of a refused message
  shut,              // nothing more: send what is queued and close
  kCount
};

enum class Action : std::uint8_t {
  none,
  await_header,
  ask_policy,
  ask_early,
  start_hold,
  greet,
  take_helo,
  take_ehlo,
  answer_helo,
  take_mail,
  accept_mail,
  refuse_mail,
  take_rcpt,
  forward_rcpt,
  refuse_rcpt,
  pass_answer,
  replace_answer,
  take_data,
  take_rset,
  take_noop,
  take_quit,
  take_help,
  take_vrfy,
  refuse_unknown,
  refuse_order,
  refuse_no_recipients,
  open_stream,
  end_message,
  answer_discarded,
  begin_close,
  kCount
};

enum class Guard : std::uint8_t { always, has_header, has_early_talk, has_recipients, has_tried_recipients, kCount };

struct Transition {
  State state;
  Event event;
  Guard guard;
  Action action;
  State next;
};

// Rows of one state and event are tried in order.
// clang-format off
inline constexpr std::array kTransitions{
  Transition{State::header,                Event::opened,             Guard::has_header,              Action::await_header,          State::header},
  Transition{State::header,                Event::opened,             Guard::always,                  Action::ask_policy,            State::question},
  Transition{State::header,                Event::header_taken,       Guard::always,                  Action::ask_policy,            State::question},
  Transition{State::question,              Event::proceed,            Guard::has_early_talk,          Action::ask_early,             State::early},
  Transition{State::question,              Event::proceed,            Guard::always,                  Action::greet,                 State::start},
  Transition{State::question,              Event::held,               Guard::always,                  Action::start_hold,            State::hold},
  Transition{State::early,                 Event::proceed,            Guard::always,                  Action::greet,                 State::start},
  Transition{State::early,                 Event::held,               Guard::always,                  Action::start_hold,            State::hold},
  Transition{State::hold,                  Event::proceed,            Guard::has_early_talk,          Action::ask_early,             State::early},
  Transition{State::hold,                  Event::proceed,            Guard::always,                  Action::greet,                 State::start},

  Transition{State::start,                 Event::helo,               Guard::always,                  Action::take_helo,             State::start},
  Transition{State::start,                 Event::ehlo,               Guard::always,                  Action::take_ehlo,             State::start},
  Transition{State::start,                 Event::done,               Guard::always,                  Action::none,                  State::idle},
  Transition{State::start,                 Event::held,               Guard::always,                  Action::start_hold,            State::helo_hold},
  Transition{State::helo_hold,             Event::proceed,            Guard::always,                  Action::answer_helo,           State::idle},

  Transition{State::idle,                  Event::helo,               Guard::always,                  Action::take_helo,             State::idle},
  Transition{State::idle,                  Event::ehlo,               Guard::always,                  Action::take_ehlo,             State::idle},
  Transition{State::idle,                  Event::held,               Guard::always,                  Action::start_hold,            State::helo_hold},
  Transition{State::idle,                  Event::mail,               Guard::always,                  Action::take_mail,             State::idle},
  Transition{State::idle,                  Event::called,             Guard::always,                  Action::none,                  State::mail},
  Transition{State::idle,                  Event::asked,              Guard::always,                  Action::none,                  State::mail_question},
  Transition{State::mail_question,         Event::proceed,            Guard::always,                  Action::accept_mail,           State::mail},
  Transition{State::mail_question,         Event::refused,            Guard::always,                  Action::refuse_mail,           State::idle},
  Transition{State::mail_question,         Event::held,               Guard::always,                  Action::start_hold,            State::mail_hold},
  Transition{State::mail_hold,             Event::proceed,            Guard::always,                  Action::accept_mail,           State::mail},
  Transition{State::mail_hold,             Event::refused,            Guard::always,                  Action::refuse_mail,           State::idle},

  Transition{State::mail,                  Event::helo,               Guard::always,                  Action::take_helo,             State::mail},
  Transition{State::mail,                  Event::ehlo,               Guard::always,                  Action::take_ehlo,             State::mail},
  Transition{State::mail,                  Event::held,               Guard::always,                  Action::start_hold,            State::helo_hold},
  Transition{State::mail,                  Event::done,               Guard::always,                  Action::none,                  State::idle},
  Transition{State::mail,                  Event::rcpt,               Guard::always,                  Action::take_rcpt,             State::mail},
  Transition{State::mail,                  Event::called,             Guard::always,                  Action::forward_rcpt,          State::calling},
  Transition{State::mail,                  Event::asked,              Guard::always,                  Action::none,                  State::rcpt_question},
  Transition{State::mail,                  Event::answer_asked,       Guard::always,                  Action::none,                  State::recipient_question},
  Transition{State::mail,                  Event::data,               Guard::has_tried_recipients,    Action::refuse_no_recipients,  State::mail},

  Transition{State::rcpt_question,         Event::proceed,            Guard::always,                  Action::forward_rcpt,          State::calling},
  Transition{State::rcpt_question,         Event::refused,            Guard::always,                  Action::refuse_rcpt,           State::calling},
  Transition{State::rcpt_question,         Event::held,               Guard::always,                  Action::start_hold,            State::rcpt_hold},
  Transition{State::rcpt_hold,             Event::proceed,            Guard::always,                  Action::forward_rcpt,          State::calling},
  Transition{State::rcpt_hold,             Event::refused,            Guard::always,                  Action::refuse_rcpt,           State::calling},

  Transition{State::recipient_question,    Event::proceed,            Guard::always,                  Action::pass_answer,           State::calling},
  Transition{State::recipient_question,    Event::refused,            Guard::always,                  Action::replace_answer,        State::calling},
  Transition{State::recipient_question,    Event::held,               Guard::always,                  Action::start_hold,            State::recipient_hold},
  Transition{State::recipient_hold,        Event::proceed,            Guard::always,                  Action::pass_answer,           State::calling},
  Transition{State::recipient_hold,        Event::refused,            Guard::always,                  Action::replace_answer,        State::calling},

  Transition{State::calling,               Event::rcpt,               Guard::always,                  Action::take_rcpt,             State::calling},
  Transition{State::calling,               Event::called,             Guard::always,                  Action::forward_rcpt,          State::calling},
  Transition{State::calling,               Event::asked,              Guard::always,                  Action::none,                  State::rcpt_question},
  Transition{State::calling,               Event::answer_asked,       Guard::always,                  Action::none,                  State::recipient_question},
  Transition{State::calling,               Event::answered,           Guard::has_recipients,          Action::none,                  State::recipients},
  Transition{State::calling,               Event::answered,           Guard::always,                  Action::none,                  State::mail},

  Transition{State::recipients,            Event::helo,               Guard::always,                  Action::take_helo,             State::recipients},
  Transition{State::recipients,            Event::ehlo,               Guard::always,                  Action::take_ehlo,             State::recipients},
  Transition{State::recipients,            Event::held,               Guard::always,                  Action::start_hold,            State::helo_hold},
  Transition{State::recipients,            Event::done,               Guard::always,                  Action::none,                  State::idle},
  Transition{State::recipients,            Event::rcpt,               Guard::always,                  Action::take_rcpt,             State::recipients},
  Transition{State::recipients,            Event::called,             Guard::always,                  Action::forward_rcpt,          State::calling},
  Transition{State::recipients,            Event::asked,              Guard::always,                  Action::none,                  State::rcpt_question},
  Transition{State::recipients,            Event::answer_asked,       Guard::always,                  Action::none,                  State::recipient_question},
  Transition{State::recipients,            Event::data,               Guard::always,                  Action::take_data,             State::opening_data},

  Transition{State::opening_data,          Event::data_accepted,      Guard::always,                  Action::open_stream,           State::data},
  Transition{State::opening_data,          Event::data_refused,       Guard::always,                  Action::none,                  State::idle},
  Transition{State::opening_data,          Event::answered,           Guard::always,                  Action::none,                  State::recipients},
  Transition{State::data,                  Event::message_over,       Guard::always,                  Action::end_message,           State::ending},
  Transition{State::data,                  Event::message_refused,    Guard::always,                  Action::none,                  State::discard},
  Transition{State::discard,               Event::message_over,       Guard::always,                  Action::answer_discarded,      State::discard},
  Transition{State::discard,               Event::message_answered,   Guard::always,                  Action::none,                  State::idle},
  Transition{State::ending,                Event::message_answered,   Guard::always,                  Action::none,                  State::idle},

  Transition{State::idle,                  Event::rset,               Guard::always,                  Action::take_rset,             State::idle},
  Transition{State::start,                 Event::rset,               Guard::always,                  Action::take_rset,             State::start},
  Transition{State::mail,                  Event::rset,               Guard::always,                  Action::take_rset,             State::mail},
  Transition{State::recipients,            Event::rset,               Guard::always,                  Action::take_rset,             State::recipients},
};
// clang-format on

// For every state and event without a row: a command that is allowed anywhere is carried out and the state stays (NOOP,
// QUIT, HELP, VRFY and EXPN, an unknown verb); any other command is out of order (503); `shut` leads to closing from
// everywhere; what is left is ignored, for the other side of it has gone meanwhile.
[[nodiscard]] constexpr Transition default_transition(State state, Event event) noexcept {
  switch (event) {
    case Event::noop: return {state, event, Guard::always, Action::take_noop, state};
    case Event::quit: return {state, event, Guard::always, Action::take_quit, state};
    case Event::help: return {state, event, Guard::always, Action::take_help, state};
    case Event::vrfy: return {state, event, Guard::always, Action::take_vrfy, state};
    case Event::other: return {state, event, Guard::always, Action::refuse_unknown, state};
    case Event::helo:
    case Event::ehlo:
    case Event::mail:
    case Event::rcpt:
    case Event::data:
    case Event::rset: return {state, event, Guard::always, Action::refuse_order, state};
    case Event::shut: return {state, event, Guard::always, Action::begin_close, State::closing};
    default: return {state, event, Guard::always, Action::none, state};
  }
}

// The row that is due: the first of this state and event whose guard `holds`, or the default.
template <class Holds>
[[nodiscard]] constexpr Transition transition_of(State state, Event event, Holds&& holds) {
  for (const Transition& row : kTransitions) {
    if (row.state == state && row.event == event && holds(row.guard)) return row;
  }
  return default_transition(state, event);
}

// The states in which the client's next command is read.
[[nodiscard]] constexpr bool takes_commands(State state) noexcept {
  return state == State::start || state == State::idle || state == State::mail || state == State::recipients;
}

}  // namespace caronte::smtpd_proxy
