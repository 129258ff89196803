// Addresses, ranges, host names and numbers as text: what is taken prints and reads the same, and a range holds what it says.
#include "base/address_parser.h"

#include <limits>

#include "base/prefix_tree.h"
#include "base/quoting.h"
#include "base/reference.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

void run_address(std::string_view bytes) {
  using namespace base;
  const Exact exact(bytes);
  const std::string_view text = exact.view();
  if (const auto address = parse_address(text)) {
    CARONTE_EXPECT(parse_address(address->text()) == address);
    CARONTE_EXPECT(parse_address_range(text) == (AddressRange{*address, *address}));
  }
  if (const auto range = parse_address_range(text)) {
    CARONTE_EXPECT(range->first <= range->last && range->first.is_v4() == range->last.is_v4());
    PrefixTree tree;
    tree.insert(*range, 7);
    CARONTE_EXPECT(tree.find(range->first) == 7U && tree.find(range->last) == 7U);
    if (const auto behind = range->last.next()) CARONTE_EXPECT(!tree.find(*behind));
    Address next = range->first;
    for (const Prefix& prefix : split_into_prefixes(*range))
      CARONTE_EXPECT(prefix.address >= next && !((next = prefix.address) < range->first));
  }
  if (is_host_name(text)) CARONTE_EXPECT(is_safe_line(text) && text.size() <= 254 && !parse_address(text));
  const auto number = parse_number(text, std::numeric_limits<std::uint64_t>::max());
  if (number) CARONTE_EXPECT(std::to_string(*number) == text && parse_number(text, *number) == number);
  if (number && *number > 0) CARONTE_EXPECT(!parse_number(text, *number - 1));
  if (const auto reference = parse_reference(text)) CARONTE_EXPECT(parse_reference(reference_text(*reference)) == reference);
}

}  // namespace caronte::fuzz
