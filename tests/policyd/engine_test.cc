// The engine: hit and action make a verdict, classes exempt, facts may be missing, and judging changes nothing. The checks
// themselves: checks_test.cc.
#include "policyd/engine.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/reference.h"
#include "config/settings.h"

namespace caronte::policyd {

using config::Action;
using config::ClientClass;
using ipc::Stage;
using ipc::Verdict;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr std::uint64_t kSession = 77;

// Everything on that has a switch.
config::Configuration everything(Action action) {
  config::Configuration c;
  c.replies.refused = "550 Refused";
  c.recipients = {1000, 3, 4, 2, action, 5};
  c.rate = {2, 10, action, 5, true};
  c.sender = {action, action, 5};
  c.characters.action = action;
  c.characters.points = 5;
  c.repeat_offenders = {3, minutes(10), minutes(60), 29, 64, milliseconds(0)};
  c.backscatter = {2, minutes(10), action, 5};
  c.tarpit = {true, seconds(5), seconds(60), 2, minutes(10), action, 5, 10};
  c.hell = {true, minutes(30), "554 5.7.1 Refused", false};
  c.domains.push_back({"example.org", 1, true});
  return c;
}

// What hits every check of a stage.
Facts hostile(Stage stage) {
  Facts f;
  f.session = kSession;
  f.stage = stage;
  f.client = base::Address::v4(192, 0, 2, 13);
  f.helo = "bad";
  f.sender = "a@example.org";
  f.recipient = "b@example.org";
  f.code = 550;
  f.is_destinations = true;
  f.recipients_valid = 9;
  f.recipients_invalid = 9;
  f.is_sender_local = true;
  f.messages = f.hang_ups = f.offences = f.null_senders = 100;
  f.is_remembered = f.is_range_held = f.is_recipient_known_bad = true;
  f.is_recipient_listed = false;
  return f;
}

// MAIL FROM:<> with AG-2 set to this.
config::Configuration null_sender(Action action) {
  config::Configuration c = everything(Action::off);
  c.sender = {action, Action::off, 7};
  c.repeat_offenders.offences = 0;
  return c;
}
Facts bounce() {
  Facts f = hostile(Stage::mail);
  f.sender = {};
  return f;
}

const Effect* effect_of(const Decision& decision, Effect::Kind kind) {
  const auto found =
      std::find_if(decision.effects.begin(), decision.effects.end(), [&](const Effect& e) { return e.kind == kind; });
  return found == decision.effects.end() ? nullptr : &*found;
}

std::string with_reference(std::string_view reply) {
  return std::string(reply) + " [" + base::reference_text(kSession) + "]";
}

std::string text_of(const Decision& d) {
  const ipc::SessionAnswer& a = d.answer;
  std::string text = std::string(ipc::name_of(a.verdict)) + '|' + a.reply.str() + '|' + a.reason.str() + '|' +
                     std::to_string(a.value) + '|' + std::to_string(a.hold.count()) + '|' + std::to_string(a.helo_hold.count()) +
                     (a.closes ? "|closes" : "");
  for (const ipc::CheckNote& n : d.notes) text += "|" + n.check.str() + n.action.str() + std::to_string(n.value);
  for (const Effect& e : d.effects) text += "|" + std::to_string(static_cast<int>(e.kind)) + e.prefix.text();
  return text;
}

constexpr std::array kStages{Stage::connect, Stage::early_talker,       Stage::mail,
                             Stage::rcpt,    Stage::recipient_accepted, Stage::recipient_refused};

}  // namespace

class EngineTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(EngineTest);
  CPPUNIT_TEST(what_each_action_does);
  CPPUNIT_TEST(defer_where_the_greeting_is_due);
  CPPUNIT_TEST(nothing_on_asks_and_does_nothing);
  CPPUNIT_TEST(everything_off_asks_and_does_nothing);
  CPPUNIT_TEST(observe_decides_nothing);
  CPPUNIT_TEST(missing_facts_refuse_nobody);
  CPPUNIT_TEST(judging_twice_is_judging_once);
  CPPUNIT_TEST(each_stage_that_has_a_check_is_asked);
  CPPUNIT_TEST(relay_is_exempt_from_all);
  CPPUNIT_TEST(every_row_exempts_as_its_line_of_the_table);
  CPPUNIT_TEST(the_first_refusal_decides);
  CPPUNIT_TEST(level_2_notes_what_found_nothing);
  CPPUNIT_TEST(notes_tell_the_line_of_the_setting);
  CPPUNIT_TEST(tarpit_without_place_refuses_at_once);
  CPPUNIT_TEST(ban_without_hell_refuses);
  CPPUNIT_TEST(who_may_turn_out_to_be_trusted_is_deferred);
  CPPUNIT_TEST(Q9_listed_addresses_are_not_banned);
  CPPUNIT_TEST(points_of_a_recipient_count_come_once);
  CPPUNIT_TEST(AX_12_greeting_delay);
  CPPUNIT_TEST(Q21_remembered_clients_wait_at_helo);
  CPPUNIT_TEST(AX_5_third_offence_bans);
  CPPUNIT_TEST(AX_5_off);
  CPPUNIT_TEST(AX_7_the_range_is_banned);
  CPPUNIT_TEST(AX_7_extra_tarpit_instead);
  CPPUNIT_TEST(IW_4_white_does_not_help_a_false_local_sender);
  CPPUNIT_TEST(IW_4_off);
  CPPUNIT_TEST(reasons_are_distinct_and_complete);
  CPPUNIT_TEST_SUITE_END();

  void what_each_action_does() {
    struct Case {
      Action action;
      Verdict verdict;
      const char* reply;
      bool closes;
      int hold;
      int points;
    };
    for (const Case& c :
         {Case{Action::off, Verdict::proceed, "", false, 0, 0}, Case{Action::log, Verdict::proceed, "", false, 0, 0},
          Case{Action::score, Verdict::proceed, "", false, 0, 7}, Case{Action::refuse, Verdict::refuse, "550 Refused", true, 0, 0},
          Case{Action::defer, Verdict::refuse, "451 4.7.1 Try again later", false, 0, 0},
          Case{Action::tarpit, Verdict::refuse, "550 Refused", true, 60'000, 0},
          Case{Action::ban, Verdict::refuse, "550 Refused", true, 0, 0}}) {
      const std::string name(config::name_of(c.action));
      const Decision d = judge(bounce(), null_sender(c.action));
      CPPUNIT_ASSERT_MESSAGE(name, d.answer.verdict == c.verdict && d.answer.closes == c.closes);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, c.reply[0] == 0 ? std::string() : with_reference(c.reply), d.answer.reply.str());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::int64_t{c.hold}, std::int64_t{d.answer.hold.count()});
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::string(c.verdict == Verdict::refuse ? "null-sender" : ""), d.answer.reason.str());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::size_t{c.action == Action::off ? 0U : 1U}, d.notes.size());
      if (c.action != Action::off) {
        CPPUNIT_ASSERT_EQUAL(name, d.notes[0].action.str());
        CPPUNIT_ASSERT(d.notes[0].is_hit && d.notes[0].check.str() == "null-sender" && d.notes[0].session == kSession);
        CPPUNIT_ASSERT_EQUAL(c.action == Action::log, d.notes[0].is_observed);
        CPPUNIT_ASSERT_EQUAL(c.points, int{d.notes[0].points});
      }
      const Effect* points = effect_of(d, Effect::Kind::add_points);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, c.points, points == nullptr ? 0 : int{points->points});
      const Effect* ban = effect_of(d, Effect::Kind::ban);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, c.action == Action::ban, ban != nullptr);
      if (ban != nullptr) CPPUNIT_ASSERT(ban->time == minutes(30) && ban->prefix.text() == "192.0.2.13");
      const Effect* remembered = effect_of(d, Effect::Kind::remember_client);  // Q21
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, c.action == Action::tarpit, remembered != nullptr);
      if (remembered != nullptr) CPPUNIT_ASSERT(remembered->time == minutes(10));
    }
  }

  void defer_where_the_greeting_is_due() {
    const Decision d = judge(hostile(Stage::early_talker), everything(Action::defer));
    CPPUNIT_ASSERT_EQUAL(with_reference("421 4.7.1 Try again later"), d.answer.reply.str());
    CPPUNIT_ASSERT(d.answer.closes);
  }

  static void expect_nothing(const config::Configuration& configuration, ipc::ClientClasses classes) {
    CPPUNIT_ASSERT_EQUAL(0, int{stages_for(classes, configuration)});
    for (const Stage stage : kStages) {
      Facts facts = hostile(stage);
      facts.classes = classes;
      const Decision d = judge(facts, configuration);
      CPPUNIT_ASSERT(d.answer.verdict == Verdict::proceed && d.notes.empty() && d.effects.empty());
      CPPUNIT_ASSERT(d.answer.hold.count() == 0 && d.answer.helo_hold.count() == 0);
      CPPUNIT_ASSERT(d.answer.session == kSession && d.answer.stage == stage);
    }
  }
  void nothing_on_asks_and_does_nothing() { expect_nothing({}, 0); }
  void everything_off_asks_and_does_nothing() {
    config::Configuration c = everything(Action::off);
    c.domains[0].has_recipients = false;
    c.tarpit = {};
    expect_nothing(c, 0);
  }
  void relay_is_exempt_from_all() { expect_nothing(everything(Action::refuse), config::bit_of(ClientClass::relay)); }

  void observe_decides_nothing() {
    for (const Action action : {Action::log, Action::score, Action::refuse, Action::defer, Action::tarpit, Action::ban}) {
      config::Configuration c = everything(action);
      c.server.observe = true;
      for (const Stage stage : kStages) {
        Facts facts = hostile(stage);
        if (stage == Stage::rcpt) facts.sender = {};
        const Decision d = judge(facts, c);
        CPPUNIT_ASSERT(d.answer.verdict == Verdict::proceed && d.answer.hold.count() == 0 && d.answer.helo_hold.count() == 0);
        CPPUNIT_ASSERT(!d.notes.empty());
        for (const ipc::CheckNote& note : d.notes) CPPUNIT_ASSERT(note.is_observed && note.is_hit);
        // What is counted of those who pass goes on; what follows from a hit does not.
        for (const Effect& e : d.effects) {
          CPPUNIT_ASSERT(e.kind == Effect::Kind::count_message || e.kind == Effect::Kind::count_null_sender ||
                         e.kind == Effect::Kind::remember_recipient);
        }
      }
    }
  }

  void missing_facts_refuse_nobody() {
    const config::Configuration c = everything(Action::refuse);
    for (const Stage stage : {Stage::connect, Stage::mail, Stage::rcpt}) {
      Facts facts = hostile(stage);
      facts.recipients_invalid = 2;
      for (auto* fact : {&facts.messages, &facts.hang_ups, &facts.offences, &facts.null_senders}) fact->reset();
      for (auto* fact : {&facts.is_sender_local, &facts.is_remembered, &facts.is_range_held, &facts.is_recipient_listed,
                         &facts.is_recipient_known_bad}) {
        fact->reset();
      }
      facts.helo = {};
      config::Configuration d = c;
      d.characters.action = Action::off;
      if (stage == Stage::rcpt) facts.sender = {};
      const Decision decision = judge(facts, d);
      CPPUNIT_ASSERT_MESSAGE(std::string(ipc::name_of(stage)),
                             decision.answer.verdict == Verdict::proceed && decision.notes.empty());
    }
  }

  void judging_twice_is_judging_once() {
    for (const Action action : {Action::log, Action::score, Action::refuse, Action::tarpit, Action::ban}) {
      const config::Configuration c = everything(action);
      for (const Stage stage : kStages) {
        const Facts facts = hostile(stage);
        CPPUNIT_ASSERT_EQUAL(text_of(judge(facts, c)), text_of(judge(facts, c)));
      }
    }
  }

  void each_stage_that_has_a_check_is_asked() {
    CPPUNIT_ASSERT_EQUAL(0, int{stages_for(0, {})});
    struct Case {
      const char* name;
      void (*set)(config::Configuration&);
      std::vector<Stage> stages;
    };
    const std::vector<Case> cases{
        {"rate",
         [](auto& c) {
           c.rate = {2, 10, Action::log, 0, true};
         },
         {Stage::mail}},
        {"rate without action",
         [](auto& c) {
           c.rate = {2, 10, Action::off, 0, true};
         },
         {}},
        {"rate without limit",
         [](auto& c) {
           c.rate = {0, 10, Action::refuse, 0, true};
         },
         {}},
        {"null", [](auto& c) { c.sender.null = Action::refuse; }, {Stage::mail}},
        {"local", [](auto& c) { c.sender.local_unauthorised = Action::refuse; }, {Stage::mail}},
        {"characters", [](auto& c) { c.characters.action = Action::refuse; }, {Stage::mail, Stage::rcpt}},
        {"invalid", [](auto& c) { c.recipients = {9, 3, 0, 0, Action::refuse, 0}; }, {Stage::recipient_refused}},
        {"valid", [](auto& c) { c.recipients = {9, 0, 3, 0, Action::refuse, 0}; }, {Stage::recipient_accepted}},
        {"valid needs invalid",
         [](auto& c) { c.recipients = {9, 0, 3, 1, Action::refuse, 0}; },
         {Stage::recipient_accepted, Stage::recipient_refused}},
        {"backscatter",
         [](auto& c) {
           c.backscatter = {2, minutes(1), Action::refuse, 0};
         },
         {Stage::rcpt}},
        {"early", [](auto& c) { c.tarpit.is_present = true, c.tarpit.early_talkers = Action::refuse; }, {Stage::early_talker}},
        {"hang-ups", [](auto& c) { c.tarpit.is_present = true, c.tarpit.hang_ups = 1; }, {}},
        {"lists",
         [](auto& c) {
           c.domains.push_back({"example.org", 1, true});
         },
         {Stage::rcpt}},
    };
    for (const Case& one : cases) {
      config::Configuration c;
      one.set(c);
      ipc::StageMask expected = 0;
      for (const Stage stage : one.stages) expected = static_cast<ipc::StageMask>(expected | ipc::mask_of(stage));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(one.name, int{expected}, int{stages_for(0, c)});
      CPPUNIT_ASSERT_EQUAL_MESSAGE(one.name, 0, int{stages_for(config::bit_of(ClientClass::relay), c)});
    }
  }

  void every_row_exempts_as_its_line_of_the_table() {
    for (const bool bypass : {false, true}) {
      for (const bool exclude : {false, true}) {
        config::Configuration c = everything(Action::log);
        c.trusted.bypass_antispam = bypass;
        c.rate.exclude_authenticated = exclude;
        for (unsigned set = 0; set < 32; ++set) {
          for (const Stage stage : kStages) {
            Facts facts = hostile(stage);
            facts.classes = static_cast<ipc::ClientClasses>(set);
            const Decision d = judge(facts, c);
            for (const CheckRow& row : check_rows()) {
              if (row.stage != stage || row.reason == "unlisted-recipient") continue;
              const bool hits = row.judge(facts, c).state == Finding::State::hit;
              const bool is_noted =
                  std::any_of(d.notes.begin(), d.notes.end(), [&](const auto& n) { return n.check.str() == row.reason; });
              const bool is_exempt = config::is_exempt(row.exemption, facts.classes, {bypass, exclude});
              // A row behind one that refuses (the list's) does not run.
              if (!d.answer.reason.empty() && !is_noted) continue;
              CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(row.reason) + std::to_string(set), hits && !is_exempt, is_noted);
            }
          }
        }
      }
    }
  }

  void the_first_refusal_decides() {
    config::Configuration c = everything(Action::refuse);
    c.repeat_offenders.offences = 0;
    const Facts facts = hostile(Stage::mail);
    CPPUNIT_ASSERT_EQUAL(std::string("rate"), judge(facts, c).answer.reason.str());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, judge(facts, c).notes.size());
    c.rate.action = Action::score;  // scores, and what is behind it decides
    const Decision d = judge(facts, c);
    CPPUNIT_ASSERT_EQUAL(std::string("helo-characters"), d.answer.reason.str());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, d.notes.size());
    CPPUNIT_ASSERT_EQUAL(5, int{d.notes[0].points});
  }

  void level_2_notes_what_found_nothing() {
    config::Configuration c = everything(Action::refuse);
    c.characters.action = Action::off;
    Facts facts = hostile(Stage::mail);
    facts.messages = 0;
    facts.is_sender_local = false;
    c.log.level = ipc::LogLevel::level1;
    CPPUNIT_ASSERT(judge(facts, c).notes.empty());
    c.log.level = ipc::LogLevel::level2;
    const Decision d = judge(facts, c);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, d.notes.size());  // rate, null-sender, local-unauthorised
    for (const ipc::CheckNote& note : d.notes) CPPUNIT_ASSERT(!note.is_hit);
    CPPUNIT_ASSERT(d.notes[0].check.str() == "rate" && d.notes[0].value == 1 && d.notes[0].limit == 2);
  }

  void notes_tell_the_line_of_the_setting() {
    config::Configuration c = null_sender(Action::refuse);
    CPPUNIT_ASSERT_EQUAL(0U, judge(bounce(), c).answer.line);
    c.setting_lines.resize(config::settings().size());
    const config::Setting* setting = config::find_setting("sender", "null");
    CPPUNIT_ASSERT(setting != nullptr);
    c.setting_lines[static_cast<std::size_t>(setting - config::settings().data())] = 42;
    const Decision d = judge(bounce(), c);
    CPPUNIT_ASSERT_EQUAL(42U, d.answer.line);
    CPPUNIT_ASSERT_EQUAL(42U, d.notes[0].line);
    c.domains[0].line = 17;
    c.domains[0].has_recipients = true;
    CPPUNIT_ASSERT_EQUAL(17U, judge(hostile(Stage::rcpt), c).answer.line);
    // Every row names a setting that there is.
    for (const CheckRow& row : check_rows()) {
      if (row.reason == "unlisted-recipient") continue;  // of a repeated element
      CPPUNIT_ASSERT_MESSAGE(std::string(row.reason), config::find_setting(row.element, row.attribute) != nullptr);
    }
  }

  void tarpit_without_place_refuses_at_once() {
    const auto hold = [](const Facts& facts, const config::Configuration& c) {
      const Decision d = judge(facts, c);
      CPPUNIT_ASSERT(d.answer.verdict == Verdict::refuse && d.answer.closes);
      CPPUNIT_ASSERT_EQUAL(std::string(d.answer.hold.count() > 0 ? "tarpit" : "refuse"), d.notes[0].action.str());
      return d.answer.hold.count();
    };
    config::Configuration c = null_sender(Action::tarpit);
    Facts facts = bounce();
    facts.held = 9;
    CPPUNIT_ASSERT_EQUAL(60'000L, long{hold(facts, c)});
    facts.held = 10;
    CPPUNIT_ASSERT_EQUAL(0L, long{hold(facts, c)});
    CPPUNIT_ASSERT(effect_of(judge(facts, c), Effect::Kind::remember_client) != nullptr);
    facts.held = 0;
    facts.is_stressed = true;
    CPPUNIT_ASSERT_EQUAL(0L, long{hold(facts, c)});
    facts.is_stressed = false;
    facts.is_address_known = false;
    CPPUNIT_ASSERT_EQUAL(0L, long{hold(facts, c)});
    facts.is_address_known = true;
    c.tarpit = {};
    CPPUNIT_ASSERT_EQUAL(0L, long{hold(facts, c)});
    CPPUNIT_ASSERT(effect_of(judge(facts, c), Effect::Kind::remember_client) == nullptr);
  }

  void ban_without_hell_refuses() {
    config::Configuration c = null_sender(Action::ban);
    c.hell = {};
    const Decision d = judge(bounce(), c);
    CPPUNIT_ASSERT(d.answer.verdict == Verdict::refuse && effect_of(d, Effect::Kind::ban) == nullptr);
    CPPUNIT_ASSERT_EQUAL(std::string("refuse"), d.notes[0].action.str());
    // Nor for offences.
    c = everything(Action::refuse);
    CPPUNIT_ASSERT(effect_of(judge(hostile(Stage::recipient_refused), c), Effect::Kind::ban) != nullptr);
    c.hell = {};
    CPPUNIT_ASSERT(effect_of(judge(hostile(Stage::recipient_refused), c), Effect::Kind::ban) == nullptr);
  }

  void who_may_turn_out_to_be_trusted_is_deferred() {
    const auto code = [](Stage stage, const config::Configuration& c) {
      Facts facts = hostile(stage);
      facts.is_trust_awaited = true;
      const Decision d = judge(facts, c);
      CPPUNIT_ASSERT_EQUAL(d.answer.reply.str().starts_with('5'), effect_of(d, Effect::Kind::ban) != nullptr);
      CPPUNIT_ASSERT_EQUAL(d.answer.reply.str().starts_with('5'), effect_of(d, Effect::Kind::count_offence) != nullptr);
      return d.answer.reply.str().substr(0, 3);
    };
    config::Configuration c = everything(Action::ban);
    CPPUNIT_ASSERT_EQUAL(std::string("421"), code(Stage::early_talker, c));
    CPPUNIT_ASSERT_EQUAL(std::string("451"), code(Stage::mail, c));
    CPPUNIT_ASSERT_EQUAL(std::string("451"), code(Stage::rcpt, c));
    CPPUNIT_ASSERT_EQUAL(std::string("550"), code(Stage::recipient_refused, c));  // trust is no exemption from these
    c.trusted.bypass_antispam = false;
    CPPUNIT_ASSERT_EQUAL(std::string("550"), code(Stage::rcpt, c));
  }

  void Q9_listed_addresses_are_not_banned() {
    config::Configuration c = everything(Action::ban);
    Facts facts = hostile(Stage::recipient_refused);
    CPPUNIT_ASSERT(effect_of(judge(facts, c), Effect::Kind::ban) != nullptr);
    for (const ClientClass listed : {ClientClass::trusted, ClientClass::white}) {
      facts.classes = config::bit_of(listed);
      const Decision d = judge(facts, c);
      CPPUNIT_ASSERT(d.answer.verdict == Verdict::refuse && effect_of(d, Effect::Kind::ban) == nullptr);
    }
    facts.classes = 0;
    facts.is_address_known = false;  // a balancer's
    CPPUNIT_ASSERT(effect_of(judge(facts, c), Effect::Kind::ban) == nullptr);
  }

  void points_of_a_recipient_count_come_once() {
    config::Configuration c = everything(Action::score);
    c.repeat_offenders.offences = 0;
    Facts facts = hostile(Stage::recipient_accepted);
    CPPUNIT_ASSERT(effect_of(judge(facts, c), Effect::Kind::add_points) != nullptr);
    facts.hits = 1U << reason_index("valid-recipients");
    CPPUNIT_ASSERT(judge(facts, c).notes.empty());
    c.recipients.action = Action::refuse;  // this comes again
    CPPUNIT_ASSERT(judge(facts, c).answer.verdict == Verdict::refuse);
  }

  void AX_12_greeting_delay() {
    config::Configuration c = everything(Action::off);
    c.tarpit.hang_ups = 0;
    Facts facts = hostile(Stage::connect);
    facts.is_remembered = facts.is_range_held = false;
    CPPUNIT_ASSERT(judge(facts, c).answer.hold == seconds(5));
    CPPUNIT_ASSERT(judge(facts, c).answer.verdict == Verdict::proceed);
    for (const ClientClass exempt : {ClientClass::relay, ClientClass::trusted}) {
      facts.classes = config::bit_of(exempt);
      CPPUNIT_ASSERT_EQUAL(0L, long{judge(facts, c).answer.hold.count()});
    }
    facts.classes = config::bit_of(ClientClass::white);  // applies
    CPPUNIT_ASSERT(judge(facts, c).answer.hold == seconds(5));
    c.tarpit.greeting = milliseconds(0);  // off
    CPPUNIT_ASSERT_EQUAL(0L, long{judge(facts, c).answer.hold.count()});
  }

  void Q21_remembered_clients_wait_at_helo() {
    config::Configuration c = everything(Action::off);
    c.tarpit.hang_ups = 0;
    Facts facts = hostile(Stage::connect);
    CPPUNIT_ASSERT(judge(facts, c).answer.helo_hold == seconds(60));
    facts.is_remembered = false;
    CPPUNIT_ASSERT_EQUAL(0L, long{judge(facts, c).answer.helo_hold.count()});
    facts.is_remembered = true;
    facts.held = 10;
    CPPUNIT_ASSERT_EQUAL(0L, long{judge(facts, c).answer.helo_hold.count()});
    facts.held = 0;
    c.tarpit.is_present = false;
    CPPUNIT_ASSERT_EQUAL(0L, long{judge(facts, c).answer.helo_hold.count()});
  }

  void AX_5_third_offence_bans() {
    config::Configuration c = everything(Action::refuse);
    c.repeat_offenders.range4 = 32;
    Facts facts = hostile(Stage::recipient_refused);
    for (const std::uint32_t before : {0U, 1U, 2U, 3U}) {
      facts.offences = before;
      const Decision d = judge(facts, c);
      const Effect* ban = effect_of(d, Effect::Kind::ban);
      CPPUNIT_ASSERT(effect_of(d, Effect::Kind::count_offence) != nullptr);
      CPPUNIT_ASSERT_EQUAL(before >= 2, ban != nullptr);
      CPPUNIT_ASSERT_EQUAL(before >= 2, d.notes.back().check.str() == kRepeatOffenders);
      if (ban != nullptr) CPPUNIT_ASSERT(ban->time == minutes(60) && ban->prefix.text() == "192.0.2.13");
    }
    facts.has_offended = true;  // once a session
    CPPUNIT_ASSERT(effect_of(judge(facts, c), Effect::Kind::count_offence) == nullptr);
    facts.has_offended = false;
    c.recipients.action = Action::defer;  // no refusal, no offence
    CPPUNIT_ASSERT(effect_of(judge(facts, c), Effect::Kind::count_offence) == nullptr);
    // What honest servers do is none.
    facts = bounce();
    facts.messages = 0;
    c.characters.action = Action::off;
    CPPUNIT_ASSERT_EQUAL(std::string("null-sender"), judge(facts, c).answer.reason.str());
    CPPUNIT_ASSERT(effect_of(judge(facts, c), Effect::Kind::count_offence) == nullptr);
  }
  void AX_5_off() {
    config::Configuration c = everything(Action::refuse);
    c.repeat_offenders.offences = 0;
    const Decision d = judge(hostile(Stage::recipient_refused), c);
    CPPUNIT_ASSERT(d.answer.verdict == Verdict::refuse);
    CPPUNIT_ASSERT(effect_of(d, Effect::Kind::count_offence) == nullptr && effect_of(d, Effect::Kind::ban) == nullptr);
  }
  void AX_7_the_range_is_banned() {
    const config::Configuration c = everything(Action::refuse);  // /29
    const Decision d = judge(hostile(Stage::recipient_refused), c);
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.8/29"), effect_of(d, Effect::Kind::ban)->prefix.text());
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.8/29"), effect_of(d, Effect::Kind::count_offence)->prefix.text());
  }
  void AX_7_extra_tarpit_instead() {
    config::Configuration c = everything(Action::refuse);
    c.repeat_offenders.tarpit = seconds(20);
    const Decision d = judge(hostile(Stage::recipient_refused), c);
    CPPUNIT_ASSERT(effect_of(d, Effect::Kind::ban) == nullptr);
    const Effect* held = effect_of(d, Effect::Kind::hold_range);
    CPPUNIT_ASSERT(held != nullptr && held->time == minutes(60) && held->prefix.text() == "192.0.2.8/29");
    // Its next connections; penalties add up.
    c.tarpit.hang_ups = 0;
    Facts facts = hostile(Stage::connect);
    CPPUNIT_ASSERT(judge(facts, c).answer.hold == seconds(25));
    facts.is_range_held = false;
    CPPUNIT_ASSERT(judge(facts, c).answer.hold == seconds(5));
    facts.is_range_held = true;
    c.repeat_offenders.tarpit = milliseconds(0);
    CPPUNIT_ASSERT(judge(facts, c).answer.hold == seconds(5));
  }

  // Characters: what white is exempt from, but for IW-4.
  static Facts white_local_sender() {
    Facts facts = hostile(Stage::mail);
    facts.classes = config::bit_of(ClientClass::white);
    facts.messages = 0;
    return facts;
  }
  void IW_4_white_does_not_help_a_false_local_sender() {
    config::Configuration c = everything(Action::score);
    const Facts facts = white_local_sender();
    CPPUNIT_ASSERT(effective_classes(facts, c) == 0);
    Decision d = judge(facts, c);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, d.notes.size());  // helo-characters, sender-characters, local-unauthorised
    CPPUNIT_ASSERT_EQUAL(std::string("local-unauthorised"), d.notes.back().check.str());
    c.characters.action = Action::refuse;
    CPPUNIT_ASSERT(judge(facts, c).answer.verdict == Verdict::refuse);
    CPPUNIT_ASSERT(stages_for(facts.classes, c) & ipc::mask_of(Stage::rcpt));
    Facts foreign = facts;
    foreign.is_sender_local = false;
    CPPUNIT_ASSERT(effective_classes(foreign, c) == foreign.classes);
    CPPUNIT_ASSERT(judge(foreign, c).answer.verdict == Verdict::proceed);
  }
  void IW_4_off() {
    config::Configuration c = everything(Action::refuse);
    const Facts facts = white_local_sender();
    for (const Action action : {Action::off, Action::log}) {  // log decides nothing
      c.sender.local_unauthorised = action;
      CPPUNIT_ASSERT(effective_classes(facts, c) == facts.classes);
      CPPUNIT_ASSERT(judge(facts, c).answer.verdict == Verdict::proceed);
    }
    c.sender.local_unauthorised = Action::score;
    c.server.observe = true;
    CPPUNIT_ASSERT(effective_classes(facts, c) == facts.classes);
  }

  void reasons_are_distinct_and_complete() {
    const auto reasons = check_reasons();
    for (std::size_t i = 0; i < reasons.size(); ++i) CPPUNIT_ASSERT_EQUAL(i, reason_index(reasons[i]));
    for (const CheckRow& row : check_rows()) CPPUNIT_ASSERT(reason_index(row.reason) < reasons.size());
    CPPUNIT_ASSERT(reason_index(kRepeatOffenders) < reasons.size() && reason_index(kRemembered) < reasons.size());
    CPPUNIT_ASSERT_EQUAL(reasons.size(), reason_index("no such check"));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(EngineTest);

}  // namespace caronte::policyd
