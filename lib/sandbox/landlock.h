// Landlock by its system calls: the kernel's headers of the build machine are older than many kernels that run the
// result, so the constants are here, and what a kernel's ABI does not know is left out at run time.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"

namespace caronte::sandbox {

struct LandlockGrant {
  int folder = -1;           // open folder beneath which files may be read, written, made, renamed within it and removed; -1: none
  bool has_folders = false;  // folders within it too
  std::span<const std::uint16_t> connect_ports;  // TCP, of any host
};

// Denies all that the grant does not name: files (ABI 1), renaming out of the folder (2), truncation (3), TCP bind and
// connect (4), ioctl on devices (5), abstract sockets and signals of other processes (6). Open descriptors keep working.
// Needs no-new-privs. Done when the kernel has no Landlock at all.
[[nodiscard]] base::Status restrict_by_landlock(const LandlockGrant& grant);

}  // namespace caronte::sandbox
