// Starting a worker: fork and execveat() of a program that was opened when master started. No path is followed and nothing
// of a worker's word is used. The child holds descriptor 3 (its channel to master), /dev/null as 0 to 2, no environment, no
// signal handlers, a session of its own.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace caronte::master {

// FOLDER/NAME, or FOLDER/NAME/NAME as in a build tree.
[[nodiscard]] base::Result<base::Fd> open_program(const std::string& folder, std::string_view name);

struct Launched {
  pid_t pid = -1;
  base::Fd channel;  // master's end
};
// `title`: argv[0]. `keeps_stderr`: in the foreground.
[[nodiscard]] base::Result<Launched> launch(int program, const std::string& title, bool keeps_stderr);

// A copy, close-on-exec and far above the numbers that a child arranges.
[[nodiscard]] base::Fd duplicate(int descriptor) noexcept;

}  // namespace caronte::master
