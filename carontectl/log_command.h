// The command `log`: reads, filters and prints the log.
#pragma once

#include <string>

namespace caronte::carontectl {

// argv[0] is "log". Returns the exit code: 0, EX_USAGE, or EX_NOINPUT when there is no log to read.
[[nodiscard]] int run_log(int argc, char** argv, const std::string& folder);

}  // namespace caronte::carontectl
