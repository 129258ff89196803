// A set of names (host names of a list, recipients of a domain) as a sorted table in sealed memory: written by
// config-reader, mapped read-only by the workers, found by binary search. Layout: NamesHeader, `names` times NameSlot, then
// `text_size` octets. Nothing in it is trusted by its reader: every offset is checked where it is used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "config/sealed_memory.h"

namespace caronte::config {

struct NamesHeader {
  static constexpr std::uint64_t kMagic = 0x3153'454D'414E'4143;  // "CANAMES1" in the order of this machine
  std::uint64_t magic = kMagic;
  std::uint32_t names = 0;
  std::uint32_t text_size = 0;
  std::uint32_t entries = 0;  // lines of the list, for people and for the check of a list that shrank
  std::uint32_t padding = 0;
};
static_assert(sizeof(NamesHeader) == 24);

struct NameSlot {
  std::uint32_t offset = 0;  // in the text
  std::uint32_t size = 0;
  std::uint32_t line = 0;  // of the entry in its file
};
static_assert(sizeof(NameSlot) == 12);

struct Name {
  std::string_view text;
  std::uint32_t line = 0;
};

// The table, sorted by octets; of equal names the first stays.
[[nodiscard]] std::string encode_names(std::vector<Name> names, std::uint32_t entries);
struct JoinedTable {
  std::uint32_t place = 0;
  std::string_view table;  // encode_names()
};
// One file for many tables, since each file in sealed memory takes a descriptor on its way: TableSlots, behind their number,
// then the tables in the same order.
[[nodiscard]] std::string join_tables(const std::vector<JoinedTable>& tables);
struct TableSlot {
  std::uint32_t place = 0;
  std::uint32_t size = 0;
};

// Octets that encode_names() would make of so many names and so much text.
[[nodiscard]] constexpr std::size_t encoded_names_size(std::size_t names, std::size_t text_size) noexcept {
  return sizeof(NamesHeader) + names * sizeof(NameSlot) + text_size;
}

// A table that lives elsewhere.
class NameListView {
 public:
  NameListView() = default;  // empty: contains nothing
  // Refuses another layout, and a length that is not what the header says.
  [[nodiscard]] static base::Result<NameListView> over(std::string_view bytes);

  [[nodiscard]] std::size_t size() const noexcept { return slots_.size() / sizeof(NameSlot); }
  [[nodiscard]] std::uint32_t entries() const noexcept { return entries_; }
  // Precondition: i < size(). The text is empty where its slot points out of the table.
  [[nodiscard]] Name at(std::size_t i) const noexcept;
  // The line of the entry; nullopt: there is none. Ends for any content of the table.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view text) const noexcept;

 private:
  std::string_view slots_;
  std::string_view text_;
  std::uint32_t entries_ = 0;
};

class MappedNames {
 public:
  MappedNames() = default;  // empty
  // Errors as of SealedBytes::map() and NameListView::over().
  [[nodiscard]] static base::Result<MappedNames> map(int descriptor);
  // Many tables in one file (join_tables()), by their places; without a table in between: empty. Errors: as before; two
  // tables of one place; a place of kMostTables or beyond.
  static constexpr std::size_t kMostTables = 65'536;
  [[nodiscard]] static base::Result<std::vector<MappedNames>> map_joined(int descriptor);
  [[nodiscard]] const NameListView& names() const noexcept { return view_; }

 private:
  SealedBytes memory_;  // unmaps with the last copy
  NameListView view_;
};

}  // namespace caronte::config
