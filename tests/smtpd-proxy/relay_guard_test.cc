// BA-7, Q2: the relay guard, alone and behind the parser.
#include "smtpd-proxy/relay_guard.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "smtpd-proxy/command_parser.h"

namespace caronte::smtpd_proxy {

namespace {

using namespace std::string_literals;

const DomainSet& local_domains() {
  static const DomainSet domains({{"example.org", 1}, {"sub.example.net", 2}, {"localhost", 3}});
  return domains;
}

}  // namespace

class RelayGuardTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RelayGuardTest);
  CPPUNIT_TEST(truth_table);
  CPPUNIT_TEST(tricky_forms);
  CPPUNIT_TEST(no_domain_is_local_to_nobody);
  CPPUNIT_TEST(domains_are_found_in_any_case);
  CPPUNIT_TEST_SUITE_END();

 public:
  void truth_table() {
    constexpr GuardAnswer kPass = GuardAnswer::pass;
    const struct {
      bool is_authenticated, is_relay_address, is_local;
      GuardAnswer answer;
    } cells[] = {
        {false, false, false, GuardAnswer::relaying_denied},
        {false, false, true, kPass},
        {false, true, false, kPass},
        {false, true, true, kPass},
        {true, false, false, kPass},
        {true, false, true, kPass},
        {true, true, false, kPass},
        {true, true, true, kPass},
    };
    for (const auto& c : cells) {
      Path path;
      CPPUNIT_ASSERT(parse_path(c.is_local ? "user@example.org>" : "user@remote.example>", false, false, path) != 0);
      CPPUNIT_ASSERT(guard(path, c.is_authenticated, c.is_relay_address, local_domains()) == c.answer);
    }
  }

  // What becomes of RCPT from a stranger: refused for its syntax, denied by the guard, or passed.
  void tricky_forms() {
    enum class Fate : std::uint8_t { passed, denied, syntax };
    const struct {
      std::string path;  // behind "TO:"
      Fate fate;
    } cases[] = {
        {"<user@example.org>", Fate::passed},
        {"<user@EXAMPLE.Org>", Fate::passed},
        {"<User.Name+tag=x@example.org>", Fate::passed},
        {"<user@sub.example.net>", Fate::passed},
        {"<user@localhost>", Fate::passed},
        {"<postmaster>", Fate::passed},
        {"<PostMaster>", Fate::passed},
        {"<postmaster@example.org>", Fate::passed},
        {"<\"john doe\"@example.org>", Fate::passed},
        {"<\"user\"@example.org>", Fate::passed},
        {"<SRS0=Hash=TT=remote.example=user@example.org>", Fate::passed},
        {"<prvs=0123456789=user@example.org>", Fate::passed},
        {"<us-er/x=y@example.org>", Fate::passed},
        {"<jos\u00e9@example.org>", Fate::passed},

        {"<user@remote.example>", Fate::denied},
        {"<postmaster@remote.example>", Fate::denied},
        {"<user@example.org.remote.example>", Fate::denied},
        {"<user@xexample.org>", Fate::denied},
        {"<user@sub.example.org>", Fate::denied},
        {"<user@example.net>", Fate::denied},
        {"<user@org>", Fate::denied},
        {"<user@example.or>", Fate::denied},
        {"<user@_example.org>", Fate::denied},
        {"<user@[127.0.0.1]>", Fate::denied},
        {"<user@[192.0.2.1]>", Fate::denied},
        {"<user@[IPv6:::1]>", Fate::denied},
        {"<user@127.0.0.1>", Fate::denied},
        {"<user%remote.example@example.org>", Fate::denied},
        {"<user%remote.example%x@example.org>", Fate::denied},
        {"<user%example.org@remote.example>", Fate::denied},
        {"<user%remote.example@[127.0.0.1]>", Fate::denied},
        {"<remote.example!user@example.org>", Fate::denied},
        {"<remote.example!user%x@example.org>", Fate::denied},
        {"<@remote.example:user@example.org>", Fate::denied},
        {"<@example.org:user@remote.example>", Fate::denied},
        {"<@example.org,@remote.example:user@example.org>", Fate::denied},
        {"<@example.org:user@example.org>", Fate::denied},
        {"<\"user@remote.example\"@example.org>", Fate::denied},
        {"<\"user%remote.example\"@example.org>", Fate::denied},
        {"<\"remote.example!user\"@example.org>", Fate::denied},
        {"<\"user\\@remote.example\"@example.org>", Fate::denied},
        {"<\"user\\%remote.example\"@example.org>", Fate::denied},
        {"<\"us\\er\"@example.org>", Fate::denied},
        {"<\"@remote.example:user\"@example.org>", Fate::denied},
        {"<\"user>\"@example.org>", Fate::denied},
        {"<\"user> SIZE=1\"@example.org>", Fate::denied},
        {"<\"a,b\"@example.org>", Fate::denied},
        {"<\"<user\"@example.org>", Fate::denied},
        {"<\"a:b\"@example.org>", Fate::denied},
        {"<\":include:/etc/passwd\"@example.org>", Fate::denied},
        {"<\"(x)user\"@example.org>", Fate::denied},
        {"<\"a\\\"b\"@example.org>", Fate::denied},
        {"<\"\"@example.org>", Fate::denied},
        {"<\" user\"@example.org>", Fate::denied},
        {"<\"|/bin/sh\"@example.org>", Fate::denied},
        {"<|sh@example.org>", Fate::denied},
        {"</etc/passwd@example.org>", Fate::denied},
        {"<\"/etc/passwd\"@example.org>", Fate::denied},
        {"<-froot@example.org>", Fate::denied},
        {"<user\uFF20remote@example.org>", Fate::denied},
        {"<user\uFF05remote@example.org>", Fate::denied},
        {"<remote\uFF01user@example.org>", Fate::denied},
        {"<\"user\uFE6Bremote\"@example.org>", Fate::denied},
        {"<user@ex\u0430mple.org>", Fate::denied},  // Cyrillic a
        {"<user@example\u3002org>", Fate::denied},  // ideographic full stop
        {"<user@\uFF45xample.org>", Fate::denied},  // full-width e

        {"<user>", Fate::syntax},
        {"<>", Fate::syntax},
        {"<@example.org>", Fate::syntax},
        {"<\"postmaster\">", Fate::syntax},
        {"<@remote.example:postmaster>", Fate::syntax},
        {"<user@local@example.org>", Fate::syntax},
        {"<user@remote.example@example.org>", Fate::syntax},
        {"<user@example.org@remote.example>", Fate::syntax},
        {"<user@example.org.>", Fate::syntax},
        {"<user@.example.org>", Fate::syntax},
        {"<user@example..org>", Fate::syntax},
        {"<user@ example.org>", Fate::syntax},
        {"<user@remote.example,user@example.org>", Fate::syntax},
        {"<user@remote.example:user@example.org>", Fate::syntax},
        {"<user\\@remote.example@example.org>", Fate::syntax},
        {"<user(x)@example.org>", Fate::syntax},
        {"<user@example.org(x)>", Fate::syntax},
        {"<user@remote.example\0@example.org>"s, Fate::syntax},
        {"<user@example.org\0.remote.example>"s, Fate::syntax},
        {"<\"user\0\"@example.org>"s, Fate::syntax},
        {"<user@example.org%remote.example>", Fate::syntax},
        {"<user@remote.example!example.org>", Fate::syntax},
        {"<<user@remote.example>@example.org>", Fate::syntax},
        {"<user@example.org><user@remote.example>", Fate::syntax},
        {"<user@example.org> <user@remote.example>", Fate::syntax},
        {"\"x\"<user@remote.example>", Fate::syntax},
        {"user@example.org", Fate::syntax},
        {"<us\xc0\xa5"
         "er@example.org>",
         Fate::syntax},  // overlong '%'
    };
    for (const auto& c : cases) {
      RcptCommand rcpt;
      Fate fate = Fate::syntax;
      const std::string argument = "TO:" + c.path;
      if (parse_rcpt(argument, {}, true, rcpt) == Syntax::ok) {
        const GuardAnswer answer = guard(rcpt.recipient, false, false, local_domains());
        fate = answer == GuardAnswer::pass ? Fate::passed : Fate::denied;
        CPPUNIT_ASSERT_MESSAGE(c.path, guard(rcpt.recipient, true, false, local_domains()) == GuardAnswer::pass);
        CPPUNIT_ASSERT_MESSAGE(c.path, guard(rcpt.recipient, false, true, local_domains()) == GuardAnswer::pass);
      }
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.path, static_cast<int>(c.fate), static_cast<int>(fate));
    }
  }

  void no_domain_is_local_to_nobody() {
    Path path;
    CPPUNIT_ASSERT(parse_path("user@example.org>", false, false, path) != 0);
    CPPUNIT_ASSERT(guard(path, false, false, DomainSet()) == GuardAnswer::relaying_denied);
    CPPUNIT_ASSERT_MESSAGE("a path that was never parsed",
                           guard(Path(), false, false, local_domains()) == GuardAnswer::relaying_denied);
  }

  void domains_are_found_in_any_case() {
    const struct {
      std::string domain;
      bool is_local;
    } cases[] = {{"example.org", true},     {"EXAMPLE.ORG", true},   {"eXample.oRg", true},   {"Sub.Example.Net", true},
                 {"example.net", false},    {"example.org.", false}, {".example.org", false}, {"", false},
                 {"example.org\0"s, false}, {"example_org", false},  {"example.org ", false}, {"LOCALHOST", true}};
    for (const auto& c : cases) CPPUNIT_ASSERT_EQUAL_MESSAGE(c.domain, c.is_local, local_domains().contains(c.domain));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RelayGuardTest);

}  // namespace caronte::smtpd_proxy
