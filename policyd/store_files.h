// The store's files: state folder/store (one Berkeley DB environment, a file for each Table) beside state folder/store.lock.
// Opening judges what is there: what is damaged, of a later version or not ours is set aside under a dated name
// (store.damaged-20261122T003000Z), a fresh one takes its place, and what can be read of the damaged one goes over:
// hell first, then as much as a second allows. Disk trouble (full, read-only, input/output error) sets nothing aside.
// All paths are taken from the current folder or the one given; policyd's root is the state folder.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "policyd/store_bounds.h"
#include "wrap/bdb.h"

namespace caronte::policyd {

// An open store. The layout: Table::meta holds "layout" (a decimal number; kStoreLayout) and "entries" (the counts).
inline constexpr unsigned kStoreLayout = 1;
inline constexpr std::string_view kLayoutKey = "layout";

struct StoreFiles {
  std::unique_ptr<wrap::BdbEnvironment> environment;
  std::vector<wrap::BdbTable> tables;  // by Table; closed before the environment
  [[nodiscard]] wrap::BdbTable& of(Table table) { return tables[static_cast<std::size_t>(table)]; }

  StoreFiles() = default;
  StoreFiles(StoreFiles&&) = default;
  StoreFiles& operator=(StoreFiles&&) = delete;
  ~StoreFiles() { tables.clear(); }
};

class StoreFolder {
 public:
  static constexpr std::size_t kMaxSetAside = 3;  // older ones are removed
  // A disk or memory that damages each store at once must not push out the first of those set aside.
  static constexpr base::Duration kSetAsidePause{60'000};

  explicit StoreFolder(std::string folder, const base::Clock& clock = base::system_clock());

  // Takes the lock that makes the store ours for as long as this lives. EWOULDBLOCK: another process has it.
  [[nodiscard]] base::Status lock();
  [[nodiscard]] bool is_locked() const noexcept { return lock_.is_open(); }

  // Preconditions: is_locked(), and what was open before is closed. `is_suspect`: everything is read once, so that a damage
  // shows now. Errors: disk trouble, a folder in which nothing can be made, or damaged again within kSetAsidePause; try again
  // later. `events`: what is to be logged, one line each.
  [[nodiscard]] base::Result<std::unique_ptr<StoreFiles>> open(bool is_suspect, std::vector<std::string>& events);

 private:
  [[nodiscard]] base::Result<std::unique_ptr<StoreFiles>> try_open(bool is_suspect);
  [[nodiscard]] base::Status make_home();
  [[nodiscard]] base::Result<std::string> set_aside(std::string_view reason);
  void remove_oldest();

  std::string folder_;
  std::string home_;
  const base::Clock& clock_;
  base::Fd lock_;
  std::optional<base::MonotonicTime> last_set_aside_;
};

}  // namespace caronte::policyd
