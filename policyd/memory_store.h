// A Store that lives in memory alone: in the place of the one on disk while that cannot be written, and in unit tests.
// Bounded; ordered by key. Nothing here fails or blocks.
#pragma once

#include <array>
#include <map>
#include <string>

#include "policyd/store_bounds.h"

namespace caronte::policyd {

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(const StoreBounds& bounds = {}) : bounds_(bounds) {}

  [[nodiscard]] std::optional<std::string> get(Table table, std::string_view key) override;
  void put(Table table, std::string_view key, std::string_view value) override;
  void erase(Table table, std::string_view key) override;
  void clear(Table table) override;
  std::optional<std::string> scan(Table table, std::string_view from, std::size_t count, const Visit& visit) override;

  [[nodiscard]] StoreState state() const noexcept override { return StoreState::in_memory; }
  [[nodiscard]] std::uint64_t entries(Table table) const noexcept override { return of(table).entries.size(); }
  [[nodiscard]] bool is_empty() const noexcept;

 private:
  using Entries = std::map<std::string, std::string, std::less<>>;
  struct Content {
    Entries entries;
    std::string hand;  // where the next look for something to forget begins
  };

  [[nodiscard]] Content& of(Table table) noexcept { return contents_[static_cast<std::size_t>(table)]; }
  [[nodiscard]] const Content& of(Table table) const noexcept { return contents_[static_cast<std::size_t>(table)]; }
  // False: all that was looked at must stay.
  [[nodiscard]] bool forget_one(Content& content, const TableBound& bound);
  [[nodiscard]] Entries::iterator least_of_sample(Content& content, const TableBound& bound);

  StoreBounds bounds_;
  std::array<Content, kTables> contents_;
};

}  // namespace caronte::policyd
