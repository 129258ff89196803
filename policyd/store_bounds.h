// How much each table of the store may hold, and what goes first when a table is full: of kSample neighbours in the order
// of their keys the one of least worth, the next insertion looks at the neighbours after these. So the oldest go first
// (nearly: no index by age is kept), and an insertion costs a bounded number of reads. Used by every Store.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "policyd/store.h"

namespace caronte::policyd {

inline constexpr std::size_t kTables = static_cast<std::size_t>(Table::kCount);

// What an entry is worth: the lowest goes first (a time of last use serves well); nullopt: never forgotten (hell entries
// made by hand). It reads what may come from a damaged disk: any octets must do no harm.
using Worth = std::optional<std::int64_t> (*)(std::string_view key, std::string_view value);
[[nodiscard]] inline std::optional<std::int64_t> equal_worth(std::string_view, std::string_view) {
  return 0;
}

struct TableBound {
  std::size_t entries;
  Worth worth = &equal_worth;
};

struct StoreBounds {
  static constexpr std::size_t kSample = 16;
  // When all of a sample must stay, so many more are tried; then a new entry that may be forgotten is not taken in, and
  // one that must never be is taken beyond the bound (only the administrator makes such).
  static constexpr std::size_t kMoreSamples = 4;

  // By Table.
  std::array<TableBound, kTables> tables{TableBound{1'000'000}, TableBound{1'000'000}, TableBound{10'000}, TableBound{1'000}};
  [[nodiscard]] const TableBound& of(Table table) const noexcept { return tables[static_cast<std::size_t>(table)]; }
  [[nodiscard]] TableBound& of(Table table) noexcept { return tables[static_cast<std::size_t>(table)]; }
};

}  // namespace caronte::policyd
