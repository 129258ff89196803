// What the sandbox does not allow: seccomp raises SIGSYS instead of ending the process at once, so that the number of the
// system call can be noted in the black box; master then says it in the log. It ends by SIGSYS all the same.
#pragma once

#include "base/result.h"
#include "worker/black_box.h"

namespace caronte::worker {

// To be called before the sandbox is entered (inside it no handler can be set), once a process. `box` outlives the process'
// loop. The handler serves once: a second forbidden call, also one made meanwhile, finds the default action.
[[nodiscard]] base::Status note_forbidden_calls(BlackBox& box) noexcept;

}  // namespace caronte::worker
