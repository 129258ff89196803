// tinyxml2, the only pair of files that includes it: XmlDocument reads (config-reader alone, inside its sandbox), XmlWriter
// writes (logd). tinyxml2 is lax about what XML is; XmlDocument refuses what it lets pass.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wrap/xml_strict_parser.h"

namespace tinyxml2 {
class XMLElement;
}

namespace caronte::wrap {

struct XmlAttribute {
  std::string_view name;
  std::string_view value;  // without entities
  unsigned line = 0;
};

// A view of an element; valid as long as its document.
class XmlElement {
 public:
  [[nodiscard]] std::string_view name() const noexcept;
  [[nodiscard]] unsigned line() const noexcept;
  [[nodiscard]] std::vector<XmlAttribute> attributes() const;  // in their order; names are distinct
  [[nodiscard]] std::vector<XmlElement> children() const;      // elements, in their order
  // The line of the first text that is not white space; 0: none.
  [[nodiscard]] unsigned text_line() const noexcept;

 private:
  friend class XmlDocument;
  explicit XmlElement(const tinyxml2::XMLElement* element) noexcept : element_(element) {}
  const tinyxml2::XMLElement* element_;
};

class XmlDocument {
 public:
  XmlDocument();
  ~XmlDocument();
  XmlDocument(XmlDocument&& other) noexcept;
  XmlDocument& operator=(XmlDocument&& other) noexcept;

  // True: well-formed, one root, nothing that find_xml_problem() names. Elements may nest kMaxDepth deep.
  static constexpr unsigned kMaxDepth = 16;
  [[nodiscard]] bool parse(std::string_view text);
  // Why parse() returned false.
  [[nodiscard]] const XmlProblem& problem() const noexcept { return problem_; }
  // Precondition: parse() was true.
  [[nodiscard]] XmlElement root() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  XmlProblem problem_;
};

// Composes elements into a string, compact, escaped for XML 1.0. Names must be XML names; values must be valid UTF-8
// without control characters (base::quote_visible() makes them so). Reusable after clear().
class XmlWriter {
 public:
  XmlWriter();
  ~XmlWriter();
  XmlWriter(XmlWriter&& other) noexcept;
  XmlWriter& operator=(XmlWriter&& other) noexcept;

  XmlWriter& open(std::string_view name);                               // an element inside the one that is open
  XmlWriter& attribute(std::string_view name, std::string_view value);  // of the element opened last, before its children
  XmlWriter& text(std::string_view text);
  XmlWriter& close();  // the element opened last
  // What was written so far; complete when every element is closed.
  [[nodiscard]] std::string_view view() const;
  void clear();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace caronte::wrap
