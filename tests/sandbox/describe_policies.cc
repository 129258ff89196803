// Writes the golden file of each worker into the folder given: `make update-golden`, after a change that is meant.
#include <cstdio>
#include <fstream>
#include <string>

#include "tests/sandbox/policies.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 64;
  }
  for (const auto& policy : caronte::tests::all_policies()) {
    std::ofstream file(std::string(argv[1]) + "/" + std::string(policy.worker) + ".golden");
    file << caronte::sandbox::describe(policy);
    if (!file.flush()) return 1;
  }
  return 0;
}
