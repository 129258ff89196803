#include "smtpd-proxy/session_record.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "config/client_class.h"

namespace caronte::smtpd_proxy {

namespace {

const base::Endpoint kClient{base::Address::v4(192, 0, 2, 7), 40000};
const base::Endpoint kListener{base::Address::v4(198, 51, 100, 1), 25};

// One element a line: depth, name, and its attributes in order.
std::string text_of(const SessionFacts& facts, const SessionRecord& record, ipc::LogLevel level = ipc::LogLevel::level1) {
  worker::RecordBuilder builder = compose_record(facts, record, level);
  std::string text;
  for (const ipc::LogElement& element : builder.take().elements) {
    text += std::to_string(element.depth) + " " + element.name.str();
    for (const ipc::LogAttribute& attribute : element.attributes) text += " " + attribute.name.str() + "=" + attribute.value.str();
    text += "\n";
  }
  return text;
}

SessionFacts quiet() {
  SessionFacts facts;
  facts.session = 97;
  facts.client = kClient;
  facts.listener = kListener;
  return facts;
}

}  // namespace

class SessionRecordTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SessionRecordTest);
  CPPUNIT_TEST(quiet_session);
  CPPUNIT_TEST(delivered_session);
  CPPUNIT_TEST(refused_session);
  CPPUNIT_TEST(destination_that_cannot_be_had);
  CPPUNIT_TEST(checks_by_level);
  CPPUNIT_TEST(dialogue_only_at_level_3);
  CPPUNIT_TEST(a_huge_session_is_cut_visibly);
  CPPUNIT_TEST_SUITE_END();

 public:
  void quiet_session() {
    CPPUNIT_ASSERT_EQUAL(std::string("0 session reference=0000000000031 client=192.0.2.7 port=40000 listener=198.51.100.1:25 "
                                     "name-status=unknown outcome=quiet duration-ms=0 bytes-in=0\n"),
                         text_of(quiet(), {}));
  }

  void delivered_session() {
    SessionFacts facts = quiet();
    facts.balancer = {base::Address::v4(10, 0, 0, 1), 1234};
    facts.helo = "client.example";
    facts.name_status = ipc::ReverseStatus::verified;
    facts.name = "mail.client.example";
    facts.classes = config::bit_of(config::ClientClass::relay);
    facts.outcome = ipc::Outcome::delivered;
    facts.duration = base::Duration(1500);
    facts.bytes_in = 5000000000;
    SessionRecord record;
    record.messages.push_back({.sender = "",
                               .recipients = {{"a@example.org", "250 2.1.5 Ok", true},
                                              {"b@example.org", "550 5.1.1 Unknown", false},
                                              {"c@example.org", "451 4.3.0 Later", false}},
                               .unrecorded_recipients = 4,
                               .size = 1234,
                               .reply = "250 2.0.0 queued",
                               .is_delivered = true});
    record.unrecorded_messages = 2;
    CPPUNIT_ASSERT_EQUAL(
        std::string("0 session reference=0000000000031 client=192.0.2.7 port=40000 listener=198.51.100.1:25 balancer=10.0.0.1:1234 "
                    "helo=client.example name-status=verified name=mail.client.example classes=relay outcome=delivered "
                    "duration-ms=1500 bytes-in=5000000000 unrecorded-messages=2\n"
                    "1 message sender= size=1234 delivered=yes reply=250 2.0.0 queued recipients=7\n"
                    "2 recipient address=a@example.org outcome=accepted reply=250 2.1.5 Ok\n"
                    "2 recipient address=b@example.org outcome=refused reply=550 5.1.1 Unknown\n"
                    "2 recipient address=c@example.org outcome=deferred reply=451 4.3.0 Later\n"),
        text_of(facts, record));
  }

  void refused_session() {
    SessionFacts facts = quiet();
    facts.outcome = ipc::Outcome::errors;
    facts.has_hung_up = true;
    SessionRecord record;
    record.last_reply = "421 4.7.0 Too many errors";
    record.line = 12;
    record.reason = "errors";
    record.value = 11;
    record.limit = 10;
    record.relaying_denied = 3;
    record.messages.push_back({.sender = "x@y",
                               .recipients = {{"a@b", "550 Refused", false, "recipient-unknown"}},
                               .reply = "550 Refused",
                               .reason = "characters"});
    CPPUNIT_ASSERT_EQUAL(std::string("0 session reference=0000000000031 client=192.0.2.7 port=40000 listener=198.51.100.1:25 "
                                     "name-status=unknown outcome=errors hung-up=yes reason=errors value=11 limit=10 line=12 "
                                     "reply=421 4.7.0 Too many errors relaying-denied=3 duration-ms=0 bytes-in=0\n"
                                     "1 message sender=x@y size=0 delivered=no reply=550 Refused reason=characters recipients=1\n"
                                     "2 recipient address=a@b outcome=refused reply=550 Refused reason=recipient-unknown\n"),
                         text_of(facts, record));
  }

  void destination_that_cannot_be_had() {
    SessionFacts facts = quiet();
    facts.outcome = ipc::Outcome::deferred;
    SessionRecord record;
    record.reason = "destination-unreachable";
    record.cause = "connect: Cannot assign requested address";
    const std::string head =
        "0 session reference=0000000000031 client=192.0.2.7 port=40000 listener=198.51.100.1:25 "
        "name-status=unknown outcome=deferred ";
    CPPUNIT_ASSERT_EQUAL(head +
                             "reason=destination-unreachable cause=connect: Cannot assign requested address "
                             "duration-ms=0 bytes-in=0\n",
                         text_of(facts, record));
    record.reason = "noops";  // a later reason has nothing to do with it
    CPPUNIT_ASSERT_EQUAL(head + "reason=noops duration-ms=0 bytes-in=0\n", text_of(facts, record));
  }

  // Whatever has hit is told, for a session has one reason and may have run into several; what found nothing from level 2 on.
  void checks_by_level() {
    ipc::CheckNote refused;
    refused.check = "rate";
    refused.action = "refuse";
    refused.value = 11;
    refused.limit = 10;
    refused.line = 7;
    ipc::CheckNote logged = refused;
    logged.action = "log";
    ipc::CheckNote observed = refused;
    observed.is_observed = true;
    observed.points = -3;
    ipc::CheckNote passed;
    passed.check = "characters";
    passed.is_hit = false;
    const struct {
      const ipc::CheckNote& note;
      bool at_1;
    } cases[] = {{refused, true}, {logged, true}, {observed, true}, {passed, false}};
    SessionRecord record;
    for (const auto& c : cases) {
      CPPUNIT_ASSERT(!is_recorded(c.note, ipc::LogLevel::none));
      CPPUNIT_ASSERT_EQUAL(c.at_1, is_recorded(c.note, ipc::LogLevel::level1));
      CPPUNIT_ASSERT(is_recorded(c.note, ipc::LogLevel::level2) && is_recorded(c.note, ipc::LogLevel::debug));
      record.checks.push_back(c.note);
    }
    const std::string text = text_of(quiet(), record);
    CPPUNIT_ASSERT_EQUAL(std::string("1 check name=rate hit=yes action=refuse observed=no value=11 limit=10 line=7\n"
                                     "1 check name=rate hit=yes action=log observed=no value=11 limit=10 line=7\n"
                                     "1 check name=rate hit=yes action=refuse observed=yes value=11 limit=10 points=-3 line=7\n"
                                     "1 check name=characters hit=no observed=no value=0 limit=0\n"),
                         text.substr(text.find('\n') + 1));
  }

  void dialogue_only_at_level_3() {
    SessionRecord record;
    record.dialogue = {
        {DialogueLine::From::client, "EHLO x"}, {DialogueLine::From::destination, "250 a"}, {DialogueLine::From::gateway, "250 b"}};
    CPPUNIT_ASSERT(text_of(quiet(), record, ipc::LogLevel::level1).find("dialogue") == std::string::npos);
    CPPUNIT_ASSERT(text_of(quiet(), record, ipc::LogLevel::level2).find("dialogue") == std::string::npos);
    const std::string text = text_of(quiet(), record, ipc::LogLevel::level3);
    CPPUNIT_ASSERT(
        text.ends_with("1 dialogue from=client text=EHLO x\n1 dialogue from=destination text=250 a\n"
                       "1 dialogue from=gateway text=250 b\n"));
  }

  // Whatever the counts and lengths: one record, within the schema's bounds, that says that something is missing.
  void a_huge_session_is_cut_visibly() {
    SessionRecord record;
    const std::string long_text(5000, 'x');
    for (std::size_t i = 0; i < kMaxRecordedMessages; ++i) {
      MessageRecord message;
      message.sender = message.reply = long_text;
      for (std::size_t k = 0; k < kMaxRecordedRecipients; ++k) message.recipients.push_back({long_text, long_text, true});
      record.messages.push_back(std::move(message));
    }
    const std::string text = text_of(quiet(), record);
    CPPUNIT_ASSERT(text.substr(0, text.find('\n')).find(" truncated=yes") != std::string::npos);
    CPPUNIT_ASSERT(text.find("outcome=quiet") != std::string::npos);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SessionRecordTest);

}  // namespace caronte::smtpd_proxy
