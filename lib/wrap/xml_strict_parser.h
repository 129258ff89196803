// The part of XML 1.0 that tinyxml2 does not check, over the raw text and before tinyxml2 sees it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace caronte::wrap {

struct XmlProblem {
  unsigned line = 0;  // from 1
  std::string text;
};

// The first of: octets that are no UTF-8 or not allowed in XML 1.0, a declaration of another version or encoding than 1.0
// and UTF-8, "<!" other than a comment (so no DOCTYPE, entity or CDATA), a processing instruction, "--" inside a comment,
// an unknown entity, a bare ampersand, a reference to a control character, "<" in an attribute, attributes without white
// space between them, anything but comments before or behind the one root element, nesting deeper than `max_depth`.
// nullopt: none of these; whether tags match and attributes are distinct is left to tinyxml2.
[[nodiscard]] std::optional<XmlProblem> find_xml_problem(std::string_view text, unsigned max_depth);

}  // namespace caronte::wrap
