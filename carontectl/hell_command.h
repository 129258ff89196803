// The command `hell` (FW-13): shows and changes what policyd holds.
#pragma once

#include <string>

namespace caronte::carontectl {

// argv[0] is "hell". Returns the exit code: 0, 1 when it was refused or found nothing, 2 when the gateway is not running,
// EX_USAGE, EX_NOINPUT or EX_DATAERR for a file that cannot be read or imported; nothing of such a file is taken.
[[nodiscard]] int run_hell(int argc, char** argv, const std::string& run_folder);

}  // namespace caronte::carontectl
