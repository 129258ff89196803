// What a worker that has been taken over would try. Every act is harmless even where nothing stops it (the negative control
// runs the same acts in a worker without sandbox, as root): bad arguments, signal 0, folders that do not exist.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "ipc/schema.h"
#include "tests/sandbox/injector.h"

namespace caronte::tests {

struct Act {
  std::string_view name;
  long call = -1;
  Injector::Arguments arguments{};
  // Workers of which it is asked; those left out may do this.
  ipc::RoleMask roles = ipc::kWorkers;
  // Error numbers besides EPERM, EACCES and ENOSYS that mean that it got nowhere.
  std::vector<int> also_refused{};
  Instruction instruction = Instruction::system_call;
  // False: even the control must not do it (fork would leave a second copy of the worker).
  bool is_harmless = true;
  // A call before it, whose result is then the first argument; -1: none.
  long opener = -1;
  Injector::Arguments opener_arguments{};
};

// What the acts are about.
struct Scene {
  pid_t master = 0;
  pid_t worker = 0;
  std::uint64_t code_page = 0;
  int listener = -1;    // a listening socket of the worker; -1: none
  int log_folder = -1;  // its folder; -1: none
};
[[nodiscard]] std::vector<Act> all_acts(const Scene& scene);

// What the same worker must be able to do, so that the injector is seen to reach the kernel: result at least 0.
[[nodiscard]] std::vector<Act> allowed_acts(const Scene& scene);

}  // namespace caronte::tests
