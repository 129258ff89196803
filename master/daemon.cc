#include "master/daemon.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/fd.h"
#include "master/launcher.h"

namespace caronte::master {

namespace {

[[noreturn]] void wait_for(pid_t child, int pipe) {
  char word = 0;
  ssize_t count = 0;
  do {
    count = ::read(pipe, &word, 1);
  } while (count < 0 && errno == EINTR);
  if (count == 1) ::_exit(EX_OK);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ::_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : EX_SOFTWARE);
}

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(EX_OSERR);
}

}  // namespace

Daemon Daemon::begin(bool is_foreground) {
  Daemon daemon;
  if (is_foreground) return daemon;
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) give_up("caronted: pipe");
  const pid_t child = ::fork();
  if (child < 0) give_up("caronted: fork");
  if (child > 0) {
    ::close(ends[1]);
    wait_for(child, ends[0]);
  }
  ::close(ends[0]);
  daemon.pipe_ = duplicate(ends[1]).release();
  ::close(ends[1]);
  ::setsid();
  if (::chdir("/") != 0) give_up("caronted: chdir /");
  return daemon;
}

void Daemon::tell_ready() {
  if (pipe_ < 0) return;
  const base::Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing.get(), number);
  [[maybe_unused]] const ssize_t written = ::write(pipe_, "", 1);
  ::close(pipe_);
  pipe_ = -1;
}

}  // namespace caronte::master
