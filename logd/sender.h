// Who sent a record: one process in one of its lives. Its name in the log is "smtpd-proxy.0".
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ipc/schema.h"

namespace caronte::logd {

struct Sender {
  ipc::Role role = ipc::Role::kCount;
  std::uint16_t index = 0;
  std::uint32_t instance = 0;
  auto operator<=>(const Sender&) const noexcept = default;

  [[nodiscard]] std::string name() const;
  // The inverse; nullopt when there is no such process.
  [[nodiscard]] static std::optional<Sender> from_text(std::string_view name, std::string_view instance) noexcept;
};

// Numbers of one sender, both inclusive; none when first > last.
struct Gap {
  Sender sender;
  std::uint64_t first = 1;
  std::uint64_t last = 0;
  [[nodiscard]] bool is_empty() const noexcept { return first > last; }
  [[nodiscard]] std::uint64_t count() const noexcept { return is_empty() ? 0 : last - first + 1; }
};

}  // namespace caronte::logd
