// Into the background, with a parent that stays until the service is there: its exit code tells.
#pragma once

namespace caronte::master {

class Daemon {
 public:
  // In the foreground: nothing. Else forks; the parent never returns, it exits with what the child says or ends with.
  // Call before anything that does not survive a fork (the event loop). Exits with EX_OSERR when there is no fork.
  [[nodiscard]] static Daemon begin(bool is_foreground);

  // The service is there: the parent may go. Standard descriptors become /dev/null.
  void tell_ready();

 private:
  int pipe_ = -1;  // to the parent
};

}  // namespace caronte::master
