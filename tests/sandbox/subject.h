// A real worker, started as master starts it: descriptor 3, the start-up messages, Ready. The test stands in master's
// place and holds the other end of every channel. Needs root.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "ipc/channel.h"

namespace caronte::tests {

// The folders that a subject needs, removed at the end.
class Grounds {
 public:
  Grounds();
  ~Grounds();
  Grounds(const Grounds&) = delete;
  Grounds& operator=(const Grounds&) = delete;
  [[nodiscard]] std::string empty_folder() const { return root_ + "/empty"; }
  [[nodiscard]] std::string log_folder() const { return root_ + "/log"; }
  [[nodiscard]] std::string state_folder() const { return root_ + "/state"; }

 private:
  std::string root_;
};

class Subject {
 public:
  // No user of this machine; a worker never looks its user up.
  static constexpr std::uint32_t kUid = 61234;
  static constexpr std::uint32_t kGid = 61235;

  // Throws std::runtime_error when the worker does not become ready within ten seconds.
  Subject(const Grounds& grounds, std::string program, ipc::Role role, bool with_sandbox);
  ~Subject();  // kills it
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] ipc::Role role() const noexcept { return role_; }
  [[nodiscard]] const Grounds& grounds() const noexcept { return grounds_; }
  // Our end of its channel to `peer`; -1: it has none.
  [[nodiscard]] int channel(ipc::Role peer) const;
  // Gives it a new channel to `peer`, as after a restart of that one.
  void renew_channel(ipc::Role peer);
  // Answers a Ping within five seconds. Blame that comes before it is kept for next_blame().
  [[nodiscard]] bool is_serving();
  // Prepares and commits another generation of the configuration.
  [[nodiscard]] bool takes_reload();
  // The next Blame that it sends to master; nullopt: none within five seconds.
  [[nodiscard]] std::optional<ipc::Blame> next_blame();
  // The wait status of its death; nullopt: it lives after a grace of `patience`.
  [[nodiscard]] std::optional<int> death(std::chrono::milliseconds patience);
  // The wait status was seen by another (ptrace).
  void set_reaped() noexcept { is_reaped_ = true; }
  // Descriptors that it has open: number and what /proc says.
  [[nodiscard]] std::map<int, std::string> descriptors() const;

 private:
  void launch();
  void send_start(bool with_sandbox);
  void send_resources();
  void send_configuration();
  void give_channel(ipc::Role peer);
  template <class Message>
  void send(const Message& message, int descriptor = -1);
  [[nodiscard]] ipc::Incoming next_message();

  const Grounds& grounds_;
  std::string program_;
  ipc::Role role_;
  pid_t pid_ = -1;
  bool is_reaped_ = false;
  base::Fd master_;
  std::unique_ptr<ipc::BlockingReader> reader_;
  std::map<ipc::Role, base::Fd> channels_;
  std::optional<ipc::Blame> blame_;
  base::Endpoint listener_;  // smtpd-proxy's
  std::uint32_t serial_ = 0;
  std::uint32_t generation_ = 1;
};

}  // namespace caronte::tests
