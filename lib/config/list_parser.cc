#include "config/list_parser.h"

#include <algorithm>

#include "base/address_parser.h"
#include "base/quoting.h"
#include "config/mapped_list.h"
#include "config/value_parser.h"

namespace caronte::config {

namespace {

constexpr std::size_t kMaxNamesBytes = encoded_names_size(kMaxHostNames, kMaxHostNames * 255);
constexpr std::size_t kMaxNodes = (kMaxSealedBytes - sizeof(ListHeader) - kMaxNamesBytes) / sizeof(base::PrefixNode);
// An entry that is shorter than these (in the 128-bit space, IPv4 /8 is 104) is hardly meant.
constexpr unsigned kWideV4 = 96 + 8;
constexpr unsigned kWideV6 = 16;

std::string_view trim(std::string_view text) noexcept {
  static constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_wide(const std::vector<base::Prefix>& prefixes) noexcept {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [](const base::Prefix& p) { return p.bits < (p.address.is_v4() ? kWideV4 : kWideV6); });
}

std::string refusal(std::string_view entry, HostNames host_names) {
  if (!base::is_safe_line(entry)) return "the line holds octets that are no text";
  if (base::is_host_name(entry)) {
    return host_names == HostNames::taken ? "too many host names; allowed: 1000, for the DNS is asked for each again and again"
                                          : "host names are not taken here: name the address itself";
  }
  return "not an address, network or range; allowed: 192.0.2.1, 192.0.2.0/24 (host bits zero), 192.0.2.0/255.255.255.0, "
         "192.0.2.1-50, 192.0.2.1-192.0.3.20, 192.0.2.*, 2001:db8::/32, 2001:db8::1-2001:db8::9" +
         std::string(host_names == HostNames::taken ? ", mail.example.org" : "");
}

}  // namespace

ParsedList parse_address_list(std::string_view text, HostNames host_names) {
  ParsedList list;
  std::size_t warnings = 0;
  std::size_t errors = 0;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::uint32_t line = 1; !text.empty(); ++line) {
    std::string_view entry = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(entry.size() + 1, text.size()));
    entry = trim(entry.substr(0, entry.find('#')));
    if (entry.empty()) continue;
    ++list.entries;
    const auto range = base::parse_address_range(entry);
    if (range) {
      const auto prefixes = base::split_into_prefixes(*range);
      if (is_wide(prefixes) && warnings++ < kMaxListWarnings) {
        list.problems.push_back({line, true, "this entry covers a large part of the Internet"});
      }
      for (const base::Prefix& prefix : prefixes) list.tree.insert(prefix, line);
    } else if (host_names == HostNames::taken && base::is_host_name(entry) && list.names.size() < kMaxHostNames) {
      list.names.push_back({parse_domain(entry).value_or(""), line});
    } else {
      list.problems.push_back({line, false, refusal(entry, host_names)});
      if (++errors == kMaxListErrors) return list;
    }
    if (list.tree.nodes().size() > kMaxNodes) {
      list.problems.push_back({line, false, "the list is too large: its table passes 64 MiB here"});
      return list;
    }
  }
  return list;
}

}  // namespace caronte::config
