// No network, no files: policyd computes. The rows of its store come with the store.
#include "policyd/sandbox.h"

#include <array>

namespace caronte::policyd {

sandbox::Policy sandbox_policy() {
  static const std::array kPresets{sandbox::preset_core(), sandbox::preset_event_loop(), sandbox::preset_channel(),
                                   sandbox::preset_control()};
  return {"policyd", kPresets, {}, sandbox::FolderAccess::none, false};
}

}  // namespace caronte::policyd
