// Writes the golden file of each worker into the folder given: `make update-golden`, after a change that is meant.
#include <cstdio>
#include <fstream>
#include <string>

#include "tests/sandbox/policies.h"

namespace {

bool write_file(const std::string& name, const std::string& text) {
  std::ofstream file(name);
  file << text;
  return static_cast<bool>(file.flush());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 64;
  }
  const std::string folder = std::string(argv[1]) + "/";
  for (const auto& policy : caronte::tests::all_policies()) {
    if (!write_file(folder + std::string(policy.worker) + ".golden", caronte::sandbox::describe(policy))) return 1;
  }
  return write_file(folder + "caronted.golden", caronte::sandbox::describe_master_filter()) ? 0 : 1;
}
