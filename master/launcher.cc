#include "master/launcher.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "config.h"
#include "ipc/channel.h"

namespace caronte::master {

namespace {

constexpr int kChannelNumber = 3;
constexpr int kProgramNumber = 4;
constexpr int kOwnNumbers = 100;  // master's long-lived descriptors begin here

// Empty. A sanitizer build keeps what steers sanitizers and fault injection.
std::vector<char*> worker_environment() {
  std::vector<char*> kept;
#ifdef CARONTE_SANITIZERS
  for (char** entry = environ; *entry != nullptr; ++entry) {
    for (const char* prefix : {"ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "LD_PRELOAD=", "FAKETIME"}) {
      if (std::strncmp(*entry, prefix, std::strlen(prefix)) == 0) kept.push_back(*entry);
    }
  }
#endif
  kept.push_back(nullptr);
  return kept;
}

// In the child; only calls that are safe between fork and exec.
[[noreturn]] void become_worker(int channel, int program, char* const* arguments, char* const* environment, bool keeps_stderr) {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  // Both would end a worker at a write that the sandbox means to fail.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setsid();  // Ctrl-C in the foreground is master's alone
  // If memory runs out, a worker goes before master.
  if (const int score = ::open("/proc/self/oom_score_adj", O_WRONLY); score >= 0) {
    [[maybe_unused]] const ssize_t written = ::write(score, "300", 3);
  }
  const int nothing = ::open("/dev/null", O_RDWR);
  if (nothing < 0 || ::dup2(channel, kChannelNumber) < 0 || ::dup3(program, kProgramNumber, O_CLOEXEC) < 0) ::_exit(EX_OSERR);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(nothing, STDOUT_FILENO);
  if (!keeps_stderr) ::dup2(nothing, STDERR_FILENO);
  ::syscall(SYS_close_range, kProgramNumber + 1, ~0U, 0U);
  ::syscall(SYS_execveat, kProgramNumber, "", arguments, environment, AT_EMPTY_PATH);
  ::_exit(EX_OSERR);
}

}  // namespace

base::Fd duplicate(int descriptor) noexcept {
  return base::Fd(::fcntl(descriptor, F_DUPFD_CLOEXEC, kOwnNumbers));
}

base::Result<base::Fd> open_program(const std::string& folder, std::string_view name) {
  const std::string installed = folder + '/' + std::string(name);
  for (const std::string& path : {installed, installed + '/' + std::string(name)}) {
    const base::Fd program(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat found {};
    if (!program || ::fstat(program.get(), &found) != 0 || !S_ISREG(found.st_mode)) continue;
    if ((found.st_mode & S_IXUSR) == 0) return base::system_error(EACCES, path);
    base::Fd kept = duplicate(program.get());
    if (!kept) return base::system_error(errno, path);
    return kept;
  }
  return base::system_error(ENOENT, installed);
}

base::Result<Launched> launch(int program, const std::string& title, bool keeps_stderr) {
  auto made = ipc::make_channel_pair();
  if (!made) return made.error();
  Launched launched{-1, duplicate(made.value().first.get())};
  const base::Fd theirs = duplicate(made.value().second.get());
  if (!launched.channel || !theirs) return base::system_error(errno, "descriptors");
  std::string name = title;
  char* const arguments[] = {name.data(), nullptr};
  const std::vector<char*> environment = worker_environment();

  // A signal that reached the child before it drops master's handlers would be taken for one of master's own.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, &before);
  launched.pid = ::fork();
  if (launched.pid == 0) become_worker(theirs.get(), program, arguments, environment.data(), keeps_stderr);
  const int error = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (launched.pid < 0) return base::system_error(error, "fork");
  return launched;
}

}  // namespace caronte::master
