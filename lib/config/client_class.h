// Client classes are a set, not a value (design.md section 5): a check is skipped if any class of the set exempts it.
// The table is section 5, item 10 of behaviour.md. IW-4 (a local but untrusted sender) is no cell of it: whoever finds it
// takes `white` out of the set before asking.
#pragma once

#include <cstdint>
#include <string_view>

#include "ipc/schema.h"

namespace caronte::config {

enum class ClientClass : std::uint8_t { relay, authenticated, trusted, white, no_grey, kCount };
[[nodiscard]] std::string_view name_of(ClientClass client_class) noexcept;

[[nodiscard]] constexpr ipc::ClientClasses bit_of(ClientClass c) noexcept {
  return static_cast<ipc::ClientClasses>(1U << static_cast<unsigned>(c));
}
[[nodiscard]] constexpr bool has_class(ipc::ClientClasses set, ClientClass c) noexcept {
  return (set & bit_of(c)) != 0;
}

// Rows of the table.
enum class Check : std::uint8_t {
  hell,
  session_cap,
  relay_guard,
  dnsbl,
  helo_and_spf,
  greylist,
  envelope,
  local_sender,
  rate_and_tarpit,
  recipient_caps_and_size,
  content,
  antivirus,
  noops_and_errors,
  idle_timeout,
  crash_penalty,
  kCount
};
[[nodiscard]] std::string_view name_of(Check check) noexcept;

// The settings on which some cells depend.
struct ExemptionSwitches {
  bool bypass_antispam = true;        // IW-6
  bool exclude_authenticated = true;  // AG-10
};

[[nodiscard]] bool is_exempt(Check check, ipc::ClientClasses classes, ExemptionSwitches switches = {}) noexcept;

// The classes as a list for the log: "relay trusted"; empty for none.
[[nodiscard]] std::string class_names(ipc::ClientClasses classes);

}  // namespace caronte::config
