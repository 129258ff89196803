// What smtpd-proxy may ask of the kernel once it runs: it accepts and talks, and opens nothing.
#pragma once

#include "sandbox/sandbox.h"

namespace caronte::smtpd_proxy {

// Valid for the life of the process.
[[nodiscard]] sandbox::Policy sandbox_policy();

}  // namespace caronte::smtpd_proxy
