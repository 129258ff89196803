#include "carontectl/list_text.h"

#include <algorithm>

#include "base/address_parser.h"
#include "base/quoting.h"
#include "config/value_parser.h"

namespace caronte::carontectl {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view trim(std::string_view text) noexcept {
  static constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string_view entry_of(std::string_view line) noexcept {
  return trim(line.substr(0, line.find('#')));
}

std::string quoted(std::string_view text) {
  return base::quote_visible(text, 200);
}

}  // namespace

ListText::ListText(std::string_view text, config::HostNames host_names) : host_names_(host_names) {
  has_byte_order_mark_ = text.starts_with(kByteOrderMark);
  if (has_byte_order_mark_) text.remove_prefix(kByteOrderMark.size());
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    lines_.push_back({std::string(line), meaning_of(entry_of(line))});
  }
}

std::vector<config::ListProblem> ListText::problems() const {
  return config::parse_address_list(text(), host_names_).problems;
}

std::string ListText::text() const {
  std::string text(has_byte_order_mark_ ? kByteOrderMark : std::string_view());
  for (const Line& line : lines_) text.append(line.text).append("\n");
  return text;
}

std::vector<ListText::Entry> ListText::entries() const {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const std::string_view line = lines_[i].text;
    const std::string_view entry = entry_of(line);
    if (entry.empty()) continue;
    const std::size_t comment = line.find('#');
    entries.push_back({static_cast<std::uint32_t>(i + 1), std::string(entry),
                       comment == std::string_view::npos ? std::string() : std::string(trim(line.substr(comment + 1)))});
  }
  return entries;
}

ListText::Meaning ListText::meaning_of(std::string_view entry) const {
  if (entry.empty()) return {};
  if (const auto range = base::parse_address_range(entry)) return *range;
  if (host_names_ == config::HostNames::taken && base::is_host_name(entry)) return config::parse_domain(entry).value_or("");
  return {};
}

std::optional<std::size_t> ListText::find(const Meaning& meaning) const {
  const auto is_same = [&](const Line& line) {
    if (line.meaning.index() != meaning.index()) return false;
    if (const auto* name = std::get_if<std::string>(&meaning)) return *name == std::get<std::string>(line.meaning);
    const auto& range = std::get<base::AddressRange>(meaning);
    const auto& other = std::get<base::AddressRange>(line.meaning);
    return range.first == other.first && range.last == other.last;
  };
  if (std::holds_alternative<std::monostate>(meaning)) return std::nullopt;
  const auto found = std::find_if(lines_.begin(), lines_.end(), is_same);
  if (found == lines_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - lines_.begin());
}

std::vector<std::size_t> ListText::entry_lines() const {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (!entry_of(lines_[i].text).empty()) places.push_back(i);
  }
  return places;
}

base::Result<std::size_t> ListText::find_entry(std::string_view entry) const {
  const auto found = find(meaning_of(trim(entry)));
  if (!found) return base::Error{0, quoted(entry) + " is not in the list"};
  return *found;
}

base::Result<std::string> ListText::add(std::string_view entry) {
  entry = trim(entry);
  const config::ParsedList alone = config::parse_address_list(entry, host_names_);
  if (alone.entries != 1 || entry.find_first_of("#\n") != std::string_view::npos || entry.starts_with(kByteOrderMark)) {
    return base::Error{0, quoted(entry) + ": not one entry of a list"};
  }
  std::string advice;
  for (const config::ListProblem& problem : alone.problems) {
    if (!problem.is_warning) return base::Error{0, quoted(entry) + ": " + problem.text};
    advice = problem.text;
  }
  Meaning meaning = meaning_of(entry);
  if (const auto found = find(meaning)) {
    return base::Error{0, quoted(entry) + " is in line " + std::to_string(*found + 1) + " already"};
  }
  if (const auto* range = std::get_if<base::AddressRange>(&meaning)) {
    const base::AddressRange wanted = *range;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const auto* other = std::get_if<base::AddressRange>(&lines_[i].meaning);
      if (other == nullptr || wanted.first < other->first || other->last < wanted.last) continue;
      if (wanted.first.is_v4() != other->first.is_v4()) continue;
      advice = "line " + std::to_string(i + 1) + " covers it already";
      break;
    }
  }
  lines_.push_back({std::string(entry), std::move(meaning)});
  return advice;
}

base::Status ListText::remove(std::string_view entry) {
  auto found = find_entry(entry);
  if (!found) return found.error();
  // However often it is there.
  for (; found; found = find_entry(entry)) lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(found.value()));
  return base::Done{};
}

base::Status ListText::move(std::string_view entry, const Move& move) {
  const auto found = find_entry(entry);
  if (!found) return found.error();
  const std::vector<std::size_t> places = entry_lines();
  const auto from = static_cast<std::size_t>(std::find(places.begin(), places.end(), found.value()) - places.begin());
  std::size_t to = from;
  if (std::holds_alternative<Up>(move)) {
    if (from == 0) return base::Error{0, quoted(entry) + " is the first entry"};
    to = from - 1;
  } else if (std::holds_alternative<Down>(move)) {
    if (from + 1 == places.size()) return base::Error{0, quoted(entry) + " is the last entry"};
    to = from + 1;
  } else {
    to = std::get<To>(move).place - 1;
    if (to >= places.size()) return base::Error{0, "there are " + std::to_string(places.size()) + " entries"};
  }
  std::size_t at = from;
  while (at != to) {
    const std::size_t next = at < to ? at + 1 : at - 1;
    std::swap(lines_[places[at]], lines_[places[next]]);
    at = next;
  }
  return base::Done{};
}

}  // namespace caronte::carontectl
