// A list file of addresses: one entry a line, "#" begins a comment, blank lines are nothing. Pure: text in, tree out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/prefix_tree.h"

namespace caronte::config {

struct ListProblem {
  std::uint32_t line = 0;
  bool is_warning = false;
  std::string text;  // never quotes the line: a list may be nobody's business
};

struct ListName {
  std::string text;  // lower case, without trailing dot
  std::uint32_t line = 0;
};

struct ParsedList {
  base::PrefixTree tree;        // value of a prefix: its line
  std::vector<ListName> names;  // host names (IW-7), in the order of the list
  std::uint32_t entries = 0;    // lines that name something
  std::vector<ListProblem> problems;
};

// Every numeric form of IW-7 and Q28 (base::parse_address_range()). Host names are taken where that is asked for, up to
// kMaxHostNames, and refused with a word of their own elsewhere. An entry that covers a large part of the Internet is taken, with a
// warning. Warnings are bounded and the entries behind them still taken; after kMaxListErrors errors the rest is not looked at. A
// tree that grows beyond what seal_list() takes is an error.
inline constexpr std::size_t kMaxListWarnings = 5;
inline constexpr std::size_t kMaxListErrors = 10;
inline constexpr std::size_t kMaxHostNames = 1000;
enum class HostNames : std::uint8_t { refused, taken };
[[nodiscard]] ParsedList parse_address_list(std::string_view text, HostNames host_names = HostNames::refused);

}  // namespace caronte::config
