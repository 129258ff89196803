#include "wrap/xml_strict_parser.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/quoting.h"

namespace caronte::wrap {

namespace {

bool is_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// A cursor over the document that knows its line.
class Scanner {
 public:
  Scanner(std::string_view text, unsigned max_depth) noexcept : rest_(text), max_depth_(max_depth) {}

  std::optional<XmlProblem> run() {
    if (!check_octets() || !scan_declaration()) return problem_;
    while (!rest_.empty()) {
      if (!step()) return problem_;
    }
    if (roots_ == 0) fail("there is no element");
    if (problem_.text.empty()) return std::nullopt;
    return problem_;
  }

 private:
  bool fail(std::string_view text) {
    problem_ = XmlProblem{line_, std::string(text)};
    return false;
  }
  void skip(std::size_t count) noexcept {
    line_ += static_cast<unsigned>(std::count(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(count), '\n'));
    rest_.remove_prefix(count);
  }
  [[nodiscard]] bool begins(std::string_view with) const noexcept { return rest_.substr(0, with.size()) == with; }

  // Line by line, so that the message can name the line.
  bool check_octets() {
    std::string_view left = rest_;
    for (unsigned line = 1; !left.empty(); ++line) {
      const std::size_t end = std::min(left.find('\n'), left.size());
      std::string_view part = left.substr(0, end);
      while (!part.empty()) {
        const std::size_t tab = std::min(part.find_first_of("\t\r"), part.size());
        if (!base::is_safe_line(part.substr(0, tab))) {
          line_ = line;
          return fail("control character or invalid UTF-8; the file must be UTF-8 text");
        }
        part.remove_prefix(std::min(tab + 1, part.size()));
      }
      left.remove_prefix(std::min(end + 1, left.size()));
    }
    return true;
  }

  bool scan_declaration() {
    if (begins("\xEF\xBB\xBF")) skip(3);
    if (!begins("<?xml") || rest_.size() < 6 || !is_space(rest_[5])) return true;
    const std::size_t end = rest_.find("?>");
    if (end == std::string_view::npos) return fail("XML declaration without its end ?>");
    std::string declaration;
    for (const char c : rest_.substr(5, end - 5)) {
      if (!is_space(c)) declaration += c == '\'' ? '"' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    static constexpr std::array<std::string_view, 4> kAllowed{"version=\"1.0\"", "version=\"1.0\"encoding=\"utf-8\"",
                                                              "version=\"1.0\"encoding=\"us-ascii\"",
                                                              "version=\"1.0\"encoding=\"utf-8\"standalone=\"yes\""};
    if (std::find(kAllowed.begin(), kAllowed.end(), declaration) == kAllowed.end()) {
      return fail("the XML declaration must be <?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    }
    skip(end + 2);
    return true;
  }

  bool step() {
    if (begins("<!--")) return scan_comment();
    if (begins("<!")) return fail("\"<!\" is allowed for comments only: no DOCTYPE, entities or CDATA");
    if (begins("<?")) return fail("processing instructions are not allowed");
    if (begins("</")) return scan_end_tag();
    if (begins("<")) return scan_tag();
    return scan_text(std::min(rest_.find('<'), rest_.size()));
  }

  bool scan_comment() {
    const std::size_t end = rest_.find("--", 4);
    if (end == std::string_view::npos) return fail("comment without its end -->");
    if (rest_.substr(end, 3) != "-->") {
      skip(end);
      return fail("\"--\" inside of a comment");
    }
    skip(end + 3);
    return true;
  }

  bool scan_end_tag() {
    const std::size_t end = rest_.find('>');
    if (end == std::string_view::npos) return fail("tag without its end >");
    if (depth_ == 0) return fail("end tag without its element");
    --depth_;
    skip(end + 1);
    return true;
  }

  bool scan_text(std::size_t length) {
    if (depth_ == 0) {
      const std::size_t at = std::min(rest_.find_first_not_of(" \t\r\n"), length);
      skip(at);
      return at == length || fail("text outside of the root element");
    }
    return scan_references(length);
  }

  // Steps over `length` octets of text or of an attribute's value.
  bool scan_references(std::size_t length) {
    while (length != 0) {
      const std::size_t at = std::min(rest_.find('&'), length);
      skip(at);
      length -= at;
      if (length == 0) break;
      const std::size_t end = rest_.find(';');
      if (end == std::string_view::npos || end >= length) return fail("a bare & (write &amp;)");
      if (!is_reference(rest_.substr(1, end - 1)))
        return fail("unknown entity, or reference to a character that XML does not allow");
      skip(end + 1);
      length -= end + 1;
    }
    return true;
  }

  static bool is_reference(std::string_view name) noexcept {
    static constexpr std::array<std::string_view, 5> kEntities{"amp", "lt", "gt", "quot", "apos"};
    if (std::find(kEntities.begin(), kEntities.end(), name) != kEntities.end()) return true;
    if (name.size() < 2 || name.size() > 8 || name[0] != '#') return false;
    const bool is_hex = name[1] == 'x';
    name.remove_prefix(is_hex ? 2 : 1);
    if (name.empty()) return false;
    std::uint32_t value = 0;
    for (const char c : name) {
      static constexpr std::string_view kDigits = "0123456789abcdef";
      const std::size_t digit = kDigits.find(static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c));
      if (digit >= (is_hex ? 16U : 10U)) return false;
      value = value * (is_hex ? 16 : 10) + static_cast<std::uint32_t>(digit);
    }
    return value >= 0x20 && !(value >= 0x7F && value <= 0x9F) && !(value >= 0xD800 && value <= 0xDFFF) && value != 0xFFFE &&
           value != 0xFFFF && value <= 0x10FFFF;
  }

  bool scan_tag() {
    if (depth_ == 0 && roots_++ != 0) return fail("a second root element");
    if (depth_ == max_depth_) return fail("elements are nested too deeply");
    skip(1);
    if (rest_.empty() || is_space(rest_[0])) return fail("a bare < (write &lt;)");
    bool is_spaced = false;  // white space before what comes
    for (bool is_in_name = true; !rest_.empty();) {
      const char c = rest_[0];
      if (c == '>' || begins("/>")) {
        if (c == '>') ++depth_;
        skip(c == '>' ? 1 : 2);
        return true;
      }
      if (c == '<') return fail("\"<\" inside of a tag");
      if (c == '"' || c == '\'') {
        if (is_in_name || !scan_value(c)) return problem_.text.empty() ? fail("quotes without an attribute") : false;
        is_spaced = false;
        continue;
      }
      if (is_space(c)) {
        is_spaced = true;
        is_in_name = false;
      } else if (!is_in_name && !is_spaced && is_after_value_) {
        return fail("white space is missing between two attributes");
      }
      if (!is_space(c)) is_after_value_ = false;
      skip(1);
    }
    return fail("tag without its end >");
  }

  bool scan_value(char quote) {
    skip(1);
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) return fail("attribute without its closing quote");
    const std::size_t angle = rest_.find('<');
    if (angle < end) {
      skip(angle);
      return fail("\"<\" inside of an attribute (write &lt;), or a closing quote is missing");
    }
    if (!scan_references(end)) return false;
    skip(1);
    is_after_value_ = true;
    return true;
  }

  std::string_view rest_;
  unsigned max_depth_;
  unsigned line_ = 1;
  unsigned depth_ = 0;
  unsigned roots_ = 0;
  bool is_after_value_ = false;
  XmlProblem problem_;
};

}  // namespace

std::optional<XmlProblem> find_xml_problem(std::string_view text, unsigned max_depth) {
  return Scanner(text, max_depth).run();
}

}  // namespace caronte::wrap
