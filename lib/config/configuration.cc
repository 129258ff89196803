#include "config/configuration.h"

#include <array>
#include <cerrno>

namespace caronte::config {

std::string_view name_of(ListId list) noexcept {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(ListId::kCount)> kNames{"relay", "trusted", "white",
                                                                                                 "hell"};
  const auto index = static_cast<std::size_t>(list);
  return index < kNames.size() ? kNames[index] : std::string_view("?");
}

std::string_view name_of(Action action) noexcept {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(Action::kCount)> kNames{
      "off", "log", "score", "refuse", "defer", "tarpit", "ban"};
  const auto index = static_cast<std::size_t>(action);
  return index < kNames.size() ? kNames[index] : std::string_view("?");
}

base::Result<Configuration> decode_configuration(int descriptor) {
  auto bytes = SealedBytes::map(descriptor);
  if (!bytes) return bytes.error();
  Configuration configuration;
  if (!ipc::decode(bytes.value().view(), configuration, kMaxSealedBytes)) {
    return base::Error{EBADMSG, "malformed configuration in a sealed memfd"};
  }
  return configuration;
}

base::Result<base::Fd> encode_configuration(const Configuration& configuration) {
  std::string bytes;
  ipc::encode(configuration, bytes);
  return seal_bytes("caronte-configuration", bytes);
}

}  // namespace caronte::config
