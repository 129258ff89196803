#include "policyd/bdb_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <cppunit/extensions/HelperMacros.h>

#include "tests/support/temporary_folder.h"

// LeakSanitizer reads this. An environment that has panicked keeps its memory when it is closed; that is the library's, some
// megabytes for each damaged store, of which one a minute is set aside at most.
extern "C" const char* __lsan_default_suppressions();   // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "leak:libdb-5.3.so\n";
}

namespace caronte::policyd {

namespace {

namespace files = std::filesystem;
using namespace std::chrono_literals;

std::optional<std::int64_t> worth_by_value(std::string_view, std::string_view value) {
  if (value.starts_with("keep")) return std::nullopt;
  return std::atoll(std::string(value).c_str());
}

std::string key_of(std::uint64_t i) {
  const std::string digits = std::to_string(i);
  return std::string(10 - digits.size(), '0') + digits;
}

}  // namespace

class BdbStoreTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(BdbStoreTest);
  CPPUNIT_TEST(keeps_erases_clears_and_remembers);
  CPPUNIT_TEST(scans_in_slices);
  CPPUNIT_TEST(a_full_table_forgets_what_is_worth_least);
  CPPUNIT_TEST(F32_killed_while_it_writes);
  CPPUNIT_TEST(F30_damaged_page);
  CPPUNIT_TEST(F30_damaged_page_while_it_runs);
  CPPUNIT_TEST(F30_damaged_page_after_a_kill);
  CPPUNIT_TEST(a_lost_log_is_noticed);
  CPPUNIT_TEST(a_damaged_store_is_set_aside);
  CPPUNIT_TEST(only_so_many_are_kept_aside);
  CPPUNIT_TEST(damages_one_after_the_other_take_their_time);
  CPPUNIT_TEST(a_store_of_a_later_version_is_set_aside);
  CPPUNIT_TEST(a_store_of_somebody_else_is_set_aside);
  CPPUNIT_TEST(locked_by_another_process);
  CPPUNIT_TEST(F25_full_disk);
  CPPUNIT_TEST(F25_killed_while_the_disk_is_full);
  CPPUNIT_TEST(F27_no_inodes);
  CPPUNIT_TEST_SUITE_END();

  std::unique_ptr<tests::TemporaryFolder> folder_;
  std::vector<std::string> events_;
  StoreBounds bounds_;

 public:
  void setUp() override { folder_ = std::make_unique<tests::TemporaryFolder>(); }
  void tearDown() override {
    for (const auto& entry : files::directory_iterator(folder_->path())) files::remove_all(entry.path());
    folder_.reset();
  }

 private:
  std::unique_ptr<BdbStore> open() {
    auto store = std::make_unique<BdbStore>(BdbStore::Options{
        .folder = folder_->path(), .bounds = bounds_, .on_event = [this](const std::string& event) { events_.push_back(event); }});
    store->open();
    return store;
  }
  static void turn_until(BdbStore& store, StoreState state, std::chrono::seconds limit = 10s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (store.state() != state) {
      CPPUNIT_ASSERT_MESSAGE(store.trouble(), std::chrono::steady_clock::now() < end);
      std::this_thread::sleep_for(std::min(store.turn(), base::Duration(20)));
    }
    store.turn();
  }
  std::vector<std::string> set_aside(const std::string& reason) {
    std::vector<std::string> found;
    for (const std::string& name : folder_->names()) {
      if (name.starts_with("store." + reason + "-")) found.push_back(name);
    }
    return found;
  }
  std::string home(const std::string& name) { return folder_->path("store/" + name); }

  void keeps_erases_clears_and_remembers() {
    auto store = open();
    CPPUNIT_ASSERT(store->state() == StoreState::durable);
    CPPUNIT_ASSERT(!store->get(Table::hell, "a"));
    store->put(Table::hell, "a", std::string_view("1\0x", 3));
    store->put(Table::hell, "a", std::string_view("2\0x", 3));
    store->put(Table::hell, "b", "");
    store->put(Table::senders, "a", std::string(Store::kMaxValueBytes, 'v'));
    store->put(Table::counters, "c", "1");
    store->erase(Table::counters, "c");
    store->erase(Table::counters, "d");
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, store->entries(Table::hell));
    store.reset();
    store = open();
    CPPUNIT_ASSERT_EQUAL(std::string("2\0x", 3), store->get(Table::hell, "a").value());
    CPPUNIT_ASSERT_EQUAL(std::string(), store->get(Table::hell, "b").value());
    CPPUNIT_ASSERT_EQUAL(std::size_t{Store::kMaxValueBytes}, store->get(Table::senders, "a").value().size());
    CPPUNIT_ASSERT(!store->get(Table::counters, "c"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, store->entries(Table::hell));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, store->entries(Table::counters));
    store->clear(Table::hell);
    CPPUNIT_ASSERT(!store->get(Table::hell, "a"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, store->entries(Table::hell));
    CPPUNIT_ASSERT(store->get(Table::senders, "a"));
    CPPUNIT_ASSERT(store->state() == StoreState::durable);
    CPPUNIT_ASSERT(events_.empty());
  }
  void scans_in_slices() {
    auto store = open();
    for (unsigned i = 0; i < 2500; ++i) store->put(Table::senders, key_of(i), std::to_string(i));
    std::uint64_t next_value = 0;
    std::optional<std::string> from = "";
    while (from) {
      from = store->scan(Table::senders, *from, 300, [&](std::string_view key, std::string_view value) {
        CPPUNIT_ASSERT_EQUAL(key_of(next_value), std::string(key));
        CPPUNIT_ASSERT_EQUAL(std::to_string(next_value++), std::string(value));
      });
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2500}, next_value);
  }
  void a_full_table_forgets_what_is_worth_least() {
    bounds_.of(Table::senders) = {1000, &worth_by_value};
    auto store = open();
    store->put(Table::senders, "a", "keep");
    for (unsigned i = 0; i < 5000; ++i) store->put(Table::senders, key_of(i * 7919 % 100'000), std::to_string(i));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1000}, store->entries(Table::senders));
    std::uint64_t found = 0;
    std::uint64_t young = 0;
    store->scan(Table::senders, "", 5000, [&](std::string_view, std::string_view value) {
      ++found;
      young += worth_by_value("", value).value_or(0) >= 3000 ? 1 : 0;
    });
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1000}, found);
    CPPUNIT_ASSERT(young > 800);  // 999 if the order were exact, 400 by chance
    CPPUNIT_ASSERT_EQUAL(std::string("keep"), store->get(Table::senders, "a").value());
  }

  // A child that puts numbers and says each one only when put() has returned.
  void F32_killed_while_it_writes() {
    std::uint64_t acknowledged = 0;
    for (int round = 0; round < 10; ++round) {
      int ends[2];
      CPPUNIT_ASSERT_EQUAL(0, ::pipe(ends));
      const pid_t child = ::fork();
      if (child == 0) write_and_tell(ends[1], acknowledged);
      ::close(ends[1]);
      std::uint64_t number = 0;
      for (int i = 0; i < 300 + 211 * round && ::read(ends[0], &number, sizeof number) == sizeof number; ++i)
        acknowledged = number + 1;
      ::kill(child, SIGKILL);
      while (::read(ends[0], &number, sizeof number) == sizeof number) acknowledged = number + 1;
      ::close(ends[0]);
      CPPUNIT_ASSERT_EQUAL(child, ::waitpid(child, nullptr, 0));
      const auto begun = std::chrono::steady_clock::now();
      auto store = open();
      CPPUNIT_ASSERT(store->state() == StoreState::durable);
      CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begun < 2s);
      for (std::uint64_t i = 0; i < acknowledged; ++i) {
        CPPUNIT_ASSERT_MESSAGE(key_of(i), store->get(Table::senders, key_of(i)) == std::to_string(i));
      }
    }
    CPPUNIT_ASSERT(acknowledged > 3000);
    CPPUNIT_ASSERT(events_.empty());
  }
  [[noreturn]] void write_and_tell(int pipe, std::uint64_t number) {
    auto store = open();
    for (;; ++number) {
      store->put(Table::senders, key_of(number), std::to_string(number));
      if (::write(pipe, &number, sizeof number) != sizeof number) ::_exit(0);
    }
  }

  void fill(BdbStore& store) {
    store.put(Table::hell, "192.0.2.1", "by hand");
    for (unsigned i = 0; i < 5000; ++i) store.put(Table::senders, key_of(i), std::string(50, 'x'));
  }
  void overwrite(const std::string& path, long offset, std::size_t size) {
    std::FILE* file = std::fopen(path.c_str(), "r+");
    CPPUNIT_ASSERT(file != nullptr);
    std::fseek(file, offset, SEEK_SET);
    const std::string garbage(size, '\xA5');
    CPPUNIT_ASSERT_EQUAL(size, std::fwrite(garbage.data(), 1, size, file));
    std::fclose(file);
  }
  void F30_damaged_page() {
    {
      auto store = open();
      fill(*store);
    }
    for (long page = 3; page < 40; page += 3) overwrite(home("senders.db"), page * 4096 + 100, 3000);
    auto store = open();
    for (unsigned i = 0; i < 5000; i += 10) (void)store->get(Table::senders, key_of(i));
    turn_until(*store, StoreState::durable, 2s);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, set_aside("damaged").size());
    CPPUNIT_ASSERT(events_.size() <= 3);
    // The other tables are whole.
    CPPUNIT_ASSERT_EQUAL(std::string("by hand"), store->get(Table::hell, "192.0.2.1").value());
    store->put(Table::senders, key_of(1), "new");
    store.reset();
    store = open();
    CPPUNIT_ASSERT_EQUAL(std::string("new"), store->get(Table::senders, key_of(1)).value());
  }
  void F30_damaged_page_while_it_runs() {
    {
      auto store = open();
      fill(*store);
    }
    auto store = open();
    for (long page = 3; page < 40; ++page) overwrite(home("senders.db"), page * 4096 + 100, 3000);
    for (unsigned i = 0; i < 5000; i += 10) store->put(Table::senders, key_of(i), "new");
    turn_until(*store, StoreState::durable, 2s);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, set_aside("damaged").size());
    CPPUNIT_ASSERT_EQUAL(std::string("new"), store->get(Table::senders, key_of(4990)).value());
    CPPUNIT_ASSERT_EQUAL(std::string("by hand"), store->get(Table::hell, "192.0.2.1").value());
    CPPUNIT_ASSERT(events_.size() <= 3);
  }
  // As after a kill -9: what hell.db has is in the log alone.
  void F30_damaged_page_after_a_kill() {
    const pid_t child = ::fork();
    if (child == 0) {
      auto store = open();
      fill(*store);
      ::kill(::getpid(), SIGKILL);
    }
    CPPUNIT_ASSERT_EQUAL(child, ::waitpid(child, nullptr, 0));
    files::resize_file(home("senders.db"), 64 * 4096);
    for (long page = 1; page < 64; ++page) overwrite(home("senders.db"), page * 4096 + 30, 2000);
    auto store = open();
    turn_until(*store, StoreState::durable, 2s);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, set_aside("damaged").size());
    CPPUNIT_ASSERT_EQUAL(std::string("by hand"), store->get(Table::hell, "192.0.2.1").value());
  }
  void a_lost_log_is_noticed() {
    for (const bool is_cut : {false, true}) {
      {
        auto store = open();
        fill(*store);
      }
      if (is_cut) {
        files::resize_file(home("log.0000000001"), 0);
      } else {
        files::remove(home("log.0000000001"));
      }
      auto store = open();
      CPPUNIT_ASSERT(store->state() == StoreState::durable);
      store->put(Table::hell, "192.0.2.2", "by hand");
      CPPUNIT_ASSERT(store->state() == StoreState::durable);
      CPPUNIT_ASSERT_EQUAL(std::string("by hand"), store->get(Table::hell, "192.0.2.1").value());
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, events_.size());
      events_.clear();
    }
  }
  void a_damaged_store_is_set_aside() {
    const std::vector<std::pair<std::string, std::function<void()>>> damages{
        {"page 0 is gone", [this] { overwrite(home("meta.db"), 0, 4096); }},
        {"cut off", [this] { files::resize_file(home("senders.db"), 5000); }},
        {"empty log", [this] { files::resize_file(home("log.0000000001"), 0); }},
        {"rubbish log", [this] { overwrite(home("log.0000000001"), 0, 100'000); }},
        {"file is a folder", [this] { files::remove(home("hell.db")), files::create_directory(home("hell.db")); }},
        {"a file, no folder", [this] { files::remove_all(folder_->path("store")), folder_->write("store", "x"); }},
    };
    std::size_t count = 0;
    for (const auto& [what, damage] : damages) {
      {
        auto store = open();
        fill(*store);
      }
      damage();
      const auto begun = std::chrono::steady_clock::now();
      auto store = open();
      CPPUNIT_ASSERT_MESSAGE(what, store->state() == StoreState::durable);
      CPPUNIT_ASSERT_MESSAGE(what, std::chrono::steady_clock::now() - begun < 2s);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(what, std::size_t{1}, events_.size());
      count += events_.size();
      events_.clear();
      store->put(Table::senders, "a", "b");
      store.reset();
      for (const std::string& name : set_aside("damaged")) files::remove_all(folder_->path(name));
    }
    CPPUNIT_ASSERT_EQUAL(damages.size(), count);
  }
  void only_so_many_are_kept_aside() {
    for (int i = 0; i < 6; ++i) {
      open().reset();
      overwrite(home("meta.db"), 0, 4096);
      open().reset();
    }
    CPPUNIT_ASSERT_EQUAL(StoreFolder::kMaxSetAside, set_aside("damaged").size());
  }
  void damages_one_after_the_other_take_their_time() {
    struct : base::Clock {
      base::MonotonicTime now{std::chrono::hours(1)};
      [[nodiscard]] base::MonotonicTime monotonic() const override { return now; }
      [[nodiscard]] base::WallTime wall() const override { return base::WallTime(now.time_since_epoch()); }
    } clock;
    const auto damage = [this] {
      files::remove_all(folder_->path("store"));
      folder_->write("store", "no folder");
    };
    StoreFolder folder(folder_->path(), clock);
    CPPUNIT_ASSERT(folder.lock().is_ok());
    CPPUNIT_ASSERT(folder.open(false, events_).is_ok());
    damage();
    CPPUNIT_ASSERT(folder.open(false, events_).is_ok());
    clock.now += StoreFolder::kSetAsidePause - 1s;
    damage();
    CPPUNIT_ASSERT(!folder.open(false, events_).is_ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, set_aside("damaged").size());
    clock.now += 1s;
    CPPUNIT_ASSERT(folder.open(false, events_).is_ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, set_aside("damaged").size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, events_.size());
  }
  void a_store_of_a_later_version_is_set_aside() {
    {
      auto store = open();
      fill(*store);
      store->put(Table::meta, kLayoutKey, "2");
    }
    auto store = open();
    CPPUNIT_ASSERT(store->state() == StoreState::durable);
    CPPUNIT_ASSERT(!store->get(Table::hell, "192.0.2.1"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, set_aside("future").size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, events_.size());
  }
  void a_store_of_somebody_else_is_set_aside() {
    if (::getuid() != 0) return;
    open().reset();
    CPPUNIT_ASSERT_EQUAL(0, ::chown(folder_->path("store").c_str(), 12345, 12345));
    auto store = open();
    CPPUNIT_ASSERT(store->state() == StoreState::durable);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, set_aside("foreign").size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, events_.size());
  }
  void locked_by_another_process() {
    {
      auto store = open();
      store->put(Table::hell, "old", "1");
      store->put(Table::hell, "gone", "1");
    }
    base::Fd other(::open(folder_->path("store.lock").c_str(), O_RDWR | O_CLOEXEC));
    CPPUNIT_ASSERT_EQUAL(0, ::flock(other.get(), LOCK_EX));
    auto store = open();
    CPPUNIT_ASSERT(store->state() == StoreState::in_memory);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, events_.size());
    store->put(Table::hell, "new", "2");
    store->erase(Table::hell, "gone");
    CPPUNIT_ASSERT_EQUAL(std::string("2"), store->get(Table::hell, "new").value());
    other.reset();
    turn_until(*store, StoreState::durable, 3s);
    CPPUNIT_ASSERT_EQUAL(std::string("1"), store->get(Table::hell, "old").value());
    CPPUNIT_ASSERT_EQUAL(std::string("2"), store->get(Table::hell, "new").value());
    CPPUNIT_ASSERT(!store->get(Table::hell, "gone"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, store->entries(Table::hell));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, events_.size());
  }

  // Puts until the disk is full, and a little more. Returns how many.
  unsigned fill_disk(BdbStore& store) {
    unsigned count = 0;
    while (store.state() == StoreState::durable && count < 1'000'000)
      store.put(Table::senders, key_of(count++), std::string(100, 'x'));
    CPPUNIT_ASSERT(store.state() == StoreState::in_memory);
    for (unsigned i = 0; i < 100; ++i) store.put(Table::senders, key_of(count++), std::string(100, 'x'));
    return count;
  }
  void F25_full_disk() {
    if (!folder_->mount_tmpfs("size=12m")) return;
    auto store = open();
    store->put(Table::hell, "192.0.2.1", "by hand");
    store->put(Table::hell, "192.0.2.2", "by hand");
    const unsigned count = fill_disk(*store);
    for (int i = 0; i < 200; ++i) {
      store->turn();
      std::this_thread::sleep_for(10ms);
    }
    CPPUNIT_ASSERT(store->state() == StoreState::in_memory);
    store->erase(Table::hell, "192.0.2.2");
    CPPUNIT_ASSERT_EQUAL(std::string("by hand"), store->get(Table::hell, "192.0.2.1").value());
    CPPUNIT_ASSERT(!store->get(Table::hell, "192.0.2.2"));
    for (unsigned i = 0; i < count; ++i) CPPUNIT_ASSERT_MESSAGE(key_of(i), store->get(Table::senders, key_of(i)).has_value());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, events_.size());
    CPPUNIT_ASSERT(folder_->mount_tmpfs("size=64m"));
    turn_until(*store, StoreState::durable);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, events_.size());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{count}, store->entries(Table::senders));
    store.reset();
    store = open();
    for (unsigned i = 0; i < count; ++i) CPPUNIT_ASSERT_MESSAGE(key_of(i), store->get(Table::senders, key_of(i)).has_value());
    CPPUNIT_ASSERT_EQUAL(std::string("by hand"), store->get(Table::hell, "192.0.2.1").value());
    CPPUNIT_ASSERT(!store->get(Table::hell, "192.0.2.2"));
  }
  void F25_killed_while_the_disk_is_full() {
    if (!folder_->mount_tmpfs("size=12m")) return;
    const pid_t child = ::fork();
    if (child == 0) {
      auto store = open();
      store->put(Table::hell, "192.0.2.1", "by hand");
      for (unsigned i = 0; store->state() == StoreState::durable; ++i) store->put(Table::senders, key_of(i), std::string(100, 'x'));
      ::kill(::getpid(), SIGKILL);
    }
    CPPUNIT_ASSERT_EQUAL(child, ::waitpid(child, nullptr, 0));
    auto store = open();  // may serve from memory, and does not set anything aside
    store->put(Table::hell, "192.0.2.3", "by hand");
    CPPUNIT_ASSERT_EQUAL(std::string("by hand"), store->get(Table::hell, "192.0.2.3").value());
    CPPUNIT_ASSERT(folder_->mount_tmpfs("size=64m"));
    turn_until(*store, StoreState::durable);
    CPPUNIT_ASSERT_MESSAGE(events_.empty() ? "" : events_.front(), set_aside("damaged").empty());
    CPPUNIT_ASSERT_EQUAL(std::string("by hand"), store->get(Table::hell, "192.0.2.1").value());
    CPPUNIT_ASSERT_EQUAL(std::string("by hand"), store->get(Table::hell, "192.0.2.3").value());
  }
  void F27_no_inodes() {
    if (!folder_->mount_tmpfs("size=64m,nr_inodes=4")) return;
    auto store = open();
    CPPUNIT_ASSERT(store->state() == StoreState::in_memory);
    store->put(Table::hell, "192.0.2.3", "by hand");
    CPPUNIT_ASSERT(folder_->mount_tmpfs("size=64m,nr_inodes=100"));
    turn_until(*store, StoreState::durable);
    CPPUNIT_ASSERT_EQUAL(std::string("by hand"), store->get(Table::hell, "192.0.2.3").value());
    CPPUNIT_ASSERT(set_aside("damaged").empty());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(BdbStoreTest);

}  // namespace caronte::policyd
