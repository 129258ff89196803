// Where the gateway's sockets and logs are: options first, then the configuration file if it can be read (only root can, as
// a rule), then what the configuration has for defaults.
#pragma once

#include <string>

#include "base/result.h"

namespace caronte::carontectl {

struct Settings {
  std::string run_folder = "/run/caronte";
  std::string log_folder = "/var/log/caronte";
};

// The attributes run of <server> and folder of <log>. Error: not readable, not XML.
[[nodiscard]] base::Result<Settings> read_settings(const std::string& file);

// The whole of a file of at most `max_bytes`.
[[nodiscard]] base::Result<std::string> read_file(const std::string& file, std::size_t max_bytes);

}  // namespace caronte::carontectl
