#include "policyd/memory_store.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace caronte::policyd {

std::optional<std::string> MemoryStore::get(Table table, std::string_view key) {
  const Entries& entries = of(table).entries;
  const auto found = entries.find(key);
  return found == entries.end() ? std::nullopt : std::optional(found->second);
}

void MemoryStore::put(Table table, std::string_view key, std::string_view value) {
  Content& content = of(table);
  if (const auto found = content.entries.find(key); found != content.entries.end()) {
    found->second = value;
    return;
  }
  const TableBound& bound = bounds_.of(table);
  const bool must_stay = !bound.worth(key, value);
  if (content.entries.size() >= bound.entries && !forget_one(content, bound) && !must_stay) return;
  content.entries.emplace(key, value);
}

void MemoryStore::erase(Table table, std::string_view key) {
  Entries& entries = of(table).entries;
  if (const auto found = entries.find(key); found != entries.end()) entries.erase(found);
}

void MemoryStore::clear(Table table) {
  of(table) = {};
}

// By copies: a visitor that breaks the rule and writes does not harm the walk.
std::optional<std::string> MemoryStore::scan(Table table, std::string_view from, std::size_t count, const Visit& visit) {
  const Entries& entries = of(table).entries;
  std::vector<std::pair<std::string, std::string>> slice;
  auto entry = entries.lower_bound(from);
  for (; entry != entries.end() && slice.size() < count; ++entry) slice.emplace_back(*entry);
  auto next = entry == entries.end() ? std::nullopt : std::optional(entry->first);
  for (const auto& [key, value] : slice) visit(key, value);
  return next;
}

bool MemoryStore::is_empty() const noexcept {
  return std::all_of(contents_.begin(), contents_.end(), [](const Content& content) { return content.entries.empty(); });
}

bool MemoryStore::forget_one(Content& content, const TableBound& bound) {
  for (std::size_t i = 0; i <= StoreBounds::kMoreSamples; ++i) {
    const auto least = least_of_sample(content, bound);
    if (least == content.entries.end()) continue;
    content.entries.erase(least);
    return true;
  }
  return false;
}

MemoryStore::Entries::iterator MemoryStore::least_of_sample(Content& content, const TableBound& bound) {
  Entries& entries = content.entries;
  auto least = entries.end();
  std::optional<std::int64_t> least_worth;
  auto entry = entries.lower_bound(content.hand);
  for (std::size_t i = 0; i < std::min(StoreBounds::kSample, entries.size()); ++i, ++entry) {
    if (entry == entries.end()) entry = entries.begin();
    const auto worth = bound.worth(entry->first, entry->second);
    if (!worth || (least_worth && *worth >= *least_worth)) continue;
    least = entry;
    least_worth = worth;
  }
  content.hand = entry == entries.end() ? std::string() : entry->first;
  return least;
}

}  // namespace caronte::policyd
