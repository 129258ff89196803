#include "smtpd-proxy/session_states.h"

namespace caronte::smtpd_proxy {

std::string_view name_of(State state) noexcept {
  static constexpr std::array<std::string_view, 13> kNames{"header",  "question", "hold",       "start",        "idle",
                                                           "mail",    "calling",  "recipients", "opening-data", "data",
                                                           "discard", "ending",   "closing"};
  static_assert(kNames.size() == static_cast<std::size_t>(State::kCount));
  return kNames[static_cast<std::size_t>(state)];
}

}  // namespace caronte::smtpd_proxy
