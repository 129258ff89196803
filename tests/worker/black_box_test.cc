#include "worker/black_box.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "base/address_parser.h"
#include "config.h"
#include "sandbox/sandbox.h"
#include "worker/forbidden_call.h"

namespace caronte::worker {

namespace {

// A child maps the page and acts; what it died of, or 0.
template <class Act>
int signal_of(const base::Fd& page, Act act) {
  const pid_t child = ::fork();
  if (child == 0) {
    BlackBox box = BlackBox::map(page.get()).value();
    act(box);
    ::_exit(0);
  }
  int status = 0;
  CPPUNIT_ASSERT_EQUAL(child, ::waitpid(child, &status, 0));
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

bool enter_core_sandbox() {
  static const std::array kPresets{sandbox::preset_core()};
  static const sandbox::Policy kPolicy{"test", kPresets, {}, sandbox::FolderAccess::none, false};
  return sandbox::enter({.policy = &kPolicy}).is_ok();
}

}  // namespace

class BlackBoxTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(BlackBoxTest);
  CPPUNIT_TEST(client_is_known_after_a_death);
  CPPUNIT_TEST(a_box_without_a_page_takes_everything);
#ifndef CARONTE_WITHOUT_SANDBOX
  CPPUNIT_TEST(forbidden_call_is_noted_and_kills);
  CPPUNIT_TEST(signal_from_elsewhere_kills_and_notes_nothing);
#endif
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    page_ = BlackBox::create().value();
    box_ = BlackBox::map(page_.get()).value();
  }

  void client_is_known_after_a_death() {
    const base::Address client = *base::parse_address("2001:db8::7");
    CPPUNIT_ASSERT(!box_.read());
    CPPUNIT_ASSERT_EQUAL(SIGKILL, signal_of(page_, [&](BlackBox& box) {
                           box.note(client);
                           ::raise(SIGKILL);
                         }));
    CPPUNIT_ASSERT(box_.read() == client);
    CPPUNIT_ASSERT(!box_.forbidden_call());
    CPPUNIT_ASSERT_EQUAL(0, signal_of(page_, [&](BlackBox& box) { box.clear(); }));
    CPPUNIT_ASSERT(!box_.read());
  }

  void a_box_without_a_page_takes_everything() {
    BlackBox box;
    box.note(*base::parse_address("192.0.2.1"));
    box.note_forbidden_call(1);
    box.clear();
    CPPUNIT_ASSERT(!box.read());
    CPPUNIT_ASSERT(!box.forbidden_call());
  }

  void forbidden_call_is_noted_and_kills() {
    for (const long number : {long{SYS_socket}, long{SYS_execve}, long{SYS_getppid}, 9999L}) {
      setUp();
      CPPUNIT_ASSERT_EQUAL(SIGSYS, signal_of(page_, [&](BlackBox& box) {
                             if (!note_forbidden_calls(box) || !enter_core_sandbox()) ::_exit(1);
                             ::syscall(number, 0, 0, 0);
                           }));
      CPPUNIT_ASSERT(box_.forbidden_call().has_value());
      CPPUNIT_ASSERT_EQUAL(static_cast<int>(number), *box_.forbidden_call());
    }
  }

  void signal_from_elsewhere_kills_and_notes_nothing() {
    CPPUNIT_ASSERT_EQUAL(SIGSYS, signal_of(page_, [&](BlackBox& box) {
                           if (!note_forbidden_calls(box) || !enter_core_sandbox()) ::_exit(1);
                           ::raise(SIGSYS);
                         }));
    CPPUNIT_ASSERT(!box_.forbidden_call());
  }

 private:
  base::Fd page_;
  BlackBox box_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(BlackBoxTest);

}  // namespace caronte::worker
