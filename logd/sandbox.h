// What logd may ask of the kernel once it runs: files beneath the log folder, no network.
#pragma once

#include "sandbox/sandbox.h"

namespace caronte::logd {

// Valid for the life of the process.
[[nodiscard]] sandbox::Policy sandbox_policy();

}  // namespace caronte::logd
