#include "smtpd-proxy/session_states.h"

namespace caronte::smtpd_proxy {

std::string_view name_of(State state) noexcept {
  static constexpr std::array<std::string_view, 21> kNames{"header",
                                                           "question",
                                                           "early",
                                                           "hold",
                                                           "start",
                                                           "helo-hold",
                                                           "idle",
                                                           "mail-question",
                                                           "mail-hold",
                                                           "mail",
                                                           "rcpt-question",
                                                           "rcpt-hold",
                                                           "recipient-question",
                                                           "recipient-hold",
                                                           "calling",
                                                           "recipients",
                                                           "opening-data",
                                                           "data",
                                                           "discard",
                                                           "ending",
                                                           "closing"};
  static_assert(kNames.size() == static_cast<std::size_t>(State::kCount));
  return kNames[static_cast<std::size_t>(state)];
}

}  // namespace caronte::smtpd_proxy
