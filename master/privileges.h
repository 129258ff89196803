// What master keeps of root: a small bounding set, which its workers inherit and give up, and a filter without the calls
// that only an intruder would make.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace caronte::master {

// Standard descriptors open, SIGPIPE ignored, umask, as many descriptors as the kernel permits, out-of-memory killer kept
// off; then, as root, the capabilities and the system call filter. First of all steps: nothing has been read by then.
[[nodiscard]] base::Status limit_privileges();

// The hard limit of descriptors, for master and every worker.
[[nodiscard]] std::uint64_t descriptor_limit() noexcept;

}  // namespace caronte::master
