// The policies of all workers, and what a test of them needs.
#pragma once

#include <array>

#include "dnsd/sandbox.h"
#include "logd/sandbox.h"
#include "master/config_reader.h"
#include "policyd/sandbox.h"
#include "sandbox/sandbox.h"
#include "smtpd-proxy/sandbox.h"

namespace caronte::tests {

inline std::array<sandbox::Policy, 5> all_policies() {
  return {smtpd_proxy::sandbox_policy(), policyd::sandbox_policy(), dnsd::sandbox_policy(), logd::sandbox_policy(),
          master::config_reader_policy()};
}

}  // namespace caronte::tests
