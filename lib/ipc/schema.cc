#include "ipc/schema.h"

#include <array>

namespace caronte::ipc {

namespace {

constexpr std::array kRows{
#define CARONTE_TABLE_ROW(Struct, from, to, descriptor) \
  MessageRow{#Struct, static_cast<RoleMask>(from), static_cast<RoleMask>(to), descriptor},
    CARONTE_MESSAGE_ROWS(CARONTE_TABLE_ROW)
#undef CARONTE_TABLE_ROW
};
static_assert(kRows.size() == static_cast<std::size_t>(MessageType::kCount));

template <class Enum, std::size_t Count>
std::string_view name_in(const std::array<std::string_view, Count>& names, Enum value) noexcept {
  static_assert(Count == static_cast<std::size_t>(Enum::kCount));
  const auto index = static_cast<std::size_t>(value);
  return index < Count ? names[index] : std::string_view("?");
}

using Names = std::string_view;

}  // namespace

std::string_view name_of(Role role) noexcept {
  static constexpr std::array<Names, 7> kNames{"caronted", "config-reader", "smtpd-proxy", "policyd", "dnsd", "logd", "carontectl"};
  return name_in(kNames, role);
}

std::string_view name_of(Stage stage) noexcept {
  static constexpr std::array<Names, 6> kNames{"connect", "early-talker",       "mail",
                                               "rcpt",    "recipient-accepted", "recipient-refused"};
  return name_in(kNames, stage);
}

std::string_view name_of(HellSource source) noexcept {
  static constexpr std::array<Names, 3> kNames{"hand", "list", "ban"};
  return name_in(kNames, source);
}

std::string_view name_of(Verdict verdict) noexcept {
  static constexpr std::array<Names, 3> kNames{"proceed", "refuse", "drop"};
  return name_in(kNames, verdict);
}

std::string_view name_of(ReverseStatus status) noexcept {
  static constexpr std::array<Names, 4> kNames{"unknown", "none", "unverified", "verified"};
  return name_in(kNames, status);
}

std::string_view name_of(Outcome outcome) noexcept {
  static constexpr std::array<Names, 11> kNames{"delivered", "refused", "deferred", "busy",    "errors", "noops",
                                                "timed-out", "aborted", "quiet",    "stopped", "lost"};
  return name_in(kNames, outcome);
}

std::string_view name_of(LogLevel level) noexcept {
  static constexpr std::array<Names, 5> kNames{"none", "1", "2", "3", "debug"};
  return name_in(kNames, level);
}

const MessageRow& row_of(MessageType type) noexcept {
  return kRows[static_cast<std::size_t>(type)];
}

bool may_send(MessageType type, Role from, Role to) noexcept {
  if (type >= MessageType::kCount || from >= Role::kCount || to >= Role::kCount) return false;
  const MessageRow& row = row_of(type);
  return (row.from & mask_of(from)) != 0 && (row.to & mask_of(to)) != 0;
}

}  // namespace caronte::ipc
