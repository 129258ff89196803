// A prefix as a key of the store: 16 octets of the address and one of the length, so that the order of the keys is that of
// the prefixes; and what else the records have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "ipc/codec.h"

namespace caronte::policyd {

[[nodiscard]] inline std::string key_of(const base::Prefix& prefix) {
  std::string key;
  ipc::Encoder encoder(key);
  encoder.visit(prefix);
  return key;
}

// nullopt: no such key, or host bits that are set.
[[nodiscard]] inline std::optional<base::Prefix> prefix_of(std::string_view key) {
  base::Prefix prefix;
  ipc::Decoder decoder(key);
  decoder.visit(prefix);
  if (!decoder.is_complete() || prefix.address.masked(prefix.bits) != prefix.address) return std::nullopt;
  return prefix;
}

// What may stand for a time in a record: a damaged one must do no harm in any sum.
[[nodiscard]] constexpr bool is_stamp(std::int64_t time) noexcept {
  return time >= 0 && time < std::int64_t{1} << 40U;
}

}  // namespace caronte::policyd
