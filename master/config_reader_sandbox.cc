// config-reader reads descriptors that master opened, computes, and writes sealed memory: no paths, no sockets, no loop.
#include <fcntl.h>

#include <array>

#include "master/config_reader.h"

namespace caronte::master {

sandbox::Policy config_reader_policy() {
  static constexpr std::array kRules{
      sandbox::allow("read", "the configuration file and the lists"),
      sandbox::allow("memfd_create", "the results"),
      sandbox::allow("fcntl", "the results are sealed", sandbox::equal(1, F_ADD_SEALS, "F_ADD_SEALS")),
  };
  static const std::array kPresets{sandbox::preset_core(), sandbox::preset_channel()};
  return {"config-reader", kPresets, kRules, sandbox::FolderAccess::none, false};
}

}  // namespace caronte::master
