// The second thread of policyd: waits for disks in the place of the one that answers. Once a second it has all commits
// written through to the disk, after kCheckpointLogBytes of changes or kCheckpointTime it makes a checkpoint, and on demand it
// opens the store again. It is started inside the sandbox, knows nothing but the store's files and logs nothing: what it finds is
// fetched by the main thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "policyd/store_files.h"

namespace caronte::policyd {

class StoreUpkeep {
 public:
  static constexpr base::Duration kFlushTime{1000};
  static constexpr base::Duration kCheckpointTime{30'000};
  static constexpr std::uint32_t kCheckpointLogBytes = 8U << 20U;

  explicit StoreUpkeep(StoreFolder& folder) : folder_(folder) {}
  ~StoreUpkeep() { stop(); }
  StoreUpkeep(const StoreUpkeep&) = delete;
  StoreUpkeep& operator=(const StoreUpkeep&) = delete;

  // False: the system gives no thread; another try later.
  [[nodiscard]] bool start();
  // Ends the thread; waits for what it has begun.
  void stop();
  [[nodiscard]] bool is_running() const noexcept { return thread_.joinable(); }

  // From now on it looks after this environment, until reopen() or stop(). nullptr: after none.
  void look_after(wrap::BdbEnvironment* environment);
  // Closes `old` (may be null) and opens the store (StoreFolder::open); its result comes by take().
  void reopen(std::unique_ptr<StoreFiles> old, bool is_suspect);
  // Does so in this thread, if there is no other.
  void reopen_now();

  struct Report {
    std::optional<base::Error> trouble;                                 // of a flush or a checkpoint
    std::optional<base::Result<std::unique_ptr<StoreFiles>>> reopened;  // the result of reopen()
    std::vector<std::string> events;                                    // lines for the log
  };
  [[nodiscard]] Report take();

 private:
  struct Job {
    std::unique_ptr<StoreFiles> old;
    bool is_suspect = false;
  };
  void run();
  void do_job(std::unique_lock<std::mutex>& lock);
  void look_now(std::unique_lock<std::mutex>& lock);

  StoreFolder& folder_;
  std::thread thread_;
  std::mutex mutex_;  // of all below
  std::condition_variable wake_;
  wrap::BdbEnvironment* environment_ = nullptr;
  std::optional<Job> job_;
  Report report_;
  bool is_stopping_ = false;
  base::MonotonicTime checkpoint_{};
};

}  // namespace caronte::policyd
