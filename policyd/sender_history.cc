#include "policyd/sender_history.h"

#include <algorithm>

#include "ipc/codec.h"
#include "policyd/prefix_key.h"

namespace caronte::policyd {

namespace {

constexpr std::uint8_t kVersion = 1;

StoreTime seconds_of(std::chrono::seconds duration) noexcept {
  return static_cast<StoreTime>(duration.count());
}

std::uint32_t count_after(const std::vector<StoreTime>& times, StoreTime start) noexcept {
  return static_cast<std::uint32_t>(std::count_if(times.begin(), times.end(), [start](StoreTime time) { return time > start; }));
}

void add_time(std::vector<StoreTime>& times, std::chrono::seconds window, StoreTime now) {
  const StoreTime start = now - seconds_of(window);
  std::erase_if(times, [start](StoreTime time) { return time <= start; });
  if (times.size() == SenderHistory::kMaxTimes) times.erase(times.begin());
  times.push_back(now);
}

bool has_stamps_only(const SenderRecord& record) noexcept {
  return is_stamp(record.good_first) && is_stamp(record.good_last) && is_stamp(record.tarpit_until) &&
         std::all_of(record.hang_ups.begin(), record.hang_ups.end(), is_stamp) &&
         std::all_of(record.offences.begin(), record.offences.end(), is_stamp) &&
         std::all_of(record.messages.begin(), record.messages.end(), [](const SenderRecord::Burst& b) { return is_stamp(b.time); });
}

// A stamp of the future is one of now: the clock was set back, or it was wrong when this was written (F57). True: changed.
bool clamp(SenderRecord& record, StoreTime now, std::chrono::seconds longest) {
  const SenderRecord before = record;
  record.good_first = std::min(record.good_first, now);
  record.good_last = std::min(record.good_last, now);
  record.tarpit_until = std::min(record.tarpit_until, now + seconds_of(longest));
  for (StoreTime& time : record.hang_ups) time = std::min(time, now);
  for (StoreTime& time : record.offences) time = std::min(time, now);
  for (SenderRecord::Burst& burst : record.messages) burst.time = std::min(burst.time, now);
  return record != before;
}

// Nothing in it can decide anything any more.
bool is_spent(const SenderRecord& record, StoreTime now) noexcept {
  const StoreTime start = now - seconds_of(SenderHistory::kLongestWindow);
  const bool is_good = record.good > 0 && record.good_last > now - seconds_of(SenderHistory::kGoodLifetime);
  return !is_good && record.tarpit_until <= now && count_after(record.hang_ups, start) == 0 &&
         count_after(record.offences, start) == 0 && record.messages_within(SenderHistory::kLongestWindow, now) == 0;
}

}  // namespace

std::uint32_t SenderRecord::hang_ups_within(std::chrono::seconds window, StoreTime now) const noexcept {
  return count_after(hang_ups, now - seconds_of(window));
}

std::uint32_t SenderRecord::offences_within(std::chrono::seconds window, StoreTime now) const noexcept {
  return count_after(offences, now - seconds_of(window));
}

std::uint32_t SenderRecord::messages_within(std::chrono::seconds window, StoreTime now) const noexcept {
  std::uint32_t count = 0;
  for (const Burst& burst : messages) {
    if (burst.time > now - seconds_of(window)) count += burst.count;
  }
  return count;
}

const SenderRecord& SenderHistory::find(const base::Address& client, StoreTime now) {
  return touch(client, now);
}

// The record in the front, read from the store when it is not there.
SenderRecord& SenderHistory::touch(const base::Address& client, StoreTime now) {
  const base::Prefix prefix = base::client_prefix(client);
  if (const auto found = index_.find(prefix); found != index_.end()) {
    front_.splice(front_.begin(), front_, found->second);
    return found->second->second;
  }
  if (front_.size() == kMaxInMemory) {
    index_.erase(front_.back().first);
    front_.pop_back();
  }
  front_.emplace_front(prefix, SenderRecord{});
  index_[prefix] = front_.begin();
  SenderRecord& record = front_.front().second;
  const auto value = store_.get(Table::senders, key_of(prefix));
  if (!value) return record;
  if (!decode_sender(*value, record)) {
    record = {};
  } else if (clamp(record, now, kLongestWindow)) {
    write(client, record);
  }
  return record;
}

void SenderHistory::write(const base::Address& client, const SenderRecord& record) {
  store_.put(Table::senders, key_of(base::client_prefix(client)), encode_sender(record));
}

void SenderHistory::add_good(const base::Address& client, std::uint32_t messages, StoreTime now) {
  SenderRecord& record = touch(client, now);
  const bool is_news = record.good == 0 || now - record.good_last >= seconds_of(kGoodGrain);
  if (record.good == 0) record.good_first = now;
  record.good += std::min(messages, ~std::uint32_t{0} - record.good);
  if (!is_news) return;  // a busy sender costs one write an hour
  record.good_last = now;
  write(client, record);
}

void SenderHistory::add_hang_up(const base::Address& client, std::chrono::seconds window, StoreTime now) {
  SenderRecord& record = touch(client, now);
  add_time(record.hang_ups, window, now);
  write(client, record);
}

void SenderHistory::add_offence(const base::Address& client, std::chrono::seconds window, StoreTime now) {
  SenderRecord& record = touch(client, now);
  add_time(record.offences, window, now);
  write(client, record);
}

void SenderHistory::forget_offences(const base::Address& client, StoreTime now) {
  SenderRecord& record = touch(client, now);
  if (record.offences.empty()) return;
  record.offences.clear();
  write(client, record);
}

void SenderHistory::add_message(const base::Address& client, std::chrono::seconds window, StoreTime now) {
  SenderRecord& record = touch(client, now);
  std::vector<SenderRecord::Burst>& bursts = record.messages;
  const StoreTime start = now - seconds_of(window);
  std::erase_if(bursts, [start](const SenderRecord::Burst& burst) { return burst.time <= start; });
  // What is known only to the resolution keeps the time of its first message: it is free too early by that, never too late.
  const auto resolution = std::max<StoreTime>(1, seconds_of(window) / static_cast<StoreTime>(kMaxBursts / 2));
  if (!bursts.empty() && (now - bursts.back().time < resolution || bursts.size() == kMaxBursts)) {
    ++bursts.back().count;
  } else {
    bursts.push_back({now, 1});
  }
  write(client, record);
}

void SenderHistory::remember_tarpit(const base::Address& client, StoreTime until, StoreTime now) {
  SenderRecord& record = touch(client, now);
  if (until <= record.tarpit_until) return;
  record.tarpit_until = until;
  write(client, record);
}

std::size_t SenderHistory::expire_some(StoreTime now) {
  std::vector<std::string> spent;
  const bool is_crowded = size() > kMaxRecords;
  const auto next = store_.scan(Table::senders, next_key_, kSlice, [&](std::string_view key, std::string_view value) {
    SenderRecord record;
    if (!decode_sender(value, record) || is_spent(record, now) || (is_crowded && !record.is_good())) spent.emplace_back(key);
  });
  next_key_ = next.value_or(std::string{});
  for (const std::string& key : spent) {
    store_.erase(Table::senders, key);
    const auto prefix = prefix_of(key);
    const auto found = prefix ? index_.find(*prefix) : index_.end();
    if (found == index_.end()) continue;
    front_.erase(found->second);
    index_.erase(found);
  }
  return spent.size();
}

std::optional<std::int64_t> SenderHistory::worth(std::string_view, std::string_view value) {
  SenderRecord record;
  if (!decode_sender(value, record)) return 0;
  if (record.is_good()) return record.good_last + seconds_of(kGoodLifetime);
  StoreTime last = record.tarpit_until;
  if (!record.hang_ups.empty()) last = std::max(last, record.hang_ups.back());
  if (!record.offences.empty()) last = std::max(last, record.offences.back());
  if (!record.messages.empty()) last = std::max(last, record.messages.back().time);
  return last;
}

std::string encode_sender(const SenderRecord& record) {
  std::string value;
  ipc::Encoder(value).visit(kVersion, record);
  return value;
}

bool decode_sender(std::string_view value, SenderRecord& record) {
  std::uint8_t version = 0;
  ipc::Decoder decoder(value, SenderHistory::kMaxBursts);
  decoder.visit(version);
  if (version != kVersion) return false;
  decoder.visit(record);
  return decoder.is_complete() && has_stamps_only(record);
}

}  // namespace caronte::policyd
