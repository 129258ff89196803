#include "worker/log_client.h"

#include <algorithm>

namespace caronte::worker {

namespace {

// Encoded sizes (ipc/codec.h): a string or list has a length of 4 octets in front.
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kRecordBytes = 8 + 8 + 1 + kLengthBytes;
constexpr std::string_view kTruncated = "truncated";
constexpr std::string_view kYes = "yes";

constexpr std::size_t element_bytes(std::string_view name) noexcept {
  return kLengthBytes + name.size() + 1 + kLengthBytes;
}
constexpr std::size_t attribute_bytes(std::string_view name, std::string_view value) noexcept {
  return 2 * kLengthBytes + name.size() + value.size();
}

// Room is kept for the mark of truncation.
constexpr std::size_t kMaxRecordBytes = ipc::kMaxFrameBytes - ipc::kMessageHeaderBytes - attribute_bytes(kTruncated, kYes);
constexpr std::uint8_t kMaxDepth = 15;
// What the channel may hold of records that the ring holds anyway.
constexpr std::size_t kQueueBytes = 256 * 1024;

std::size_t memory_of(const ipc::LogRecord& record) noexcept {
  std::size_t bytes = sizeof record;
  for (const ipc::LogElement& element : record.elements) {
    bytes += sizeof element;
    for (const ipc::LogAttribute& attribute : element.attributes) {
      bytes += sizeof attribute + attribute.name.str().size() + attribute.value.str().size();
    }
  }
  return bytes;
}

}  // namespace

RecordBuilder::RecordBuilder(std::string_view name, ipc::LogLevel level) : bytes_(kRecordBytes + element_bytes(name)) {
  record_.level = level;
  record_.elements.push({name, 0, {}});
}

bool RecordBuilder::has_room(std::size_t bytes) noexcept {
  if (bytes <= kMaxRecordBytes - bytes_) return true;
  is_truncated_ = true;
  return false;
}

RecordBuilder& RecordBuilder::attribute(std::string_view name, std::string_view value) {
  if (skipped_ != 0) return *this;
  if (value.size() > decltype(ipc::LogAttribute::value)::kMax) is_truncated_ = true;
  ipc::LogAttribute item{name, value};
  const std::size_t bytes = attribute_bytes(item.name, item.value);
  // One place of the record itself is kept for the mark of truncation.
  auto& attributes = open_element().attributes;
  if (!has_room(bytes)) return *this;
  if (attributes.size() + (open_ == 0 ? 1 : 0) >= attributes.kMax) {
    is_truncated_ = true;
    return *this;
  }
  bytes_ += bytes;
  attributes.push(std::move(item));
  return *this;
}

RecordBuilder& RecordBuilder::attribute(std::string_view name, std::int64_t value) {
  return attribute(name, std::to_string(value));
}

RecordBuilder& RecordBuilder::child(std::string_view name) {
  const std::size_t bytes = element_bytes(name);
  if (skipped_ != 0 || depth_ == kMaxDepth || !has_room(bytes) ||
      !record_.elements.push({name, static_cast<std::uint8_t>(depth_ + 1), {}})) {
    is_truncated_ = true;
    ++skipped_;
    return *this;
  }
  bytes_ += bytes;
  open_ = record_.elements.size() - 1;
  ++depth_;
  return *this;
}

RecordBuilder& RecordBuilder::end() {
  if (skipped_ != 0) {
    --skipped_;
  } else if (depth_ != 0) {
    --depth_;
    while (open_element().depth != depth_) --open_;
  }
  return *this;
}

ipc::LogRecord RecordBuilder::take() {
  if (is_truncated_) record_.elements.items().front().attributes.push({kTruncated, kYes});
  return std::move(record_);
}

LogClient::LogClient(wrap::EventLoop& loop, ipc::Role role, std::uint16_t index, std::uint32_t instance, const base::Clock& clock)
    : loop_(loop), clock_(clock) {
  open_.role = role;
  open_.index = index;
  open_.instance = instance;
}

void LogClient::attach(base::Fd socket) {
  channel_ =
      std::make_unique<ipc::Channel>(loop_, std::move(socket), open_.role, ipc::Role::logd, std::uint16_t{0}, *this, kQueueBytes);
  sent_ = 0;
  marked_ = 0;
  if (open_.role != ipc::Role::master) channel_->send(ipc::Hello{ipc::kSchemaVersion, open_.role, open_.index});
  send_open(ring_.empty() ? next_ : ring_.front().record.sequence);
  send_pending();
}

void LogClient::write(RecordBuilder& record) {
  Waiting waiting{record.take(), 0};
  if (!wants(waiting.record.level)) return;
  waiting.record.sequence = next_++;
  waiting.record.time_ms = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch()).count();
  waiting.bytes = memory_of(waiting.record);
  if (waiting.bytes > kRingBytes - std::min(ring_bytes_, kRingBytes)) {
    ++lost_;
  } else {
    ring_bytes_ += waiting.bytes;
    ring_.push_back(std::move(waiting));
  }
  send_pending();
}

void LogClient::event(std::string_view text, ipc::LogLevel level) {
  if (!wants(level)) return;
  RecordBuilder record("event", level);
  record.attribute("text", text);
  write(record);
}

void LogClient::send_open(std::uint64_t next) {
  open_.acknowledged = acknowledged_;
  open_.next = next;
  if (!channel_->send(open_)) return;
  told_ = next;
  marked_ = next - 1;
}

void LogClient::send_pending() {
  if (channel_ == nullptr) return;
  while (sent_ < ring_.size()) {
    if (!channel_->send(ring_[sent_].record)) return;
    told_ = ring_[sent_].record.sequence + 1;
    ++sent_;
  }
  // The newest ones were lost, and perhaps none follows to show the gap. One such message at a time is under way, so that
  // a stuck logd's queue is not filled with them.
  if (told_ < next_ && marked_ <= acknowledged_) send_open(next_);
}

void LogClient::on(ipc::Channel&, const ipc::LogAck& ack) {
  acknowledged_ = std::max(acknowledged_, std::min(ack.sequence, told_ - 1));
  while (sent_ > 0 && ring_.front().record.sequence <= acknowledged_) {
    ring_bytes_ -= ring_.front().bytes;
    ring_.pop_front();
    --sent_;
  }
  send_pending();
}

bool LogClient::on_message(ipc::Channel& channel, ipc::Incoming& message) {
  return ipc::dispatch<ipc::LogAck>(*this, channel, message);
}

void LogClient::on_channel_closed(ipc::Channel&, std::string_view broken_rule) {
  if (!broken_rule.empty() && blame_ != nullptr) blame_(blame_owner_, broken_rule);
  channel_.reset();
}

void LogClient::drain(base::Duration patience) {
  is_patient_ = true;
  wrap::Event timer;
  timer.assign_timer<&LogClient::on_patience>(loop_, this);
  timer.enable(patience);
  while (is_patient_ && channel_ != nullptr && !is_settled()) loop_.turn(true);
}

}  // namespace caronte::worker
