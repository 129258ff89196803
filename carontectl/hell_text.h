// Entries of hell as text: what `carontectl hell export` writes and `import` reads, one entry a line:
//
//   # a comment
//   192.0.2.7
//   192.0.2.0/24 36d a reason in words
//   2001:db8::/32 0 for ever
//   198.51.100.1-9 2026-11-22T20:57:18Z until then
//
// Pure: text in, values out, and the other way round.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ipc/schema.h"

namespace caronte::carontectl {

// From now; 0: for ever. Durations as in the configuration ("90s", "1h", "36d", "0"), or a point in time (RFC 3339), which
// yields less than 0 when it is past. Error: none of these.
[[nodiscard]] base::Result<std::int64_t> parse_hell_time(std::string_view text, base::WallTime now);

// An entry for each prefix of the range (IW-7, Q28), without time and reason. Error: no address, network or range.
[[nodiscard]] base::Result<std::vector<ipc::HellItem>> parse_hell_address(std::string_view text);

// At most 64 octets, visible ASCII and blanks, no "#" in front: that begins a comment.
[[nodiscard]] bool is_hell_reason(std::string_view text) noexcept;

struct HellLine {
  std::vector<ipc::HellItem> items;  // none: blank, a comment, or over
  bool is_over = false;
};
[[nodiscard]] base::Result<HellLine> parse_hell_line(std::string_view line, base::WallTime now);

// A line of the export, without its end.
[[nodiscard]] std::string export_hell_line(const ipc::HellEntry& entry);
// A line of the table that people read, and its head.
[[nodiscard]] std::string hell_table_head();
[[nodiscard]] std::string hell_table_line(const ipc::HellEntry& entry, base::WallTime now);

}  // namespace caronte::carontectl
