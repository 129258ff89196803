// libFuzzer's entry points. The target is the one that CARONTE_FUZZ_TARGET names; without it, the targets are listed.
#include <cstdlib>

#include "tests/fuzz/fuzz.h"

namespace {
const caronte::fuzz::Target* chosen = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("CARONTE_FUZZ_TARGET");
  chosen = name == nullptr ? nullptr : caronte::fuzz::find_target(name);
  if (chosen != nullptr) return 0;
  for (const auto& target : caronte::fuzz::all_targets()) {
    std::printf("%s %zu\n", std::string(target.name).c_str(), target.max_bytes);
  }
  std::exit(name == nullptr ? 0 : 64);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
