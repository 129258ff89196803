// Quoting: the one way by which bytes from outside reach a log, a terminal or an XML attribute.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace caronte::base {

// Printable UTF-8 is kept; every control octet (TAB, CR, LF and DEL too), U+0080 to U+009F, every octet of an invalid
// sequence, surrogates and U+FFFE/U+FFFF become \xHH, and a backslash becomes \\, so that the form is reversible.
// The result is valid UTF-8, legal in XML 1.0 after the usual &<>" escapes, at most `max_bytes` long, and cut only
// between characters; a cut is shown by "..." at the end.
[[nodiscard]] std::string quote_visible(std::string_view bytes, std::size_t max_bytes = 4096);

// The inverse of quote_visible() for uncut text; malformed escapes are kept as they stand.
[[nodiscard]] std::string unquote_visible(std::string_view text);

// `text` is a reply or header text of ours or of another process: printable ASCII or UTF-8 without CR, LF and NUL.
[[nodiscard]] bool is_safe_line(std::string_view text) noexcept;

}  // namespace caronte::base
