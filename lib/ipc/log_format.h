// The log file as logd writes it and carontectl reads it (caronte-log(5)): header, one record a line, end tag.
#pragma once

#include <cstddef>
#include <string_view>

namespace caronte::ipc {

inline constexpr std::string_view kLogFile = "current.xml";
inline constexpr std::string_view kLogArchivePrefix = "caronte-";  // caronte-2026-11-21T20-57-18Z.xml
inline constexpr std::string_view kLogArchiveSuffix = ".xml";
inline constexpr std::string_view kLogHeader = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<caronte-log format=\"1\">\n";
inline constexpr std::string_view kLogEnd = "</caronte-log>\n";

// Records of logd's own: numbers that never arrived, and how far each sender was when a new file began.
inline constexpr std::string_view kLogLost = "lost";
inline constexpr std::string_view kLogContinued = "continued";

// A line of the file is at most this long (a record of one frame, every octet escaped).
inline constexpr std::size_t kMaxLogLineBytes = 1024 * 1024;

// `line` (without its line end) is one whole element as logd writes them, by its ends: a line that a crash, or a reader
// without the lock, has torn is none. Does not parse.
[[nodiscard]] bool is_log_record(std::string_view line) noexcept;

}  // namespace caronte::ipc
