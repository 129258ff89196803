#include "smtpd-proxy/command_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace caronte::smtpd_proxy {

namespace {

using namespace std::string_literals;

constexpr Offered kAll{.size = true, .eight_bit_mime = true, .smtputf8 = true, .dsn = true, .auth = true};

std::string number(Syntax syntax) {
  return std::to_string(static_cast<int>(syntax));
}

void expect(const std::string& what, Syntax expected, Syntax actual) {
  CPPUNIT_ASSERT_EQUAL_MESSAGE(what, number(expected), number(actual));
}

}  // namespace

class CommandParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CommandParserTest);
  CPPUNIT_TEST(verbs_and_arguments);
  CPPUNIT_TEST(mail_syntax);
  CPPUNIT_TEST(mail_values);
  CPPUNIT_TEST(rcpt_syntax);
  CPPUNIT_TEST(what_is_not_offered_is_unknown);
  CPPUNIT_TEST(helo_argument);
  CPPUNIT_TEST(replies_are_complete);
  CPPUNIT_TEST_SUITE_END();

 public:
  void verbs_and_arguments() {
    const struct {
      std::string line;
      Verb verb;
      std::string argument;
    } cases[] = {
        {"HELO a", Verb::helo, "a"},
        {"ehlo\ta \t", Verb::ehlo, "a"},
        {"mAiL FROM:<a@b>  SIZE=1 ", Verb::mail, "FROM:<a@b>  SIZE=1"},
        {"RCPT   TO:<a@b>", Verb::rcpt, "TO:<a@b>"},
        {"DATA", Verb::data, ""},
        {"RSET ", Verb::rset, ""},
        {"NOOP x y", Verb::noop, "x y"},
        {"QUIT", Verb::quit, ""},
        {"HELP", Verb::help, ""},
        {"VRFY a", Verb::vrfy, "a"},
        {"EXPN a", Verb::expn, "a"},
        {"STARTTLS", Verb::starttls, ""},
        {"AUTH PLAIN AGEAYg==", Verb::auth, "PLAIN AGEAYg=="},
        {"BDAT 10 LAST", Verb::bdat, "10 LAST"},
        {"", Verb::unknown, ""},
        {" ", Verb::unknown, ""},
        {" DATA", Verb::unknown, "DATA"},
        {"DATAX", Verb::unknown, ""},
        {"DAT", Verb::unknown, ""},
        {"MAILFROM:<a@b>", Verb::unknown, ""},
        {"DATA\0"s, Verb::unknown, ""},
        {"\0"s, Verb::unknown, ""},
        {"DATA\r", Verb::unknown, ""},
        {"\xff\xfe", Verb::unknown, ""},
        {"unknown x", Verb::unknown, "x"},
    };
    for (const auto& c : cases) {
      const Command command = parse_command(c.line);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.line, static_cast<int>(c.verb), static_cast<int>(command.verb));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.line, c.argument, std::string(command.argument));
    }
  }

  void mail_syntax() {
    const std::string x100(100, 'x');
    const std::string x500(500, 'x');
    const struct {
      std::string argument;
      Syntax syntax;
    } cases[] = {
        {"FROM:<>", Syntax::ok},
        {"from:<a@b>", Syntax::ok},
        {"FROM: \t<a@b>", Syntax::ok},
        {"FROM:<@r:a@b>", Syntax::ok},
        {"", Syntax::missing_argument},
        {"FROM", Syntax::missing_argument},
        {"FROM:", Syntax::missing_argument},
        {"FROM :<a@b>", Syntax::missing_argument},
        {"TO:<a@b>", Syntax::missing_argument},
        {"<a@b>", Syntax::missing_argument},
        {"FROM:a@b", Syntax::bad_path},
        {"FROM:<a@b", Syntax::bad_path},
        {"FROM:<postmaster>", Syntax::bad_path},
        {"FROM:< >", Syntax::bad_path},
        {"FROM:\"x\" <a@b>", Syntax::bad_path},
        {"FROM:<a@b>SIZE=1", Syntax::bad_parameter},
        {"FROM:<a@b>>", Syntax::bad_parameter},
        {"FROM:<a@b> SIZE=1\tBODY=7BIT", Syntax::ok},

        {"FROM:<a@b> SIZE=0", Syntax::ok},
        {"FROM:<a@b> size=00000000000000000001", Syntax::ok},
        {"FROM:<a@b> SIZE=18446744073709551615", Syntax::ok},
        {"FROM:<a@b> SIZE=18446744073709551616", Syntax::bad_parameter},
        {"FROM:<a@b> SIZE=99999999999999999999", Syntax::bad_parameter},
        {"FROM:<a@b> SIZE=000000000000000000001", Syntax::bad_parameter},
        {"FROM:<a@b> SIZE", Syntax::bad_parameter},
        {"FROM:<a@b> SIZE=", Syntax::bad_parameter},
        {"FROM:<a@b> SIZE=-1", Syntax::bad_parameter},
        {"FROM:<a@b> SIZE=+1", Syntax::bad_parameter},
        {"FROM:<a@b> SIZE=1k", Syntax::bad_parameter},
        {"FROM:<a@b> SIZE=0x1", Syntax::bad_parameter},
        {"FROM:<a@b> SIZE=1 SIZE=1", Syntax::bad_parameter},
        {"FROM:<a@b> SIZE=1 BODY=7BIT size=1", Syntax::bad_parameter},
        {"FROM:<a@b> SIZE =1", Syntax::bad_parameter},

        {"FROM:<a@b> BODY=7BIT", Syntax::ok},
        {"FROM:<a@b> BODY=8bitMime", Syntax::ok},
        {"FROM:<a@b> BODY=BINARYMIME", Syntax::bad_parameter},
        {"FROM:<a@b> BODY=8BIT", Syntax::bad_parameter},
        {"FROM:<a@b> BODY", Syntax::bad_parameter},

        {"FROM:<a@b> SMTPUTF8", Syntax::ok},
        {"FROM:<a@b> SMTPUTF8=1", Syntax::bad_parameter},
        {"FROM:<a@b> SMTPUTF8 SMTPUTF8", Syntax::bad_parameter},
        {"FROM:<\u00e9@b> SMTPUTF8", Syntax::ok},
        {"FROM:<\u00e9@b> SIZE=1 smtputf8 BODY=8BITMIME", Syntax::ok},
        {"FROM:<\u00e9@b>", Syntax::non_ascii},
        {"FROM:<\u00e9@b> BODY=8BITMIME", Syntax::non_ascii},
        {"FROM:<\xe9@b>", Syntax::bad_path},
        {"FROM:<\xe9@b> SMTPUTF8", Syntax::bad_path},

        {"FROM:<a@b> RET=FULL", Syntax::ok},
        {"FROM:<a@b> RET=hdrs", Syntax::ok},
        {"FROM:<a@b> RET=BODY", Syntax::bad_parameter},
        {"FROM:<a@b> RET", Syntax::bad_parameter},
        {"FROM:<a@b> ENVID=QQ314159", Syntax::ok},
        {"FROM:<a@b> ENVID=a+3Db+2B+20", Syntax::ok},
        {"FROM:<a@b> ENVID=" + x100, Syntax::ok},
        {"FROM:<a@b> ENVID=" + x100 + "x", Syntax::bad_parameter},
        {"FROM:<a@b> ENVID", Syntax::bad_parameter},
        {"FROM:<a@b> ENVID=a=b", Syntax::bad_parameter},
        {"FROM:<a@b> ENVID=a+3d", Syntax::bad_parameter},
        {"FROM:<a@b> ENVID=a+", Syntax::bad_parameter},
        {"FROM:<a@b> ENVID=a+3", Syntax::bad_parameter},
        {"FROM:<a@b> ENVID=a+GG", Syntax::bad_parameter},
        {"FROM:<a@b> ENVID=a+0D+0A", Syntax::bad_parameter},
        {"FROM:<a@b> ENVID=a+00", Syntax::bad_parameter},
        {"FROM:<a@b> ENVID=a+7F", Syntax::bad_parameter},
        {"FROM:<a@b> ENVID=\u00e9 SMTPUTF8", Syntax::bad_parameter},

        {"FROM:<a@b> AUTH=<>", Syntax::ok},
        {"FROM:<a@b> AUTH=e+3Dmc2@example.com", Syntax::ok},
        {"FROM:<a@b> AUTH=" + x500, Syntax::ok},
        {"FROM:<a@b> AUTH=" + x500 + "x", Syntax::bad_parameter},
        {"FROM:<a@b> AUTH", Syntax::bad_parameter},
        {"FROM:<a@b> AUTH=a+zz", Syntax::bad_parameter},

        {"FROM:<a@b> NOTIFY=NEVER", Syntax::unknown_parameter},
        {"FROM:<a@b> X", Syntax::unknown_parameter},
        {"FROM:<a@b> XVERP=x", Syntax::unknown_parameter},
        {"FROM:<a@b> SIZEX=1", Syntax::unknown_parameter},
        {"FROM:<a@b> -X", Syntax::bad_parameter},
        {"FROM:<a@b> =1", Syntax::bad_parameter},
        {"FROM:<a@b> X_Y=1", Syntax::bad_parameter},
        {"FROM:<a@b> X=", Syntax::bad_parameter},
        {"FROM:<a@b> X=a=b", Syntax::bad_parameter},
        {"FROM:<a@b> X=a\0b"s, Syntax::bad_parameter},
        {"FROM:<a@b> X=a\x7f", Syntax::bad_parameter},
        {"FROM:<a@b> \0"s, Syntax::bad_parameter},
        {"FROM:<a@b> \xc3\xa9=1", Syntax::bad_parameter},
        {"FROM:<a@b> <c@d>", Syntax::bad_parameter},
    };
    for (const auto& c : cases) {
      MailCommand mail;
      expect(c.argument, c.syntax, parse_mail(c.argument, kAll, mail));
    }
  }

  void mail_values() {
    MailCommand mail;
    expect("all", Syntax::ok,
           parse_mail("FROM:<\"a b\"@c> SIZE=010 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=e+2B AUTH=<>", kAll, mail));
    CPPUNIT_ASSERT_EQUAL("\"a b\"@c"s, std::string(mail.sender.text));
    CPPUNIT_ASSERT(mail.size == 10 && mail.body == Body::eight_bit && mail.smtputf8);
    CPPUNIT_ASSERT(mail.ret == "HDRS" && mail.envelope_id == "e+2B" && mail.auth == "<>");
    expect("none", Syntax::ok, parse_mail("FROM:<>", kAll, mail));
    CPPUNIT_ASSERT(mail.sender.text.empty() && !mail.size && mail.body == Body::unspecified && !mail.smtputf8);
    CPPUNIT_ASSERT(mail.ret.empty() && mail.envelope_id.empty() && mail.auth.empty());
    expect("7BIT", Syntax::ok, parse_mail("FROM:<> BODY=7bit SIZE=18446744073709551615", kAll, mail));
    CPPUNIT_ASSERT(mail.body == Body::seven_bit && mail.size == UINT64_MAX);
  }

  void rcpt_syntax() {
    const std::string x493(493, 'x');
    const struct {
      std::string argument;
      bool smtputf8;
      Syntax syntax;
    } cases[] = {
        {"TO:<a@b>", false, Syntax::ok},
        {"to: <Postmaster>", false, Syntax::ok},
        {"TO:<@r:a@b>", false, Syntax::ok},
        {"TO:<>", false, Syntax::bad_path},
        {"TO:a@b", false, Syntax::bad_path},
        {"TO:<a@b@c>", false, Syntax::bad_path},
        {"TO:<a@b.>", false, Syntax::bad_path},
        {"TO:<\r\nDATA>", false, Syntax::bad_path},
        {"FROM:<a@b>", false, Syntax::missing_argument},
        {"", false, Syntax::missing_argument},
        {"TO:<\u00e9@b>", false, Syntax::non_ascii},
        {"TO:<\u00e9@b>", true, Syntax::ok},
        {"TO:<\xe9@b>", true, Syntax::bad_path},
        {"TO:<a@b> SIZE=1", false, Syntax::unknown_parameter},

        {"TO:<a@b> NOTIFY=NEVER", false, Syntax::ok},
        {"TO:<a@b> notify=success,Failure,DELAY", false, Syntax::ok},
        {"TO:<a@b> NOTIFY=DELAY", false, Syntax::ok},
        {"TO:<a@b> NOTIFY", false, Syntax::bad_parameter},
        {"TO:<a@b> NOTIFY=", false, Syntax::bad_parameter},
        {"TO:<a@b> NOTIFY=NEVER,DELAY", false, Syntax::bad_parameter},
        {"TO:<a@b> NOTIFY=DELAY,NEVER", false, Syntax::bad_parameter},
        {"TO:<a@b> NOTIFY=DELAY,", false, Syntax::bad_parameter},
        {"TO:<a@b> NOTIFY=,DELAY", false, Syntax::bad_parameter},
        {"TO:<a@b> NOTIFY=DELAY, FAILURE", false, Syntax::bad_parameter},
        {"TO:<a@b> NOTIFY=ALWAYS", false, Syntax::bad_parameter},
        {"TO:<a@b> NOTIFY=NEVER NOTIFY=NEVER", false, Syntax::bad_parameter},

        {"TO:<a@b> ORCPT=rfc822;a+2Bb@example.org", false, Syntax::ok},
        {"TO:<a@b> ORCPT=x400;/C=US", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=x400;/C+3DUS", false, Syntax::ok},
        {"TO:<a@b> ORCPT=rfc822;" + x493, false, Syntax::ok},
        {"TO:<a@b> ORCPT=rfc822;" + x493 + "x", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=a@b", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=;a@b", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=rfc822;", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=rfc(822);a", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=rfc822;a+0A", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=rfc822;\u00e9@b", true, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=utf-8;\u00e9@b", true, Syntax::ok},
        {"TO:<a@b> ORCPT=utf-8;\u00e9@b", false, Syntax::non_ascii},
        {"TO:<a@b> ORCPT=UTF-8;\\x{E9}@b", false, Syntax::ok},
        {"TO:<a@b> ORCPT=utf-8;\\x{10FFFF}+2B@b", false, Syntax::ok},
        {"TO:<a@b> ORCPT=utf-8;\\x{E}@b", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=utf-8;\\x{1234567}@b", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=utf-8;\\x{E9", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=utf-8;\\y", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=utf-8;a+2", false, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=utf-8;\xe9@b", true, Syntax::bad_parameter},
        {"TO:<a@b> ORCPT=utf-8;", true, Syntax::bad_parameter},
    };
    for (const auto& c : cases) {
      RcptCommand rcpt;
      expect(c.argument, c.syntax, parse_rcpt(c.argument, kAll, c.smtputf8, rcpt));
    }
    RcptCommand rcpt;
    expect("values", Syntax::ok, parse_rcpt("TO:<a@b> ORCPT=rfc822;x NOTIFY=DELAY", kAll, false, rcpt));
    CPPUNIT_ASSERT(rcpt.recipient.text == "a@b" && rcpt.notify == "DELAY" && rcpt.original_recipient == "rfc822;x");
  }

  void what_is_not_offered_is_unknown() {
    const struct {
      std::string parameter;
      bool Offered::*offered;
    } mail_cases[] = {{"SIZE=1", &Offered::size},       {"BODY=7BIT", &Offered::eight_bit_mime},
                      {"SMTPUTF8", &Offered::smtputf8}, {"RET=FULL", &Offered::dsn},
                      {"ENVID=x", &Offered::dsn},       {"AUTH=<>", &Offered::auth}},
      rcpt_cases[] = {{"NOTIFY=NEVER", &Offered::dsn}, {"ORCPT=rfc822;x", &Offered::dsn}};
    for (const auto& c : mail_cases) {
      MailCommand mail;
      Offered only_this;
      only_this.*c.offered = true;
      Offered all_others = kAll;
      all_others.*c.offered = false;
      expect(c.parameter, Syntax::ok, parse_mail("FROM:<a@b> " + c.parameter, only_this, mail));
      expect(c.parameter, Syntax::unknown_parameter, parse_mail("FROM:<a@b> " + c.parameter, all_others, mail));
    }
    for (const auto& c : rcpt_cases) {
      RcptCommand rcpt;
      Offered only_this;
      only_this.*c.offered = true;
      Offered all_others = kAll;
      all_others.*c.offered = false;
      expect(c.parameter, Syntax::ok, parse_rcpt("TO:<a@b> " + c.parameter, only_this, false, rcpt));
      expect(c.parameter, Syntax::unknown_parameter, parse_rcpt("TO:<a@b> " + c.parameter, all_others, false, rcpt));
    }
  }

  void helo_argument() {
    const struct {
      std::string argument;
      Syntax syntax;
    } cases[] = {
        {"example.org", Syntax::ok},    {"[192.0.2.1]", Syntax::ok},         {"a", Syntax::ok},
        {"!()<>\"\\~", Syntax::ok},     {std::string(255, 'a'), Syntax::ok}, {std::string(256, 'a'), Syntax::bad_helo},
        {"", Syntax::missing_argument}, {"a b", Syntax::bad_helo},           {"a\tb", Syntax::bad_helo},
        {"a\0"s, Syntax::bad_helo},     {"\x7f", Syntax::bad_helo},          {"b\u00fccher.example", Syntax::bad_helo},
    };
    for (const auto& c : cases) expect(c.argument, c.syntax, check_helo(c.argument));
  }

  void replies_are_complete() {
    for (int s = 1; s < static_cast<int>(Syntax::kCount); ++s) {
      for (int v = 0; v < static_cast<int>(Verb::kCount); ++v) {
        const std::string_view reply = reply_of(static_cast<Syntax>(s), static_cast<Verb>(v));
        CPPUNIT_ASSERT(reply.size() > 10 && reply.size() < 100 && reply[0] == '5' && reply.substr(3, 3) == " 5.");
        CPPUNIT_ASSERT(reply.find_first_of("\r\n") == std::string_view::npos);
      }
    }
    CPPUNIT_ASSERT(reply_of(Syntax::ok, Verb::mail).empty());
    const struct {
      Syntax syntax;
      Verb verb;
      std::string start;
    } cases[] = {
        {Syntax::missing_argument, Verb::mail, "501 5.5.4 "}, {Syntax::unwanted_argument, Verb::data, "501 5.5.4 "},
        {Syntax::bad_path, Verb::mail, "501 5.1.7 "},         {Syntax::bad_path, Verb::rcpt, "501 5.1.3 "},
        {Syntax::bad_parameter, Verb::mail, "501 5.5.4 "},    {Syntax::unknown_parameter, Verb::rcpt, "555 5.5.4 "},
        {Syntax::non_ascii, Verb::rcpt, "553 5.6.7 "},        {Syntax::bad_helo, Verb::helo, "501 5.5.4 "},
    };
    for (const auto& c : cases) CPPUNIT_ASSERT_EQUAL(c.start, std::string(reply_of(c.syntax, c.verb).substr(0, 10)));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CommandParserTest);

}  // namespace caronte::smtpd_proxy
