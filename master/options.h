// The command line of caronted.
#pragma once

#include <string>

namespace caronte::master {

struct Options {
  bool is_check = false;       // -n: check the configuration, say what is wrong, exit 0 or EX_CONFIG
  bool is_foreground = false;  // -F: stay; messages to standard error as well
  std::string file;            // -f, absolute
  std::string programs;        // -l: folder of the worker programs
};

// Exits by itself: -V with 0, anything wrong with EX_USAGE.
[[nodiscard]] Options parse_options(int argc, char** argv);

}  // namespace caronte::master
