#include "policyd/hell_control.h"

#include <algorithm>
#include <utility>

namespace caronte::policyd {

namespace {

constexpr std::int64_t kUsualSeconds = 3600;  // without <hell>, or when it bans for no time
constexpr base::Duration kNextSlice{1};

// Visible ASCII and blanks.
bool is_reason(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_sound(const ipc::HellItem& item) noexcept {
  const base::Prefix& prefix = item.prefix;
  return prefix.bits <= 128 && prefix.address.masked(prefix.bits) == prefix.address && is_reason(item.reason) &&
         item.seconds >= ipc::HellItem::kUsualTime && item.seconds <= Hell::kLongest;
}

}  // namespace

HellControl::HellControl(wrap::EventLoop& loop, Hell& hell, Surroundings surroundings)
    : hell_(hell), surroundings_(std::move(surroundings)) {
  timer_.assign_timer<&HellControl::on_timer>(loop, this);
}

bool HellControl::take(ipc::Channel& channel, const ipc::HellItem& item) {
  Talk& talk = talks_[&channel];
  if (!is_sound(item) || talk.items.size() == kMaxItems) return false;
  talk.items.push_back(item);
  return true;
}

bool HellControl::take(ipc::Channel& channel, const ipc::HellRequest& request) {
  Talk& talk = talks_[&channel];
  if (talk.is_listing) return false;
  switch (request.operation) {
    case ipc::HellOperation::list:
      talk.is_listing = true;
      talk.next = base::Prefix{{}, 0};
      timer_.enable(base::Duration{0});
      break;
    case ipc::HellOperation::add: channel.send(add(talk)); break;
    case ipc::HellOperation::remove: channel.send(remove(talk)); break;
    case ipc::HellOperation::clear: {
      const std::size_t count = hell_.clear();
      talk.removed += count;
      ipc::ControlResult result;
      result.is_ok = true;
      result.lines.push(std::to_string(count) + (count == 1 ? " entry removed" : " entries removed"));
      channel.send(result);
      break;
    }
    case ipc::HellOperation::kCount: return false;
  }
  talk.items.clear();
  return true;
}

void HellControl::forget(ipc::Channel& channel) {
  const auto found = talks_.find(&channel);
  if (found == talks_.end()) return;
  const Talk& talk = found->second;
  if (talk.added + talk.removed != 0) {
    surroundings_.log("hell: " + std::to_string(talk.added) + " entries added and " + std::to_string(talk.removed) +
                      " removed by hand");
  }
  talks_.erase(found);
}

ipc::ControlResult HellControl::add(Talk& talk) {
  const config::Hell settings = surroundings_.settings();
  const std::int64_t set = std::chrono::ceil<std::chrono::seconds>(settings.time).count();
  const std::int64_t usual = set > 0 ? set : kUsualSeconds;
  ipc::ControlResult result;
  result.is_ok = true;
  for (const ipc::HellItem& item : talk.items) {
    const std::int64_t seconds = item.seconds == ipc::HellItem::kUsualTime ? usual : item.seconds;
    if (!hell_.add(item.prefix, item.reason, seconds, surroundings_.now())) {
      result.is_ok = false;
      result.lines.push("hell is full: " + std::to_string(hell_.size()) + " entries");
      break;
    }
    ++talk.added;
  }
  if (!settings.is_present) {
    result.lines.push("the configuration has no <hell>: the entries are kept, but nobody is refused");
  }
  return result;
}

ipc::ControlResult HellControl::remove(Talk& talk) {
  ipc::ControlResult result;
  result.is_ok = true;
  for (const ipc::HellItem& item : talk.items) {
    const std::size_t count = hell_.remove(item.prefix, surroundings_.now());
    talk.removed += count;
    const auto around = hell_.find_around(item.prefix, surroundings_.now());
    if (around) {
      result.lines.push(item.prefix.text() + ": is still in " + around->text());
    } else if (count == 0) {
      result.lines.push(item.prefix.text() + ": not in hell");
    }
    if (around || count == 0) result.is_ok = false;
  }
  return result;
}

void HellControl::on_timer(short) {
  bool is_more = false;
  for (auto& [channel, talk] : talks_) {
    if (talk.is_listing) talk.is_listing = send_slice(*channel, talk);
    is_more = is_more || talk.is_listing;
  }
  if (is_more) timer_.enable(kNextSlice);
}

bool HellControl::send_slice(ipc::Channel& channel, Talk& talk) {
  if (talk.next) {
    bool is_full = false;
    const base::Prefix from = *talk.next;
    const StoreTime now = surroundings_.now();
    const StoreTime ahead = surroundings_.wall_ahead();
    const auto next = hell_.visit(from, kSlice, now, [&](ipc::HellEntry entry) {
      entry.since += ahead;
      if (entry.expires != 0) entry.expires += ahead;
      if (is_full || channel.send(entry)) return;
      is_full = true;  // it does not read as fast: from here again
      talk.next = entry.prefix;
    });
    if (is_full) return true;
    talk.next = next;
    if (next) return true;
  }
  ipc::ControlResult result;
  result.is_ok = true;
  return !channel.send(result);
}

}  // namespace caronte::policyd
