// `carontectl list NAME show|add|remove|move`: asks caronted where the list is, edits it with the caller's own rights,
// checked by the gateway's parser before it is saved, and has it read anew.
#pragma once

#include <string>

namespace caronte::carontectl {

// `argv[0]` is "list". Returns the exit code.
[[nodiscard]] int run_list(int argc, char** argv, const std::string& run_folder);

}  // namespace caronte::carontectl
