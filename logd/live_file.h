// The live log file: well-formed at every moment. Each write replaces the end tag and puts it back behind the new records,
// in one pwrite(); what a crash tore is cut off at the next start; a full disk leaves the file as it was. Everything
// happens beneath one open folder, whose other users (administrators, logrotate) may move or remove files at any time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "logd/log_scanner.h"
#include "logd/senders.h"

namespace caronte::logd {

class LiveFile {
 public:
  // Torn bytes that are cut off silently; a file with more behind its last whole record is set aside whole.
  static constexpr std::uint64_t kMaxTornBytes = 4 * 1024 * 1024;

  // `folder`: an open folder, not owned.
  explicit LiveFile(int folder) noexcept : folder_(folder) {}

  struct Opened {
    Positions positions;           // of the records that are in the file
    std::uint64_t torn_bytes = 0;  // cut off
    std::string set_aside;         // new name of a file that could not be continued; empty: there was none
  };
  // Continues the live file, or makes one that begins with `known`. What is at the file's name but no log of ours gets
  // another name (damaged-<time>.xml).
  [[nodiscard]] base::Result<Opened> open(const Positions& known, base::WallTime now);
  void close() noexcept { file_.reset(); }

  enum class State : std::uint8_t { same, replaced, resized };
  // Whether the file's name still leads to the file as it was left: one system call.
  [[nodiscard]] State look() const noexcept;

  // Against readers, who take a shared lock. Never waits.
  [[nodiscard]] bool try_lock() noexcept;
  void unlock() noexcept;

  // `lines`: whole records. Error: nothing was written, and the file is as before (or torn, when even that failed: then
  // is_torn() and it must be opened again).
  [[nodiscard]] base::Status append(std::string_view lines, std::uint64_t records, base::WallTime now);

  // Gives the file an archive's name and begins a new one with `known`. Returns the archive's name. Error: the old file
  // stays in use.
  [[nodiscard]] base::Result<std::string> rotate(const Positions& known, base::WallTime now);
  // Brings the last archive to the disk; takes its time.
  void sync_archive() noexcept;

  [[nodiscard]] bool is_open() const noexcept { return file_.is_open(); }
  [[nodiscard]] bool is_torn() const noexcept { return is_torn_; }
  [[nodiscard]] bool has_archive_to_sync() const noexcept { return archive_.is_open(); }
  // The folder itself was removed: only master can give another.
  [[nodiscard]] bool is_folder_gone() const noexcept;
  [[nodiscard]] std::uint64_t bytes() const noexcept;
  [[nodiscard]] std::uint64_t records() const noexcept { return records_; }
  // When the first record came.
  [[nodiscard]] std::optional<base::WallTime> begun() const noexcept { return begun_; }

 private:
  [[nodiscard]] base::Result<base::Fd> make_file(const Positions& known, std::uint64_t& end);
  [[nodiscard]] base::Result<std::string> rename_aside(std::string_view prefix, base::WallTime now);
  [[nodiscard]] base::Status create(const Positions& known);
  [[nodiscard]] base::Status repair(std::uint64_t end);
  [[nodiscard]] base::Result<LogScanner> scan();

  int folder_;
  base::Fd file_;
  base::Fd archive_;  // rotated, not yet safe on disk
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::uint64_t end_ = 0;  // offset of the end tag
  std::uint64_t records_ = 0;
  std::optional<base::WallTime> begun_;
  bool is_torn_ = false;
};

// "caronte-2026-11-21T20-57-18Z.xml"; with "_002" and so on behind the time for `attempt` 2 to 999.
[[nodiscard]] std::string dated_name(std::string_view prefix, base::WallTime now, unsigned attempt);

struct RotationSettings {
  std::uint64_t size = 0;  // octets; 0: never
  base::Duration time{0};  // 0: never
};
// A file without records is never rotated. `more`: octets about to be written.
[[nodiscard]] bool is_rotation_due(const RotationSettings& settings, const LiveFile& file, std::uint64_t more,
                                   base::WallTime now) noexcept;

}  // namespace caronte::logd
