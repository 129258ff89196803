// Log files of any size, line by line (a record is a line), with little memory. A piece of the live file is read under a
// shared lock, so that logd's write is seen whole or not at all; the lock is never kept while a record is handled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace caronte::carontectl {

class LogReader {
 public:
  static constexpr std::size_t kPieceBytes = 256 * 1024;

  [[nodiscard]] static base::Result<LogReader> open(const std::string& path);

  // The next record without its line end, valid until the next call; nullopt: none any more, or not yet. Header, end tag and
  // what logd notes for itself (<continued/>) are passed over.
  [[nodiscard]] std::optional<std::string_view> next();

  // Which file it is, whatever its name is by now.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> identity() const noexcept;

 private:
  explicit LogReader(base::Fd file) noexcept : file_(std::move(file)) {}
  [[nodiscard]] bool refill();

  base::Fd file_;
  std::string buffer_;
  std::size_t taken_ = 0;     // of buffer_
  std::uint64_t offset_ = 0;  // in the file, of the end of buffer_
};

// Archives of a log folder, oldest first, as paths.
[[nodiscard]] std::vector<std::string> find_archives(const std::string& folder);

// Reads a whole log: archives if asked for, the live file, and then whatever comes, over rotations, if it is followed.
class LogSource {
 public:
  LogSource(std::string folder, bool with_archives) : folder_(std::move(folder)), with_archives_(with_archives) {}

  // Error: the live file cannot be read.
  [[nodiscard]] base::Status open();
  // The next record; nullopt: there is none at the moment. Ask again later to follow.
  [[nodiscard]] std::optional<std::string_view> next();

 private:
  [[nodiscard]] bool step();  // on to the next file; false: there is none
  [[nodiscard]] bool has_moved() const;

  std::string folder_;
  bool with_archives_;
  std::optional<LogReader> current_;
  std::vector<LogReader> queue_;  // to be read after current_, in this order; the last one is the live file
  bool is_last_look_ = false;     // the file was moved away; what was written to it before that is being read
};

}  // namespace caronte::carontectl
