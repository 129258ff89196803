// A document before and in the XML reader: what is taken has nothing that XML 1.0 or the strict reader forbids.
#include "wrap/xml.h"

#include <algorithm>

#include "base/quoting.h"
#include "tests/fuzz/fuzz.h"
#include "wrap/xml_strict_parser.h"

namespace caronte::fuzz {

namespace {

void walk(const wrap::XmlElement& element, unsigned lines, unsigned depth) {
  CARONTE_EXPECT(depth <= wrap::XmlDocument::kMaxDepth && !element.name().empty());
  CARONTE_EXPECT(element.line() >= 1 && element.line() <= lines && element.text_line() <= lines);
  const auto attributes = element.attributes();
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    CARONTE_EXPECT(!attributes[i].name.empty() && attributes[i].line >= 1 && attributes[i].line <= lines);
    for (std::size_t j = 0; j < i; ++j) CARONTE_EXPECT(attributes[i].name != attributes[j].name);
    for (const char c : attributes[i].value)
      CARONTE_EXPECT(static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n' || c == '\r');
  }
  for (const wrap::XmlElement& child : element.children()) walk(child, lines, depth + 1);
}

}  // namespace

void run_xml(std::string_view bytes) {
  const Exact text(bytes);
  const auto lines =
      static_cast<unsigned>(std::count(bytes.begin(), bytes.end(), '\n') + std::count(bytes.begin(), bytes.end(), '\r') + 1);
  const auto problem = wrap::find_xml_problem(text.view(), wrap::XmlDocument::kMaxDepth);
  if (problem) CARONTE_EXPECT(!problem->text.empty() && base::is_safe_line(problem->text) && problem->line <= lines);
  wrap::XmlDocument document;
  if (document.parse(text.view())) {
    CARONTE_EXPECT(!problem);
    walk(document.root(), lines, 1);
  } else {
    CARONTE_EXPECT(!document.problem().text.empty() && document.problem().line <= lines);
  }
}

}  // namespace caronte::fuzz
