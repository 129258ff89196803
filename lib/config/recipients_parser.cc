#include "config/recipients_parser.h"

#include <algorithm>
#include <optional>

#include "base/quoting.h"
#include "config/local_domains.h"
#include "config/name_list.h"
#include "config/value_parser.h"

namespace caronte::config {

namespace {

constexpr std::size_t kMaxLocalPart = 64;  // RFC 5321 section 4.5.3.1.1
constexpr std::string_view kBlank = " \t\r";

std::string_view trim(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// A "#" may be part of a local part, so it takes a blank in front to begin a comment behind one.
std::string_view without_comment(std::string_view line) noexcept {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || kBlank.find(line[at - 1]) != std::string_view::npos) return line.substr(0, at);
  }
  return line;
}

// All names of a list in one string, since each of them is short and there may be millions.
class Collector {
 public:
  explicit Collector(std::size_t most) { text_.reserve(most); }
  // False: the table would be too large.
  [[nodiscard]] bool add(std::string_view name, std::uint32_t line) {
    if (encoded_names_size(names_.size() + 1, text_.size() + name.size()) > kMaxSealedBytes) return false;
    names_.push_back({text_.size(), name.size(), line});
    text_ += name;
    return true;
  }
  [[nodiscard]] bool is_empty() const noexcept { return names_.empty(); }
  [[nodiscard]] std::string table(std::uint32_t entries) const {
    std::vector<Name> names;
    names.reserve(names_.size());
    for (const Place& place : names_) names.push_back({std::string_view(text_).substr(place.offset, place.size), place.line});
    return encode_names(std::move(names), entries);
  }

 private:
  struct Place {
    std::size_t offset;
    std::size_t size;
    std::uint32_t line;
  };
  std::string text_;
  std::vector<Place> names_;
};

constexpr std::string_view kAllowed = "; allowed: an address, or what stands in front of its @";

// What is wrong with an entry; empty: nothing. `key` is then what the table is to hold, or nullopt: of another domain.
std::string_view read_entry(std::string_view entry, std::string_view domain, std::optional<std::string>& key) {
  if (!base::is_safe_line(entry)) return "the line holds octets that are no text";
  const bool is_all_quoted = entry.size() >= 2 && entry.front() == '"' && entry.back() == '"';
  const std::size_t at = is_all_quoted ? std::string_view::npos : entry.rfind('@');
  const std::string_view local_part = entry.substr(0, at);
  const bool is_quoted = local_part.size() >= 2 && local_part.front() == '"' && local_part.back() == '"';
  if (!is_quoted && local_part.find_first_of(" \t\"<>,;:()[]") != std::string_view::npos) return "not one address";
  std::string text = recipient_key(local_part);
  if (text.empty() || text.size() > kMaxLocalPart) return "nothing, or more than 64 octets, in front of the @";
  if (at == std::string_view::npos) {
    key = std::move(text);
    return {};
  }
  const auto named = parse_domain(entry.substr(at + 1));
  if (!named) return "no domain behind the @";
  if (*named == domain) key = std::move(text);
  return {};
}

}  // namespace

ParsedRecipients parse_recipient_list(std::string_view text, std::string_view domain) {
  ParsedRecipients list;
  Collector collector(text.size());
  std::size_t errors = 0;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::uint32_t line = 1; !text.empty(); ++line) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(whole.size() + 1, text.size()));
    const std::string_view entry = trim(without_comment(whole));
    if (entry.empty()) continue;
    ++list.entries;
    std::optional<std::string> key;
    if (const std::string_view wrong = read_entry(entry, domain, key); !wrong.empty()) {
      list.problems.push_back({line, false, std::string(wrong).append(kAllowed)});
      if (++errors == kMaxListErrors) return list;
    } else if (key && !collector.add(*key, line)) {
      list.problems.push_back({line, false, "the list is too large: its table passes 64 MiB here"});
      return list;
    }
  }
  if (errors != 0) return list;
  if (collector.is_empty()) list.problems.push_back({0, true, "no recipient of this domain: all its mail is refused"});
  list.table = collector.table(list.entries);
  return list;
}

}  // namespace caronte::config
