// logd: takes the records of all processes and keeps the XML log. A record is acknowledged once it is in the file; what is
// not acknowledged waits at its sender, so that neither a crash nor a full disk loses anything silently, and no sender
// ever waits for this process. It trusts no sender: names are judged, values quoted, numbers belong to the channel.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logd/live_file.h"
#include "logd/record_writer.h"
#include "logd/senders.h"
#include "logd/syslog.h"
#include "worker/control_server.h"
#include "worker/worker.h"

namespace caronte::logd {

class Logd final : public worker::Worker, private worker::ControlHandler {
 public:
  explicit Logd(worker::Startup startup);

 private:
  struct Connection {
    std::unique_ptr<ipc::Channel> channel;
    std::optional<Sender> sender;  // after LogOpen
    std::uint64_t acknowledged = 0;
  };

  void on_peer(const ipc::Peer& peer, base::Fd socket) override;
  bool on_peer_message(ipc::Channel& channel, ipc::Incoming& message) override;
  void on_peer_closed(ipc::Channel& channel) override;
  void on_commit() override;
  void on_stop() override;
  bool on_control_message(ipc::Channel& channel, ipc::Incoming& message) override;

  [[nodiscard]] bool take(Connection& connection, const ipc::LogOpen& open);
  [[nodiscard]] bool take(Connection& connection, const ipc::LogRecord& record);
  void report(const Gap& gap);

  // At the end of each turn: what came in goes to the file, in one write, and is acknowledged.
  void flush();
  [[nodiscard]] bool open_file();
  void rotate_if_due(std::uint64_t more);
  [[nodiscard]] bool has_lock_or_waited();
  void acknowledge();
  void fail(const base::Error& error);
  void recover();
  void hold_senders();
  void release_senders();

  void on_tick(short);
  void on_retry(short) { flush(); }
  void on_lock_timer(short) { flush(); }
  void on_stop_timer(short);
  void finish_if_idle();
  void send_status(ipc::Channel& channel);

  [[nodiscard]] const config::Log& settings() const noexcept { return current()->configuration.log; }

  base::Fd folder_;
  LiveFile file_;
  Senders senders_;
  RecordWriter writer_;
  Syslog syslog_;
  std::vector<Connection> connections_;
  worker::ControlServer control_;

  std::string pending_;  // accepted, not yet in the file
  std::uint64_t pending_records_ = 0;
  bool are_held_ = true;  // the senders are not read: no file yet, disk full, or too much pending
  bool has_rotation_failed_ = false;
  bool is_stopping_ = false;
  std::optional<base::MonotonicTime> locked_out_since_;
  std::optional<base::MonotonicTime> failing_since_;
  std::string last_error_;

  std::uint64_t written_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t archives_ = 0;

  wrap::Deferred turn_end_;
  wrap::Event tick_;
  wrap::Event retry_;
  wrap::Event lock_timer_;
  wrap::Event stop_timer_;
};

}  // namespace caronte::logd
