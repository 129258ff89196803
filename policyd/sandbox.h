// What policyd may ask of the kernel once it runs: talk to the other processes and to carontectl.
#pragma once

#include "sandbox/sandbox.h"

namespace caronte::policyd {

// Valid for the life of the process.
[[nodiscard]] sandbox::Policy sandbox_policy();

}  // namespace caronte::policyd
