// Berkeley DB: one transactional environment, private to this process, and its tables (B-trees with checksums). The only
// pair of files that includes it. One thread reads and writes the tables; a second one may flush() and checkpoint() at the
// same time. A commit is one write into the operating system's cache (a kill -9 loses nothing) and never waits for a disk's
// sync, except once each `log_file_bytes` of changes. Used by policyd alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

struct __db_env;
struct __db;
struct __db_txn;

namespace caronte::wrap {

// Errors carry an errno value, or one of Berkeley DB's own negative codes.
// Space, memory or the device itself: nothing stored is to blame, and another try later may succeed.
[[nodiscard]] bool is_disk_trouble(const base::Error& error) noexcept;

struct BdbOptions {
  std::string home;  // an existing folder, and not "/"
  std::uint32_t cache_bytes = 32U << 20U;
  std::uint32_t log_file_bytes = 16U << 20U;
  std::uint32_t log_buffer_bytes = 1U << 20U;
};

class BdbEnvironment {
 public:
  // Opens or creates it, and recovers what a crash left.
  [[nodiscard]] static base::Result<std::unique_ptr<BdbEnvironment>> open(const BdbOptions& options);
  // Closes without a checkpoint: the next open() recovers. All tables and transactions must be closed before.
  ~BdbEnvironment();
  BdbEnvironment(const BdbEnvironment&) = delete;
  BdbEnvironment& operator=(const BdbEnvironment&) = delete;

  // Waits until all commits are on the disk (any thread).
  [[nodiscard]] base::Status flush();
  // Writes changed pages and forgets the log before them: bounds the time of a recovery (any thread). Does nothing
  // while less than `log_bytes` was written since the last one, or nothing at all.
  [[nodiscard]] base::Status checkpoint(std::uint32_t log_bytes);

  // After a bad page or a failed write that cannot be undone every call fails: close it and open it again.
  [[nodiscard]] bool is_lost() const noexcept { return is_lost_; }
  // The same error with the reason behind it, when the library had said one: "run recovery" may stand for a full disk.
  [[nodiscard]] base::Error explain(base::Error error);
  // The library's first words since the last call, and how many messages there were: it may say thousands at once.
  struct Words {
    std::string text;
    std::uint64_t count = 0;
  };
  [[nodiscard]] Words take_words();

 private:
  friend class BdbTable;
  friend class BdbTransaction;
  BdbEnvironment() = default;
  void listen() noexcept;
  void hear(const char* text) noexcept;

  __db_env* handle_ = nullptr;
  std::atomic<bool> is_lost_ = false;
  std::mutex words_mutex_;
  Words words_;
  int cause_ = 0;  // errno of the first disk trouble that it spoke of
};

// Changes that come true together. Ends without commit(): none of them.
class BdbTransaction {
 public:
  [[nodiscard]] static base::Result<BdbTransaction> begin(BdbEnvironment& environment);
  BdbTransaction(BdbTransaction&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  BdbTransaction& operator=(BdbTransaction&&) = delete;
  ~BdbTransaction();
  [[nodiscard]] base::Status commit();

 private:
  friend class BdbTable;
  explicit BdbTransaction(__db_txn* handle) noexcept : handle_(handle) {}
  __db_txn* handle_;
};

class BdbTable {
 public:
  using Entry = std::pair<std::string, std::string>;

  // Opens or creates the file of this name in the environment's folder. The environment outlives it.
  [[nodiscard]] static base::Result<BdbTable> open(BdbEnvironment& environment, const std::string& name);
  // A file outside of any environment, for reading what can be read of a damaged one.
  [[nodiscard]] static base::Result<BdbTable> open_remains(const std::string& path);
  BdbTable(BdbTable&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  BdbTable& operator=(BdbTable&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~BdbTable();

  // Without `transaction` each change is one of its own.
  [[nodiscard]] base::Result<std::optional<std::string>> get(std::string_view key);
  [[nodiscard]] base::Result<bool> has(std::string_view key);
  [[nodiscard]] base::Status put(std::string_view key, std::string_view value, BdbTransaction* transaction = nullptr);
  [[nodiscard]] base::Status erase(std::string_view key, BdbTransaction* transaction = nullptr);  // also of what is not there
  [[nodiscard]] base::Status clear();
  // Up to `count` entries, by key, from the first that is not less than `from`.
  [[nodiscard]] base::Result<std::vector<Entry>> read(std::string_view from, std::size_t count);

 private:
  explicit BdbTable(__db* handle) noexcept : handle_(handle) {}
  __db* handle_;
};

}  // namespace caronte::wrap
