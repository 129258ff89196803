// A list of addresses as a text that people write: entries are added, removed and moved, while comments, blank lines and the
// order of the rest stay. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "config/list_parser.h"

namespace caronte::carontectl {

class ListText {
 public:
  // Where an entry is to go among the entries of the list.
  struct Up {};
  struct Down {};
  struct To {
    std::size_t place = 1;  // 1: the first
  };
  using Move = std::variant<Up, Down, To>;

  // Any text; see problems().
  ListText(std::string_view text, config::HostNames host_names);

  // What the gateway would say of it: the same parser.
  [[nodiscard]] std::vector<config::ListProblem> problems() const;
  [[nodiscard]] std::string text() const;

  struct Entry {
    std::uint32_t line = 0;
    std::string text;     // as it is written
    std::string comment;  // behind it, without "#"; may be empty
  };
  [[nodiscard]] std::vector<Entry> entries() const;

  // At the end. The result is what to tell besides: that another entry covers it, or the parser's warning; may be empty.
  // Errors: no entry, or one that is there already, in whatever form; they name its line.
  [[nodiscard]] base::Result<std::string> add(std::string_view entry);
  // With its line. Error: it is not there.
  [[nodiscard]] base::Status remove(std::string_view entry);
  // Comments of their own stay where they are; those behind an entry go with it. Error: it is not there, or cannot go
  // further.
  [[nodiscard]] base::Status move(std::string_view entry, const Move& move);

 private:
  using Meaning = std::variant<std::monostate, base::AddressRange, std::string>;  // monostate: none, or nonsense
  struct Line {
    std::string text;  // without its line feed
    Meaning meaning;
  };
  [[nodiscard]] Meaning meaning_of(std::string_view entry) const;
  [[nodiscard]] std::optional<std::size_t> find(const Meaning& meaning) const;
  [[nodiscard]] std::vector<std::size_t> entry_lines() const;
  [[nodiscard]] base::Result<std::size_t> find_entry(std::string_view entry) const;

  config::HostNames host_names_;
  bool has_byte_order_mark_ = false;
  std::vector<Line> lines_;
};

}  // namespace caronte::carontectl
