// A session and policyd's stages: what is asked when, what its verdicts do, and what a policyd that was taken over cannot do.
// The rows AG-9, AG-16, AX-12, AG-5, AG-6 and Q21, Q22 as far as they are smtpd-proxy's; limits and texts are policyd's.
#include "smtpd-proxy/session.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/prefix_tree.h"
#include "config/mapped_list.h"
#include "config/name_list.h"
#include "tests/smtpd-proxy/proxy_harness.h"

namespace caronte::smtpd_proxy {

namespace {

using ipc::Stage;
using ipc::Verdict;
using std::chrono::milliseconds;

constexpr auto kAll =
    static_cast<ipc::StageMask>(ipc::mask_of(Stage::early_talker) | ipc::mask_of(Stage::mail) | ipc::mask_of(Stage::rcpt) |
                                ipc::mask_of(Stage::recipient_accepted) | ipc::mask_of(Stage::recipient_refused));
const std::string kGreeting = "220 mx.example.org ESMTP Caronte\r\n";
const std::string kOwnName = "250 mx.example.org\r\n";
const std::string kSenderTaken = "250 2.1.0 Ok\r\n";
const std::string kFine = "250 2.1.5 fine\r\n";

ipc::SessionAnswer refusal(std::string_view reply, bool closes = false, milliseconds hold = {}) {
  ipc::SessionAnswer answer;
  answer.verdict = Verdict::refuse;
  answer.reply = reply;
  answer.closes = closes;
  answer.hold = hold;
  return answer;
}

// policyd refuses at this stage, once or for ever.
ProxyHarness::Judge refuses_at(Stage stage, const ipc::SessionAnswer& answer) {
  return [=](const ipc::StageQuestion& question) { return question.stage == stage ? answer : ipc::SessionAnswer{}; };
}

std::string stages_of(const ProxyHarness& gateway) {
  std::string names;
  for (const ipc::StageQuestion& question : gateway.questions)
    names.append(names.empty() ? "" : " ").append(ipc::name_of(question.stage));
  return names;
}

}  // namespace

class SessionTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SessionTest);
  CPPUNIT_TEST(no_stage_no_question);
  CPPUNIT_TEST(each_stage_is_asked_with_what_is_known);
  CPPUNIT_TEST(what_we_refuse_ourselves_is_not_asked);
  CPPUNIT_TEST(refused_mail);
  CPPUNIT_TEST(refused_rcpt_leaves_the_others_and_is_never_forwarded);
  CPPUNIT_TEST(replies_keep_their_order);
  CPPUNIT_TEST(one_question_at_a_time);
  CPPUNIT_TEST(refused_after_acceptance_blocks_the_transaction_AG_6);
  CPPUNIT_TEST(refused_recipients_are_told_of_AG_5_Q22);
  CPPUNIT_TEST(held_before_the_greeting_AX_12);
  CPPUNIT_TEST(held_before_the_reply_to_helo_AG_9_Q21);
  CPPUNIT_TEST(held_before_a_refusal_AG_9);
  CPPUNIT_TEST(hang_up_in_a_hold_is_seen_AG_16);
  CPPUNIT_TEST(early_talkers_AX_12);
  CPPUNIT_TEST(illegal_answers_are_no_acceptance);
  CPPUNIT_TEST(policyd_away_during_a_question);
  CPPUNIT_TEST(another_policyd_is_asked_again);
  CPPUNIT_TEST(trusted_clients_pass_the_relay_guard_IW_5);
  CPPUNIT_TEST_SUITE_END();

  static void greet(ProxyHarness& gateway) {
    gateway.start();
    CPPUNIT_ASSERT_EQUAL(kGreeting, gateway.hear());
    CPPUNIT_ASSERT_EQUAL(kOwnName, gateway.say("HELO client.example"));
  }

 public:
  void no_stage_no_question() {
    ProxyHarness gateway;
    greet(gateway);
    CPPUNIT_ASSERT_EQUAL(kSenderTaken, gateway.say("MAIL FROM:<a@b.example>"));
    CPPUNIT_ASSERT_EQUAL(kFine, gateway.say("RCPT TO:<user@example.org>"));
    gateway.say("RCPT TO:<x@foreign.example>");
    gateway.say("DATA");
    CPPUNIT_ASSERT_EQUAL(std::string("250 2.0.0 taken\r\n"), gateway.say("Subject: x\r\n\r\nhello\r\n."));
    CPPUNIT_ASSERT(gateway.questions.empty());
  }

  void each_stage_is_asked_with_what_is_known() {
    ProxyHarness gateway;
    gateway.admission.stages = kAll;
    gateway.server.recipient_replies = {"550 5.1.1 no", "250 2.1.5 fine"};
    greet(gateway);
    gateway.say("MAIL FROM:<a@b.example>");
    CPPUNIT_ASSERT_EQUAL(std::string("550 5.1.1 no\r\n"), gateway.say("RCPT TO:<nobody@example.org>"));
    CPPUNIT_ASSERT_EQUAL(kFine, gateway.say("RCPT TO:<user@example.org>"));
    gateway.say("RCPT TO:<x@foreign.example>");
    CPPUNIT_ASSERT_EQUAL(std::string("mail rcpt recipient-refused rcpt recipient-accepted recipient-refused"), stages_of(gateway));
    const ipc::StageQuestion& mail = gateway.questions[0];
    CPPUNIT_ASSERT(mail.helo == ipc::Text<512>("client.example") && mail.sender == ipc::Text<512>("a@b.example"));
    CPPUNIT_ASSERT(mail.recipient.empty() && mail.code == 0);
    const ipc::StageQuestion& refused = gateway.questions[2];
    CPPUNIT_ASSERT(refused.recipient == ipc::Text<512>("nobody@example.org") && refused.code == 550 && refused.is_destinations);
    CPPUNIT_ASSERT(refused.recipients_invalid == 0 && refused.recipients_valid == 0);
    const ipc::StageQuestion& accepted = gateway.questions[4];
    CPPUNIT_ASSERT(accepted.recipient == ipc::Text<512>("user@example.org") && accepted.code == 250 && accepted.is_destinations);
    CPPUNIT_ASSERT(accepted.recipients_invalid == 1 && accepted.recipients_valid == 0);
    const ipc::StageQuestion& denied = gateway.questions[5];
    CPPUNIT_ASSERT(denied.code == 550 && !denied.is_destinations && denied.recipients_valid == 1);
  }

  void what_we_refuse_ourselves_is_not_asked() {
    ProxyHarness gateway;
    gateway.admission.stages = static_cast<ipc::StageMask>(ipc::mask_of(Stage::mail) | ipc::mask_of(Stage::rcpt));
    gateway.generation().configuration.limits.message_size = 1000;
    gateway.generation().configuration.recipients.maximum = 1;
    greet(gateway);
    gateway.say("MAIL FROM:<a@b.example");
    CPPUNIT_ASSERT(gateway.questions.empty());
    gateway.say("MAIL FROM:<a@b.example>");
    CPPUNIT_ASSERT(gateway.say("RCPT TO:<x@foreign.example>").starts_with("550 5.7.1 Relaying denied"));
    CPPUNIT_ASSERT(gateway.say("RCPT TO:<@@>").starts_with("5"));
    CPPUNIT_ASSERT_EQUAL(kFine, gateway.say("RCPT TO:<user@example.org>"));
    CPPUNIT_ASSERT(gateway.say("RCPT TO:<user2@example.org>").starts_with("452 "));
    CPPUNIT_ASSERT_EQUAL(std::string("mail rcpt"), stages_of(gateway));
  }

  void refused_mail() {
    ProxyHarness gateway;
    gateway.admission.stages = kAll;
    gateway.judge = refuses_at(Stage::mail, refusal("550 Refused [0000000000031]"));
    greet(gateway);
    CPPUNIT_ASSERT_EQUAL(std::string("550 Refused [0000000000031]\r\n"), gateway.say("MAIL FROM:<a@b.example>"));
    CPPUNIT_ASSERT(gateway.say("RCPT TO:<user@example.org>").starts_with("503 "));
    gateway.judge = refuses_at(Stage::kCount, {});
    CPPUNIT_ASSERT_EQUAL(kSenderTaken, gateway.say("MAIL FROM:<a@b.example>"));
    gateway.say("RSET");
    gateway.judge = refuses_at(Stage::mail, refusal("550 Refused", true));
    CPPUNIT_ASSERT_EQUAL(std::string("550 Refused\r\n"), gateway.say("MAIL FROM:<a@b.example>"));
    CPPUNIT_ASSERT(gateway.is_cut());
    CPPUNIT_ASSERT_EQUAL(0U, gateway.server.connections);
    gateway.hang_up();
    CPPUNIT_ASSERT(gateway.closed.size() == 1 && gateway.closed[0].outcome == ipc::Outcome::refused);
  }

  void refused_rcpt_leaves_the_others_and_is_never_forwarded() {
    ProxyHarness gateway;
    gateway.admission.stages = ipc::mask_of(Stage::rcpt);
    gateway.judge = [](const ipc::StageQuestion& question) {
      return question.recipient == ipc::Text<512>("user@example.org") ? ipc::SessionAnswer{} : refusal("451 4.7.1 Later");
    };
    greet(gateway);
    gateway.say("MAIL FROM:<a@b.example>");
    CPPUNIT_ASSERT_EQUAL(std::string("451 4.7.1 Later\r\n"), gateway.say("RCPT TO:<other@example.org>"));
    CPPUNIT_ASSERT_EQUAL(0U, gateway.server.connections);
    CPPUNIT_ASSERT(gateway.say("DATA").starts_with("554 "));
    CPPUNIT_ASSERT_EQUAL(kFine, gateway.say("RCPT TO:<user@example.org>"));
    CPPUNIT_ASSERT_EQUAL(std::string("451 4.7.1 Later\r\n"), gateway.say("RCPT TO:<third@example.org>"));
    gateway.say("DATA");
    CPPUNIT_ASSERT_EQUAL(std::string("250 2.0.0 taken\r\n"), gateway.say("x\r\n."));
    const std::vector<std::string> expected{"EHLO mx.example.org", "MAIL FROM:<a@b.example>", "RCPT TO:<user@example.org>", "DATA"};
    CPPUNIT_ASSERT(gateway.server.commands == expected);
  }

  // The first waits for the mail server, the second is refused by policyd meanwhile; one that closes comes last, too.
  void replies_keep_their_order() {
    for (const bool closes : {false, true}) {
      ProxyHarness gateway;
      gateway.admission.stages = ipc::mask_of(Stage::rcpt);
      gateway.server.is_mute = true;
      gateway.judge = [&](const ipc::StageQuestion& question) {
        return question.recipient == ipc::Text<512>("bad@example.org") ? refusal("550 Refused", closes) : ipc::SessionAnswer{};
      };
      greet(gateway);
      gateway.say("MAIL FROM:<a@b.example>");
      gateway.send("RCPT TO:<one@example.org>\r\nRCPT TO:<bad@example.org>\r\nRCPT TO:<two@example.org>\r\n");
      CPPUNIT_ASSERT_EQUAL(std::string(), gateway.hear());
      gateway.server.speak();
      CPPUNIT_ASSERT_EQUAL(kFine + "550 Refused\r\n" + (closes ? std::string() : kFine), gateway.hear());
      CPPUNIT_ASSERT_EQUAL(closes, gateway.is_cut());
    }
  }

  void one_question_at_a_time() {
    ProxyHarness gateway;
    gateway.admission.stages = kAll;
    gateway.judge = [](const ipc::StageQuestion&) { return std::nullopt; };
    greet(gateway);
    gateway.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<one@example.org>\r\nRCPT TO:<two@example.org>\r\nNOOP\r\n");
    std::string heard;
    for (std::size_t asked = 1; asked <= 5; ++asked) {
      heard += gateway.hear();
      CPPUNIT_ASSERT_EQUAL(asked, gateway.questions.size());
      ipc::SessionAnswer answer;
      answer.stage = gateway.questions.back().stage;
      gateway.answer(answer);
    }
    CPPUNIT_ASSERT_EQUAL(kSenderTaken + kFine + kFine + "250 2.0.0 Ok\r\n", heard + gateway.hear());
    CPPUNIT_ASSERT_EQUAL(std::string("mail rcpt rcpt recipient-accepted recipient-accepted"), stages_of(gateway));
  }

  void refused_after_acceptance_blocks_the_transaction_AG_6() {
    ProxyHarness gateway;
    gateway.admission.stages = ipc::mask_of(Stage::recipient_accepted);
    gateway.judge = [](const ipc::StageQuestion& question) {
      return question.recipients_valid + 1 >= 2 && question.recipients_valid < 2 ? refusal("550 Refused") : ipc::SessionAnswer{};
    };
    greet(gateway);
    gateway.say("MAIL FROM:<a@b.example>");
    CPPUNIT_ASSERT_EQUAL(kFine, gateway.say("RCPT TO:<one@example.org>"));
    CPPUNIT_ASSERT_EQUAL(std::string("550 Refused\r\n"), gateway.say("RCPT TO:<two@example.org>"));
    CPPUNIT_ASSERT_EQUAL(std::string("550 Refused\r\n"), gateway.say("RCPT TO:<three@example.org>"));
    CPPUNIT_ASSERT_EQUAL(std::string("550 Refused\r\n"), gateway.say("DATA"));
    gateway.say("RSET");
    gateway.say("MAIL FROM:<a@b.example>");
    CPPUNIT_ASSERT_EQUAL(kFine, gateway.say("RCPT TO:<one@example.org>"));
    const std::vector<std::string> expected{
        "EHLO mx.example.org",     "MAIL FROM:<a@b.example>",  "RCPT TO:<one@example.org>", "RCPT TO:<two@example.org>", "RSET",
        "MAIL FROM:<a@b.example>", "RCPT TO:<one@example.org>"};
    CPPUNIT_ASSERT(gateway.server.commands == expected);
    CPPUNIT_ASSERT_EQUAL(0U, gateway.server.messages);
  }

  // By whomever it is refused, RCPT without an address included; but a refusal of MAIL says nothing of the recipient.
  void refused_recipients_are_told_of_AG_5_Q22() {
    ProxyHarness gateway;
    gateway.admission.stages = static_cast<ipc::StageMask>(ipc::mask_of(Stage::recipient_refused) | ipc::mask_of(Stage::rcpt));
    gateway.server.recipient_replies = {"451 4.2.0 later"};
    gateway.judge = [](const ipc::StageQuestion& question) {
      if (question.stage == Stage::rcpt && question.recipient == ipc::Text<512>("bad@example.org"))
        return refusal("550 5.1.1 listed");
      return question.stage == Stage::recipient_refused && question.recipients_invalid == 3 ? refusal("550 Refused", true)
                                                                                            : ipc::SessionAnswer{};
    };
    greet(gateway);
    gateway.say("MAIL FROM:<a@b.example>");
    gateway.say("RCPT TO:<later@example.org>");
    CPPUNIT_ASSERT_EQUAL(std::string("rcpt"), stages_of(gateway));
    CPPUNIT_ASSERT(gateway.say("RCPT").starts_with("501 "));
    CPPUNIT_ASSERT(gateway.say("RCPT TO:<x@foreign.example>").starts_with("550 5.7.1"));
    CPPUNIT_ASSERT_EQUAL(std::string("550 5.1.1 listed\r\n"), gateway.say("RCPT TO:<bad@example.org>"));
    CPPUNIT_ASSERT_EQUAL(std::string("rcpt recipient-refused recipient-refused rcpt recipient-refused"), stages_of(gateway));
    gateway.say("RSET");
    gateway.server.mail_reply = "550 5.7.1 not you";
    gateway.server.recipient_replies = {"503 5.5.1 no MAIL"};
    gateway.say("MAIL FROM:<a@b.example>");
    CPPUNIT_ASSERT_EQUAL(std::string("550 5.7.1 not you\r\n"), gateway.say("RCPT TO:<user@example.org>"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{6}, gateway.questions.size());
    CPPUNIT_ASSERT_EQUAL(std::string("550 Refused\r\n"), gateway.say("RCPT TO:<x@foreign.example>"));
    CPPUNIT_ASSERT(gateway.is_cut());
  }

  void held_before_the_greeting_AX_12() {
    for (const bool is_refused : {false, true}) {
      ProxyHarness gateway;
      if (is_refused) gateway.admission = refusal("554 5.7.1 Refused");
      gateway.admission.hold = milliseconds(60);
      gateway.start();
      CPPUNIT_ASSERT_EQUAL(std::string(), gateway.hear());
      CPPUNIT_ASSERT_EQUAL(is_refused ? std::string("554 5.7.1 Refused\r\n") : kGreeting, gateway.await());
      CPPUNIT_ASSERT_EQUAL(is_refused, gateway.is_cut());
      CPPUNIT_ASSERT_EQUAL(0U, gateway.server.connections);
    }
  }

  void held_before_the_reply_to_helo_AG_9_Q21() {
    ProxyHarness gateway;
    gateway.admission.helo_hold = milliseconds(60);
    gateway.start();
    CPPUNIT_ASSERT_EQUAL(kGreeting, gateway.hear());
    for (const char* hello : {"HELO client.example", "EHLO client.example\r\nNOOP"}) {
      CPPUNIT_ASSERT_EQUAL(std::string(), gateway.say(hello));
      CPPUNIT_ASSERT(gateway.await().find("250") == 0);
    }
    CPPUNIT_ASSERT_EQUAL(kSenderTaken, gateway.say("MAIL FROM:<a@b.example>"));
  }

  // Nothing is heard meanwhile, and what waits behind it is read afterwards.
  void held_before_a_refusal_AG_9() {
    const struct {
      Stage stage;
      std::string commands;
      std::string before;  // replies to those in front
    } cases[] = {{Stage::mail, "MAIL FROM:<a@b.example>\r\n", ""},
                 {Stage::rcpt, "MAIL FROM:<a@b.example>\r\nRCPT TO:<user@example.org>\r\n", kSenderTaken},
                 {Stage::recipient_accepted, "MAIL FROM:<a@b.example>\r\nRCPT TO:<user@example.org>\r\n", kSenderTaken},
                 {Stage::recipient_refused, "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@foreign.example>\r\n", kSenderTaken}};
    for (const auto& c : cases) {
      for (const bool closes : {false, true}) {
        ProxyHarness gateway;
        gateway.admission.stages = ipc::mask_of(c.stage);
        gateway.judge = refuses_at(c.stage, refusal("550 Refused", closes, milliseconds(60)));
        greet(gateway);
        gateway.send(c.commands + "NOOP\r\n");
        CPPUNIT_ASSERT_EQUAL(c.before, gateway.hear());
        CPPUNIT_ASSERT_EQUAL(std::string("550 Refused\r\n") + (closes ? "" : "250 2.0.0 Ok\r\n"), gateway.await());
        CPPUNIT_ASSERT_EQUAL(closes, gateway.is_cut());
      }
    }
  }

  // By FIN and by reset, with and without octets that nobody has read.
  void hang_up_in_a_hold_is_seen_AG_16() {
    for (const bool with_reset : {false, true}) {
      for (const bool with_octets : {false, true}) {
        ProxyHarness gateway;
        gateway.admission.hold = std::chrono::minutes(5);
        gateway.start();
        gateway.turn();
        if (with_octets) gateway.say("EHLO x");
        CPPUNIT_ASSERT(gateway.closed.empty());
        gateway.hang_up(with_reset);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, gateway.closed.size());
        CPPUNIT_ASSERT(gateway.closed[0].hung_up && gateway.closed[0].outcome == ipc::Outcome::aborted);
      }
    }
    for (const bool is_at_helo : {true, false}) {
      ProxyHarness gateway;
      if (is_at_helo) gateway.admission.helo_hold = std::chrono::minutes(5);
      gateway.admission.stages = ipc::mask_of(Stage::mail);
      gateway.judge = refuses_at(Stage::mail, refusal("550 Refused", true, std::chrono::minutes(5)));
      gateway.start();
      gateway.say("HELO client.example\r\nMAIL FROM:<a@b.example>");
      gateway.hang_up();
      CPPUNIT_ASSERT(gateway.closed.size() == 1 && gateway.closed[0].hung_up);
      CPPUNIT_ASSERT_EQUAL(std::string(is_at_helo ? "" : "mail"), stages_of(gateway));
    }
    ProxyHarness gateway;  // and a client that was not held has not hung up
    greet(gateway);
    gateway.hang_up();
    CPPUNIT_ASSERT(gateway.closed.size() == 1 && !gateway.closed[0].hung_up);
  }

  void early_talkers_AX_12() {
    for (const bool is_asked : {true, false}) {
      for (const bool talks : {true, false}) {
        ProxyHarness gateway;
        gateway.admission.stages = is_asked ? kAll : 0;
        gateway.admission.hold = milliseconds(60);
        gateway.judge = refuses_at(Stage::early_talker, refusal("554 5.5.1 You talk too early", true));
        gateway.start();
        gateway.turn();
        if (talks) gateway.send("EHLO x\r\n");
        const std::string heard = gateway.await();
        CPPUNIT_ASSERT_EQUAL(is_asked && talks, heard.starts_with("554 5.5.1 You talk too early\r\n"));
        CPPUNIT_ASSERT_EQUAL(is_asked && talks, !heard.starts_with(kGreeting));
        CPPUNIT_ASSERT_EQUAL(std::string(is_asked && talks ? "early-talker" : ""), stages_of(gateway));
      }
    }
  }

  void illegal_answers_are_no_acceptance() {
    for (const char* reply : {"", "250 Ok", "250", "5", "55x no", "550-no", "550 a\r\n250 b", "354 go on", "5500 no"}) {
      ProxyHarness gateway;
      gateway.admission.stages = kAll;
      gateway.judge = refuses_at(Stage::mail, refusal(reply));
      greet(gateway);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(reply, std::string("451 4.3.0 Try again later\r\n"), gateway.say("MAIL FROM:<a@b.example>"));
    }
    ProxyHarness gateway;
    gateway.admission.stages = kAll;
    gateway.judge = [](const ipc::StageQuestion&) { return std::nullopt; };
    greet(gateway);
    gateway.answer({});  // to nothing
    CPPUNIT_ASSERT_EQUAL(std::string(), gateway.say("MAIL FROM:<a@b.example>"));
    for (const Stage stage :
         {Stage::connect, Stage::early_talker, Stage::rcpt, Stage::recipient_accepted, Stage::recipient_refused}) {
      ipc::SessionAnswer answer;
      answer.stage = stage;
      gateway.answer(answer);
      CPPUNIT_ASSERT_EQUAL(std::string(), gateway.hear());
    }
    ipc::SessionAnswer drop;
    drop.stage = Stage::mail;
    drop.verdict = Verdict::drop;
    gateway.answer(drop);
    CPPUNIT_ASSERT(gateway.hear().empty() && gateway.is_cut());
  }

  // Two seconds without an answer: 451. Its late answer is no answer to the next question.
  void policyd_away_during_a_question() {
    ProxyHarness gateway;
    gateway.admission.stages = static_cast<ipc::StageMask>(ipc::mask_of(Stage::mail) | ipc::mask_of(Stage::rcpt));
    gateway.judge = [](const ipc::StageQuestion&) { return std::nullopt; };
    greet(gateway);
    gateway.say("MAIL FROM:<a@b.example>");
    CPPUNIT_ASSERT_EQUAL(std::string("451 4.3.0 Try again later\r\n"), gateway.await());
    CPPUNIT_ASSERT_EQUAL(std::string("451 4.3.0 Try again later\r\n"), gateway.say("MAIL FROM:<second@b.example>"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, gateway.questions.size());
    ipc::SessionAnswer late;
    late.stage = Stage::mail;
    gateway.answer(late);
    CPPUNIT_ASSERT_EQUAL(std::string(), gateway.say("MAIL FROM:<third@b.example>"));
    CPPUNIT_ASSERT_EQUAL(std::string("mail mail"), stages_of(gateway));
    gateway.answer(late);
    CPPUNIT_ASSERT_EQUAL(kSenderTaken, gateway.hear());
  }

  void another_policyd_is_asked_again() {
    ProxyHarness gateway;
    gateway.admission.stages = kAll;
    gateway.judge = [](const ipc::StageQuestion&) { return std::nullopt; };
    greet(gateway);
    gateway.say("MAIL FROM:<a@b.example>");
    gateway.kill_policyd();
    gateway.turn();
    gateway.judge = [](const ipc::StageQuestion&) { return ipc::SessionAnswer{}; };
    gateway.give_policyd();
    CPPUNIT_ASSERT_EQUAL(kSenderTaken, gateway.hear());
    CPPUNIT_ASSERT(gateway.lives.size() == 1 && gateway.lives[0].session == gateway.questions[0].session);
    CPPUNIT_ASSERT_EQUAL(kFine, gateway.say("RCPT TO:<user@example.org>"));
    CPPUNIT_ASSERT_EQUAL(std::string("mail mail rcpt recipient-accepted"), stages_of(gateway));
  }

  // The address is found here; the name is policyd's to find, but only where the list has names. While one is being looked up
  // nothing is refused for good.
  void trusted_clients_pass_the_relay_guard_IW_5() {
    const struct {
      bool has_address;
      bool has_name;
      bool is_granted;
      bool is_awaited;
      std::string reply;
    } cases[] = {{false, false, false, false, "550 5.7.1"}, {false, false, true, false, "550 5.7.1"},
                 {false, false, false, true, "550 5.7.1"},  {true, false, false, false, "250 2.1.5"},
                 {false, true, false, false, "550 5.7.1"},  {false, true, true, false, "250 2.1.5"},
                 {false, true, false, true, "451 4.3.0"}};
    for (const auto& c : cases) {
      ProxyHarness gateway;
      base::PrefixTree tree;
      if (c.has_address) tree.insert(base::Prefix{base::Address::v4(127, 0, 0, 1), 128}, 1);
      const std::string names = c.has_name ? config::encode_names({{"mail.example.com", 1}}, 1) : std::string();
      const base::Fd memory = std::move(config::seal_list(tree, 1, names).value());
      gateway.generation().lists[static_cast<std::size_t>(config::ListId::trusted)] = config::MappedList::map(memory.get()).value();
      if (c.is_granted) gateway.admission.classes = config::bit_of(config::ClientClass::trusted);
      gateway.admission.is_trust_awaited = c.is_awaited;
      greet(gateway);
      gateway.say("MAIL FROM:<a@b.example>");
      CPPUNIT_ASSERT_EQUAL(c.reply, gateway.say("RCPT TO:<x@foreign.example>").substr(0, 9));
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SessionTest);

}  // namespace caronte::smtpd_proxy
