#include "policyd/bdb_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <utility>

namespace caronte::policyd {

namespace {

constexpr std::string_view kEntriesKey = "entries";
constexpr std::uint64_t kSaveEntries = 256;  // so far may the counts be wrong after a kill -9
constexpr std::array kAllTables{Table::hell, Table::senders, Table::counters, Table::meta};

StoreBounds bounds_of_changes(const StoreBounds& bounds) {
  StoreBounds result = bounds;
  for (TableBound& table : result.tables) table.entries = std::min(table.entries, BdbStore::kMaxChanges);
  return result;
}

}  // namespace

BdbStore::BdbStore(Options options)
    : options_(std::move(options)),
      folder_(options_.folder, *options_.clock),
      upkeep_(folder_),
      changed_(bounds_of_changes(options_.bounds)) {}

void BdbStore::open() {
  begin();
  if (options_.has_thread && !upkeep_.start()) say("the store has no second thread: nothing is synced before there is one");
}

void BdbStore::begin() {
  if (auto status = folder_.lock(); !status) return fail(status.error());
  std::vector<std::string> events;
  auto opened = folder_.open(false, events);
  for (const std::string& event : events) say(event);
  if (!opened) return fail(opened.error());
  adopt(std::move(opened).value());
}

BdbStore::~BdbStore() {
  upkeep_.stop();
  if (!files_) return;
  for (int i = 0; has_changes() && i < 1000; ++i) {
    if (!write_back()) break;
  }
  if (is_writable_ && write_entries()) (void)files_->environment->checkpoint(0);
}

// ---------------------------------------------------------------------------------------------------------------- reading

std::optional<std::string> BdbStore::get(Table table, std::string_view key) {
  if (auto value = changed_.get(table, key)) return value;
  if (!files_ || is_hidden(table, key)) return std::nullopt;
  auto found = files_->of(table).get(key);
  if (found) return std::move(found).value();
  fail(found.error());
  return std::nullopt;
}

std::optional<std::string> BdbStore::scan(Table table, std::string_view from, std::size_t count, const Visit& visit) {
  auto merged = read_merged(table, from, count + 1);
  if (!merged) {
    fail(merged.error());
    return std::nullopt;
  }
  std::vector<wrap::BdbTable::Entry>& entries = merged.value();
  std::optional<std::string> next;
  if (entries.size() > count) {
    next = entries[count].first;
    entries.resize(count);
  }
  for (const auto& [key, value] : entries) visit(key, value);
  return next;
}

base::Result<std::vector<wrap::BdbTable::Entry>> BdbStore::read_merged(Table table, std::string_view from, std::size_t count) {
  std::map<std::string, std::string> merged;
  changed_.scan(table, from, count, [&](std::string_view key, std::string_view value) { merged.emplace(key, value); });
  std::size_t from_disk = 0;
  for (std::string key(from); files_ && !changes_[index_of(table)].is_cleared;) {
    auto slice = files_->of(table).read(key, count);
    if (!slice) return slice.error();
    for (auto& [name, value] : slice.value()) {
      if (is_hidden(table, name)) continue;
      from_disk += merged.emplace(name, std::move(value)).second ? 1 : 0;
    }
    if (from_disk >= count || slice.value().size() < count) break;
    key = std::move(slice.value().back().first);
    key.push_back('\0');
  }
  std::vector<wrap::BdbTable::Entry> result;
  for (auto& entry : merged) {
    if (result.size() == count) break;
    result.emplace_back(entry.first, std::move(entry.second));
  }
  return result;
}

std::uint64_t BdbStore::entries(Table table) const noexcept {
  const Changes& changes = changes_[index_of(table)];
  const std::uint64_t on_disk = changes.is_cleared ? 0 : entries_[index_of(table)];
  return on_disk + changed_.entries(table) - std::min<std::uint64_t>(changes.erased.size(), on_disk);
}

// ---------------------------------------------------------------------------------------------------------------- writing

void BdbStore::put(Table table, std::string_view key, std::string_view value) {
  if (!is_writable_) return remember(table, key, value);
  if (auto status = write(table, key, value); !status) {
    fail(status.error());
    return remember(table, key, value);
  }
  forget_change(table, key);
}

void BdbStore::erase(Table table, std::string_view key) {
  if (!is_writable_) return remember_erased(table, key);
  if (auto status = write_erased(table, key); !status) {
    fail(status.error());
    return remember_erased(table, key);
  }
  forget_change(table, key);
}

void BdbStore::clear(Table table) {
  changed_.clear(table);
  changes_[index_of(table)] = {.is_cleared = true, .erased = {}};
  if (!is_writable_) return;
  if (auto status = write_back_slice(table); !status) fail(status.error());
}

base::Status BdbStore::write(Table table, std::string_view key, std::string_view value) {
  wrap::BdbTable& file = files_->of(table);
  auto is_there = file.has(key);
  if (!is_there) return is_there.error();
  if (is_there.value()) return file.put(key, value);

  std::uint64_t& count = entries_[index_of(table)];
  const TableBound& bound = options_.bounds.of(table);
  if (count >= bound.entries) {
    auto least = find_least(table);
    if (!least) return least.error();
    if (const auto& old = least.value()) {
      if (auto status = write_erased(table, *old); !status) return status;
    } else if (bound.worth(key, value)) {
      return base::Done{};
    }
  }
  if (auto status = file.put(key, value); !status) return status;
  ++count;
  return ++unsaved_ < kSaveEntries ? base::Status(base::Done{}) : write_entries();
}

base::Status BdbStore::write_erased(Table table, std::string_view key) {
  wrap::BdbTable& file = files_->of(table);
  auto is_there = file.has(key);
  if (!is_there) return is_there.error();
  if (!is_there.value()) return base::Done{};
  if (auto status = file.erase(key); !status) return status;
  if (entries_[index_of(table)] > 0) --entries_[index_of(table)];
  return ++unsaved_ < kSaveEntries ? base::Status(base::Done{}) : write_entries();
}

base::Status BdbStore::write_entries() {
  std::string counts;
  for (const std::uint64_t count : entries_) counts += std::to_string(count) + ' ';
  if (auto status = files_->of(Table::meta).put(kEntriesKey, counts); !status) return status;
  unsaved_ = 0;
  return base::Done{};
}

base::Result<std::optional<std::string>> BdbStore::find_least(Table table) {
  const TableBound& bound = options_.bounds.of(table);
  std::string& hand = hands_[index_of(table)];
  std::optional<std::string> least;
  for (std::size_t i = 0; i <= StoreBounds::kMoreSamples && !least; ++i) {
    auto sample = files_->of(table).read(hand, StoreBounds::kSample);
    if (!sample) return sample.error();
    std::optional<std::int64_t> least_worth;
    for (const auto& [key, value] : sample.value()) {
      const auto worth = bound.worth(key, value);
      if (!worth || (least_worth && *worth >= *least_worth)) continue;
      least = key;
      least_worth = worth;
    }
    const bool is_end = sample.value().size() < StoreBounds::kSample;
    hand = is_end ? std::string() : sample.value().back().first + '\0';
  }
  return least;
}

// ----------------------------------------------------------------------------------------------- changes that are in memory

bool BdbStore::has_changes() const noexcept {
  const auto has_some = [](const Changes& changes) { return changes.is_cleared || !changes.erased.empty(); };
  return !changed_.is_empty() || std::any_of(changes_.begin(), changes_.end(), has_some);
}

std::uint64_t BdbStore::changes() const noexcept {
  std::uint64_t count = 0;
  for (const Table table : kAllTables) {
    const Changes& changes = changes_[index_of(table)];
    count += changed_.entries(table) + changes.erased.size() + (changes.is_cleared ? 1 : 0);
  }
  return count;
}

bool BdbStore::is_hidden(Table table, std::string_view key) const {
  const Changes& changes = changes_[index_of(table)];
  return changes.is_cleared || changes.erased.contains(key);
}

void BdbStore::remember(Table table, std::string_view key, std::string_view value) {
  changed_.put(table, key, value);
  auto& erased = changes_[index_of(table)].erased;
  if (const auto found = erased.find(key); found != erased.end()) erased.erase(found);
}

void BdbStore::remember_erased(Table table, std::string_view key) {
  changed_.erase(table, key);
  Changes& changes = changes_[index_of(table)];
  if (!changes.is_cleared && changes.erased.size() < kMaxChanges) changes.erased.emplace(key);
}

void BdbStore::forget_change(Table table, std::string_view key) {
  changed_.erase(table, key);
  auto& erased = changes_[index_of(table)].erased;
  if (const auto found = erased.find(key); found != erased.end()) erased.erase(found);
}

// Some of them, a transaction for all. What is on disk is forgotten here.
base::Status BdbStore::write_back() {
  for (const Table table : kAllTables) {
    if (auto status = write_back_slice(table); !status) return status;
  }
  return base::Done{};
}

base::Status BdbStore::write_back_slice(Table table) {
  Changes& changes = changes_[index_of(table)];
  if (changes.is_cleared) {
    if (auto status = files_->of(table).clear(); !status) return status;
    changes.is_cleared = false;
    entries_[index_of(table)] = 0;
    if (auto status = write_entries(); !status) return status;
  }
  for (std::size_t i = 0; i < kSlice && !changes.erased.empty(); ++i) {
    if (auto status = write_erased(table, *changes.erased.begin()); !status) return status;
    changes.erased.erase(changes.erased.begin());
    ++written_back_;
  }
  std::vector<wrap::BdbTable::Entry> slice;
  changed_.scan(table, "", kSlice, [&](std::string_view key, std::string_view value) { slice.emplace_back(key, value); });
  for (const auto& [key, value] : slice) {
    if (auto status = write(table, key, value); !status) return status;
    changed_.erase(table, key);
    ++written_back_;
  }
  return base::Done{};
}

// ---------------------------------------------------------------------------------------------------------------- trouble

void BdbStore::adopt(std::unique_ptr<StoreFiles> files) {
  files_ = std::move(files);
  is_writable_ = true;
  entries_ = {};
  auto counts = files_->of(Table::meta).get(kEntriesKey);
  if (counts && counts.value()) {
    const char* next = counts.value()->c_str();
    for (std::uint64_t& count : entries_) {
      char* end = nullptr;
      count = std::strtoull(next, &end, 10);
      next = end;
    }
  }
  upkeep_.look_after(files_->environment.get());
}

void BdbStore::fail(const base::Error& error) {
  const base::MonotonicTime now = options_.clock->monotonic();
  if (trouble_.empty()) {
    failing_since_ = now;
    is_alarmed_ = false;
    written_back_ = 0;
  }
  trouble_ = error.text;
  is_writable_ = false;
  next_try_ = now + kRetry;
  const bool may_go_on = wrap::is_disk_trouble(error) && error.code != EIO;
  if (files_ && (files_->environment->is_lost() || !may_go_on)) {
    if (const auto words = files_->environment->take_words(); !words.text.empty()) trouble_ += " (" + words.text + ")";
    lose_files();
  }
  if (last_alarm_ && now - *last_alarm_ < kAlarm) return;
  last_alarm_ = now;
  is_alarmed_ = true;
  say("the store cannot be written, memory serves: " + trouble_);
}

void BdbStore::lose_files() {
  if (!files_ || !folder_.is_locked()) return;
  is_reopening_ = true;
  upkeep_.reopen(std::move(files_), true);
  files_ = nullptr;
}

base::Duration BdbStore::turn() {
  hear_thread();
  if (!upkeep_.is_running() && !(options_.has_thread && upkeep_.start())) upkeep_.reopen_now();
  const base::MonotonicTime now = options_.clock->monotonic();
  if (is_writable_ && has_changes()) {
    if (auto status = write_back(); !status) fail(status.error());
  } else if (!is_writable_ && !is_reopening_ && now >= next_try_) {
    try_again();
  }
  if (is_writable_ && unsaved_ != 0) {
    if (auto status = write_entries(); !status) fail(status.error());
  }
  if (!is_writable_) return kTurn;
  if (has_changes()) return kBusyTurn;
  recover();
  return kTurn;
}

void BdbStore::hear_thread() {
  StoreUpkeep::Report report = upkeep_.take();
  for (const std::string& event : report.events) say(event);
  if (report.reopened) {
    is_reopening_ = false;
    auto opened = std::move(*report.reopened);
    if (opened) {
      adopt(std::move(opened).value());
    } else {
      fail(opened.error());
    }
  } else if (report.trouble && files_) {
    // After a failed sync (EIO) nobody knows what is on the disk: a recovery tells, and a second sync would say "done".
    fail(*report.trouble);
  }
  if (files_) (void)files_->environment->take_words();
}

void BdbStore::try_again() {
  next_try_ = options_.clock->monotonic() + kRetry;
  if (!files_) {
    if (auto status = folder_.lock(); !status) return fail(status.error());
    is_reopening_ = true;
    upkeep_.reopen(nullptr, false);
    return;
  }
  auto status = write_back();
  // With nothing to write back a change of no meaning shows whether the disk takes one.
  if (status) status = write_entries();
  if (!status) return fail(status.error());
  is_writable_ = true;
}

void BdbStore::recover() {
  if (trouble_.empty()) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.clock->monotonic() - failing_since_).count();
  if (is_alarmed_) {
    say("the store is on disk again after " + std::to_string(seconds) + " s, " + std::to_string(written_back_) +
        " changes written back: " + trouble_);
  }
  trouble_.clear();
}

}  // namespace caronte::policyd
