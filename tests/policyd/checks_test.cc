// The judges, a table each: what is known, what is set, what is found; each also with its setting off.
#include "policyd/checks.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace caronte::policyd {

using ipc::Stage;
using State = Finding::State;

namespace {

config::CharacterSet set_of(std::string_view characters) {
  config::CharacterSet set;
  for (const char c : characters) {
    const auto octet = static_cast<unsigned char>(c);
    (octet < 64 ? set.low : set.high) |= std::uint64_t{1} << (octet % 64U);
  }
  return set;
}

void expect(const std::string& name, State state, std::int64_t value, const Finding& finding) {
  CPPUNIT_ASSERT_EQUAL_MESSAGE(name, static_cast<int>(state), static_cast<int>(finding.state));
  if (state == State::hit) CPPUNIT_ASSERT_EQUAL_MESSAGE(name, value, finding.value);
}

}  // namespace

class ChecksTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ChecksTest);
  CPPUNIT_TEST(AG_2_null_sender);
  CPPUNIT_TEST(AG_4_AX_22_characters);
  CPPUNIT_TEST(IW_2_local_sender);
  CPPUNIT_TEST(AX_25_backscatter);
  CPPUNIT_TEST(AG_5_invalid_recipients);
  CPPUNIT_TEST(AG_5_a_known_bad_recipient_is_never_the_first);
  CPPUNIT_TEST(AG_6_AG_7_valid_recipients);
  CPPUNIT_TEST(unlisted_recipient);
  CPPUNIT_TEST(AG_8_rate);
  CPPUNIT_TEST(AG_16_hang_ups);
  CPPUNIT_TEST_SUITE_END();

  void AG_2_null_sender() {
    Facts facts;
    facts.stage = Stage::mail;
    expect("<>", State::hit, 1, judge_null_sender(facts, {}));
    facts.sender = "a@b.example";
    expect("a@b.example", State::pass, 0, judge_null_sender(facts, {}));
  }

  void AG_4_AX_22_characters() {
    struct Case {
      const char* address;
      State state;
      char first;
    };
    config::Configuration c;
    c.characters.user = set_of("abc.+\"");
    c.characters.domain = set_of("xyz.-");
    c.characters.helo = set_of("xyz.-[]");
    for (const Case& one : {Case{"", State::pass, 0}, Case{"a.b+c@x.yz", State::pass, 0}, Case{"a!b@x.yz", State::hit, '!'},
                            Case{"ab@x_y", State::hit, '_'}, Case{"ab@a.yz", State::hit, 'a'}, Case{"x@x.yz", State::hit, 'x'},
                            Case{"abc", State::pass, 0}, Case{"ab$", State::hit, '$'}, Case{"\"a@b\"@x.yz", State::hit, '@'},
                            Case{"a\xC3\xA4@x\xC3\xA4.yz", State::pass, 0}, Case{"a\x7F@x", State::hit, '\x7F'}}) {
      Facts facts;
      facts.sender = one.address;
      expect(one.address, one.state, one.first, judge_sender_characters(facts, c));
      facts.sender = {};
      facts.recipient = one.address;
      expect(one.address, one.state, one.first, judge_recipient_characters(facts, c));
    }
    for (const Case& one : {Case{"", State::pass, 0}, Case{"x.yz", State::pass, 0}, Case{"[x.y]", State::pass, 0},
                            Case{"x_y", State::hit, '_'}, Case{"\xC3\xA4.yz", State::pass, 0}}) {
      Facts facts;
      facts.helo = one.address;
      expect(one.address, one.state, one.first, judge_helo_characters(facts, c));
    }
  }

  void IW_2_local_sender() {
    Facts facts;
    facts.stage = Stage::mail;
    facts.sender = "a@local.example";
    expect("not known", State::unknown, 0, judge_local_sender(facts, {}));
    facts.is_sender_local = true;
    expect("local", State::hit, 1, judge_local_sender(facts, {}));
    facts.is_sender_local = false;
    expect("foreign", State::pass, 0, judge_local_sender(facts, {}));
    facts.is_sender_local = true;
    facts.sender = {};  // Q26
    expect("<>", State::pass, 0, judge_local_sender(facts, {}));
  }

  void AX_25_backscatter() {
    config::Configuration c;
    c.backscatter.messages = 2;
    Facts facts;
    facts.stage = Stage::rcpt;
    expect("not known", State::unknown, 0, judge_backscatter(facts, c));
    facts.null_senders = 1;
    expect("second", State::pass, 0, judge_backscatter(facts, c));
    facts.null_senders = 2;
    expect("third", State::hit, 3, judge_backscatter(facts, c));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, judge_backscatter(facts, c).limit);
    facts.sender = "a@b.example";
    expect("sender", State::pass, 0, judge_backscatter(facts, c));
  }

  void AG_5_invalid_recipients() {
    struct Case {
      std::uint32_t limit;
      std::uint32_t before;
      std::uint16_t code;
      State state;
    };
    for (const Case& one :
         {Case{3, 0, 550, State::pass}, Case{3, 1, 550, State::pass}, Case{3, 2, 550, State::hit}, Case{3, 9, 550, State::hit},
          Case{3, 2, 599, State::hit}, Case{3, 2, 500, State::hit}, Case{3, 9, 451, State::pass}, Case{3, 9, 250, State::pass},
          Case{1, 0, 550, State::hit}, Case{0, 9, 550, State::pass}}) {  // 0: off
      config::Configuration c;
      c.recipients.invalid = one.limit;
      Facts facts;
      facts.stage = Stage::recipient_refused;
      facts.code = one.code;
      facts.recipients_invalid = one.before;
      for (const bool is_destinations : {true, false}) {  // Q22: our own relay denial too
        facts.is_destinations = is_destinations;
        expect(std::to_string(one.limit) + "/" + std::to_string(one.before) + "/" + std::to_string(one.code), one.state,
               std::int64_t{one.before} + 1, judge_invalid_recipients(facts, c));
      }
    }
  }

  void AG_5_a_known_bad_recipient_is_never_the_first() {
    config::Configuration c;
    Facts facts;
    facts.stage = Stage::rcpt;
    facts.is_recipient_known_bad = true;
    c.recipients.invalid = 1;
    expect("first", State::pass, 0, judge_known_bad_recipient(facts, c));
    facts.recipients_invalid = 1;
    expect("limit 1", State::hit, 2, judge_known_bad_recipient(facts, c));
    c.recipients.invalid = 3;
    expect("second of 3", State::pass, 0, judge_known_bad_recipient(facts, c));
    facts.recipients_invalid = 2;
    expect("third of 3", State::hit, 3, judge_known_bad_recipient(facts, c));
    facts.is_recipient_known_bad = false;
    expect("good", State::pass, 0, judge_known_bad_recipient(facts, c));
    facts.recipients_invalid = 9;
    expect("good after many", State::pass, 0, judge_known_bad_recipient(facts, c));
    facts.is_recipient_known_bad.reset();
    expect("not known", State::unknown, 0, judge_known_bad_recipient(facts, c));
    c.recipients.invalid = 0;
    facts.is_recipient_known_bad = true;
    expect("off", State::pass, 0, judge_known_bad_recipient(facts, c));
  }

  void AG_6_AG_7_valid_recipients() {
    struct Case {
      std::uint32_t limit;
      std::uint32_t needs;
      Stage stage;
      std::uint32_t valid;
      std::uint32_t invalid;
      State state;
      std::int64_t value;
    };
    constexpr Stage kAccepted = Stage::recipient_accepted;
    constexpr Stage kRefused = Stage::recipient_refused;
    for (const Case& one : {Case{4, 0, kAccepted, 2, 0, State::pass, 0}, Case{4, 0, kAccepted, 3, 0, State::hit, 4},
                            Case{4, 0, kAccepted, 9, 5, State::hit, 10}, Case{4, 2, kAccepted, 3, 1, State::pass, 0},
                            Case{4, 2, kAccepted, 3, 2, State::hit, 4}, Case{4, 2, kRefused, 4, 1, State::hit, 4},
                            Case{4, 2, kRefused, 3, 1, State::pass, 0}, Case{4, 2, kRefused, 4, 0, State::pass, 0},
                            Case{0, 0, kAccepted, 99, 9, State::pass, 0}}) {  // 0: off
      config::Configuration c;
      c.recipients.valid = one.limit;
      c.recipients.valid_needs_invalid = one.needs;
      Facts facts;
      facts.stage = one.stage;
      facts.code = one.stage == kRefused ? 550 : 250;
      facts.recipients_valid = one.valid;
      facts.recipients_invalid = one.invalid;
      expect(std::to_string(one.limit) + "/" + std::to_string(one.valid) + "/" + std::to_string(one.invalid), one.state, one.value,
             judge_valid_recipients(facts, c));
    }
  }

  void unlisted_recipient() {
    Facts facts;
    facts.stage = Stage::rcpt;
    expect("no list", State::unknown, 0, judge_unlisted_recipient(facts, {}));
    facts.is_recipient_listed = true;
    expect("in it", State::pass, 0, judge_unlisted_recipient(facts, {}));
    facts.is_recipient_listed = false;
    expect("not in it", State::hit, 1, judge_unlisted_recipient(facts, {}));
  }

  void AG_8_rate() {
    config::Configuration c;
    Facts facts;
    facts.stage = Stage::mail;
    facts.messages = 1000;
    expect("off", State::pass, 0, judge_rate(facts, c));
    c.rate.messages = 2;
    facts.messages = 1;
    expect("second", State::pass, 0, judge_rate(facts, c));
    facts.messages = 2;
    expect("third", State::hit, 3, judge_rate(facts, c));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, judge_rate(facts, c).limit);
    facts.messages.reset();
    expect("not known", State::unknown, 0, judge_rate(facts, c));
  }

  void AG_16_hang_ups() {
    config::Configuration c;
    Facts facts;
    facts.hang_ups = 1000;
    expect("off", State::pass, 0, judge_hang_ups(facts, c));
    c.tarpit.hang_ups = 2;
    facts.hang_ups = 1;
    expect("one", State::pass, 0, judge_hang_ups(facts, c));
    facts.hang_ups = 2;
    expect("two", State::hit, 2, judge_hang_ups(facts, c));
    facts.hang_ups.reset();
    expect("not known", State::unknown, 0, judge_hang_ups(facts, c));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ChecksTest);

}  // namespace caronte::policyd
