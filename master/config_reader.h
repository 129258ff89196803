// config-reader: this program, re-executed by ConfigLoader, to parse the configuration file and the lists without any
// right: own user, chroot, sandbox, no open(), no network. All that it gets comes by channel (descriptor 3), all that it
// makes goes there: the typed configuration, cut to what each role may know, and the lists, all in sealed memory.
#pragma once

#include <string_view>

#include "sandbox/sandbox.h"

namespace caronte::master {

// The word that makes this program config-reader: `caronted --config-reader UID GID`, for ConfigLoader only.
inline constexpr std::string_view kConfigReaderOption = "--config-reader";

// Becomes UID and GID (decimal), unless this process is not root, and does one reading. Returns the exit code.
[[nodiscard]] int run_config_reader(std::string_view uid, std::string_view gid);

// Its rows, in config_reader_sandbox.cc.
[[nodiscard]] sandbox::Policy config_reader_policy();

}  // namespace caronte::master
