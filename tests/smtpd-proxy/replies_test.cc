#include "smtpd-proxy/replies.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "base/quoting.h"
#include "smtpd-proxy/reply_parser.h"

namespace caronte::smtpd_proxy {

class RepliesTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RepliesTest);
  CPPUNIT_TEST(codes_are_those_of_the_rfcs);
  CPPUNIT_TEST_SUITE_END();

 public:
  // The start of each, code and enhanced code; the class of both is one; and each is one sound line.
  void codes_are_those_of_the_rfcs() {
    const struct {
      std::string_view reply;
      std::string start;
    } cases[] = {
        {replies::kBye, "221 2.0.0 "},
        {replies::kOk, "250 2.0.0 "},
        {replies::kSenderOk, "250 2.1.0 "},
        {replies::kCannotVerify, "252 2."},
        {replies::kHelp, "214 2.0.0 "},
        {replies::kShuttingDown, "421 4.3.2 "},
        {replies::kNoPolicy, "421 4.3.2 "},
        {replies::kNoDestination, "421 4.3.2 "},
        {replies::kDestinationBroken, "421 4.3.0 "},
        {replies::kClientTimeout, "421 4.4.2 "},
        {replies::kTooManyErrors, "421 4.7.0 "},
        {replies::kPolicyAway, "451 4.3.0 "},
        {replies::kDeliveryFailed, "451 4.3.0 "},
        {replies::kCapabilityGone, "451 4.3.0 "},
        {replies::kOtherDestination, "451 4.5.3 "},
        {replies::kTooManyRecipients, "452 4.5.3 "},
        {replies::kLineTooLong, "500 5.5.2 "},
        {replies::kBareLineEnd, "500 5.5.2 "},
        {replies::kUnknownCommand, "500 5.5.1 "},
        {replies::kNotImplemented, "502 5.5.1 "},
        {replies::kHeloFirst, "503 5.5.1 "},
        {replies::kNestedMail, "503 5.5.1 "},
        {replies::kMailFirst, "503 5.5.1 "},
        {replies::kRcptFirst, "503 5.5.1 "},
        {replies::kBadSequence, "503 5.5.1 "},
        {replies::kTooBig, "552 5.3.4 "},
        {replies::kNoValidRecipients, "554 5.5.1 "},
        {replies::kMailLoop, "554 5.4.6 "},
        {replies::kBareInData, "550 5.5.2 "},
        {replies::kNulInData, "550 5.6.0 "},
    };
    for (const auto& c : cases) {
      const std::string name(c.reply);
      CPPUNIT_ASSERT_MESSAGE(name, c.reply.starts_with(c.start) && c.reply.size() > c.start.size());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, c.reply[0], c.reply[4]);
      CPPUNIT_ASSERT_MESSAGE(name, base::is_safe_line(c.reply));
      CPPUNIT_ASSERT_MESSAGE(name, parse_reply(name + "\r\n", {.line_bytes = 512, .lines = 1}).parsed == Parsed::complete);
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RepliesTest);

}  // namespace caronte::smtpd_proxy
