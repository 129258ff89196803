// FW-13, Q8, Q9: entries, their times, what is kept, and what is never banned.
#include "policyd/hell.h"

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>
#include <random>

#include "base/address_parser.h"
#include "base/prefix_tree.h"
#include "policyd/memory_store.h"
#include "policyd/prefix_key.h"

namespace caronte::policyd {

namespace {

constexpr StoreTime kNow = 1'800'000'000;

base::Address address(const char* text) {
  return base::parse_address(text).value();
}

base::Prefix prefix(const char* text) {
  const auto prefixes = base::split_into_prefixes(base::parse_address_range(text).value());
  CPPUNIT_ASSERT_EQUAL(std::size_t{1}, prefixes.size());
  return prefixes.front();
}

config::MappedList list_of(std::initializer_list<const char*> entries) {
  base::PrefixTree tree;
  std::uint32_t line = 0;
  for (const char* entry : entries) tree.insert(base::parse_address_range(entry).value(), ++line);
  return config::MappedList::map(config::seal_list(tree, line).value().get()).value();
}

}  // namespace

class HellTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(HellTest);
  CPPUNIT_TEST(FW_13_refused_now_and_free_when_the_time_is_over);
  CPPUNIT_TEST(FW_13_zero_is_for_ever);
  CPPUNIT_TEST(networks_and_families);
  CPPUNIT_TEST(an_entry_that_is_over_hides_no_wider_one);
  CPPUNIT_TEST(the_list_file_is_a_second_source);
  CPPUNIT_TEST(by_hand_replaces);
  CPPUNIT_TEST(Q8_a_new_offence_prolongs);
  CPPUNIT_TEST(Q8_a_ban_is_never_for_ever_and_never_shortens);
  CPPUNIT_TEST(Q9_protected_addresses_are_never_banned);
  CPPUNIT_TEST(removed_with_all_that_lies_within);
  CPPUNIT_TEST(survives_a_restart);
  CPPUNIT_TEST(what_is_not_yet_loaded_is_found);
  CPPUNIT_TEST(what_is_not_yet_loaded_can_be_changed);
  CPPUNIT_TEST(what_came_while_loading_is_found_after_a_crash);
  CPPUNIT_TEST(a_store_without_lengths_is_read_at_once);
  CPPUNIT_TEST(clock_set_back_leaves_the_time_that_was_left);
  CPPUNIT_TEST(rubbish_in_the_store_is_passed_over);
  CPPUNIT_TEST(damaged_entries_do_no_harm);
  CPPUNIT_TEST(expires_in_slices);
  CPPUNIT_TEST(visited_in_order_and_in_pieces);
  CPPUNIT_TEST(what_was_made_by_hand_is_worth_most);
  CPPUNIT_TEST(a_million_entries_cost_microseconds);
  CPPUNIT_TEST_SUITE_END();

  MemoryStore store_;
  Hell hell_{store_};
  const config::MappedList no_list_;
  const ProtectedAddresses nobody_;

  [[nodiscard]] bool has(const char* client, StoreTime now = kNow) {
    return hell_.find(address(client), no_list_, now).has_value();
  }
  static void load(Hell& hell, StoreTime now) {
    hell.begin_load(now);
    while (hell.load_some(now)) continue;
  }
  std::optional<base::Prefix> ban(const char* client, const char* range, std::int64_t seconds, StoreTime now,
                                  const ProtectedAddresses& protected_addresses) {
    return hell_.ban({address(client), prefix(range), "rate", seconds}, protected_addresses, now);
  }
  std::optional<base::Prefix> ban(const char* client, const char* range, std::int64_t seconds, StoreTime now = kNow) {
    return ban(client, range, seconds, now, nobody_);
  }

  void FW_13_refused_now_and_free_when_the_time_is_over() {
    CPPUNIT_ASSERT(!has("192.0.2.1"));
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.1"), "spam run", 10, kNow));
    CPPUNIT_ASSERT(has("192.0.2.1"));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{10}, hell_.find(address("192.0.2.1"), no_list_, kNow)->left);
    CPPUNIT_ASSERT(has("192.0.2.1", kNow + 9));
    CPPUNIT_ASSERT(!has("192.0.2.1", kNow + 10));
    CPPUNIT_ASSERT(!has("192.0.2.2"));
  }
  void FW_13_zero_is_for_ever() {
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.1"), "", 0, kNow));
    CPPUNIT_ASSERT(has("192.0.2.1", kNow + 100 * 366 * 86'400LL));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, hell_.find(address("192.0.2.1"), no_list_, kNow)->left);
  }
  void networks_and_families() {
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.0/24"), "", 0, kNow));
    CPPUNIT_ASSERT(hell_.add(prefix("2001:db8::/32"), "", 0, kNow));
    CPPUNIT_ASSERT(has("192.0.2.0") && has("192.0.2.255") && has("2001:db8:ffff::1"));
    CPPUNIT_ASSERT(!has("192.0.3.0") && !has("192.0.1.255") && !has("2001:db9::1"));
    CPPUNIT_ASSERT(hell_.add({{}, 0}, "all of IPv6", 0, kNow));
    CPPUNIT_ASSERT(has("2001:db9::1") && !has("192.0.3.0"));
  }
  void an_entry_that_is_over_hides_no_wider_one() {
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.0/24"), "", 100, kNow));
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.1"), "", 10, kNow));
    CPPUNIT_ASSERT(hell_.find(address("192.0.2.1"), no_list_, kNow)->prefix == prefix("192.0.2.1"));
    CPPUNIT_ASSERT(hell_.find(address("192.0.2.1"), no_list_, kNow + 50)->prefix == prefix("192.0.2.0/24"));
    CPPUNIT_ASSERT(!has("192.0.2.1", kNow + 100));
  }
  void the_list_file_is_a_second_source() {
    const auto list = list_of({"198.51.100.1", "192.0.2.0/24"});
    const auto match = hell_.find(address("192.0.2.9"), list, kNow);
    CPPUNIT_ASSERT(match && match->source == ipc::HellSource::list);
    CPPUNIT_ASSERT_EQUAL(2U, match->line);
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.9"), "", 10, kNow));
    CPPUNIT_ASSERT(hell_.find(address("192.0.2.9"), list, kNow)->source == ipc::HellSource::hand);
    CPPUNIT_ASSERT(hell_.find(address("192.0.2.9"), list, kNow + 10)->source == ipc::HellSource::list);
  }
  void by_hand_replaces() {
    (void)ban("192.0.2.1", "192.0.2.1", 1000);
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.1"), "mine", 5, kNow));
    const auto match = hell_.find(address("192.0.2.1"), no_list_, kNow);
    CPPUNIT_ASSERT(match && match->source == ipc::HellSource::hand);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, match->left);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, hell_.size());
  }
  void Q8_a_new_offence_prolongs() {
    CPPUNIT_ASSERT(ban("192.0.2.1", "192.0.2.1", 100) == prefix("192.0.2.1"));
    CPPUNIT_ASSERT(!has("192.0.2.1", kNow + 100));
    CPPUNIT_ASSERT(ban("192.0.2.1", "192.0.2.1", 100, kNow + 60));
    CPPUNIT_ASSERT(has("192.0.2.1", kNow + 159));
    CPPUNIT_ASSERT(!has("192.0.2.1", kNow + 160));
    CPPUNIT_ASSERT_EQUAL(2U, hell_.find(address("192.0.2.1"), no_list_, kNow + 60)->offences);
    CPPUNIT_ASSERT(ban("192.0.2.1", "192.0.2.1", 100, kNow + 500));  // long over: begins anew
    CPPUNIT_ASSERT_EQUAL(1U, hell_.find(address("192.0.2.1"), no_list_, kNow + 500)->offences);
  }
  void Q8_a_ban_is_never_for_ever_and_never_shortens() {
    CPPUNIT_ASSERT(!ban("192.0.2.1", "192.0.2.1", 0));
    CPPUNIT_ASSERT(!has("192.0.2.1"));
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.1"), "mine", 0, kNow));
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.2"), "mine", 1000, kNow));
    CPPUNIT_ASSERT(ban("192.0.2.1", "192.0.2.1", 10) && ban("192.0.2.2", "192.0.2.2", 10));
    CPPUNIT_ASSERT(has("192.0.2.1", kNow + 1'000'000) && has("192.0.2.2", kNow + 999));
    CPPUNIT_ASSERT(hell_.find(address("192.0.2.1"), no_list_, kNow)->source == ipc::HellSource::hand);
  }
  void Q9_protected_addresses_are_never_banned() {
    const auto relay = list_of({"192.0.2.9", "2001:db8:0:1::9"});
    const auto trusted = list_of({"198.51.100.0/28"});
    ProtectedAddresses known{{&relay, &trusted}, {}, {address("203.0.113.7")}};
    known.listens.emplace_back().proxy_protocol.push_back({address("203.0.113.100"), address("203.0.113.110")});
    struct Case {
      const char* client;
      const char* range;
      const char* expected;  // nullptr: not at all
    };
    for (const auto& [client, range, expected] :
         {Case{"192.0.2.9", "192.0.2.9", nullptr}, Case{"192.0.2.9", "192.0.2.8/29", nullptr},
          Case{"192.0.2.10", "192.0.2.8/29", "192.0.2.10"}, Case{"192.0.2.20", "192.0.2.16/29", "192.0.2.16/29"},
          Case{"198.51.100.3", "198.51.100.3", nullptr}, Case{"198.51.100.200", "198.51.100.0/24", "198.51.100.200"},
          Case{"203.0.113.7", "203.0.113.7", nullptr}, Case{"203.0.113.6", "203.0.113.6/31", "203.0.113.6"},
          Case{"203.0.113.105", "203.0.113.105", nullptr}, Case{"203.0.113.99", "203.0.113.96/28", "203.0.113.99"},
          Case{"2001:db8:0:1::5", "2001:db8:0:1::/64", "2001:db8:0:1::5"},
          Case{"2001:db8:0:2::5", "2001:db8::/48", "2001:db8:0:2::/64"}, Case{"2001:db8:0:1::9", "2001:db8:0:1::9", nullptr}}) {
      (void)hell_.clear();
      const auto banned = ban(client, range, 60, kNow, known);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(client, expected == nullptr ? std::string() : std::string(expected),
                                   banned ? banned->text() : std::string());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(client, expected != nullptr, has(client));
      CPPUNIT_ASSERT(!has("192.0.2.9") && !has("198.51.100.3") && !has("203.0.113.7") && !has("203.0.113.105"));
      CPPUNIT_ASSERT_MESSAGE(client, ban(client, range, 60));  // protected by nothing: banned as told
      CPPUNIT_ASSERT(hell_.find(address(client), no_list_, kNow).has_value());
    }
  }
  void removed_with_all_that_lies_within() {
    for (const char* entry : {"192.0.2.0/24", "192.0.2.1", "192.0.2.128/25", "192.0.3.0", "192.0.0.0/16"}) {
      CPPUNIT_ASSERT(hell_.add(prefix(entry), "", 0, kNow));
    }
    CPPUNIT_ASSERT(hell_.find_around(prefix("192.0.2.0/24"), kNow) == prefix("192.0.0.0/16"));
    CPPUNIT_ASSERT(!hell_.find_around(prefix("192.0.0.0/16"), kNow));
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, hell_.remove(prefix("192.0.2.0/24"), kNow));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, hell_.remove(prefix("192.0.2.0/24"), kNow));
    CPPUNIT_ASSERT(hell_.find(address("192.0.2.1"), no_list_, kNow)->prefix == prefix("192.0.0.0/16"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, hell_.clear());
    CPPUNIT_ASSERT(!has("192.0.2.1") && !has("192.0.3.0"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, store_.entries(Table::hell));
  }
  void survives_a_restart() {
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.0/24"), "by me", 100, kNow));
    (void)ban("2001:db8::1", "2001:db8::/64", 50);
    (void)ban("2001:db8::1", "2001:db8::/64", 50);
    Hell second(store_);
    load(second, kNow + 10);
    load(second, kNow + 10);  // once more does no harm
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, second.size());
    CPPUNIT_ASSERT_EQUAL(std::int64_t{90}, second.find(address("192.0.2.7"), no_list_, kNow + 10)->left);
    CPPUNIT_ASSERT_EQUAL(2U, second.find(address("2001:db8::7"), no_list_, kNow + 10)->offences);
    CPPUNIT_ASSERT(!second.find(address("2001:db8::7"), no_list_, kNow + 50));
    std::vector<ipc::HellEntry> found;
    CPPUNIT_ASSERT(!second.visit({{}, 0}, 10, kNow + 10, [&](const ipc::HellEntry& entry) { found.push_back(entry); }));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, found.size());
    CPPUNIT_ASSERT_EQUAL(std::string("by me"), found[0].reason.str());
    CPPUNIT_ASSERT_EQUAL(std::string("rate"), found[1].reason.str());
    CPPUNIT_ASSERT_EQUAL(std::int64_t{kNow}, found[1].since);
  }
  void fill(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      CPPUNIT_ASSERT(hell_.add({base::Address::v4(10, 0, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)), 128},
                               "", 100, kNow));
    }
  }
  void what_is_not_yet_loaded_is_found() {
    fill(3000);
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.0/24"), "", 100, kNow));
    CPPUNIT_ASSERT(hell_.add(prefix("2001:db8::/32"), "", 0, kNow));
    Hell second(store_);
    second.begin_load(kNow);
    const auto has = [&](const char* client, StoreTime now) { return second.find(address(client), no_list_, now).has_value(); };
    CPPUNIT_ASSERT(has("192.0.2.7", kNow) && has("2001:db8::7", kNow) && has("10.0.9.9", kNow));
    CPPUNIT_ASSERT(!has("192.0.3.7", kNow) && !has("192.0.2.7", kNow + 100) && has("2001:db8::7", kNow + 100));
    CPPUNIT_ASSERT_EQUAL(std::size_t{3002}, second.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, second.expire_some(kNow + 100));
    CPPUNIT_ASSERT(second.load_some(kNow) && second.load_some(kNow) && second.load_some(kNow) && !second.load_some(kNow));
    CPPUNIT_ASSERT_EQUAL(std::size_t{3002}, second.size());
    CPPUNIT_ASSERT(has("192.0.2.7", kNow) && has("2001:db8::7", kNow) && has("10.0.9.9", kNow) && !has("192.0.3.7", kNow));
  }
  void what_came_while_loading_is_found_after_a_crash() {
    fill(3000);
    Hell second(store_);
    second.begin_load(kNow);
    CPPUNIT_ASSERT(second.add(prefix("2001:db8::/32"), "", 0, kNow));
    Hell third(store_);
    third.begin_load(kNow);
    CPPUNIT_ASSERT(third.find(address("2001:db8::7"), no_list_, kNow));
  }
  void what_is_not_yet_loaded_can_be_changed() {
    fill(3000);
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.1"), "", 1000, kNow));
    Hell second(store_);
    second.begin_load(kNow);
    CPPUNIT_ASSERT(second.ban({address("192.0.2.1"), prefix("192.0.2.1"), "rate", 10}, nobody_, kNow));
    CPPUNIT_ASSERT(second.add(prefix("192.0.2.2"), "new", 5, kNow));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{1000}, second.find(address("192.0.2.1"), no_list_, kNow)->left);  // not shortened
    CPPUNIT_ASSERT_EQUAL(std::size_t{3000}, second.remove(prefix("10.0.0.0/8"), kNow));
    CPPUNIT_ASSERT(!second.load_some(kNow));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, second.size());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, store_.entries(Table::hell));
    fill(3000);
    Hell third(store_);
    third.begin_load(kNow);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3002}, third.clear());
    CPPUNIT_ASSERT(!third.load_some(kNow) && !third.find(address("10.0.0.1"), no_list_, kNow));
  }
  void a_store_without_lengths_is_read_at_once() {
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.0/24"), "", 100, kNow));
    for (const char* rubbish : {"", "x", "none"}) {
      if (std::string_view(rubbish) == "none") {
        store_.clear(Table::meta);
      } else {
        store_.put(Table::meta, "hell-lengths", rubbish);
      }
      Hell second(store_);
      second.begin_load(kNow);
      CPPUNIT_ASSERT(second.find(address("192.0.2.7"), no_list_, kNow));
      CPPUNIT_ASSERT(!second.load_some(kNow));
    }
  }
  void clock_set_back_leaves_the_time_that_was_left() {
    constexpr std::int64_t kFortyDays = 40 * 86'400;
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.1"), "", 100, kNow));
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.2"), "", 0, kNow));
    const StoreTime earlier = kNow - kFortyDays;
    for (int starts = 0; starts < 2; ++starts) {  // the second finds it brought back
      Hell second(store_);
      load(second, earlier);
      CPPUNIT_ASSERT_EQUAL(std::int64_t{100}, second.find(address("192.0.2.1"), no_list_, earlier)->left);
      CPPUNIT_ASSERT(!second.find(address("192.0.2.1"), no_list_, earlier + 100));
      CPPUNIT_ASSERT(second.find(address("192.0.2.2"), no_list_, earlier));
    }
  }
  void rubbish_in_the_store_is_passed_over() {
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.1"), "", 0, kNow));
    const std::string good = store_.get(Table::hell, key_of(prefix("192.0.2.1"))).value();
    store_.put(Table::hell, key_of(prefix("192.0.2.2")), good);  // of another key
    store_.put(Table::hell, key_of(prefix("192.0.2.3")), "");
    store_.put(Table::hell, key_of(prefix("192.0.2.4")), std::string(1, '\x09') + good.substr(1));  // of the future
    store_.put(Table::hell, key_of(prefix("192.0.2.5")), good + "x");
    store_.put(Table::hell, "short", good);
    for (std::size_t cut = 0; cut < good.size(); ++cut) store_.put(Table::hell, std::to_string(cut), good.substr(0, cut));
    Hell second(store_);
    load(second, kNow);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, second.size());
  }
  void damaged_entries_do_no_harm() {
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.1"), "why", 60, kNow));
    const std::string key = key_of(prefix("192.0.2.1"));
    const std::string good = store_.get(Table::hell, key).value();
    std::mt19937 random(13);  // NOLINT: the same in every run
    for (int i = 0; i < 100'000; ++i) {
      std::string bad = good;
      for (unsigned j = 0; j < 1 + random() % 8; ++j) bad[1 + random() % (bad.size() - 1)] = static_cast<char>(random());
      store_.put(Table::hell, key, bad);
      (void)Hell::worth(key, bad);
      Hell second(store_);
      second.begin_load(kNow);
      (void)second.find(address("192.0.2.1"), no_list_, kNow);
      (void)second.ban({address("192.0.2.1"), prefix("192.0.2.1"), "rate", 10}, nobody_, kNow);
      CPPUNIT_ASSERT(second.find(address("192.0.2.1"), no_list_, kNow));
      (void)second.visit({{}, 0}, 10, kNow, [](const ipc::HellEntry&) {});
    }
  }
  void expires_in_slices() {
    for (unsigned i = 0; i < 1000; ++i) {
      CPPUNIT_ASSERT(hell_.add({base::Address::v4(10, 0, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)), 128},
                               "", i % 2 == 0 ? 10 : 0, kNow));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, hell_.expire_some(kNow + 9));
    CPPUNIT_ASSERT(!has("10.0.0.0", kNow + 10) && has("10.0.0.1", kNow + 10));
    CPPUNIT_ASSERT(hell_.expire_some(kNow + 10) <= Hell::kSlice);
    CPPUNIT_ASSERT(hell_.size() >= 1000 - Hell::kSlice);
    for (int i = 0; i < 10; ++i) (void)hell_.expire_some(kNow + 10);
    CPPUNIT_ASSERT_EQUAL(std::size_t{500}, hell_.size());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{500}, store_.entries(Table::hell));
  }
  void visited_in_order_and_in_pieces() {
    for (unsigned i = 0; i < 100; ++i) {
      CPPUNIT_ASSERT(hell_.add({base::Address::v4(10, 0, 0, static_cast<std::uint8_t>(i)), 128}, "", i == 50 ? 1 : 0, kNow));
    }
    std::vector<base::Prefix> found;
    std::optional<base::Prefix> next = base::Prefix{{}, 0};
    for (int pieces = 0; next; ++pieces) {
      CPPUNIT_ASSERT(pieces < 20);
      next = hell_.visit(*next, 7, kNow + 1, [&](const ipc::HellEntry& entry) { found.push_back(entry.prefix); });
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{99}, found.size());  // but the one that is over
    CPPUNIT_ASSERT(std::is_sorted(found.begin(), found.end()));
  }
  void what_was_made_by_hand_is_worth_most() {
    CPPUNIT_ASSERT(hell_.add(prefix("192.0.2.1"), "", 10, kNow));
    (void)ban("192.0.2.2", "192.0.2.2", 10);
    (void)ban("192.0.2.3", "192.0.2.3", 20);
    const auto worth = [&](const char* entry) {
      const std::string key = key_of(prefix(entry));
      return Hell::worth(key, store_.get(Table::hell, key).value());
    };
    CPPUNIT_ASSERT(!worth("192.0.2.1"));
    CPPUNIT_ASSERT(worth("192.0.2.2").value() < worth("192.0.2.3").value());
    CPPUNIT_ASSERT(Hell::worth("x", "rubbish").value() < worth("192.0.2.2").value());
  }
  // Bounds that a busy machine does not reach; a scan of all entries would.
  void a_million_entries_cost_microseconds() {
    for (std::uint32_t i = 0; i < 1'000'000; ++i) {
      const auto octet = [i](unsigned shift) { return static_cast<std::uint8_t>(i >> shift); };
      const bool is_network = i % 10 == 0;
      const base::Address one = base::Address::v4(10, octet(16), octet(8), is_network ? octet(0) & 0xF8U : octet(0));
      CPPUNIT_ASSERT(hell_.add({one, static_cast<std::uint8_t>(is_network ? 125 : 128)}, "", 0, kNow));
    }
    const auto start = std::chrono::steady_clock::now();
    std::size_t found = 0;
    for (std::uint32_t i = 0; i < 10'000; ++i) {
      const auto octet = [i](unsigned shift) { return static_cast<std::uint8_t>((i * 97U) >> shift); };
      found += hell_.find(base::Address::v4(i % 2 == 0 ? 10 : 172, octet(16), octet(8), octet(0)), no_list_, kNow) ? 1U : 0U;
    }
    const auto took = std::chrono::steady_clock::now() - start;
    CPPUNIT_ASSERT_EQUAL(std::size_t{5'000}, found);
    CPPUNIT_ASSERT(took < std::chrono::milliseconds(1000));  // 100 us each
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(HellTest);

}  // namespace caronte::policyd
