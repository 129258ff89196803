// THE settings table: one row a setting. The reader, `caronted -n`, the sample, the manual page's table and the tests
// walk these rows; nothing else knows a setting's name, type, range, default or receivers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "config/configuration.h"
#include "ipc/schema.h"

namespace caronte::config {

enum class Type : std::uint8_t {
  duration,       // 200ms 90s 5m 24h 36d; range in milliseconds
  size,           // 512 64K 50M 2G; range in octets
  count,          // range as it is
  count_or_auto,  // "auto" is stored as 0
  yes_no,
  word,       // one of `words`
  host_name,  // empty: none
  domain,     // as of an e-mail address
  group,      // of the system; empty: none
  reply,      // one line of SMTP; `words` holds the code it must begin with ("5" or "421")
  address,    // numeric
  port,
  ranges,      // any numeric form of IW-7 and Q28, separated by blanks or commas; empty: none
  resolvers,   // address or address@port, separated by blanks or commas; empty: the system's
  characters,  // a set of ASCII characters: "A-Za-z0-9._-"
  folder,      // absolute, or relative to the folder of the configuration file; maximum: its length
  list,        // file beneath the folder of the configuration file; where "" is the default, empty: none
};

// The elements that a setting may belong to at the moment of reading; repeated ones are set while they are read.
struct Here {
  Configuration* configuration = nullptr;
  Listen* listen = nullptr;
  DestinationServer* destination_server = nullptr;
  Domain* domain = nullptr;
};

// Where a value goes; monostate: it is only checked.
template <class T>
using Accessor = T& (*)(Here&);
using Slot = std::variant<std::monostate, Accessor<std::string>, Accessor<std::uint16_t>, Accessor<std::int32_t>,
                          Accessor<std::uint32_t>, Accessor<std::uint64_t>, Accessor<milliseconds>, Accessor<bool>,
                          Accessor<BareLineEndings>, Accessor<ipc::LogLevel>, Accessor<Action>, Accessor<CharacterSet>,
                          Accessor<base::Address>, Accessor<std::vector<Range>>, Accessor<std::vector<base::Endpoint>>, ListId>;

struct Setting {
  std::string_view element;  // "limits"; nested ones with their parent: "destination/server"
  std::string_view attribute;
  Type type = Type::count;
  std::optional<std::string_view> initial;  // default, as it would be written; none: the attribute is required
  std::uint64_t minimum = 0;
  std::uint64_t maximum = 0;
  bool zero_is_off = false;                 // 0 is allowed besides the range
  std::span<const std::string_view> words;  // an enum's slot takes their order as value
  ipc::RoleMask receivers = 0;
  Slot slot;
  std::string_view rows;                // of behaviour.md, for the manual: "FW-5"
  std::string_view help;                // one sentence
  bool is_off_without_element = false;  // of an element that is always on: the default holds only when it is written
};

enum class Presence : std::uint8_t {
  once,       // exactly once
  optional,   // at most once; absent: off
  always_on,  // at most once; absent: as if it were there with its defaults
  repeated,   // at least once
};

struct Element {
  std::string_view path;  // "domains/domain"
  Presence presence = Presence::once;
  Accessor<bool> is_present = nullptr;  // set when the element is there
  ipc::RoleMask receivers = 0;          // of is_present
  std::string_view help;
};

[[nodiscard]] std::span<const Element> elements();
[[nodiscard]] std::span<const Setting> settings();

// Looks one up; nullptr: unknown.
[[nodiscard]] const Setting* find_setting(std::string_view element, std::string_view attribute) noexcept;

// For messages and the manual: "a number from 1 to 100, or 0 (off)", "one of refuse, repair".
[[nodiscard]] std::string allowed_values(const Setting& setting);

// Checks `value` and stores it. `folder` is that of the configuration file, absolute. Returns what is wrong, without the
// allowed values; nullopt: stored. Type::list is only checked.
[[nodiscard]] std::optional<std::string> store_value(const Setting& setting, std::string_view value, std::string_view folder,
                                                     Here& here);

// The part of the configuration that `role` may know: everything else has its initial value.
[[nodiscard]] Configuration part_for(ipc::Role role, const Configuration& whole);

}  // namespace caronte::config
