// The proof of the sandbox (fault F48): each real worker, in its real sandbox, is made to try everything that it must not be
// able to do. Each act must be refused or end that worker alone. The negative control does the same in workers without a
// sandbox, where it must be seen to fail. Needs root (exit 77 without).
//   hostile_test [FOLDER [WORKER [acts|frames]]]     FOLDER holds NAME/NAME or NAME of each worker (default: the present one)
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

#include "config.h"
#include "tests/sandbox/acts.h"
#include "tests/sandbox/hostile_frames.h"
#include "tests/sandbox/live_status.h"
#include "tests/sandbox/subject.h"
#include "tests/sandbox/tally.h"

namespace caronte::tests {

namespace {

using ipc::Role;
using std::chrono::milliseconds;

constexpr int kSkipped = 77;
constexpr milliseconds kGrace{5000};
// Below these numbers the test itself would be too weak.
constexpr std::size_t kFewestActs = 60;
constexpr std::size_t kFewestLetThrough = 40;

bool is_for(const Act& act, Role role) {
  return (act.roles & ipc::mask_of(role)) != 0;
}

bool is_refused(const Act& act, const Injector::Outcome& outcome) {
  if (outcome.has_died) return outcome.signal == SIGSYS;
  const int error = outcome.result < 0 ? static_cast<int>(-outcome.result) : 0;
  return error == EPERM || error == EACCES || error == ENOSYS ||
         std::find(act.also_refused.begin(), act.also_refused.end(), error) != act.also_refused.end();
}

std::string text_of(const Injector::Outcome& outcome) {
  if (outcome.has_died) return "died of signal " + std::to_string(outcome.signal);
  if (outcome.result < 0) return ::strerrorname_np(static_cast<int>(-outcome.result)) ?: "?";
  return "result " + std::to_string(outcome.result);
}

Scene scene_of(const Subject& subject, const Injector& injector) {
  Scene scene{.master = ::getpid(), .worker = subject.pid(), .code_page = injector.code_page()};
  for (const auto& [descriptor, target] : subject.descriptors()) {
    if (target == subject.grounds().log_folder() && scene.log_folder < 0) scene.log_folder = descriptor;
    // smtpd-proxy's only socket besides the channels: master's is 3, then come the listener and the peers in order.
    if (target.starts_with("socket:[") && descriptor > 3 && scene.listener < 0) scene.listener = descriptor;
  }
  return scene;
}

// One act in a fresh worker. `serves_on` tells whether it lived and served afterwards.
Injector::Outcome commit(Subject& subject, const std::vector<Act> (*acts)(const Scene&), std::size_t index, bool& serves_on) {
  Injector::Outcome outcome;
  {
    Injector injector(subject.pid());
    Act act = acts(scene_of(subject, injector))[index];
    if (act.opener >= 0) {
      outcome = injector.call(act.opener, act.opener_arguments);
      act.arguments[0] = static_cast<std::uint64_t>(outcome.result);
    }
    if (!outcome.has_died && outcome.result >= 0) outcome = injector.call(act.call, act.arguments, act.instruction);
  }
  if (outcome.has_died) subject.set_reaped();
  serves_on = !outcome.has_died && subject.is_serving();
  return outcome;
}

const std::vector<Act> forbidden(const Scene& scene) {
  return all_acts(scene);
}
const std::vector<Act> allowed(const Scene& scene) {
  return allowed_acts(scene);
}

class HostileTest {
 public:
  HostileTest(Tally& tally, const Grounds& grounds, std::string folder)
      : tally_(tally), grounds_(grounds), folder_(std::move(folder)) {}

  void run(Role role, bool has_acts, bool has_frames) {
    const std::string name(ipc::name_of(role));
    try {
      Subject bystander(grounds_, program_of(role), role, true);
      check_live_status(tally_, bystander);
      if (kCanInject && has_acts) {
        check_allowed(role);
        check_forbidden(role);
        check_control(role);
      }
      tally_.check(bystander.takes_reload(), name + ": cannot reload in its sandbox");
      tally_.check(bystander.is_serving(), name + ": another process of the same kind was harmed");
      if (has_frames) check_hostile_frames(tally_, bystander);
      const auto death = bystander.death(milliseconds(0));
      tally_.check(!death, name + ": died on the way, wait status " + std::to_string(death.value_or(0)));
    } catch (const std::runtime_error& error) {
      tally_.check(false, name + ": " + error.what());
    }
  }

 private:
  std::string program_of(Role role) const {
    const std::string name(ipc::name_of(role));
    const std::string in_its_folder = folder_ + "/" + name + "/" + name;
    return ::access(in_its_folder.c_str(), X_OK) == 0 ? in_its_folder : folder_ + "/" + name;
  }

  void check_allowed(Role role) {
    const std::vector<Act> acts = allowed({});
    for (std::size_t i = 0; i < acts.size(); ++i) {
      if (!is_for(acts[i], role)) continue;
      Subject subject(grounds_, program_of(role), role, true);
      (void)subject.is_serving();
      bool serves_on = false;
      const auto outcome = commit(subject, &allowed, i, serves_on);
      tally_.check(!outcome.has_died && outcome.result >= 0 && serves_on,
                   std::string(ipc::name_of(role)) + " may " + std::string(acts[i].name) + ": " + text_of(outcome));
    }
  }

  void check_forbidden(Role role) {
    const std::vector<Act> acts = forbidden({});
    std::size_t count = 0;
    std::size_t fatal = 0;
    for (std::size_t i = 0; i < acts.size(); ++i) {
      if (!is_for(acts[i], role)) continue;
      Subject subject(grounds_, program_of(role), role, true);
      (void)subject.is_serving();
      bool serves_on = false;
      const auto outcome = commit(subject, &forbidden, i, serves_on);
      const std::string what = std::string(ipc::name_of(role)) + ": " + std::string(acts[i].name) + ": " + text_of(outcome);
      tally_.check(is_refused(acts[i], outcome) && (outcome.has_died || serves_on), what);
      ++count;
      fatal += outcome.has_died ? 1 : 0;
    }
    tally_.check(count >= kFewestActs, std::string(ipc::name_of(role)) + ": only " + std::to_string(count) + " acts");
    std::printf("%s: %zu acts, %zu fatal, the others refused\n", std::string(ipc::name_of(role)).c_str(), count, fatal);
  }

  // Without the sandbox most acts go through: so it is the sandbox that is seen above.
  void check_control(Role role) {
    const std::vector<Act> acts = forbidden({});
    std::size_t count = 0;
    std::size_t let_through = 0;
    for (std::size_t i = 0; i < acts.size(); ++i) {
      if (!is_for(acts[i], role) || !acts[i].is_harmless) continue;
      Subject subject(grounds_, program_of(role), role, false);
      (void)subject.is_serving();
      bool serves_on = false;
      const auto outcome = commit(subject, &forbidden, i, serves_on);
      ++count;
      let_through += is_refused(acts[i], outcome) ? 0 : 1;
    }
    std::printf("%s without its sandbox: %zu of %zu acts are let through\n", std::string(ipc::name_of(role)).c_str(), let_through,
                count);
    tally_.check(let_through >= kFewestLetThrough,
                 std::string(ipc::name_of(role)) + ": the control sees too little of the difference");
  }

  Tally& tally_;
  const Grounds& grounds_;
  std::string folder_;
};

int skip(const char* reason) {
  std::printf("SKIPPED: %s\n0 passed, 0 failed\n", reason);
  return kSkipped;
}

int run(int argc, char** argv) {
#ifdef CARONTE_WITHOUT_SANDBOX
  return skip("this build has no sandbox");
#endif
  if (::geteuid() != 0) return skip("the test of the workers' sandboxes needs root");
  if (!kCanInject) std::printf("NOT TESTED on this architecture: acts by ptrace (x86_64 and aarch64 only)\n");
  std::signal(SIGPIPE, SIG_IGN);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  Tally tally;
  const Grounds grounds;
  HostileTest test(tally, grounds, argc > 1 ? argv[1] : ".");
  const std::string_view part = argc > 3 ? argv[3] : "";
  for (const Role role : {Role::smtpd_proxy, Role::policyd, Role::dnsd, Role::logd}) {
    if (argc <= 2 || ipc::name_of(role) == argv[2]) test.run(role, part != "frames", part != "acts");
  }
  return tally.finish();
}

}  // namespace

}  // namespace caronte::tests

int main(int argc, char** argv) {
  return caronte::tests::run(argc, argv);
}
