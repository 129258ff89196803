// Quoting: visible, safe, within its limit, and reversible.
#include "base/quoting.h"

#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

void run_quoting(std::string_view bytes) {
  using namespace base;
  Input input(bytes);
  const std::size_t limit = input.octet();
  const Exact text(input.rest());
  const std::string quoted = quote_visible(text.view(), 4 * text.view().size());
  CARONTE_EXPECT(is_safe_line(quoted) && unquote_visible(quoted) == text.view());
  if (is_safe_line(text.view()) && text.view().find('\\') == std::string_view::npos) CARONTE_EXPECT(quoted == text.view());
  const std::string cut = quote_visible(text.view(), limit);
  CARONTE_EXPECT(cut.size() <= limit && is_safe_line(cut));
  if (quoted.size() <= limit) {
    CARONTE_EXPECT(cut == quoted);
  } else if (limit >= 3) {
    CARONTE_EXPECT(cut.ends_with("...") && quoted.starts_with(cut.substr(0, cut.size() - 3)));
  }
  const std::string unquoted = unquote_visible(text.view());
  CARONTE_EXPECT(unquoted.size() <= text.view().size() &&
                 unquote_visible(quote_visible(unquoted, 4 * unquoted.size())) == unquoted);
}

}  // namespace caronte::fuzz
