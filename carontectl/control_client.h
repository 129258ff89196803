// A question to one process of the gateway, over its control socket. Blocking, with a time limit.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "ipc/channel.h"

namespace caronte::carontectl {

// Exit codes of carontectl beside those of sysexits.h.
inline constexpr int kHealthy = 0;
inline constexpr int kDegraded = 1;  // status; for the other commands: it was refused or failed
inline constexpr int kNotRunning = 2;

class ControlClient {
 public:
  // <run folder>/<name>.sock: master, policyd or logd. Errors: ENOENT or ECONNREFUSED when nobody listens there, EACCES,
  // EAGAIN when it does not take the connection in time.
  [[nodiscard]] static base::Result<ControlClient> connect(const std::string& run_folder, ipc::Role role, base::Duration patience);

  template <class Message>
  [[nodiscard]] base::Status send(const Message& message) {
    return ipc::send_blocking(socket_.get(), message);
  }
  // As ipc::BlockingReader: code 0 when the other side has gone, EAGAIN when it was silent for too long.
  [[nodiscard]] base::Result<ipc::Incoming> next() { return reader_.next(); }
  void set_patience(base::Duration patience) noexcept;

 private:
  ControlClient(base::Fd socket, ipc::Role role) noexcept
      : socket_(std::move(socket)), reader_(socket_.get(), ipc::Role::control, role) {}
  base::Fd socket_;
  ipc::BlockingReader reader_;
};

// What one process says of itself. `error` is set when it did not answer to the end.
struct StatusAnswer {
  std::vector<ipc::StatusItem> items;
  bool is_healthy = false;
  base::Error error;
  [[nodiscard]] bool is_complete() const noexcept { return error.text.empty(); }
};
[[nodiscard]] StatusAnswer ask_status(const std::string& run_folder, ipc::Role role, base::Duration patience);

// The commands `reload` and `stop`. Prints what comes back; returns the exit code.
[[nodiscard]] int reload(const std::string& run_folder);
[[nodiscard]] int stop(const std::string& run_folder);

// One line on stderr and the exit code for a gateway that cannot be asked.
[[nodiscard]] int report_unreachable(const std::string& run_folder, const base::Error& error);

}  // namespace caronte::carontectl
