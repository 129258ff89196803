// Lists and resolv.conf(5) as text, and a sealed list whose writer was taken over.
#include "config/list_parser.h"

#include <algorithm>

#include "base/address_parser.h"
#include "config/mapped_list.h"
#include "config/resolv_conf_parser.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

namespace {

using namespace config;

base::Address address_of(Input& input) {
  base::Address::Octets octets{};
  const std::string_view bytes = input.take(octets.size());
  std::copy(bytes.begin(), bytes.end(), octets.begin());
  return base::Address(octets);
}

// Any octets in place of the nodes: looking an address up ends, within the mapping.
void check_hostile_list(Input& input) {
  const base::Address wanted = address_of(input);
  ListHeader header;
  header.nodes = input.octet() % 32U;
  const bool has_names = (header.nodes & 1U) != 0;  // an empty table of names behind the nodes
  const std::string names = has_names ? encode_names({}, 0) : std::string();
  header.names_size = static_cast<std::uint32_t>(names.size());
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += input.rest();
  bytes += names;
  const auto sealed = seal_bytes("caronte-fuzz", bytes);
  CARONTE_EXPECT(sealed.is_ok());
  const auto list = MappedList::map(sealed.value().get());
  CARONTE_EXPECT(list.is_ok() == (bytes.size() == sizeof header + header.nodes * sizeof(base::PrefixNode) + names.size()));
  if (list.is_ok()) (void)list.value().find(wanted);
}

void check_list(std::string_view text, const base::Address& wanted, HostNames host_names) {
  const ParsedList list = parse_address_list(text, host_names);
  const auto lines = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n') + 1);
  CARONTE_EXPECT(list.entries <= lines && list.problems.size() <= kMaxListErrors + kMaxListWarnings + 2);
  for (const ListProblem& problem : list.problems) CARONTE_EXPECT(problem.line <= lines);
  CARONTE_EXPECT(list.names.size() <= (host_names == HostNames::taken ? kMaxHostNames : 0));
  for (const ListName& name : list.names) CARONTE_EXPECT(base::is_host_name(name.text) && name.line > 0 && name.line <= lines);
  const auto found = list.tree.find(wanted);
  CARONTE_EXPECT(!found || (*found > 0 && *found <= lines));
  const auto sealed = seal_list(list.tree, list.entries);
  CARONTE_EXPECT(sealed.is_ok());
  const auto mapped = MappedList::map(sealed.value().get());
  CARONTE_EXPECT(mapped.is_ok() && mapped.value().find(wanted) == found && mapped.value().entries() == list.entries);
}

}  // namespace

void run_list(std::string_view bytes) {
  Input input(bytes);
  const unsigned kind = input.octet() % 3U;
  if (kind == 0) return check_hostile_list(input);
  if (kind == 1) {
    const base::Address wanted = address_of(input);
    const Exact text(input.rest());
    check_list(text.view(), wanted, HostNames::refused);
    return check_list(text.view(), wanted, HostNames::taken);
  }
  const Exact text(input.rest());
  const auto servers = parse_resolv_conf(text.view());
  CARONTE_EXPECT(servers.size() <= 8);
  for (std::size_t i = 0; i < servers.size(); ++i) {
    CARONTE_EXPECT(servers[i].port == 53 && std::count(servers.begin(), servers.end(), servers[i]) == 1);
  }
}

}  // namespace caronte::fuzz
