#include "wrap/xml.h"

#include <tinyxml2.h>

#include <cctype>
#include <deque>

namespace caronte::wrap {

namespace {

std::string describe(const tinyxml2::XMLDocument& document) {
  using namespace tinyxml2;
  switch (document.ErrorID()) {
    case XML_ERROR_MISMATCHED_ELEMENT:
    case XML_ERROR_PARSING:  // the end of the file inside of it
      return "the element that begins here is not closed, or closed by another name";
    case XML_ERROR_PARSING_ATTRIBUTE: return "malformed or repeated attribute (write name=\"value\")";
    case XML_ERROR_PARSING_ELEMENT: return "malformed element";
    case XML_ERROR_EMPTY_DOCUMENT: return "the file is empty";
    default: return std::string("not well-formed XML (") + XMLDocument::ErrorIDToName(document.ErrorID()) + ")";
  }
}

unsigned line_of(int line) noexcept {
  return line > 0 ? static_cast<unsigned>(line) : 0;
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------- reading

std::string_view XmlElement::name() const noexcept {
  return element_->Name();
}

unsigned XmlElement::line() const noexcept {
  return line_of(element_->GetLineNum());
}

std::vector<XmlAttribute> XmlElement::attributes() const {
  std::vector<XmlAttribute> all;
  for (auto* a = element_->FirstAttribute(); a != nullptr; a = a->Next()) {
    all.push_back(XmlAttribute{a->Name(), a->Value(), line_of(a->GetLineNum())});
  }
  return all;
}

std::vector<XmlElement> XmlElement::children() const {
  std::vector<XmlElement> all;
  for (auto* e = element_->FirstChildElement(); e != nullptr; e = e->NextSiblingElement()) all.push_back(XmlElement(e));
  return all;
}

unsigned XmlElement::text_line() const noexcept {
  for (auto* node = element_->FirstChild(); node != nullptr; node = node->NextSibling()) {
    if (node->ToText() != nullptr) return line_of(node->GetLineNum());
  }
  return 0;
}

struct XmlDocument::Impl {
  tinyxml2::XMLDocument document{true, tinyxml2::PRESERVE_WHITESPACE};
};

XmlDocument::XmlDocument() = default;
XmlDocument::~XmlDocument() = default;
XmlDocument::XmlDocument(XmlDocument&&) noexcept = default;
XmlDocument& XmlDocument::operator=(XmlDocument&&) noexcept = default;

bool XmlDocument::parse(std::string_view text) {
  impl_.reset();
  problem_ = {};
  if (auto problem = find_xml_problem(text, kMaxDepth)) {
    problem_ = std::move(*problem);
    return false;
  }
  auto impl = std::make_unique<Impl>();
  if (impl->document.Parse(text.data(), text.size()) != tinyxml2::XML_SUCCESS || impl->document.RootElement() == nullptr) {
    problem_ = XmlProblem{line_of(impl->document.ErrorLineNum()), describe(impl->document)};
    return false;
  }
  impl_ = std::move(impl);
  return true;
}

XmlElement XmlDocument::root() const {
  return XmlElement(impl_->document.RootElement());
}

// ------------------------------------------------------------------------------------------------------------- writing

struct XmlWriter::Impl {
  tinyxml2::XMLPrinter printer{nullptr, true};
  std::deque<std::string> names;  // of the open elements: the printer keeps only pointers to them
};

XmlWriter::XmlWriter() : impl_(std::make_unique<Impl>()) {}
XmlWriter::~XmlWriter() = default;
XmlWriter::XmlWriter(XmlWriter&&) noexcept = default;
XmlWriter& XmlWriter::operator=(XmlWriter&&) noexcept = default;

XmlWriter& XmlWriter::open(std::string_view name) {
  impl_->names.emplace_back(name);
  impl_->printer.OpenElement(impl_->names.back().c_str(), true);
  return *this;
}

XmlWriter& XmlWriter::attribute(std::string_view name, std::string_view value) {
  impl_->printer.PushAttribute(std::string(name).c_str(), std::string(value).c_str());
  return *this;
}

XmlWriter& XmlWriter::text(std::string_view text) {
  impl_->printer.PushText(std::string(text).c_str());
  return *this;
}

XmlWriter& XmlWriter::close() {
  if (impl_->names.empty()) return *this;
  impl_->printer.CloseElement(true);
  impl_->names.pop_back();
  return *this;
}

std::string_view XmlWriter::view() const {
  // CStrSize() counts the final NUL.
  return {impl_->printer.CStr(), static_cast<std::size_t>(impl_->printer.CStrSize() - 1)};
}

void XmlWriter::clear() {
  while (!impl_->names.empty()) close();
  impl_->printer.ClearBuffer();
}

}  // namespace caronte::wrap
