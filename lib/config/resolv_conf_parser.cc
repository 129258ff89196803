#include "config/resolv_conf_parser.h"

#include <algorithm>

#include "base/address_parser.h"

namespace caronte::config {

namespace {

constexpr std::size_t kMaxResolvers = 8;

std::string_view next_word(std::string_view& rest) noexcept {
  static constexpr std::string_view kBlank = " \t\r";
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size()));
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlank));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace

std::vector<base::Endpoint> parse_resolv_conf(std::string_view text) {
  std::vector<base::Endpoint> resolvers;
  while (!text.empty() && resolvers.size() < kMaxResolvers) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (next_word(line) != "nameserver") continue;
    const auto address = base::parse_address(next_word(line));
    if (!address || address->is_unspecified()) continue;
    const base::Endpoint resolver{*address, 53};
    if (std::find(resolvers.begin(), resolvers.end(), resolver) == resolvers.end()) resolvers.push_back(resolver);
  }
  return resolvers;
}

}  // namespace caronte::config
