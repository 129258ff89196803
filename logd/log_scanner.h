// Reads a log file of ours from its beginning, in pieces: where the last whole record ends, how far each sender is, and
// since when there are records. The file may have been torn by a crash or changed by others; nothing in it is trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "logd/senders.h"

namespace caronte::logd {

class LogScanner {
 public:
  void take(std::string_view piece);

  // The header is there.
  [[nodiscard]] bool has_header() const noexcept { return records_end_ != 0; }
  // The file ends with the end tag, right behind the last record, and nothing is wrong before it.
  [[nodiscard]] bool is_whole() const noexcept { return stage_ == Stage::ended && carry_.empty(); }
  // Offset behind the last whole record (or the header); what follows is torn, or the end tag.
  [[nodiscard]] std::uint64_t records_end() const noexcept { return records_end_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t records() const noexcept { return records_; }
  [[nodiscard]] const Positions& positions() const noexcept { return positions_; }
  // Time of the first record.
  [[nodiscard]] std::optional<base::WallTime> begun() const noexcept { return begun_; }

 private:
  enum class Stage : std::uint8_t { header, records, ended, damaged };
  void take_line(std::string_view line);
  void take_record(std::string_view line);

  Stage stage_ = Stage::header;
  std::string carry_;  // a line that is not complete yet
  std::uint64_t bytes_ = 0;
  std::uint64_t records_end_ = 0;
  std::uint64_t records_ = 0;
  Positions positions_;
  std::optional<base::WallTime> begun_;
};

}  // namespace caronte::logd
