// The sender's side of the log (master and every worker). Records are numbered from 1; those that logd has not
// acknowledged wait in a bounded ring and are sent again to a restarted logd. What the ring cannot hold is dropped and
// its number used up: logd sees the gap and reports the exact loss. Never blocks, never fails.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "ipc/channel.h"
#include "ipc/schema.h"
#include "wrap/event.h"

namespace caronte::worker {

// Composes one record: RecordBuilder r("session"); r.attribute("client", text); r.child("message"); r.attribute(...);
// r.end(); Attributes belong to the innermost open element. Total size is bounded (one frame of a channel): what does not
// fit (bytes, elements, attributes, a value beyond its maximum) is left out or cut and the record says truncated="yes".
// Names are [a-z][a-z0-9-]*, each attribute at most once an element; "from", "instance", "n" and "time" of the record
// itself are logd's.
class RecordBuilder {
 public:
  explicit RecordBuilder(std::string_view name, ipc::LogLevel level = ipc::LogLevel::level1);
  RecordBuilder& attribute(std::string_view name, std::string_view value);
  RecordBuilder& attribute(std::string_view name, std::int64_t value);
  RecordBuilder& child(std::string_view name);  // opens an element inside the current one
  RecordBuilder& end();                         // closes it
  [[nodiscard]] ipc::LogRecord take();          // once; the builder is spent

 private:
  [[nodiscard]] bool has_room(std::size_t bytes) noexcept;
  [[nodiscard]] ipc::LogElement& open_element() noexcept { return record_.elements.items()[open_]; }

  ipc::LogRecord record_;
  std::size_t bytes_;     // of record_, encoded
  std::size_t open_ = 0;  // index of the element that takes attributes
  std::uint8_t depth_ = 0;
  std::size_t skipped_ = 0;  // open children that had no room
  bool is_truncated_ = false;
};

class LogClient final : public ipc::ChannelOwner {
 public:
  static constexpr std::size_t kRingBytes = 1024 * 1024;

  LogClient(wrap::EventLoop& loop, ipc::Role role, std::uint16_t index, std::uint32_t instance,
            const base::Clock& clock = base::system_clock());

  // From the configuration; records above it are not sent. Initially none.
  void set_level(ipc::LogLevel level) noexcept { level_ = level; }
  [[nodiscard]] bool wants(ipc::LogLevel level) const noexcept { return level != ipc::LogLevel::none && level <= level_; }

  // A channel to a (new) logd: what it has not acknowledged goes there again.
  void attach(base::Fd socket);
  // Closes it: no record of ours follows, and a logd that is to stop need not wait for one.
  void detach() noexcept { channel_.reset(); }
  void write(RecordBuilder& record);
  // An event of the process itself: <event text="..."/> at level 1 (or `level`). Also for master's life signs.
  void event(std::string_view text, ipc::LogLevel level = ipc::LogLevel::level1);
  // Sends what is queued and waits at most `patience` for logd to acknowledge it; for the end of a process: it turns the
  // loop, so it is called after run() and never by a handler.
  void drain(base::Duration patience);

  // Records dropped because the ring was full.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  [[nodiscard]] bool is_settled() const noexcept { return acknowledged_ + 1 == next_; }
  // Why the last channel to logd was closed by us (a broken rule), for blame; empty otherwise.
  void set_blame(void (*call)(void*, std::string_view), void* owner) noexcept {
    blame_ = call;
    blame_owner_ = owner;
  }

 private:
  bool on_message(ipc::Channel& channel, ipc::Incoming& message) override;
  void on_channel_closed(ipc::Channel& channel, std::string_view broken_rule) override;
  void on_channel_drained(ipc::Channel&) override { send_pending(); }
  template <class... Messages, class Owner>
  friend bool ipc::dispatch(Owner&, ipc::Channel&, ipc::Incoming&);
  void on(ipc::Channel&, const ipc::LogAck& ack);
  void on_patience(short) { is_patient_ = false; }
  void send_pending();
  void send_open(std::uint64_t next);

  struct Waiting {
    ipc::LogRecord record;
    std::size_t bytes;  // in memory
  };
  wrap::EventLoop& loop_;
  ipc::LogOpen open_;
  const base::Clock& clock_;
  ipc::LogLevel level_ = ipc::LogLevel::none;
  std::unique_ptr<ipc::Channel> channel_;
  std::deque<Waiting> ring_;  // not acknowledged, oldest first
  std::size_t ring_bytes_ = 0;
  std::size_t sent_ = 0;            // how many of the ring have gone to the present channel
  std::uint64_t next_ = 1;          // number of the next record
  std::uint64_t told_ = 1;          // all below have gone to the present channel, or their loss has been told there
  std::uint64_t acknowledged_ = 0;  // all up to here are in a log file or reported as lost
  std::uint64_t marked_ = 0;        // the loss of all up to here has been told to the present channel
  std::uint64_t lost_ = 0;
  bool is_patient_ = false;
  void (*blame_)(void*, std::string_view) = nullptr;
  void* blame_owner_ = nullptr;
};

}  // namespace caronte::worker
