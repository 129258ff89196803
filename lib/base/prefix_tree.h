// A path-compressed binary tree over address prefixes. Its nodes lie in one array and name each other by index, so that
// a tree built in one process can be mapped read-only by another (PrefixTreeView), which trusts none of the indices.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/address.h"

namespace caronte::base {

struct PrefixNode {
  Address::Octets octets{};         // first address of the prefix
  std::uint32_t child[2] = {0, 0};  // index of the node for a following 0 or 1 bit; 0 is none (the root is nobody's child)
  std::uint32_t value = 0;          // what insert() was given, e.g. the line in the list
  std::uint8_t bits = 0;            // length, 0 to 128
  std::uint8_t has_value = 0;
  std::uint8_t padding[2] = {0, 0};
};
static_assert(sizeof(PrefixNode) == 32);

class PrefixTreeView {
 public:
  PrefixTreeView() = default;
  explicit PrefixTreeView(std::span<const PrefixNode> nodes) noexcept : nodes_(nodes) {}
  // The value of the longest prefix that contains `address`. Ends for any content of the nodes.
  [[nodiscard]] std::optional<std::uint32_t> find(const Address& address) const noexcept;
  // An address of the prefix is in one of the tree's. Ends for any content of the nodes too.
  [[nodiscard]] bool overlaps(const Prefix& prefix) const noexcept;

 private:
  std::span<const PrefixNode> nodes_;
};

class PrefixTree {
 public:
  PrefixTree();
  // The first value given to a prefix stays.
  void insert(const Prefix& prefix, std::uint32_t value);
  // Inserts the few prefixes that make up the range.
  void insert(const AddressRange& range, std::uint32_t value);
  [[nodiscard]] std::optional<std::uint32_t> find(const Address& address) const noexcept { return view().find(address); }
  [[nodiscard]] PrefixTreeView view() const noexcept { return PrefixTreeView(nodes_); }
  [[nodiscard]] std::span<const PrefixNode> nodes() const noexcept { return nodes_; }

 private:
  std::uint32_t add_node(const Address& address, unsigned bits);
  std::vector<PrefixNode> nodes_;
};

// The prefixes, in order, that cover the range exactly.
[[nodiscard]] std::vector<Prefix> split_into_prefixes(const AddressRange& range);

}  // namespace caronte::base
