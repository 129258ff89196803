// Which records of the log are wanted. Pure functions of the command line and one record.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "wrap/xml.h"

namespace caronte::carontectl {

struct LogFilter {
  std::vector<base::AddressRange> addresses;  // one of them holds the client
  std::optional<std::string> sender;          // of one of the messages
  std::optional<std::string> recipient;
  bool is_exact = false;              // sender and recipient as a whole; else a part of them is enough
  std::vector<std::string> outcomes;  // one of them
  std::string reference;
  std::optional<base::WallTime> since;  // inclusive
  std::optional<base::WallTime> until;  // exclusive

  // Each sets what its option says. Error: the text tells what is allowed.
  [[nodiscard]] base::Status add_address(std::string_view text);
  [[nodiscard]] base::Status add_outcomes(std::string_view text);  // separated by commas
  // As people type or copy it: in any case, o for 0, i and l for 1, with or without the brackets of a reply.
  [[nodiscard]] base::Status set_reference(std::string_view text);

  // Something that only sessions have is asked for: other records do not match.
  [[nodiscard]] bool is_about_sessions() const noexcept;
  [[nodiscard]] bool matches(const wrap::XmlElement& record) const;
  // False: the line cannot match; true: it must be parsed. Saves most of the work in large logs.
  [[nodiscard]] bool may_match(std::string_view line) const noexcept;
};

// "2026-11-21T20:57:18Z" (RFC 3339), "2026-11-21" (its first moment, UTC), or an age: "90s", "30m", "2h", "7d" before `now`.
[[nodiscard]] std::optional<base::WallTime> parse_time_point(std::string_view text, base::WallTime now) noexcept;

// The value of an attribute of `element`; empty when there is none.
[[nodiscard]] std::string_view attribute_of(const wrap::XmlElement& element, std::string_view name);

}  // namespace caronte::carontectl
