// Files of one folder, and nothing that could carry their content elsewhere but the syslog socket that master opened.
#include "logd/sandbox.h"

#include <array>

namespace caronte::logd {

namespace {

using sandbox::allow;
using sandbox::equal;

constexpr std::array kRules{
    allow("sendto", "syslog, on the socket that master connected", equal(4, 0, "no address")),
};

}  // namespace

sandbox::Policy sandbox_policy() {
  static const std::array kPresets{sandbox::preset_core(), sandbox::preset_event_loop(), sandbox::preset_channel(),
                                   sandbox::preset_control(), sandbox::preset_folder()};
  return {"logd", kPresets, kRules, sandbox::FolderAccess::read_write, false};
}

}  // namespace caronte::logd
