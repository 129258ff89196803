// A list of addresses and networks as a sealed memfd: written by config-reader, mapped read-only by the workers.
// Layout: ListHeader, then `nodes` times base::PrefixNode, then a table of host names (name_list.h) of `names_size` octets,
// which may be 0. Nothing in it is trusted by the reader.
#pragma once

#include <cstdint>
#include <optional>

#include "base/address.h"
#include "base/fd.h"
#include "base/prefix_tree.h"
#include "base/result.h"
#include "config/name_list.h"
#include "config/sealed_memory.h"

namespace caronte::config {

struct ListHeader {
  static constexpr std::uint64_t kMagic = 0x3154'5349'4C52'4143;  // "CARLIST1" in the order of this machine
  std::uint64_t magic = kMagic;
  std::uint32_t node_size = sizeof(base::PrefixNode);
  std::uint32_t nodes = 0;
  std::uint32_t entries = 0;  // lines of the list, for people and for the check of a list that shrank
  std::uint32_t names_size = 0;
};
static_assert(sizeof(ListHeader) == 24);

// A list in memory, sealed. `value` of each prefix is its line in the list file; `names`: encode_names() or nothing.
[[nodiscard]] base::Result<base::Fd> seal_list(const base::PrefixTree& tree, std::uint32_t entries, std::string_view names = {});

class MappedList {
 public:
  MappedList() = default;  // empty: contains nothing
  // Maps the file; refuses one that is not sealed, too short for its counts, or of another layout.
  [[nodiscard]] static base::Result<MappedList> map(int descriptor);

  // The line of the entry that contains the address; nullopt: none does.
  [[nodiscard]] std::optional<std::uint32_t> find(const base::Address& address) const noexcept { return view_.find(address); }

  // An address of the prefix is in the list.
  [[nodiscard]] bool overlaps(const base::Prefix& prefix) const noexcept { return view_.overlaps(prefix); }

  // The host names of the list (IW-7), which find() knows nothing of.
  [[nodiscard]] const NameListView& names() const noexcept { return names_; }

  // As the writer said.
  [[nodiscard]] std::uint32_t entries() const noexcept { return entries_; }

 private:
  SealedBytes memory_;  // unmaps with the last copy
  base::PrefixTreeView view_;
  NameListView names_;
  std::uint32_t entries_ = 0;
};

}  // namespace caronte::config
