#include "logd/sender.h"

#include <limits>

#include "base/address_parser.h"

namespace caronte::logd {

std::string Sender::name() const {
  return std::string(ipc::name_of(role)) + "." + std::to_string(index);
}

std::optional<Sender> Sender::from_text(std::string_view name, std::string_view instance) noexcept {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto index = base::parse_number(name.substr(dot + 1), std::numeric_limits<std::uint16_t>::max());
  const auto life = base::parse_number(instance, std::numeric_limits<std::uint32_t>::max());
  if (!index || !life) return std::nullopt;
  for (unsigned i = 0; i < static_cast<unsigned>(ipc::Role::kCount); ++i) {
    const auto role = static_cast<ipc::Role>(i);
    if (ipc::name_of(role) != name.substr(0, dot)) continue;
    return Sender{role, static_cast<std::uint16_t>(*index), static_cast<std::uint32_t>(*life)};
  }
  return std::nullopt;
}

}  // namespace caronte::logd
