// A domain's list of valid recipients: one address or local part a line, "#" at the beginning of a line or behind a blank
// begins a comment. Pure: text in, table out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/list_parser.h"

namespace caronte::config {

struct ParsedRecipients {
  std::string table;          // encode_names() of recipient_key()s; empty where there is an error
  std::uint32_t entries = 0;  // lines that name something
  std::vector<ListProblem> problems;
};

// `domain` as in the configuration. Addresses of other domains are passed over, so that several may share a file; a list
// without any recipient of this domain brings a warning. Errors: octets that are no text, an empty or overlong local part
// (64 octets), something that is no domain behind the "@", a table that sealed memory cannot take. Bounds as of
// parse_address_list().
[[nodiscard]] ParsedRecipients parse_recipient_list(std::string_view text, std::string_view domain);

}  // namespace caronte::config
