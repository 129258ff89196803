#include "policyd/store_keeper.h"

#include <chrono>
#include <utility>

#include "policyd/hell.h"
#include "policyd/sender_history.h"

namespace caronte::policyd {

namespace {

constexpr base::Duration kClockTurn{1000};

StoreBounds bounds() {
  StoreBounds result;
  result.of(Table::hell) = {Hell::kMaxEntries, &Hell::worth};
  result.of(Table::senders) = {1'000'000, &SenderHistory::worth};
  return result;
}

}  // namespace

StoreKeeper::StoreKeeper(wrap::EventLoop& loop, Say say, std::function<void()> on_return)
    : say_(std::move(say)), on_return_(std::move(on_return)), store_({.bounds = bounds(), .on_event = say_}) {
  turn_.assign_timer<&StoreKeeper::on_turn>(loop, this);
}

StoreKeeper::~StoreKeeper() {
  if (clock_) clock_->save();
}

void StoreKeeper::open() {
  store_.open();
  clock_.emplace(store_);
  turn_.enable(BdbStore::kTurn);
  look_for_return();
}

StoreTime StoreKeeper::now() const {
  if (clock_) return clock_->now();
  return std::chrono::duration_cast<std::chrono::seconds>(base::system_clock().wall().time_since_epoch()).count();
}

void StoreKeeper::on_turn(short) {
  turn_.enable(store_.turn());
  const base::MonotonicTime now = base::system_clock().monotonic();
  if (now >= next_clock_turn_) {
    next_clock_turn_ = now + kClockTurn;
    if (const auto news = clock_->turn()) say_(*news);
  }
  look_for_return();
}

void StoreKeeper::look_for_return() {
  const bool is_durable = store_.state() == StoreState::durable;
  if (is_durable && !std::exchange(was_durable_, is_durable)) on_return_();
  was_durable_ = is_durable;
}

std::vector<StoreKeeper::Item> StoreKeeper::status() const {
  std::vector<Item> items;
  items.push_back({"state", store_.state() == StoreState::durable ? "disk" : "memory"});
  if (!store_.trouble().empty()) items.push_back({"trouble", store_.trouble()});
  items.push_back({"hell-entries", std::to_string(store_.entries(Table::hell))});
  items.push_back({"sender-entries", std::to_string(store_.entries(Table::senders))});
  items.push_back({"changes-in-memory", std::to_string(store_.changes())});
  return items;
}

}  // namespace caronte::policyd
