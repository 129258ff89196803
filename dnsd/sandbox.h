// What dnsd may ask of the kernel once it runs: UDP and TCP over IPv4 and IPv6, no files.
#pragma once

#include "sandbox/sandbox.h"

namespace caronte::dnsd {

// Valid for the life of the process.
[[nodiscard]] sandbox::Policy sandbox_policy();

}  // namespace caronte::dnsd
