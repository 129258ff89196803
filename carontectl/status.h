// The command `status`: asks master, policyd and logd, prints what they say, and judges.
#pragma once

#include <string>
#include <vector>

#include "carontectl/control_client.h"

namespace caronte::carontectl {

// 0 healthy, 1 degraded, 2 not running; answers within 2 s whatever hangs. `is_plain`: one line an item for scripts, its four
// columns separated by tabs.
[[nodiscard]] int status(const std::string& run_folder, bool is_plain);

// "3d 4h", "2h 5m", "7m 12s", "9s".
[[nodiscard]] std::string duration_text(std::uint64_t seconds);
// The items as people read them: processes as a table, everything else grouped.
[[nodiscard]] std::string render_status(const std::vector<ipc::StatusItem>& items);

}  // namespace caronte::carontectl
