// The checks over whole sessions: what is remembered of one client, recipient or session changes what the next one gets.
#include "policyd/rulings.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "base/address_parser.h"
#include "policyd/memory_store.h"

namespace caronte::policyd {

using config::Action;
using config::ClientClass;
using ipc::Stage;
using ipc::Verdict;
using std::chrono::minutes;
using std::chrono::seconds;

class RulingsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RulingsTest);
  CPPUNIT_TEST(nothing_on_asks_nothing);
  CPPUNIT_TEST(AG_8_third_message_in_the_minute);
  CPPUNIT_TEST(AG_8_off);
  CPPUNIT_TEST(AG_8_refused_messages_do_not_count);
  CPPUNIT_TEST(AG_8_survives_a_new_policyd);
  CPPUNIT_TEST(AG_10_authenticated_sessions_are_exempt);
  CPPUNIT_TEST(AG_10_off);
  CPPUNIT_TEST(AX_25_third_bounce);
  CPPUNIT_TEST(AG_5_known_bad_recipient_is_foreseen);
  CPPUNIT_TEST(AG_9_next_sessions_wait_at_helo);
  CPPUNIT_TEST(AG_16_hang_ups_are_disconnected);
  CPPUNIT_TEST(AX_5_third_session_is_banned);
  CPPUNIT_TEST(AX_7_a_range_offends_together);
  CPPUNIT_TEST(AX_7_held_instead_of_banned);
  CPPUNIT_TEST(Q9_a_listed_neighbour_is_not_banned_along);
  CPPUNIT_TEST(tarpit_has_a_last_place);
  CPPUNIT_TEST(points_add_up);
  CPPUNIT_TEST(IW_2_local_domains);
  CPPUNIT_TEST(balancers_are_not_judged);
  CPPUNIT_TEST(stages_have_an_order);
  CPPUNIT_TEST(resumed_sessions_may_be_asked_anything);
  CPPUNIT_TEST_SUITE_END();

  MemoryStore store_;
  SenderHistory senders_{store_};
  Hell hell_{store_};
  SessionTable sessions_;
  std::optional<Rulings> rulings_;
  worker::Generation settings_;
  FactBook::Now now_{1'800'000'000, base::MonotonicTime{std::chrono::hours(1000)}};
  std::uint64_t last_ = 0;

 public:
  void setUp() override {
    rulings_.emplace(sessions_, senders_, hell_);
    settings_.number = 1;
    settings_.configuration.replies.refused = "550 Refused";
    settings_.configuration.domains = {{"example.org", 1, false}};
  }

 private:
  config::Configuration& set() { return settings_.configuration; }
  void pass(seconds time) {
    now_.stored += time.count();
    now_.monotonic += time;
  }
  Rulings::Moment moment() {
    return {now_, false, [this] { return ProtectedAddresses{{&settings_.list(config::ListId::white)}, set().listens, {}}; }};
  }
  Decision connect(const char* client, ipc::ClientClasses classes = 0, bool is_known = true) {
    ipc::SessionAnswer admitted;
    admitted.session = ++last_;
    admitted.classes = classes;
    CPPUNIT_ASSERT(sessions_.open(last_, {{base::parse_address(client).value(), 1000}, classes, is_known, is_known, 0, {}}));
    return rulings_->connect(admitted, settings_, moment());
  }
  std::optional<Decision> ask(Stage stage, const ipc::StageQuestion& with = {}) {
    ipc::StageQuestion question = with;
    question.session = last_;
    question.stage = stage;
    return rulings_->ask(question, settings_, moment());
  }
  Verdict mail(std::string_view sender = "a@far.example", ipc::ClientClasses classes = 0) {
    ipc::StageQuestion question;
    question.sender = sender;
    question.classes = classes;
    return ask(Stage::mail, question).value().answer.verdict;
  }
  Decision rcpt(std::string_view sender, std::string_view recipient, std::uint32_t invalid = 0) {
    ipc::StageQuestion question;
    question.sender = sender;
    question.recipient = recipient;
    question.recipients_invalid = invalid;
    return ask(Stage::rcpt, question).value();
  }
  Decision refused(std::string_view recipient, std::uint32_t invalid, std::uint16_t code = 550) {
    ipc::StageQuestion question;
    question.sender = "a@far.example";
    question.recipient = recipient;
    question.recipients_invalid = invalid;
    question.code = code;
    question.is_destinations = true;
    return ask(Stage::recipient_refused, question).value();
  }
  void close() {
    rulings_->close(last_);
    sessions_.close(last_);
  }
  [[nodiscard]] bool in_hell(const char* client) {
    return hell_.find(base::parse_address(client).value(), {}, now_.stored).has_value();
  }
  // A session that tries one invalid recipient too many.
  Decision offend(const char* client) {
    CPPUNIT_ASSERT(connect(client).answer.verdict == Verdict::proceed);
    Decision decision = refused("x@example.org", 0);
    close();
    CPPUNIT_ASSERT(decision.answer.verdict == Verdict::refuse);
    return decision;
  }

  void nothing_on_asks_nothing() {
    CPPUNIT_ASSERT_EQUAL(0, int{connect("192.0.2.1").answer.stages});
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, senders_.size());
  }

  void AG_8_third_message_in_the_minute() {
    set().rate = {2, 1, Action::refuse, 0, true};
    CPPUNIT_ASSERT(connect("192.0.2.1").answer.stages == ipc::mask_of(Stage::mail));
    CPPUNIT_ASSERT(mail() == Verdict::proceed);
    pass(seconds(30));
    close();
    (void)connect("192.0.2.1");  // the client, not the session
    CPPUNIT_ASSERT(mail() == Verdict::proceed && mail() == Verdict::refuse);
    close();
    (void)connect("192.0.2.2");
    CPPUNIT_ASSERT(mail() == Verdict::proceed);
    close();
    pass(seconds(31));
    (void)connect("192.0.2.1");
    CPPUNIT_ASSERT(mail() == Verdict::proceed && mail() == Verdict::refuse);  // the first one of before is out of the window
    pass(seconds(61));
    CPPUNIT_ASSERT(mail() == Verdict::proceed);
  }
  void AG_8_off() {
    set().rate = {0, 1, Action::refuse, 0, true};
    set().sender.null = Action::refuse;  // so that the stage is asked
    (void)connect("192.0.2.1");
    for (int i = 0; i < 100; ++i) CPPUNIT_ASSERT(mail() == Verdict::proceed);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, senders_.size());
  }
  void AG_8_refused_messages_do_not_count() {
    set().rate = {2, 1, Action::refuse, 0, true};
    set().sender.null = Action::refuse;
    (void)connect("192.0.2.1");
    for (int i = 0; i < 10; ++i) CPPUNIT_ASSERT(mail("") == Verdict::refuse);
    CPPUNIT_ASSERT(mail() == Verdict::proceed && mail() == Verdict::proceed && mail() == Verdict::refuse);
  }
  void AG_8_survives_a_new_policyd() {
    set().rate = {2, 1, Action::refuse, 0, true};
    (void)connect("192.0.2.1");
    CPPUNIT_ASSERT(mail() == Verdict::proceed && mail() == Verdict::proceed);
    SenderHistory later(store_);
    rulings_.emplace(sessions_, later, hell_);
    CPPUNIT_ASSERT(mail() == Verdict::refuse);
  }
  void AG_10_authenticated_sessions_are_exempt() {
    set().rate = {2, 1, Action::refuse, 0, true};
    (void)connect("192.0.2.1");
    for (int i = 0; i < 10; ++i)
      CPPUNIT_ASSERT(mail("a@far.example", config::bit_of(ClientClass::authenticated)) == Verdict::proceed);
    CPPUNIT_ASSERT(mail() == Verdict::proceed);  // nor were they counted
  }
  void AG_10_off() {
    set().rate = {2, 1, Action::refuse, 0, false};
    (void)connect("192.0.2.1");
    const auto authenticated = config::bit_of(ClientClass::authenticated);
    CPPUNIT_ASSERT(mail("a@b", authenticated) == Verdict::proceed && mail("a@b", authenticated) == Verdict::proceed);
    CPPUNIT_ASSERT(mail("a@b", authenticated) == Verdict::refuse);
  }

  void AX_25_third_bounce() {
    set().backscatter = {2, minutes(10), Action::refuse, 0};
    const auto bounce = [&](const char* client, const char* recipient) {
      (void)connect(client);
      const Verdict verdict = rcpt("", recipient).answer.verdict;
      close();
      return verdict;
    };
    CPPUNIT_ASSERT(bounce("192.0.2.1", "a@example.org") == Verdict::proceed);
    CPPUNIT_ASSERT(bounce("192.0.2.2", "A@example.org") == Verdict::proceed);
    CPPUNIT_ASSERT(bounce("192.0.2.3", "a@example.org") == Verdict::refuse);
    CPPUNIT_ASSERT(bounce("192.0.2.3", "b@example.org") == Verdict::proceed);
    (void)connect("192.0.2.4");
    CPPUNIT_ASSERT(rcpt("c@far.example", "a@example.org").answer.verdict == Verdict::proceed);
    pass(minutes(9));
    CPPUNIT_ASSERT(bounce("192.0.2.3", "a@example.org") == Verdict::refuse);
    pass(minutes(10));
    CPPUNIT_ASSERT(bounce("192.0.2.3", "a@example.org") == Verdict::proceed);
    set().backscatter.messages = 0;  // off
    set().characters.action = Action::log;
    for (int i = 0; i < 5; ++i) CPPUNIT_ASSERT(bounce("192.0.2.3", "a@example.org") == Verdict::proceed);
  }

  void AG_5_known_bad_recipient_is_foreseen() {
    set().recipients = {100, 3, 0, 0, Action::refuse, 0};
    set().backscatter = {100, minutes(10), Action::refuse, 0};  // so that Stage::rcpt is asked
    (void)connect("192.0.2.1");
    CPPUNIT_ASSERT(refused("bad@example.org", 0).answer.verdict == Verdict::proceed);
    (void)refused("busy@example.org", 1, 552);
    CPPUNIT_ASSERT(rcpt("a@b", "Bad@example.org", 1).answer.verdict == Verdict::proceed);
    CPPUNIT_ASSERT(rcpt("a@b", "Bad@example.org", 2).answer.verdict == Verdict::refuse);
    CPPUNIT_ASSERT(rcpt("a@b", "busy@example.org", 2).answer.verdict == Verdict::proceed);
    CPPUNIT_ASSERT(rcpt("a@b", "good@example.org", 2).answer.verdict == Verdict::proceed);
    pass(minutes(5));
    CPPUNIT_ASSERT(rcpt("a@b", "Bad@example.org", 2).answer.verdict == Verdict::proceed);
  }

  void AG_9_next_sessions_wait_at_helo() {
    set().recipients = {100, 1, 0, 0, Action::tarpit, 0};
    set().tarpit = {true, {}, seconds(60), 0, minutes(10), Action::off, 0, 10};
    CPPUNIT_ASSERT(connect("192.0.2.1").answer.helo_hold.count() == 0);
    const Decision decision = refused("x@example.org", 0);
    CPPUNIT_ASSERT(decision.answer.verdict == Verdict::refuse && decision.answer.hold == seconds(60) && decision.answer.closes);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, rulings_->held(now_.monotonic));
    close();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, rulings_->held(now_.monotonic));
    CPPUNIT_ASSERT(connect("192.0.2.1").answer.helo_hold == seconds(60));
    CPPUNIT_ASSERT(connect("192.0.2.2").answer.helo_hold.count() == 0);
    pass(minutes(10));
    CPPUNIT_ASSERT(connect("192.0.2.1").answer.helo_hold.count() == 0);
  }

  void AG_16_hang_ups_are_disconnected() {
    set().tarpit = {true, seconds(5), seconds(60), 2, minutes(10), Action::off, 0, 10};
    senders_.add_hang_up(base::Address::v4(192, 0, 2, 1), minutes(10), now_.stored);
    CPPUNIT_ASSERT(connect("192.0.2.1").answer.hold == seconds(5));
    senders_.add_hang_up(base::Address::v4(192, 0, 2, 1), minutes(10), now_.stored);
    const std::size_t before = sessions_.size();
    const Decision decision = connect("192.0.2.1");
    CPPUNIT_ASSERT(decision.answer.verdict == Verdict::refuse && decision.answer.hold.count() == 0 && decision.answer.closes);
    CPPUNIT_ASSERT_EQUAL(std::string("hang-ups"), decision.answer.reason.str());
    CPPUNIT_ASSERT_EQUAL(before, sessions_.size());  // it holds no slot
    pass(minutes(10));
    CPPUNIT_ASSERT(connect("192.0.2.1").answer.verdict == Verdict::proceed);
  }

  void AX_5_third_session_is_banned() {
    set().recipients = {100, 1, 0, 0, Action::refuse, 0};
    set().hell = {true, minutes(5), "554 5.7.1 Refused", false};
    set().repeat_offenders = {3, minutes(10), minutes(60), 32, 64, {}};
    (void)offend("192.0.2.1");
    (void)offend("192.0.2.1");
    CPPUNIT_ASSERT(!in_hell("192.0.2.1"));
    (void)offend("192.0.2.1");
    CPPUNIT_ASSERT(in_hell("192.0.2.1") && !in_hell("192.0.2.2"));
    pass(minutes(59));
    CPPUNIT_ASSERT(in_hell("192.0.2.1"));
    pass(minutes(1));
    CPPUNIT_ASSERT(!in_hell("192.0.2.1"));
    // Two of before the window do not count.
    (void)offend("192.0.2.3");
    (void)offend("192.0.2.3");
    pass(minutes(10));
    (void)offend("192.0.2.3");
    CPPUNIT_ASSERT(!in_hell("192.0.2.3"));
    set().repeat_offenders.offences = 0;  // off
    for (int i = 0; i < 10; ++i) (void)offend("192.0.2.4");
    CPPUNIT_ASSERT(!in_hell("192.0.2.4"));
  }
  void AX_7_a_range_offends_together() {
    set().recipients = {100, 1, 0, 0, Action::refuse, 0};
    set().hell = {true, minutes(5), "554 5.7.1 Refused", false};
    set().repeat_offenders = {3, minutes(10), minutes(60), 29, 64, {}};
    (void)offend("192.0.2.9");
    (void)offend("192.0.2.12");
    (void)offend("192.0.2.15");
    CPPUNIT_ASSERT(in_hell("192.0.2.8") && in_hell("192.0.2.15") && !in_hell("192.0.2.16") && !in_hell("192.0.2.7"));
    for (int i = 0; i < 3; ++i) (void)offend("2001:db8::1");
    CPPUNIT_ASSERT(in_hell("2001:db8::ffff") && !in_hell("2001:db8:0:1::1"));
  }
  void AX_7_held_instead_of_banned() {
    set().recipients = {100, 1, 0, 0, Action::refuse, 0};
    set().tarpit = {true, {}, seconds(60), 0, minutes(10), Action::off, 0, 10};
    set().hell = {true, minutes(5), "554 5.7.1 Refused", false};
    set().repeat_offenders = {3, minutes(10), minutes(60), 32, 64, seconds(20)};
    for (int i = 0; i < 3; ++i) (void)offend("192.0.2.1");
    CPPUNIT_ASSERT(!in_hell("192.0.2.1"));
    CPPUNIT_ASSERT(connect("192.0.2.1").answer.hold == seconds(20));
    CPPUNIT_ASSERT(connect("192.0.2.2").answer.hold.count() == 0);
    pass(minutes(60));
    CPPUNIT_ASSERT(connect("192.0.2.1").answer.hold.count() == 0);
  }
  void Q9_a_listed_neighbour_is_not_banned_along() {
    set().recipients = {100, 1, 0, 0, Action::ban, 0};
    set().hell = {true, minutes(5), "554 5.7.1 Refused", false};
    set().listens = {{{}, {{base::Address::v4(192, 0, 2, 12), base::Address::v4(192, 0, 2, 12)}}, 1}};
    set().repeat_offenders = {1, minutes(10), minutes(60), 29, 64, {}};
    (void)offend("192.0.2.9");
    CPPUNIT_ASSERT(in_hell("192.0.2.9") && !in_hell("192.0.2.12"));
  }

  void tarpit_has_a_last_place() {
    set().sender.null = Action::tarpit;
    set().tarpit = {true, {}, seconds(60), 0, minutes(10), Action::off, 0, 3};
    for (int i = 0; i < 5; ++i) {
      (void)connect(("192.0.2." + std::to_string(i)).c_str());
      CPPUNIT_ASSERT_EQUAL(i<3, ask(Stage::mail).value().answer.hold.count()> 0);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, rulings_->held(now_.monotonic));
    pass(seconds(60));
    (void)connect("192.0.2.99");
    CPPUNIT_ASSERT(ask(Stage::mail).value().answer.hold == seconds(60));
  }

  void points_add_up() {
    set().sender = {Action::score, Action::off, 4};
    (void)connect("192.0.2.1");
    (void)mail("");
    (void)mail("a@far.example");
    (void)mail("");
    CPPUNIT_ASSERT_EQUAL(8, int{sessions_.find(last_)->state.points});
  }

  void IW_2_local_domains() {
    set().sender.local_unauthorised = Action::refuse;
    (void)connect("192.0.2.1");
    CPPUNIT_ASSERT(mail("a@far.example") == Verdict::proceed && mail("") == Verdict::proceed);
    CPPUNIT_ASSERT(mail("a@sub.example.org") == Verdict::proceed && mail("\"b@example.org\"@far.example") == Verdict::proceed);
    CPPUNIT_ASSERT(mail("a@example.org") == Verdict::refuse && mail("a@EXAMPLE.org") == Verdict::refuse);
    CPPUNIT_ASSERT(mail("a@example.org", config::bit_of(ClientClass::authenticated)) == Verdict::proceed);
    // smtpd-proxy knows who has logged in, and nothing else better than policyd.
    CPPUNIT_ASSERT(mail("a@example.org", config::bit_of(ClientClass::relay)) == Verdict::refuse);
    for (const ClientClass authorised : {ClientClass::relay, ClientClass::trusted}) {
      const Decision decision = connect("192.0.2.1", config::bit_of(authorised));
      CPPUNIT_ASSERT_EQUAL(0, int{decision.answer.stages});
    }
    (void)connect("192.0.2.1", config::bit_of(ClientClass::white));
    CPPUNIT_ASSERT(mail("a@example.org") == Verdict::refuse);
    settings_.configuration.sender.local_unauthorised = Action::off;
    settings_.configuration.sender.null = Action::refuse;
    (void)connect("192.0.2.1");
    CPPUNIT_ASSERT(mail("a@example.org") == Verdict::proceed);
  }

  void balancers_are_not_judged() {
    set().rate = {1, 1, Action::refuse, 0, true};
    set().tarpit = {true, seconds(5), seconds(60), 1, minutes(10), Action::off, 0, 10};
    senders_.add_hang_up(base::Address::v4(192, 0, 2, 1), minutes(10), now_.stored);
    const Decision decision = connect("192.0.2.1", 0, false);
    CPPUNIT_ASSERT(decision.answer.verdict == Verdict::proceed && decision.answer.hold.count() == 0);
    for (int i = 0; i < 5; ++i) CPPUNIT_ASSERT(mail() == Verdict::proceed);
  }

  void stages_have_an_order() {
    set().sender.null = Action::refuse;
    set().tarpit = {true, {}, {}, 0, minutes(10), Action::refuse, 0, 10};
    set().recipients = {100, 9, 9, 0, Action::refuse, 0};
    (void)connect("192.0.2.1");
    CPPUNIT_ASSERT(!ask(Stage::connect) && !ask(Stage::kCount));
    ipc::StageQuestion with;
    with.recipient = "a@example.org";
    CPPUNIT_ASSERT(!ask(Stage::rcpt, with));  // not granted
    CPPUNIT_ASSERT(!ask(Stage::recipient_refused, with) && !ask(Stage::recipient_accepted, with));
    with.code = 250;
    CPPUNIT_ASSERT(!ask(Stage::recipient_refused, with) && ask(Stage::recipient_accepted, with));
    with.code = 550;
    CPPUNIT_ASSERT(ask(Stage::recipient_refused, with) && !ask(Stage::recipient_accepted, with));
    with.recipient = "";
    CPPUNIT_ASSERT(ask(Stage::recipient_refused, with));  // one whose syntax was wrong
    with.code = 250;
    CPPUNIT_ASSERT(!ask(Stage::recipient_accepted, with));
    CPPUNIT_ASSERT(!ask(Stage::early_talker));  // too late
    (void)connect("192.0.2.1");
    CPPUNIT_ASSERT(ask(Stage::early_talker));
  }
  void resumed_sessions_may_be_asked_anything() {
    set().sender.null = Action::refuse;
    ++last_;
    CPPUNIT_ASSERT(sessions_.open(last_, {{base::Address::v4(192, 0, 2, 1), 1}, 0, true, true, 0, {.is_resumed = true}}));
    CPPUNIT_ASSERT(ask(Stage::early_talker) && ask(Stage::mail));
    CPPUNIT_ASSERT(rcpt("a@b", "c@d").answer.verdict == Verdict::proceed);
    CPPUNIT_ASSERT(mail("") == Verdict::refuse);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RulingsTest);

}  // namespace caronte::policyd
