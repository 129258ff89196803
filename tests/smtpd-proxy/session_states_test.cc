#include "smtpd-proxy/session_states.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace caronte::smtpd_proxy {

namespace {

constexpr auto kStates = static_cast<std::size_t>(State::kCount);
constexpr auto kEvents = static_cast<std::size_t>(Event::kCount);
const std::vector<Event> kCommands{Event::helo, Event::ehlo, Event::mail, Event::rcpt, Event::data, Event::rset,
                                   Event::noop, Event::quit, Event::help, Event::vrfy, Event::other};

std::string cell(State state, Event event) {
  return std::string(name_of(state)) + " x event " + std::to_string(static_cast<int>(event));
}

template <class Action>
void for_each_cell(const Action& action) {
  for (std::size_t s = 0; s < kStates; ++s) {
    for (std::size_t e = 1; e < kEvents; ++e) action(static_cast<State>(s), static_cast<Event>(e));
  }
}

bool has_row(State state, Event event) {
  return std::any_of(kTransitions.begin(), kTransitions.end(),
                     [&](const Transition& row) { return row.state == state && row.event == event; });
}

}  // namespace

class SessionStatesTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SessionStatesTest);
  CPPUNIT_TEST(every_cell_has_its_row_or_the_stated_default);
  CPPUNIT_TEST(each_row_can_be_reached);
  CPPUNIT_TEST(dialogues_lead_where_they_must);
  CPPUNIT_TEST(what_an_action_reports_is_heard);
  CPPUNIT_TEST(closing_comes_from_everywhere_and_is_the_end);
  CPPUNIT_TEST(commands_are_carried_out_only_where_they_are_read);
  CPPUNIT_TEST(nothing_named_is_unused);
  CPPUNIT_TEST_SUITE_END();

 public:
  // The cells with a row, as the design has them; all others must be the default, which is repeated here.
  void every_cell_has_its_row_or_the_stated_default() {
    const struct {
      State state;
      std::set<Event> rows;
    } states[] = {
        {State::header, {Event::opened, Event::header_taken}},
        {State::question, {Event::proceed, Event::held}},
        {State::early, {Event::proceed, Event::held}},
        {State::hold, {Event::proceed}},
        {State::start, {Event::helo, Event::ehlo, Event::done, Event::rset, Event::held}},
        {State::helo_hold, {Event::proceed}},
        {State::idle, {Event::helo, Event::ehlo, Event::mail, Event::called, Event::asked, Event::rset, Event::held}},
        {State::mail_question, {Event::proceed, Event::refused, Event::held}},
        {State::mail_hold, {Event::proceed, Event::refused}},
        {State::mail,
         {Event::helo, Event::ehlo, Event::done, Event::rcpt, Event::called, Event::data, Event::rset, Event::held, Event::asked,
          Event::answer_asked}},
        {State::rcpt_question, {Event::proceed, Event::refused, Event::held}},
        {State::rcpt_hold, {Event::proceed, Event::refused}},
        {State::recipient_question, {Event::proceed, Event::refused, Event::held}},
        {State::recipient_hold, {Event::proceed, Event::refused}},
        {State::calling, {Event::rcpt, Event::called, Event::asked, Event::answer_asked, Event::answered}},
        {State::recipients,
         {Event::helo, Event::ehlo, Event::done, Event::rcpt, Event::called, Event::data, Event::rset, Event::held, Event::asked,
          Event::answer_asked}},
        {State::opening_data, {Event::data_accepted, Event::data_refused, Event::answered}},
        {State::data, {Event::message_over, Event::message_refused}},
        {State::discard, {Event::message_over, Event::message_answered}},
        {State::ending, {Event::message_answered}},
        {State::closing, {}},
    };
    CPPUNIT_ASSERT_EQUAL(kStates, std::size(states));
    const std::set<Event> out_of_order{Event::helo, Event::ehlo, Event::mail, Event::rcpt, Event::data, Event::rset};
    for_each_cell([&](State state, Event event) {
      const auto& expected = *std::find_if(std::begin(states), std::end(states), [&](const auto& s) { return s.state == state; });
      CPPUNIT_ASSERT_EQUAL_MESSAGE(cell(state, event), expected.rows.contains(event), has_row(state, event));
      if (has_row(state, event)) return;
      Action action = Action::none;
      if (event == Event::noop) action = Action::take_noop;
      if (event == Event::quit) action = Action::take_quit;
      if (event == Event::help) action = Action::take_help;
      if (event == Event::vrfy) action = Action::take_vrfy;
      if (event == Event::other) action = Action::refuse_unknown;
      if (event == Event::shut) action = Action::begin_close;
      if (out_of_order.contains(event)) action = Action::refuse_order;
      const Transition taken = transition_of(state, event, [](Guard) { return true; });
      CPPUNIT_ASSERT_MESSAGE(cell(state, event), taken.action == action);
      CPPUNIT_ASSERT_MESSAGE(cell(state, event), taken.next == (event == Event::shut ? State::closing : state));
    });
  }

  // No row stands behind one that always holds, or twice; and no cell with rows is without one that always holds, unless
  // its default is meant.
  void each_row_can_be_reached() {
    std::set<std::pair<State, Event>> closed;
    std::set<std::tuple<State, Event, Guard>> seen;
    for (const Transition& row : kTransitions) {
      CPPUNIT_ASSERT_MESSAGE(cell(row.state, row.event), !closed.contains({row.state, row.event}));
      CPPUNIT_ASSERT_MESSAGE(cell(row.state, row.event), seen.insert({row.state, row.event, row.guard}).second);
      if (row.guard == Guard::always) closed.insert({row.state, row.event});
    }
    for_each_cell([&](State state, Event event) {
      const bool may_be_open = state == State::mail && event == Event::data;  // DATA without any RCPT is out of order
      CPPUNIT_ASSERT_MESSAGE(cell(state, event), !has_row(state, event) || closed.contains({state, event}) != may_be_open);
    });
    std::set<State> reached{State::header};
    for (std::size_t rounds = 0; rounds < kStates; ++rounds) {
      for (const Transition& row : kTransitions) {
        if (reached.contains(row.state)) reached.insert(row.next);
      }
    }
    reached.insert(State::closing);  // by default, from everywhere
    CPPUNIT_ASSERT_EQUAL(kStates, reached.size());
  }

  void dialogues_lead_where_they_must() {
    const std::set<Guard> kNone;
    const std::set<Guard> kSome{Guard::has_recipients, Guard::has_tried_recipients};
    const struct {
      std::string name;
      State from;
      std::vector<Event> events;
      std::set<Guard> holding;
      State to;
      Action last;
    } cases[] = {
        {"greeting", State::header, {Event::opened, Event::proceed}, kNone, State::start, Action::greet},
        {"balancer", State::header, {Event::opened}, {Guard::has_header}, State::header, Action::await_header},
        {"behind a balancer",
         State::header,
         {Event::header_taken, Event::proceed},
         {Guard::has_header},
         State::start,
         Action::greet},
        {"held", State::header, {Event::opened, Event::held, Event::proceed}, kNone, State::start, Action::greet},
        {"early talker", State::question, {Event::proceed}, {Guard::has_early_talk}, State::early, Action::ask_early},
        {"early talker in a hold", State::hold, {Event::proceed}, {Guard::has_early_talk}, State::early, Action::ask_early},
        {"early talker let in", State::early, {Event::proceed}, kNone, State::start, Action::greet},
        {"early talker held", State::early, {Event::held, Event::proceed}, kNone, State::start, Action::greet},
        {"EHLO held", State::start, {Event::ehlo, Event::held, Event::proceed, Event::done}, kNone, State::idle, Action::none},
        {"and in a transaction",
         State::recipients,
         {Event::ehlo, Event::held, Event::proceed},
         kSome,
         State::idle,
         Action::answer_helo},
        {"policyd takes MAIL", State::idle, {Event::mail, Event::asked, Event::proceed}, kNone, State::mail, Action::accept_mail},
        {"policyd refuses MAIL", State::idle, {Event::mail, Event::asked, Event::refused}, kNone, State::idle, Action::refuse_mail},
        {"and later", State::mail_question, {Event::held, Event::refused}, kNone, State::idle, Action::refuse_mail},
        {"policyd takes RCPT",
         State::mail,
         {Event::rcpt, Event::asked, Event::proceed},
         kNone,
         State::calling,
         Action::forward_rcpt},
        {"policyd refuses RCPT",
         State::mail,
         {Event::rcpt, Event::asked, Event::refused, Event::answered},
         kNone,
         State::mail,
         Action::none},
        {"and later, behind another",
         State::calling,
         {Event::rcpt, Event::asked, Event::held, Event::refused},
         kNone,
         State::calling,
         Action::refuse_rcpt},
        {"policyd sees the answer",
         State::calling,
         {Event::answer_asked, Event::proceed, Event::answered},
         kSome,
         State::recipients,
         Action::none},
        {"and wants another",
         State::calling,
         {Event::answer_asked, Event::held, Event::refused},
         kSome,
         State::calling,
         Action::replace_answer},
        {"our own refusal too",
         State::mail,
         {Event::rcpt, Event::answer_asked, Event::proceed, Event::answered},
         kNone,
         State::mail,
         Action::none},
        {"EHLO taken", State::start, {Event::ehlo, Event::done}, kNone, State::idle, Action::none},
        {"EHLO refused", State::start, {Event::ehlo}, kNone, State::start, Action::take_ehlo},
        {"MAIL before EHLO", State::start, {Event::mail}, kNone, State::start, Action::refuse_order},
        {"MAIL refused", State::idle, {Event::mail}, kNone, State::idle, Action::take_mail},
        {"MAIL taken", State::idle, {Event::mail, Event::called}, kNone, State::mail, Action::none},
        {"MAIL twice", State::mail, {Event::mail}, kNone, State::mail, Action::refuse_order},
        {"RCPT before MAIL", State::idle, {Event::rcpt}, kNone, State::idle, Action::refuse_order},
        {"DATA before MAIL", State::idle, {Event::data}, kNone, State::idle, Action::refuse_order},
        {"DATA before RCPT", State::mail, {Event::data}, kNone, State::mail, Action::refuse_order},
        {"DATA, all refused", State::mail, {Event::data}, {Guard::has_tried_recipients}, State::mail, Action::refuse_no_recipients},
        {"RCPT refused here", State::mail, {Event::rcpt}, kNone, State::mail, Action::take_rcpt},
        {"RCPT refused there", State::mail, {Event::rcpt, Event::called, Event::answered}, kNone, State::mail, Action::none},
        {"RCPT accepted", State::mail, {Event::rcpt, Event::called, Event::answered}, kSome, State::recipients, Action::none},
        {"two pipelined",
         State::mail,
         {Event::rcpt, Event::called, Event::rcpt, Event::answered},
         kSome,
         State::recipients,
         Action::none},
        {"a further one", State::recipients, {Event::rcpt, Event::called, Event::answered}, kSome, State::recipients, Action::none},
        {"DATA", State::recipients, {Event::data, Event::data_accepted}, kSome, State::data, Action::open_stream},
        {"DATA refused", State::recipients, {Event::data, Event::data_refused}, kSome, State::idle, Action::none},
        {"DATA with an argument", State::recipients, {Event::data, Event::answered}, kSome, State::recipients, Action::none},
        {"delivered", State::data, {Event::message_over, Event::message_answered}, kSome, State::idle, Action::none},
        {"refused within",
         State::data,
         {Event::message_refused, Event::message_over},
         kSome,
         State::discard,
         Action::answer_discarded},
        {"and after it", State::discard, {Event::message_over, Event::message_answered}, kSome, State::idle, Action::none},
        {"RSET of RCPT", State::recipients, {Event::rset, Event::done}, kSome, State::idle, Action::none},
        {"RSET of MAIL", State::mail, {Event::rset, Event::done}, kNone, State::idle, Action::none},
        {"RSET of nothing", State::idle, {Event::rset}, kNone, State::idle, Action::take_rset},
        {"RSET before EHLO", State::start, {Event::rset}, kNone, State::start, Action::take_rset},
        {"EHLO as RSET", State::recipients, {Event::ehlo, Event::done}, kSome, State::idle, Action::none},
        {"NOOP amid", State::recipients, {Event::noop}, kSome, State::recipients, Action::take_noop},
        {"QUIT", State::recipients, {Event::quit, Event::shut}, kSome, State::closing, Action::begin_close},
        {"late answer of policyd", State::idle, {Event::proceed}, kNone, State::idle, Action::none},
        {"late reply of the destination", State::closing, {Event::answered}, kSome, State::closing, Action::none},
    };
    for (const auto& c : cases) {
      State state = c.from;
      Action action = Action::none;
      for (const Event event : c.events) {
        const auto taken = transition_of(state, event, [&](Guard g) { return g == Guard::always || c.holding.contains(g); });
        state = taken.next;
        action = taken.action;
      }
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.name, std::string(name_of(c.to)), std::string(name_of(state)));
      CPPUNIT_ASSERT_MESSAGE(c.name, action == c.last);
    }
  }

  // The events that actions return for themselves must lead out of the state in which the row has put the session: a lost one
  // would leave the client waiting for ever.
  void what_an_action_reports_is_heard() {
    const struct {
      Action action;
      Event event;
    } reports[] = {{Action::take_mail, Event::called},
                   {Action::take_mail, Event::asked},
                   {Action::take_helo, Event::held},
                   {Action::take_ehlo, Event::held},
                   {Action::take_rcpt, Event::called},
                   {Action::take_rcpt, Event::asked},
                   {Action::take_rcpt, Event::answer_asked},
                   {Action::forward_rcpt, Event::answered},
                   {Action::forward_rcpt, Event::answer_asked},
                   {Action::refuse_rcpt, Event::answered},
                   {Action::refuse_rcpt, Event::answer_asked},
                   {Action::pass_answer, Event::answered},
                   {Action::pass_answer, Event::answer_asked},
                   {Action::replace_answer, Event::answered},
                   {Action::replace_answer, Event::answer_asked},
                   {Action::take_data, Event::answered},
                   {Action::answer_discarded, Event::message_answered}};
    for (const auto& c : reports) {
      for (const Transition& row : kTransitions) {
        if (row.action == c.action) CPPUNIT_ASSERT_MESSAGE(cell(row.next, c.event), has_row(row.next, c.event));
      }
    }
    // A verdict finds whoever waits for one.
    const auto asking = {State::question, State::early, State::mail_question, State::rcpt_question, State::recipient_question};
    for (const State state : asking) CPPUNIT_ASSERT(has_row(state, Event::proceed) && has_row(state, Event::held));
    const auto refusable = {State::mail_question, State::mail_hold,          State::rcpt_question,
                            State::rcpt_hold,     State::recipient_question, State::recipient_hold};
    for (const State state : refusable) CPPUNIT_ASSERT(has_row(state, Event::proceed) && has_row(state, Event::refused));
    const auto with_transaction = {State::mail, State::recipients};
    for (const State state : with_transaction) {
      CPPUNIT_ASSERT(has_row(state, Event::done) && has_row(state, Event::called));
    }
    CPPUNIT_ASSERT(has_row(State::start, Event::done));
  }

  void closing_comes_from_everywhere_and_is_the_end() {
    for_each_cell([](State state, Event event) {
      for (const bool holds : {false, true}) {
        const Transition taken = transition_of(state, event, [&](Guard guard) { return holds || guard == Guard::always; });
        if (event == Event::shut || state == State::closing) {
          CPPUNIT_ASSERT_MESSAGE(cell(state, event), taken.next == State::closing);
        } else {
          CPPUNIT_ASSERT_MESSAGE(cell(state, event), taken.next != State::closing);
        }
      }
    });
  }

  // take_line() reads a command in these states, and RCPT alone while recipients are being asked for.
  void commands_are_carried_out_only_where_they_are_read() {
    for (const Transition& row : kTransitions) {
      if (std::find(kCommands.begin(), kCommands.end(), row.event) == kCommands.end()) continue;
      const bool is_read = takes_commands(row.state) || (row.state == State::calling && row.event == Event::rcpt);
      CPPUNIT_ASSERT_MESSAGE(cell(row.state, row.event), is_read);
    }
    const std::set<State> reading{State::start, State::idle, State::mail, State::recipients};
    for (std::size_t s = 0; s < kStates; ++s) {
      CPPUNIT_ASSERT_EQUAL(reading.contains(static_cast<State>(s)), takes_commands(static_cast<State>(s)));
    }
  }

  void nothing_named_is_unused() {
    std::set<Event> events;
    std::set<Action> actions;
    std::set<Guard> guards;
    std::set<std::string_view> names;
    for (const Transition& row : kTransitions) {
      events.insert(row.event);
      actions.insert(row.action);
      guards.insert(row.guard);
    }
    for_each_cell([&](State state, Event event) {
      const Transition taken = default_transition(state, event);
      actions.insert(taken.action);
      if (taken.action != Action::none) events.insert(event);
      names.insert(name_of(state));
    });
    CPPUNIT_ASSERT_EQUAL(kEvents - 1, events.size());
    CPPUNIT_ASSERT_EQUAL(static_cast<std::size_t>(Action::kCount), actions.size());
    CPPUNIT_ASSERT_EQUAL(static_cast<std::size_t>(Guard::kCount), guards.size());
    CPPUNIT_ASSERT(names.size() == kStates && !names.contains(""));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SessionStatesTest);

}  // namespace caronte::smtpd_proxy
