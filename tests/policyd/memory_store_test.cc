#include "policyd/memory_store.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

namespace caronte::policyd {

namespace {

// "keep..." stays; else the value is a number.
std::optional<std::int64_t> worth_by_value(std::string_view, std::string_view value) {
  if (value.starts_with("keep")) return std::nullopt;
  return std::stoll(std::string(value));
}

std::string key_of(unsigned i) {
  std::string digits = std::to_string(i);
  return std::string(8 - digits.size(), '0') + digits;
}

}  // namespace

class MemoryStoreTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(MemoryStoreTest);
  CPPUNIT_TEST(keeps_erases_and_clears);
  CPPUNIT_TEST(scans_in_slices);
  CPPUNIT_TEST(a_full_table_forgets_what_is_worth_least);
  CPPUNIT_TEST(what_must_stay_stays);
  CPPUNIT_TEST_SUITE_END();

  static StoreBounds bounded(std::size_t entries) {
    StoreBounds bounds;
    bounds.of(Table::senders) = {entries, &worth_by_value};
    return bounds;
  }

  void keeps_erases_and_clears() {
    MemoryStore store;
    CPPUNIT_ASSERT(store.is_empty());
    CPPUNIT_ASSERT(!store.get(Table::hell, "a"));
    store.put(Table::hell, "a", std::string_view("1\0x", 3));
    CPPUNIT_ASSERT_EQUAL(std::string("1\0x", 3), store.get(Table::hell, "a").value());
    CPPUNIT_ASSERT(!store.get(Table::senders, "a"));
    store.put(Table::hell, "a", "2");
    CPPUNIT_ASSERT_EQUAL(std::string("2"), store.get(Table::hell, "a").value());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, store.entries(Table::hell));
    store.erase(Table::hell, "b");
    store.erase(Table::hell, "a");
    CPPUNIT_ASSERT(!store.get(Table::hell, "a"));
    store.put(Table::hell, "c", "");
    store.put(Table::meta, "c", "");
    store.clear(Table::hell);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, store.entries(Table::hell));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, store.entries(Table::meta));
  }
  void scans_in_slices() {
    MemoryStore store;
    for (unsigned i = 0; i < 10; ++i) store.put(Table::hell, key_of(i), std::to_string(i));
    std::string seen;
    const auto visit = [&](std::string_view, std::string_view value) { seen += value; };
    auto next = store.scan(Table::hell, "", 4, visit);
    CPPUNIT_ASSERT_EQUAL(std::string("0123"), seen);
    CPPUNIT_ASSERT_EQUAL(key_of(4), next.value());
    store.erase(Table::hell, key_of(4));  // the key to go on from need not be there any more
    next = store.scan(Table::hell, *next, 4, visit);
    CPPUNIT_ASSERT_EQUAL(std::string("01235678"), seen);
    next = store.scan(Table::hell, next.value(), 1, visit);
    CPPUNIT_ASSERT(!next);
    CPPUNIT_ASSERT_EQUAL(std::string("012356789"), seen);
    CPPUNIT_ASSERT(!store.scan(Table::senders, "", 4, visit));
  }
  void a_full_table_forgets_what_is_worth_least() {
    MemoryStore store(bounded(100));
    for (unsigned i = 0; i < 100; ++i) store.put(Table::senders, key_of(i), std::to_string(i < 50 ? 1 : 1000));
    for (unsigned i = 100; i < 130; ++i) store.put(Table::senders, key_of(i), "1000");
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{100}, store.entries(Table::senders));
    unsigned old = 0;
    store.scan(Table::senders, "", 200, [&](std::string_view, std::string_view value) { old += value == "1" ? 1 : 0; });
    CPPUNIT_ASSERT(old <= 35);                    // the oldest of each sample went
    store.put(Table::senders, key_of(129), "5");  // a change of what is there needs no room
    CPPUNIT_ASSERT_EQUAL(std::string("5"), store.get(Table::senders, key_of(129)).value());
  }
  void what_must_stay_stays() {
    MemoryStore store(bounded(50));
    for (unsigned i = 0; i < 50; ++i) store.put(Table::senders, key_of(i), "keep");
    store.put(Table::senders, "new", "1000000");
    CPPUNIT_ASSERT(!store.get(Table::senders, "new"));
    store.put(Table::senders, "new", "keep");
    CPPUNIT_ASSERT(store.get(Table::senders, "new"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{51}, store.entries(Table::senders));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(MemoryStoreTest);

}  // namespace caronte::policyd
