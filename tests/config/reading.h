// Reading a configuration in a test: lists from a map, and a configuration that is right until a test changes it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/reader.h"

namespace caronte::config {

class ListsInMemory final : public ListSource {
 public:
  std::map<std::string, std::string, std::less<>> files;
  std::vector<std::string> asked;
  base::Result<std::string> read(std::string_view path) override {
    asked.emplace_back(path);
    const auto found = files.find(path);
    if (found == files.end()) return base::Error{2, "no such file"};
    return found->second;
  }
};

inline Surroundings surroundings() {
  return {"caronte.xml", "/etc/caronte", "host.example.org", "nameserver 192.0.2.53\n"};
}

inline ReadResult read_text(std::string_view xml, ListsInMemory lists = {}) {
  lists.files.try_emplace("lists/relay", "");
  return read_configuration(xml, surroundings(), lists);
}

// "5: limits errors: text", or "warning 5: ..."; one a line.
inline std::string text_of(const ReadResult& result) {
  std::string text;
  for (const auto& d : result.diagnostics) {
    if (d.severity == ipc::Severity::warning) text += "warning ";
    if (d.file.str() != "caronte.xml") text += d.file.str() + ":";
    text += std::to_string(d.line) + ": " + d.element.str() + ": " + d.text.str() + "\n";
  }
  return text;
}

// The smallest configuration without a warning, each element on its own line (<caronte> is line 1), with attributes
// that a test sets.
class Xml {
 public:
  Xml() {
    set("listen", "address", "127.0.0.1");
    set("destination", "mode", "single");
    set("destination/server", "address", "127.0.0.1");
    set("destination/server", "port", "225");
    set("domains/domain", "name", "example.org");
    set("server", "trace", "yes");
    set("log", "level", "1");
  }
  Xml& set(const std::string& element, const std::string& attribute, const std::string& value) {
    attributes_[element][attribute] = value;
    if (element == "trusted") attributes_[element].try_emplace("list", "lists/relay");  // which it cannot be without
    return *this;
  }
  [[nodiscard]] std::string text() const {
    std::string out = "<caronte>\n";
    for (const char* name : {"server", "listen", "relay", "trusted", "white", "limits", "rate", "recipients", "sender",
                             "characters", "repeat-offenders", "backscatter", "tarpit", "hell", "data", "dns", "replies", "log"}) {
      if (attributes_.contains(name)) out += open(name) + "/>\n";
    }
    out += open("destination") + ">\n" + open("destination/server") + "/>\n</destination>\n";
    return out + "<domains>\n" + open("domains/domain") + "/>\n</domains>\n</caronte>\n";
  }
  // Of the element in text().
  [[nodiscard]] std::uint32_t line_of(const std::string& element) const {
    const std::string tag = open(element);
    const std::string all = text();
    std::uint32_t line = 1;
    for (const char c : all.substr(0, all.find("\n" + tag))) line += c == '\n' ? 1 : 0;
    return line + 1;
  }

 private:
  [[nodiscard]] std::string open(const std::string& element) const {
    std::string out = "<" + element.substr(element.find('/') + 1);
    const auto found = attributes_.find(element);
    if (found == attributes_.end()) return out;
    for (const auto& [name, value] : found->second) {
      out.append(" ").append(name).append("=\"");
      for (const char c : value) out.append(c == '&' ? "&amp;" : std::string(1, c));
      out.append("\"");
    }
    return out;
  }
  std::map<std::string, std::map<std::string, std::string>> attributes_;
};

}  // namespace caronte::config
