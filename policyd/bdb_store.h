// The Store on this machine's disk. Each change is a transaction of its own, in the operating system's cache when put()
// returns: a kill -9 loses nothing, a power cut what the second thread (store_upkeep.h) has not yet synced, a second at most.
//
// What it does about a bad disk (F25, F27 to F30): a change that cannot be written is kept in memory, in front of what the disk
// holds and can still be read; so are all that follow, until the disk takes them again, and that is tried once a second by
// itself. A failed sync and a bad page close the store and open it again (a bad page: another one, store_files.h); what is
// asked meanwhile is answered from memory alone. The log hears of it once, and once a minute while it lasts.
// Another process's lock: memory, and another try every second.
//
// Memory mode holds kMaxChanges changes a table; further new entries push out what is worth least, further erasures are
// forgotten (the entry will be there again). Bounds and what goes first: store_bounds.h.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "policyd/memory_store.h"
#include "policyd/store_files.h"
#include "policyd/store_upkeep.h"

namespace caronte::policyd {

class BdbStore final : public Store {
 public:
  static constexpr std::size_t kMaxChanges = 100'000;
  static constexpr base::Duration kTurn{500};     // how often turn() is to be called when all is well
  static constexpr base::Duration kBusyTurn{10};  // while changes are being written back
  static constexpr base::Duration kRetry{1000};
  static constexpr base::Duration kAlarm{60'000};
  static constexpr std::size_t kSlice = 500;  // changes written back in one turn

  struct Options {
    std::string folder = ".";  // the state folder
    StoreBounds bounds{};
    const base::Clock* clock = &base::system_clock();  // outlives the store
    std::function<void(const std::string&)> on_event;  // lines for the log
    bool has_thread = true;                            // false: nothing is synced; for tests that own the time
  };
  // Serves from memory until open().
  explicit BdbStore(Options options);
  // Makes a checkpoint, so that the next start has nothing to recover.
  ~BdbStore() override;

  // Once. Opens the store, or goes on in memory. Takes as long as a recovery: well below a second. Starts the thread: who
  // is to be under a filter calls this inside of it.
  void open();

  [[nodiscard]] std::optional<std::string> get(Table table, std::string_view key) override;
  void put(Table table, std::string_view key, std::string_view value) override;
  void erase(Table table, std::string_view key) override;
  void clear(Table table) override;
  std::optional<std::string> scan(Table table, std::string_view from, std::size_t count, const Visit& visit) override;

  [[nodiscard]] StoreState state() const noexcept override {
    return is_writable_ && !has_changes() ? StoreState::durable : StoreState::in_memory;
  }
  [[nodiscard]] std::uint64_t entries(Table table) const noexcept override;
  // Changes that wait for the disk.
  [[nodiscard]] std::uint64_t changes() const noexcept;
  // Why it is in memory mode; empty when it is not.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

  // After open(): hears the thread, tries again, writes back. Returns after which time it wants to be called again.
  base::Duration turn();

 private:
  static constexpr std::size_t index_of(Table table) noexcept { return static_cast<std::size_t>(table); }
  struct Changes {  // beside changed_, which has the values
    bool is_cleared = false;
    std::set<std::string, std::less<>> erased;
  };

  [[nodiscard]] bool has_changes() const noexcept;
  [[nodiscard]] bool is_hidden(Table table, std::string_view key) const;
  void remember(Table table, std::string_view key, std::string_view value);
  void remember_erased(Table table, std::string_view key);
  void forget_change(Table table, std::string_view key);

  [[nodiscard]] base::Status write(Table table, std::string_view key, std::string_view value);
  [[nodiscard]] base::Status write_erased(Table table, std::string_view key);
  [[nodiscard]] base::Status write_entries();
  // The key that gives way in a full table; nullopt: none may.
  [[nodiscard]] base::Result<std::optional<std::string>> find_least(Table table);
  [[nodiscard]] base::Status write_back();
  [[nodiscard]] base::Status write_back_slice(Table table);
  [[nodiscard]] base::Result<std::vector<wrap::BdbTable::Entry>> read_merged(Table table, std::string_view from, std::size_t count);

  void begin();
  void adopt(std::unique_ptr<StoreFiles> files);
  void fail(const base::Error& error);
  void lose_files();
  void hear_thread();
  void try_again();
  void recover();
  void say(const std::string& text) const {
    if (options_.on_event) options_.on_event(text);
  }

  Options options_;
  StoreFolder folder_;
  std::unique_ptr<StoreFiles> files_;  // null: cannot be read either
  StoreUpkeep upkeep_;
  bool is_writable_ = false;
  bool is_reopening_ = false;

  MemoryStore changed_;
  std::array<Changes, kTables> changes_;
  std::array<std::uint64_t, kTables> entries_{};  // on disk
  std::array<std::string, kTables> hands_;        // where the next look for something to forget begins
  std::uint64_t unsaved_ = 0;                     // entries that came or went since write_entries()

  std::string trouble_;
  base::MonotonicTime failing_since_{};
  base::MonotonicTime next_try_{};
  std::optional<base::MonotonicTime> last_alarm_;
  std::uint64_t written_back_ = 0;
  bool is_alarmed_ = false;  // the present trouble has been told
};

}  // namespace caronte::policyd
