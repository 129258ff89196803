#include "logd/logd.h"

#include <sysexits.h>

#include <algorithm>

#include "ipc/log_format.h"

namespace caronte::logd {

namespace {

constexpr base::Duration kTick{1000};
constexpr base::Duration kRetry{1000};
constexpr base::Duration kLockPatience{100};
constexpr base::Duration kLockRetry{5};
constexpr base::Duration kStopPatience{2000};
// When master has died, the others finish what is past DATA, for 30 s at most.
constexpr base::Duration kOrphanPatience{35'000};
constexpr std::size_t kMaxPendingBytes = 1024 * 1024;

base::WallTime wall_now() {
  return base::system_clock().wall();
}
base::MonotonicTime monotonic_now() {
  return base::system_clock().monotonic();
}

}  // namespace

Logd::Logd(worker::Startup startup)
    : Worker(std::move(startup)),
      folder_(take_resource(ipc::ResourceKind::log_folder)),
      file_(folder_.get()),
      control_(loop(), take_resource(ipc::ResourceKind::control_socket), ipc::Role::logd, start().control_gid, *this),
      turn_end_(loop()) {
  turn_end_.bind<&Logd::flush>(this);
  tick_.assign_timer<&Logd::on_tick>(loop(), this);
  retry_.assign_timer<&Logd::on_retry>(loop(), this);
  lock_timer_.assign_timer<&Logd::on_lock_timer>(loop(), this);
  stop_timer_.assign_timer<&Logd::on_stop_timer>(loop(), this);
  // Its own events go the way of everybody's.
  if (auto ends = ipc::make_channel_pair()) {
    log().attach(std::move(ends.value().first));
    on_peer({ipc::Role::logd, start().index}, std::move(ends.value().second));
  }
  if (settings().syslog) {
    if (auto status = syslog_.connect(); !status) log().event("no syslog: " + status.error().text);
  }
  tick_.enable(kTick);
  turn_end_.schedule();  // the first turn opens the file, inside the sandbox
}

void Logd::on_peer(const ipc::Peer& peer, base::Fd socket) {
  connections_.push_back({open_channel(peer, std::move(socket)), std::nullopt, 0});
  if (are_held_) connections_.back().channel->pause();
}

void Logd::on_peer_closed(ipc::Channel& channel) {
  const auto found =
      std::find_if(connections_.begin(), connections_.end(), [&](const Connection& c) { return c.channel.get() == &channel; });
  if (found == connections_.end()) return;
  if (found->sender) senders_.close(*found->sender);
  connections_.erase(found);
  finish_if_idle();
}

bool Logd::on_peer_message(ipc::Channel& channel, ipc::Incoming& message) {
  const auto found =
      std::find_if(connections_.begin(), connections_.end(), [&](const Connection& c) { return c.channel.get() == &channel; });
  if (found == connections_.end()) return false;
  turn_end_.schedule();
  if (message.type == ipc::MessageType::LogRecord) {
    ipc::LogRecord record;
    return ipc::decode(message.body, record) && take(*found, record);
  }
  ipc::LogOpen open;
  return message.type == ipc::MessageType::LogOpen && ipc::decode(message.body, open) && take(*found, open);
}

bool Logd::take(Connection& connection, const ipc::LogOpen& open) {
  const Sender sender{open.role, open.index, open.instance};
  if (open.role != connection.channel->peer() || open.index != connection.channel->peer_index()) return false;
  if (connection.sender && *connection.sender != sender) return false;
  connection.sender = sender;
  report(senders_.open(sender, open.acknowledged, open.next));
  return true;
}

bool Logd::take(Connection& connection, const ipc::LogRecord& record) {
  if (!connection.sender || !is_acceptable(record)) return false;
  const Senders::Decision decision = senders_.take(*connection.sender, record.sequence);
  if (!decision.is_new) return true;
  report(decision.gap);
  // Its sender may not have heard yet of a lower level.
  if (record.level == ipc::LogLevel::none || record.level > settings().level) return true;
  pending_ += writer_.record(*connection.sender, record);
  ++pending_records_;
  if (settings().syslog) syslog_.send(syslog_text(*connection.sender, record, Syslog::kMaxTextBytes));
  if (pending_.size() >= kMaxPendingBytes) hold_senders();
  return true;
}

void Logd::report(const Gap& gap) {
  if (gap.is_empty()) return;
  pending_ += writer_.lost(gap, wall_now());
  ++pending_records_;
  lost_ += gap.count();
}

void Logd::flush() {
  if (!folder_) {  // no log is configured: what is still on its way counts as written
    pending_.clear();
  } else if (!open_file()) {
    return;
  } else if (!pending_.empty()) {
    rotate_if_due(pending_.size());
    if (!file_.is_open() && !open_file()) return;
    if (!has_lock_or_waited()) return;
    const base::Status status = file_.append(pending_, pending_records_, wall_now());
    file_.unlock();
    if (!status) {
      fail(status.error());
      return;
    }
  }
  written_ += pending_records_;
  pending_records_ = 0;
  pending_.clear();
  senders_.commit();
  recover();
  acknowledge();
  release_senders();
  finish_if_idle();
}

// The file is looked at before each write: others may have moved, removed or cut it.
bool Logd::open_file() {
  if (file_.is_open() && !file_.is_torn() && file_.look() == LiveFile::State::same) return true;
  auto opened = file_.open(senders_.positions(), wall_now());
  if (!opened) {
    file_.close();
    fail(opened.error());
    return false;
  }
  senders_.restore(opened.value().positions);
  if (opened.value().torn_bytes != 0) {
    log().event("torn end of " + std::string(ipc::kLogFile) + " cut off: " + std::to_string(opened.value().torn_bytes) + " octets");
  }
  if (!opened.value().set_aside.empty()) {
    log().event(std::string(ipc::kLogFile) + " was damaged or no log; its name is now " + opened.value().set_aside);
  }
  return true;
}

void Logd::rotate_if_due(std::uint64_t more) {
  const RotationSettings limits{settings().rotate_size, settings().rotate_time};
  if (has_rotation_failed_ || !is_rotation_due(limits, file_, more, wall_now())) return;
  auto archive = file_.rotate(senders_.positions(), wall_now());
  if (archive) {
    ++archives_;
    log().event("log rotated: " + archive.value(), ipc::LogLevel::level2);
  } else {
    has_rotation_failed_ = true;  // until the next tick
    last_error_ = archive.error().text;
  }
}

bool Logd::has_lock_or_waited() {
  if (!file_.try_lock()) {
    const base::MonotonicTime now = monotonic_now();
    if (!locked_out_since_) locked_out_since_ = now;
    if (now - *locked_out_since_ < kLockPatience) {
      lock_timer_.enable(kLockRetry);
      return false;
    }
  }
  locked_out_since_.reset();
  return true;
}

void Logd::acknowledge() {
  for (Connection& connection : connections_) {
    if (!connection.sender) continue;
    const std::uint64_t written = senders_.written(*connection.sender);
    if (written > connection.acknowledged && connection.channel->send(ipc::LogAck{written})) connection.acknowledged = written;
  }
}

void Logd::fail(const base::Error& error) {
  if (!failing_since_) failing_since_ = monotonic_now();
  last_error_ = error.text;
  hold_senders();
  retry_.enable(kRetry);
  // Only master can open the folder's path again: it does so for a new logd. The senders keep what is not acknowledged.
  if (file_.is_folder_gone()) finish(EX_TEMPFAIL);
}

void Logd::recover() {
  if (!failing_since_) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(monotonic_now() - *failing_since_).count();
  failing_since_.reset();
  retry_.disable();
  log().event("the log could not be written for " + std::to_string(seconds) + " s: " + last_error_);
}

void Logd::hold_senders() {
  are_held_ = true;
  for (Connection& connection : connections_) connection.channel->pause();
}

void Logd::release_senders() {
  if (!are_held_) return;
  are_held_ = false;
  for (Connection& connection : connections_) connection.channel->resume();
}

void Logd::on_tick(short) {
  tick_.enable(kTick);
  has_rotation_failed_ = false;
  if (!folder_ || failing_since_ || locked_out_since_ || !open_file()) return;
  file_.sync_archive();
  if (pending_.empty()) rotate_if_due(0);
}

// syslog is connected before the sandbox: a change needs a new process, and so does a logger that was started anew. Nothing
// is lost by it. (Master refuses a reload that changes the folder.)
void Logd::on_commit() {
  if (settings().syslog && !syslog_.is_connected()) finish(EX_TEMPFAIL);
}

void Logd::on_stop() {
  is_stopping_ = true;
  stop_timer_.enable(master().is_open() ? kStopPatience : kOrphanPatience);
  turn_end_.schedule();
}

void Logd::finish_if_idle() {
  // The channel to itself stays.
  if (is_stopping_ && connections_.size() <= 1 && pending_.empty()) finish(EX_OK);
}

void Logd::on_stop_timer(short) {
  locked_out_since_ = base::MonotonicTime{};  // no more patience with readers
  flush();
  finish(EX_OK);
}

bool Logd::on_control_message(ipc::Channel& channel, ipc::Incoming& message) {
  ipc::StatusRequest request;
  if (message.type != ipc::MessageType::StatusRequest || !ipc::decode(message.body, request)) return false;
  send_status(channel);
  return true;
}

void Logd::send_status(ipc::Channel& channel) {
  const std::string subject = Sender{ipc::Role::logd, start().index, 0}.name();
  const auto item = [&](std::string_view name, std::string_view value) {
    channel.send(ipc::StatusItem{"log", subject, name, value});
  };
  item("level", ipc::name_of(settings().level));
  if (folder_) {
    item("file", ipc::kLogFile);
    item("bytes", std::to_string(file_.is_open() ? file_.bytes() : 0));
  }
  item("written", std::to_string(written_));
  item("lost", std::to_string(lost_));
  item("archives", std::to_string(archives_));
  item("waiting-bytes", std::to_string(pending_.size()));
  if (settings().syslog) item("syslog-lost", std::to_string(syslog_.lost()));
  item("state", failing_since_ ? "failing" : "writing");
  if (!last_error_.empty()) item("last-error", last_error_);
  channel.send(ipc::StatusEnd{!failing_since_});
}

}  // namespace caronte::logd
