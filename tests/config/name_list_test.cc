// Tables of names through their sealed memfd, and hostile ones: mapping refuses them or finding in them ends.
#include "config/name_list.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstring>
#include <random>

namespace caronte::config {
namespace {

MappedNames mapped(std::string_view bytes) {
  const auto memory = seal_bytes("test", bytes);
  CPPUNIT_ASSERT(memory.is_ok());
  const auto names = MappedNames::map(memory.value().get());
  CPPUNIT_ASSERT(names.is_ok());
  return names.value();
}

bool is_refused(std::string_view bytes) {
  return !MappedNames::map(seal_bytes("test", bytes).value().get()).is_ok();
}

class NameListTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(NameListTest);
  CPPUNIT_TEST(finds_what_was_sealed);
  CPPUNIT_TEST(first_of_equal_names_stays);
  CPPUNIT_TEST(empty_table_contains_nothing);
  CPPUNIT_TEST(other_layouts_are_refused);
  CPPUNIT_TEST(any_slots_end);
  CPPUNIT_TEST(joined_tables_keep_their_places);
  CPPUNIT_TEST(joined_tables_of_another_layout_are_refused);
  CPPUNIT_TEST_SUITE_END();

  void finds_what_was_sealed() {
    std::vector<std::string> texts;
    for (int i = 0; i < 1000; ++i) texts.push_back("user" + std::to_string(i * 7919 % 1000));
    std::vector<Name> names;
    for (std::uint32_t i = 0; i < 1000; ++i) names.push_back({texts[i], i + 1});
    names.push_back({"", 5000});
    names.push_back({std::string_view("\xff\0x", 3), 5001});
    const MappedNames list = mapped(encode_names(names, 1002));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1002}, list.names().size());
    CPPUNIT_ASSERT_EQUAL(1002U, list.names().entries());
    for (const Name& name : names) CPPUNIT_ASSERT(list.names().find(name.text) == name.line);
    for (const char* other : {"user", "user1000", "USER1", "user1 ", "\xff", "zzz", "!"}) {
      CPPUNIT_ASSERT_MESSAGE(other, !list.names().find(other));
    }
    CPPUNIT_ASSERT(list.names().at(0).text.empty());
    CPPUNIT_ASSERT_EQUAL(std::string("user0"), std::string(list.names().at(1).text));
  }

  void first_of_equal_names_stays() {
    const MappedNames list = mapped(encode_names({{"b", 1}, {"a", 2}, {"b", 3}, {"a", 4}}, 4));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, list.names().size());
    CPPUNIT_ASSERT(list.names().find("a") == 2U && list.names().find("b") == 1U);
  }

  void empty_table_contains_nothing() {
    CPPUNIT_ASSERT(!MappedNames().names().find("a") && !MappedNames().names().find(""));
    const MappedNames list = mapped(encode_names({}, 0));
    CPPUNIT_ASSERT(!list.names().find("") && list.names().size() == 0);
  }

  void other_layouts_are_refused() {
    const std::string good = encode_names({{"a", 1}, {"bc", 2}}, 2);
    CPPUNIT_ASSERT(!is_refused(good));
    CPPUNIT_ASSERT(is_refused(""));
    CPPUNIT_ASSERT(is_refused(good.substr(0, sizeof(NamesHeader) - 1)));
    CPPUNIT_ASSERT(is_refused(good.substr(0, good.size() - 1)));
    CPPUNIT_ASSERT(is_refused(good + "x"));
    const auto changed = [&](std::size_t offset, std::uint32_t value) {
      std::string bytes = good;
      std::memcpy(bytes.data() + offset, &value, sizeof value);
      return bytes;
    };
    CPPUNIT_ASSERT(is_refused(changed(0, 1)));
    for (const std::uint32_t names : {0U, 1U, 3U, 0xFFFFFFFFU, 0x15555556U}) CPPUNIT_ASSERT(is_refused(changed(8, names)));
    for (const std::uint32_t size : {0U, 2U, 4U, 0xFFFFFFFFU}) CPPUNIT_ASSERT(is_refused(changed(12, size)));
  }

  void any_slots_end() {
    std::mt19937 random(7);  // NOLINT: the same bytes in every run
    for (int round = 0; round < 300; ++round) {
      std::string bytes = encode_names({{"a", 1}, {"bc", 2}, {"def", 3}, {"ghij", 4}, {"klmno", 5}}, 5);
      for (std::size_t i = sizeof(NamesHeader); i < bytes.size(); ++i) {
        if (random() % 3 == 0) bytes[i] = static_cast<char>(random() % 256);
      }
      const MappedNames list = mapped(bytes);
      for (const char* name : {"", "a", "bc", "klmno", "zzzz", "\xff\xff"}) (void)list.names().find(name);
      for (std::size_t i = 0; i < list.names().size(); ++i) CPPUNIT_ASSERT(list.names().at(i).text.size() <= 15);
    }
  }

  static base::Result<std::vector<MappedNames>> map_joined(std::string_view bytes) {
    return MappedNames::map_joined(seal_bytes("test", bytes).value().get());
  }

  void joined_tables_keep_their_places() {
    const std::string first = encode_names({{"a", 1}, {"b", 2}}, 2);
    const std::string second = encode_names({{"c", 3}}, 1);
    const auto tables = map_joined(join_tables({{3, first}, {1, second}}));
    CPPUNIT_ASSERT(tables.is_ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, tables.value().size());
    CPPUNIT_ASSERT(tables.value()[3].names().find("b") == 2U && tables.value()[1].names().find("c") == 3U);
    CPPUNIT_ASSERT(!tables.value()[3].names().find("c") && tables.value()[0].names().size() == 0);
    CPPUNIT_ASSERT(map_joined(join_tables({})).value().empty());
  }

  void joined_tables_of_another_layout_are_refused() {
    const std::string table = encode_names({{"a", 1}}, 1);
    const std::string good = join_tables({{0, table}, {1, table}});
    CPPUNIT_ASSERT(map_joined(good).is_ok());
    for (const std::string& bad : {std::string(), good.substr(0, 7), good.substr(0, 8), good.substr(0, good.size() - 1), good + "x",
                                   join_tables({{0, table}, {0, table}}), join_tables({{65'536, table}}),
                                   join_tables({{0, table.substr(1)}}), join_tables({{0, ""}})}) {
      CPPUNIT_ASSERT(!map_joined(bad).is_ok());
    }
    std::string more = good;
    more[0] = 127;  // so many tables
    CPPUNIT_ASSERT(!map_joined(more).is_ok());
    std::string longer = good;
    longer[12] = static_cast<char>(longer[12] + 1);  // the first is longer, and eats into the second
    CPPUNIT_ASSERT(!map_joined(longer).is_ok());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(NameListTest);

}  // namespace
}  // namespace caronte::config
