// Lists through their sealed memfd, and hostile list files: mapping refuses them or finding in them ends.
#include "config/mapped_list.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstring>
#include <random>

#include "base/address_parser.h"

namespace caronte::config {
namespace {

base::Address address(const char* text) {
  return base::parse_address(text).value();
}

base::Fd file_of(const ListHeader& header, std::string_view nodes) {
  std::string bytes(sizeof header, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  bytes += nodes;
  auto memory = seal_bytes("test", bytes);
  CPPUNIT_ASSERT(memory.is_ok());
  return std::move(memory).value();
}

class MappedListTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(MappedListTest);
  CPPUNIT_TEST(finds_what_was_sealed);
  CPPUNIT_TEST(empty_list_contains_nothing);
  CPPUNIT_TEST(mapping_outlives_the_descriptor);
  CPPUNIT_TEST(other_layouts_are_refused);
  CPPUNIT_TEST(host_names_come_with_the_list);
  CPPUNIT_TEST(any_node_bytes_end);
  CPPUNIT_TEST_SUITE_END();

  void finds_what_was_sealed() {
    base::PrefixTree tree;
    tree.insert(base::parse_address_range("192.0.2.0/24").value(), 3);
    tree.insert(base::parse_address_range("192.0.2.10-20").value(), 4);
    tree.insert(base::parse_address_range("2001:db8::/32").value(), 5);
    auto memory = seal_list(tree, 3);
    CPPUNIT_ASSERT(memory.is_ok());
    const auto list = MappedList::map(memory.value().get());
    CPPUNIT_ASSERT(list.is_ok());
    CPPUNIT_ASSERT_EQUAL(3U, list.value().entries());
    CPPUNIT_ASSERT(list.value().find(address("192.0.2.9")) == 3U);
    CPPUNIT_ASSERT(list.value().find(address("192.0.2.10")) == 4U);
    CPPUNIT_ASSERT(list.value().find(address("192.0.2.20")) == 4U);
    CPPUNIT_ASSERT(list.value().find(address("192.0.2.21")) == 3U);
    CPPUNIT_ASSERT(list.value().find(address("2001:db8:1::")) == 5U);
    CPPUNIT_ASSERT(!list.value().find(address("192.0.3.1")));
    CPPUNIT_ASSERT(!list.value().find(address("2001:db9::")));
  }

  void empty_list_contains_nothing() {
    CPPUNIT_ASSERT(!MappedList().find(address("192.0.2.1")));
    auto memory = seal_list(base::PrefixTree{}, 0);
    CPPUNIT_ASSERT(!MappedList::map(memory.value().get()).value().find(address("192.0.2.1")));
  }

  void mapping_outlives_the_descriptor() {
    base::PrefixTree tree;
    tree.insert(base::parse_address_range("192.0.2.1").value(), 1);
    MappedList copy;
    {
      auto memory = seal_list(tree, 3);
      const auto list = MappedList::map(memory.value().get());
      copy = list.value();
    }
    CPPUNIT_ASSERT(copy.find(address("192.0.2.1")) == 1U);
  }

  void other_layouts_are_refused() {
    const base::PrefixNode node;
    const std::string_view one(reinterpret_cast<const char*>(&node), sizeof node);
    ListHeader good;
    good.nodes = 1;
    CPPUNIT_ASSERT(MappedList::map(file_of(good, one).get()).is_ok());
    ListHeader magic = good;
    magic.magic ^= 1U;
    ListHeader size = good;
    size.node_size = 16;
    ListHeader more = good;
    more.nodes = 2;
    ListHeader most = good;
    most.nodes = 0xFFFFFFFF;
    ListHeader none = good;
    none.nodes = 0;
    for (const ListHeader& header : {magic, size, more, most, none})
      CPPUNIT_ASSERT(!MappedList::map(file_of(header, one).get()).is_ok());
    CPPUNIT_ASSERT(!MappedList::map(file_of(good, one.substr(1)).get()).is_ok());
    auto shorter = seal_bytes("test", "CARLIST1");
    CPPUNIT_ASSERT(!MappedList::map(shorter.value().get()).is_ok());
    auto empty = seal_bytes("test", "");
    CPPUNIT_ASSERT(!MappedList::map(empty.value().get()).is_ok());
  }

  // IW-7
  void host_names_come_with_the_list() {
    base::PrefixTree tree;
    tree.insert(base::parse_address_range("192.0.2.0/24").value(), 3);
    const std::string names = encode_names({{"mail.example.org", 4}}, 1);
    const auto list = MappedList::map(seal_list(tree, 2, names).value().get());
    CPPUNIT_ASSERT(list.is_ok());
    CPPUNIT_ASSERT(list.value().find(address("192.0.2.9")) == 3U);
    CPPUNIT_ASSERT(list.value().names().find("mail.example.org") == 4U);
    CPPUNIT_ASSERT(MappedList::map(seal_list(tree, 2).value().get()).value().names().size() == 0);
    CPPUNIT_ASSERT(!MappedList::map(seal_list(tree, 2, names.substr(1)).value().get()).is_ok());
    CPPUNIT_ASSERT(!MappedList::map(seal_list(tree, 2, "x").value().get()).is_ok());
  }

  void any_node_bytes_end() {
    std::mt19937 random(7);  // NOLINT: the same bytes in every run
    ListHeader header;
    header.nodes = 8;
    for (int round = 0; round < 300; ++round) {
      std::string nodes(8 * sizeof(base::PrefixNode), '\0');
      for (char& byte : nodes) byte = random() % 3 == 0 ? static_cast<char>(random() % 256) : '\0';
      const auto list = MappedList::map(file_of(header, nodes).get());
      CPPUNIT_ASSERT(list.is_ok());
      for (int i = 0; i < 50; ++i) {
        base::Address::Octets octets{};
        for (auto& octet : octets) octet = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : 0);
        (void)list.value().find(base::Address(octets));
      }
    }
    // A node that names itself as its child.
    base::PrefixNode loop[2]{};
    loop[0].child[0] = loop[0].child[1] = loop[1].child[0] = loop[1].child[1] = 1;
    header.nodes = 2;
    const auto list = MappedList::map(file_of(header, {reinterpret_cast<const char*>(loop), sizeof loop}).get());
    CPPUNIT_ASSERT(!list.value().find(address("192.0.2.1")));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(MappedListTest);

}  // namespace
}  // namespace caronte::config
