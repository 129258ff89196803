// The prefix tree against a model that looks at every entry, and ranges cut into prefixes.
#include "base/prefix_tree.h"

#include <cppunit/extensions/HelperMacros.h>

#include <random>

#include "base/address_parser.h"

namespace caronte::base {
namespace {

Address address(const char* text) {
  return parse_address(text).value();
}
AddressRange range(const char* text) {
  return parse_address_range(text).value();
}

struct Entry {
  Prefix prefix;
  std::uint32_t value;
};

std::optional<std::uint32_t> model_find(const std::vector<Entry>& entries, const Address& wanted) {
  const Entry* best = nullptr;
  for (const Entry& entry : entries) {
    if (entry.prefix.contains(wanted) && (best == nullptr || entry.prefix.bits > best->prefix.bits)) best = &entry;
  }
  return best == nullptr ? std::nullopt : std::optional(best->value);
}

class PrefixTreeTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(PrefixTreeTest);
  CPPUNIT_TEST(empty_tree_has_nothing);
  CPPUNIT_TEST(longest_prefix_wins_in_any_order);
  CPPUNIT_TEST(first_value_of_a_prefix_stays);
  CPPUNIT_TEST(everything_can_be_an_entry);
  CPPUNIT_TEST(families_are_apart);
  CPPUNIT_TEST(random_prefixes_as_the_model_has_them);
  CPPUNIT_TEST(overlaps_as_the_model_has_them);
  CPPUNIT_TEST(random_ranges_as_the_model_has_them);
  CPPUNIT_TEST(ranges_are_cut_exactly);
  CPPUNIT_TEST(all_of_ipv6_holds_no_ipv4);
  CPPUNIT_TEST_SUITE_END();

  void empty_tree_has_nothing() {
    CPPUNIT_ASSERT(!PrefixTree().find(address("192.0.2.1")));
    CPPUNIT_ASSERT(!PrefixTreeView().find(address("192.0.2.1")));
  }

  void longest_prefix_wins_in_any_order() {
    const std::vector<std::pair<const char*, std::uint32_t>> entries{
        {"10.0.0.0/8", 1}, {"10.1.0.0/16", 2}, {"10.1.2.0/24", 3}, {"10.1.2.3", 4}, {"0.0.0.0/0", 5}};
    std::vector<std::size_t> order{0, 1, 2, 3, 4};
    do {
      PrefixTree tree;
      for (const std::size_t i : order) tree.insert(range(entries[i].first), entries[i].second);
      CPPUNIT_ASSERT(tree.find(address("10.1.2.3")) == 4U);
      CPPUNIT_ASSERT(tree.find(address("10.1.2.4")) == 3U);
      CPPUNIT_ASSERT(tree.find(address("10.1.3.3")) == 2U);
      CPPUNIT_ASSERT(tree.find(address("10.2.2.3")) == 1U);
      CPPUNIT_ASSERT(tree.find(address("11.1.2.3")) == 5U);
      CPPUNIT_ASSERT(!tree.find(address("2001:db8::1")));
    } while (std::next_permutation(order.begin(), order.end()));
  }

  void first_value_of_a_prefix_stays() {
    PrefixTree tree;
    tree.insert(range("192.0.2.0/24"), 1);
    tree.insert(range("192.0.2.0-255"), 2);
    CPPUNIT_ASSERT(tree.find(address("192.0.2.1")) == 1U);
  }

  void everything_can_be_an_entry() {
    PrefixTree tree;
    tree.insert(Prefix{Address(), 0}, 7);
    CPPUNIT_ASSERT(tree.find(address("192.0.2.1")) == 7U);
    CPPUNIT_ASSERT(tree.find(address("::")) == 7U);
    CPPUNIT_ASSERT(tree.find(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")) == 7U);
  }

  void families_are_apart() {
    PrefixTree tree;
    tree.insert(range("*"), 1);
    CPPUNIT_ASSERT(tree.find(address("255.255.255.255")) == 1U);
    for (const char* text : {"::", "::1", "::ffff:0:0:1", "2001:db8::", "::fffe:c000:201"})
      CPPUNIT_ASSERT_MESSAGE(text, !tree.find(address(text)));
  }

  // Addresses that share long runs of bits, so that entries nest and part at every depth.
  static Address any_address(std::mt19937& random) {
    Address::Octets octets{};
    for (auto& octet : octets)
      octet = random() % 4 == 0 ? static_cast<std::uint8_t>(random()) : static_cast<std::uint8_t>(random() % 2 * 255);
    return Address(octets);
  }

  void random_prefixes_as_the_model_has_them() {
    std::mt19937 random(3);  // NOLINT: the same in every run
    for (int round = 0; round < 100; ++round) {
      PrefixTree tree;
      std::vector<Entry> entries;
      for (std::uint32_t i = 1; i <= 60; ++i) {
        const auto bits = static_cast<std::uint8_t>(random() % 129);
        const Prefix prefix{any_address(random).masked(bits), bits};
        tree.insert(prefix, i);
        if (std::none_of(entries.begin(), entries.end(), [&](const Entry& e) { return e.prefix == prefix; }))
          entries.push_back({prefix, i});
      }
      for (int i = 0; i < 200; ++i) {
        // Half of them near an entry.
        Address wanted = any_address(random);
        if (i % 2 == 0) wanted = entries[random() % entries.size()].prefix.address;
        CPPUNIT_ASSERT(tree.find(wanted) == model_find(entries, wanted));
      }
    }
  }

  void overlaps_as_the_model_has_them() {
    CPPUNIT_ASSERT(!PrefixTree().view().overlaps({{}, 0}));
    CPPUNIT_ASSERT(!PrefixTreeView().overlaps({{}, 0}));
    std::mt19937 random(7);  // NOLINT: the same in every run
    std::size_t hits = 0;
    for (int round = 0; round < 200; ++round) {
      PrefixTree tree;
      std::vector<Prefix> entries;
      for (std::uint32_t i = 1; i <= 5; ++i) {
        const auto bits = static_cast<std::uint8_t>(100 + random() % 29);
        entries.push_back({any_address(random).masked(bits), bits});
        tree.insert(entries.back(), i);
      }
      for (int i = 0; i < 100; ++i) {
        const auto bits = static_cast<std::uint8_t>(90 + random() % 39);
        Address near = any_address(random);
        if (i % 2 == 0) near = entries[random() % entries.size()].address;
        if (i % 4 == 0) near = near.next().value_or(near);
        const Prefix wanted{near.masked(bits), bits};
        const bool expected = std::any_of(entries.begin(), entries.end(), [&](const Prefix& entry) {
          return entry.contains(wanted.address) || wanted.contains(entry.address);
        });
        CPPUNIT_ASSERT_EQUAL(expected, tree.view().overlaps(wanted));
        hits += expected ? 1 : 0;
      }
    }
    CPPUNIT_ASSERT(hits > 1000 && hits < 19'000);
  }

  void random_ranges_as_the_model_has_them() {
    std::mt19937 random(5);  // NOLINT: the same in every run
    for (int round = 0; round < 200; ++round) {
      PrefixTree tree;
      std::vector<AddressRange> ranges;
      for (std::uint32_t i = 1; i <= 10; ++i) {
        Address first = any_address(random);
        Address last = any_address(random);
        if (last < first) std::swap(first, last);
        ranges.push_back({first, last});
        tree.insert(ranges.back(), i);
      }
      const auto is_covered = [&](const Address& a) {
        return std::any_of(ranges.begin(), ranges.end(), [&](const AddressRange& r) { return r.first <= a && a <= r.last; });
      };
      for (const AddressRange& r : ranges) {
        CPPUNIT_ASSERT(tree.find(r.first) && tree.find(r.last));
        if (const auto behind = r.last.next()) CPPUNIT_ASSERT_EQUAL(is_covered(*behind), tree.find(*behind).has_value());
      }
      for (int i = 0; i < 100; ++i) {
        const Address wanted = any_address(random);
        CPPUNIT_ASSERT_EQUAL(is_covered(wanted), tree.find(wanted).has_value());
      }
    }
  }

  void ranges_are_cut_exactly() {
    struct Case {
      const char* range;
      const char* prefixes;
    };
    for (const Case c :
         {Case{"192.0.2.1", "192.0.2.1 "}, Case{"192.0.2.0/24", "192.0.2.0/24 "}, Case{"192.0.2.0-255", "192.0.2.0/24 "},
          Case{"192.0.2.1-6", "192.0.2.1 192.0.2.2/31 192.0.2.4/31 192.0.2.6 "},
          Case{"192.0.2.254-192.0.3.1", "192.0.2.254/31 192.0.3.0/31 "}, Case{"*", "0.0.0.0/0 "},
          Case{"2001:db8::1-2001:db8::2", "2001:db8::1 2001:db8::2 "}}) {
      std::string text;
      for (const Prefix& prefix : split_into_prefixes(range(c.range))) text += prefix.text() + " ";
      CPPUNIT_ASSERT_EQUAL(std::string(c.prefixes), text);
    }
  }

  // IPv4 lies amid the addresses of IPv6 (::ffff:0:0/96), and is no part of its ranges.
  void all_of_ipv6_holds_no_ipv4() {
    for (const char* wide : {"::/0", "::/79", "::1-ffff::"}) {
      PrefixTree tree;
      tree.insert(range(wide), 1);
      for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255"})
        CPPUNIT_ASSERT_MESSAGE(std::string(wide) + " " + text, !tree.find(address(text)));
      for (const char* text : {"::1", "::fffe:ffff:ffff", "::1:0:0:0", "::1:ffff:0:0"})
        CPPUNIT_ASSERT_MESSAGE(std::string(wide) + " " + text, tree.find(address(text)).has_value());
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(PrefixTreeTest);

}  // namespace
}  // namespace caronte::base
