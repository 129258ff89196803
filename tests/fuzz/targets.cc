// THE table of the fuzz targets; each is defined in the file that bears its name.
#include <algorithm>
#include <array>

#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

//  name             longest input
// clang-format off
#define CARONTE_FUZZ_TARGETS(ROW) \
  ROW(command,         1024)      \
  ROW(path,             512)      \
  ROW(relay_guard,     1024)      \
  ROW(reply,           4096)      \
  ROW(data,            1024)      \
  ROW(proxy_header,    2304)      \
  ROW(dns_answer,      1024)      \
  ROW(address,          128)      \
  ROW(value,            256)      \
  ROW(list,            2048)      \
  ROW(names,           2048)      \
  ROW(xml,             4096)      \
  ROW(configuration,   8192)      \
  ROW(quoting,          512)      \
  ROW(log_file,        4096)      \
  ROW(log_record,      2048)      \
  ROW(channel,         4096)      \
  ROW(policyd,         2048)      \
  ROW(session,         4096)
// clang-format on

#define CARONTE_FUZZ_DECLARE(name, max_bytes) void run_##name(std::string_view input);
CARONTE_FUZZ_TARGETS(CARONTE_FUZZ_DECLARE)

#define CARONTE_FUZZ_ROW(name, max_bytes) Target{#name, run_##name, max_bytes},
std::span<const Target> all_targets() noexcept {
  static constexpr std::array kTargets{CARONTE_FUZZ_TARGETS(CARONTE_FUZZ_ROW)};
  return kTargets;
}

const Target* find_target(std::string_view name) noexcept {
  const auto targets = all_targets();
  const auto found = std::find_if(targets.begin(), targets.end(), [&](const Target& target) { return target.name == name; });
  return found == targets.end() ? nullptr : &*found;
}

}  // namespace caronte::fuzz
