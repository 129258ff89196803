#include "base/prefix_tree.h"

#include <algorithm>
#include <bit>

namespace caronte::base {

namespace {

unsigned bit_of(const Address::Octets& octets, unsigned index) noexcept {
  return (octets[index / 8] >> (7 - index % 8)) & 1U;
}

// Number of leading bits that both have in common, at most `limit`.
unsigned common_bits(const Address::Octets& a, const Address::Octets& b, unsigned limit) noexcept {
  unsigned count = 0;
  for (std::size_t i = 0; i < a.size() && count < limit; ++i) {
    const auto difference = static_cast<std::uint8_t>(a[i] ^ b[i]);
    count += static_cast<unsigned>(std::countl_zero(difference));
    if (difference != 0) break;
  }
  return std::min(count, limit);
}

constexpr Address kFirstV4 = Address::v4(0, 0, 0, 0);
constexpr Address kLastV4 = Address::v4(255, 255, 255, 255);
constexpr Address kLastBeforeV4{Address::Octets{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF}};

// The prefixes that make up the range, in order.
void append_prefixes(const AddressRange& range, std::vector<Prefix>& out) {
  Address first = range.first;
  while (true) {
    // The largest aligned block that starts at `first` and does not pass the end.
    unsigned bits = 128;
    const auto last_of_block = [&](unsigned length) {
      Address::Octets octets = first.octets();
      for (unsigned i = length; i < 128; ++i) octets[i / 8] = static_cast<std::uint8_t>(octets[i / 8] | (0x80U >> (i % 8)));
      return Address(octets);
    };
    while (bits > 0 && first.masked(bits - 1) == first && last_of_block(bits - 1) <= range.last) --bits;
    out.push_back(Prefix{first, static_cast<std::uint8_t>(bits)});
    const auto next = last_of_block(bits).next();
    if (!next || *next > range.last) return;
    first = *next;
  }
}

}  // namespace

std::optional<std::uint32_t> PrefixTreeView::find(const Address& address) const noexcept {
  std::optional<std::uint32_t> best;
  if (nodes_.empty()) return best;
  std::uint32_t at = 0;
  // A well-formed path has strictly growing lengths; anything else ends the walk.
  for (int previous = -1;;) {
    const PrefixNode& node = nodes_[at];
    if (node.bits > 128 || node.bits <= previous) return best;
    if (common_bits(node.octets, address.octets(), node.bits) < node.bits) return best;
    if (node.has_value != 0) best = node.value;
    if (node.bits == 128) return best;
    previous = node.bits;
    at = node.child[bit_of(address.octets(), node.bits)];
    if (at == 0 || at >= nodes_.size()) return best;
  }
}

bool PrefixTreeView::overlaps(const Prefix& prefix) const noexcept {
  if (nodes_.empty()) return false;
  std::uint32_t at = 0;
  for (int previous = -1;;) {
    const PrefixNode& node = nodes_[at];
    if (node.bits > 128 || node.bits <= previous) return false;
    const unsigned limit = std::min<unsigned>(node.bits, prefix.bits);
    if (common_bits(node.octets, prefix.address.octets(), limit) < limit) return false;
    if (node.has_value != 0) return true;
    // A node without a value stands above some that have one; only the root may stand alone.
    if (node.bits >= prefix.bits) return node.child[0] != 0 || node.child[1] != 0;
    previous = node.bits;
    at = node.child[bit_of(prefix.address.octets(), node.bits)];
    if (at == 0 || at >= nodes_.size()) return false;
  }
}

PrefixTree::PrefixTree() {
  nodes_.emplace_back();
}

std::uint32_t PrefixTree::add_node(const Address& address, unsigned bits) {
  PrefixNode node;
  node.octets = address.masked(bits).octets();
  node.bits = static_cast<std::uint8_t>(bits);
  nodes_.push_back(node);
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

void PrefixTree::insert(const Prefix& prefix, std::uint32_t value) {
  const Address::Octets key = prefix.address.masked(prefix.bits).octets();
  std::uint32_t at = 0;
  while (nodes_[at].bits < prefix.bits) {
    const unsigned side = bit_of(key, nodes_[at].bits);
    const std::uint32_t below = nodes_[at].child[side];
    if (below == 0) {
      const std::uint32_t leaf = add_node(Address(key), prefix.bits);
      nodes_[at].child[side] = leaf;
      at = leaf;
      break;
    }
    const unsigned limit = std::min<unsigned>(nodes_[below].bits, prefix.bits);
    const unsigned common = common_bits(nodes_[below].octets, key, limit);
    if (common < nodes_[below].bits) {
      // The paths part above `below`: a node goes between.
      const std::uint32_t fork = add_node(Address(key), common);
      nodes_[fork].child[bit_of(nodes_[below].octets, common)] = below;
      nodes_[at].child[side] = fork;
      at = fork;
    } else {
      at = below;
    }
  }
  if (nodes_[at].has_value == 0) {
    nodes_[at].has_value = 1;
    nodes_[at].value = value;
  }
}

void PrefixTree::insert(const AddressRange& range, std::uint32_t value) {
  for (const Prefix& prefix : split_into_prefixes(range)) insert(prefix, value);
}

std::vector<Prefix> split_into_prefixes(const AddressRange& range) {
  std::vector<Prefix> out;
  // IPv4 addresses lie amid those of IPv6 (RFC 4291 section 2.5.5.2), and are no part of a range of these.
  if (range.first < kFirstV4 && kLastV4 < range.last) {
    append_prefixes({range.first, kLastBeforeV4}, out);
    append_prefixes({*kLastV4.next(), range.last}, out);
  } else {
    append_prefixes(range, out);
  }
  return out;
}

}  // namespace caronte::base
