// AG-12 to AG-14: the texts of refusals.
#include "policyd/replies.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <set>

#include "base/quoting.h"
#include "base/reference.h"

namespace caronte::policyd {

namespace {

constexpr std::uint64_t kSession = 0x1234'0000'0001U;

config::Replies replies_of(std::string_view refused, bool bogus, bool reference) {
  config::Replies replies;
  replies.refused = refused;
  replies.bogus = bogus;
  replies.reference = reference;
  return replies;
}

}  // namespace

class RepliesTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RepliesTest);
  CPPUNIT_TEST(AG_12_AG_14_texts);
  CPPUNIT_TEST(AG_13_bogus_texts_vary);
  CPPUNIT_TEST(AG_13_bogus_texts_are_plausible);
  CPPUNIT_TEST(deferrals);
  CPPUNIT_TEST(a_long_text_has_no_room_for_a_reference);
  CPPUNIT_TEST_SUITE_END();

  void AG_12_AG_14_texts() {
    struct Case {
      const char* setting;
      const char* code;
      const char* text;
      const char* expected;
    };
    for (const Case& one :
         {Case{"550 Refused", "", "", "550 Refused"}, Case{"550 Refused", "5.7.1", "", "550 5.7.1 Refused"},
          Case{"554 Rifiutato", "5.7.1", "", "554 5.7.1 Rifiutato"}, Case{"550 5.7.0 No", "5.7.1", "", "550 5.7.0 No"},
          Case{"550 5.7 No", "5.7.1", "", "550 5.7.1 5.7 No"}, Case{"550 5.10.21 No", "5.7.1", "", "550 5.10.21 No"},
          Case{"550 Refused", "5.1.1", "No such recipient here", "550 5.1.1 No such recipient here"}}) {
      CPPUNIT_ASSERT_EQUAL(std::string(one.expected), refusal(replies_of(one.setting, false, false), one.code, one.text, kSession));
      CPPUNIT_ASSERT_EQUAL(one.expected + (" [" + base::reference_text(kSession) + "]"),
                           refusal(replies_of(one.setting, false, true), one.code, one.text, kSession));
    }
  }

  void AG_13_bogus_texts_vary() {
    const config::Replies replies = replies_of("550 Custom", true, true);
    std::set<std::string> seen;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const std::string reply = refusal(replies, "5.7.1", "", kSession + i);
      CPPUNIT_ASSERT_EQUAL(std::string("550 "), reply.substr(0, 4));
      CPPUNIT_ASSERT(reply.find("Refused") == std::string::npos && reply.find("Custom") == std::string::npos);
      CPPUNIT_ASSERT(reply.find('[') == std::string::npos);  // no reference: it would tell the software
      CPPUNIT_ASSERT_EQUAL(reply, refusal(replies, "5.7.1", "", kSession + i));
      seen.insert(reply);
    }
    CPPUNIT_ASSERT(seen.size() > 300);
    // What says more than no stays as it is.
    CPPUNIT_ASSERT_EQUAL(std::string("550 5.1.1 No such"), refusal(replies, "5.1.1", "No such", kSession).substr(0, 17));
  }

  void AG_13_bogus_texts_are_plausible() {
    const auto texts = bogus_texts();
    CPPUNIT_ASSERT(texts.size() >= 300);
    CPPUNIT_ASSERT_EQUAL(texts.size(), std::set<std::string_view>(texts.begin(), texts.end()).size());
    for (const std::string_view text : texts) {
      CPPUNIT_ASSERT_MESSAGE(std::string(text), text.size() >= 5 && text.size() <= 200 && base::is_safe_line(text));
      CPPUNIT_ASSERT(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }));
      // A code, if there is one, is permanent.
      if (text[0] >= '0' && text[0] <= '9') CPPUNIT_ASSERT_MESSAGE(std::string(text), text.starts_with("5."));
    }
  }

  void deferrals() {
    config::Replies replies = replies_of("550 Refused", true, false);
    CPPUNIT_ASSERT_EQUAL(std::string("451 4.7.1 Try again later"), deferral(replies, false, kSession));
    CPPUNIT_ASSERT_EQUAL(std::string("421 4.7.1 Try again later"), deferral(replies, true, kSession));
    replies.reference = true;
    CPPUNIT_ASSERT_EQUAL("451 4.7.1 Try again later [" + base::reference_text(kSession) + "]", deferral(replies, false, kSession));
  }

  void a_long_text_has_no_room_for_a_reference() {
    for (std::size_t size = 480; size <= 510; ++size) {
      const std::string text = "550 " + std::string(size - 4, 'x');
      const std::string reply = refusal(replies_of(text, false, true), "", "", kSession);
      CPPUNIT_ASSERT(reply.size() <= kMaxReplyBytes);
      CPPUNIT_ASSERT_EQUAL(size + base::kReferenceBytes + 3 <= kMaxReplyBytes, reply != text);
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RepliesTest);

}  // namespace caronte::policyd
