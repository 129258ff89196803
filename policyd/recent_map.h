// A bounded map that forgets what was not written for the longest time. For what policyd needs to remember for minutes and
// may lose at a restart. Pure; the time is the caller's business.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace caronte::policyd {

template <class Value>
class RecentMap {
 public:
  explicit RecentMap(std::size_t maximum) : maximum_(maximum) {}

  // nullptr: not there. Valid until the next write.
  [[nodiscard]] const Value* find(std::string_view key) const {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &found->second->second;
  }
  // The entry for writing, made if it is not there; the one written last.
  [[nodiscard]] Value& touch(std::string_view key) {
    if (const auto found = index_.find(key); found != index_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return entries_.front().second;
    }
    if (entries_.size() >= maximum_) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(std::string(key), Value{});
    index_.emplace(entries_.front().first, entries_.begin());
    return entries_.front().second;
  }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<const std::string, Value>>;
  std::size_t maximum_;
  Entries entries_;                                                         // written last, first
  std::unordered_map<std::string_view, typename Entries::iterator> index_;  // the keys are the entries' own
};

}  // namespace caronte::policyd
