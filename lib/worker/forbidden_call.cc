#include "worker/forbidden_call.h"

#include <cerrno>
#include <csignal>

namespace caronte::worker {

namespace {

constexpr int kRaisedBySeccomp = 1;  // si_code: SYS_SECCOMP of the kernel's header, which the C library's does not have

BlackBox* g_box = nullptr;

extern "C" void on_forbidden_call(int signal, siginfo_t* what, void*) {
  if (what->si_code == kRaisedBySeccomp) g_box->note_forbidden_call(what->si_syscall);
  ::raise(signal);  // by now with its default action, and not blocked
}

}  // namespace

base::Status note_forbidden_calls(BlackBox& box) noexcept {
  g_box = &box;
  struct sigaction action {};
  action.sa_sigaction = &on_forbidden_call;
  action.sa_flags = static_cast<int>(SA_SIGINFO | SA_RESETHAND | SA_NODEFER);
  if (::sigaction(SIGSYS, &action, nullptr) != 0) return base::system_error(errno, "SIGSYS");
  return base::Done{};
}

}  // namespace caronte::worker
