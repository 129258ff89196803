#include "carontectl/log_filter.h"

#include <algorithm>

#include "base/address_parser.h"
#include "base/quoting.h"
#include "base/reference.h"
#include "base/time_parser.h"
#include "ipc/schema.h"

namespace caronte::carontectl {

namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool equal_letters(char a, char b) noexcept {
  return lower(a) == lower(b);
}

// `value` as it stands in the log, quoted; ASCII letters of any case are the same.
bool matches_mailbox(std::string_view value, const std::string& wanted, bool is_exact) {
  const std::string plain = base::unquote_visible(value);
  if (is_exact) return std::equal(plain.begin(), plain.end(), wanted.begin(), wanted.end(), equal_letters);
  return std::search(plain.begin(), plain.end(), wanted.begin(), wanted.end(), equal_letters) != plain.end();
}

bool has_sender(const wrap::XmlElement& record, const std::string& wanted, bool is_exact) {
  for (const wrap::XmlElement& message : record.children()) {
    if (message.name() == "message" && matches_mailbox(attribute_of(message, "sender"), wanted, is_exact)) return true;
  }
  return false;
}

bool has_recipient(const wrap::XmlElement& record, const std::string& wanted, bool is_exact) {
  for (const wrap::XmlElement& message : record.children()) {
    if (message.name() != "message") continue;
    for (const wrap::XmlElement& recipient : message.children()) {
      if (recipient.name() == "recipient" && matches_mailbox(attribute_of(recipient, "address"), wanted, is_exact)) return true;
    }
  }
  return false;
}

}  // namespace

std::string_view attribute_of(const wrap::XmlElement& element, std::string_view name) {
  for (const wrap::XmlAttribute& attribute : element.attributes()) {
    if (attribute.name == name) return attribute.value;
  }
  return {};
}

std::optional<base::WallTime> parse_time_point(std::string_view text, base::WallTime now) noexcept {
  if (const auto time = base::parse_rfc3339(text)) return time;
  if (const auto day = base::parse_rfc3339(std::string(text) + "T00:00:00Z")) return day;
  if (text.size() < 2) return std::nullopt;
  const auto count = base::parse_number(text.substr(0, text.size() - 1), 1'000'000'000);
  if (!count) return std::nullopt;
  const auto number = static_cast<std::int64_t>(*count);
  switch (text.back()) {
    case 's': return now - std::chrono::seconds(number);
    case 'm': return now - std::chrono::minutes(number);
    case 'h': return number <= 10'000'000 ? std::optional(now - std::chrono::hours(number)) : std::nullopt;
    case 'd': return number <= 100'000 ? std::optional(now - std::chrono::hours(24 * number)) : std::nullopt;
    default: return std::nullopt;
  }
}

base::Status LogFilter::add_address(std::string_view text) {
  const auto range = base::parse_address_range(text);
  if (!range) {
    return base::Error{0, "'" + base::quote_visible(text, 100) +
                              "' is no address, network or range, such as 192.0.2.1, 2001:db8::/32, 192.0.2.1-50"};
  }
  addresses.push_back(*range);
  return base::Done{};
}

base::Status LogFilter::add_outcomes(std::string_view text) {
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view name = text.substr(0, comma);
    std::string known;
    bool is_known = false;
    for (unsigned i = 0; i < static_cast<unsigned>(ipc::Outcome::kCount); ++i) {
      const std::string_view outcome = ipc::name_of(static_cast<ipc::Outcome>(i));
      known += (known.empty() ? "" : ", ") + std::string(outcome);
      is_known = is_known || outcome == name;
    }
    if (!is_known) return base::Error{0, "there is no outcome '" + base::quote_visible(name, 100) + "', but: " + known};
    outcomes.emplace_back(name);
    if (comma == text.size()) return base::Done{};
    text.remove_prefix(comma + 1);
  }
}

base::Status LogFilter::set_reference(std::string_view text) {
  std::string_view plain = text;
  if (plain.starts_with('[')) plain.remove_prefix(1);
  if (plain.ends_with(']')) plain.remove_suffix(1);
  const auto session = base::parse_reference(plain);
  if (!session) {
    return base::Error{0, "'" + base::quote_visible(text, 100) + "' is no reference, which has " +
                              std::to_string(base::kReferenceBytes) + " letters and digits"};
  }
  reference = base::reference_text(*session);
  return base::Done{};
}

bool LogFilter::is_about_sessions() const noexcept {
  return !addresses.empty() || sender || recipient || !outcomes.empty() || !reference.empty();
}

bool LogFilter::may_match(std::string_view line) const noexcept {
  if (is_about_sessions() && !line.starts_with("<session ")) return false;
  return line.find(reference) != std::string_view::npos;
}

bool LogFilter::matches(const wrap::XmlElement& record) const {
  if (since || until) {
    const auto time = base::parse_rfc3339(attribute_of(record, "time"));
    if (!time || (since && *time < *since) || (until && *time >= *until)) return false;
  }
  if (!is_about_sessions()) return true;
  if (record.name() != "session") return false;
  if (!reference.empty() && attribute_of(record, "reference") != reference) return false;
  if (!outcomes.empty() && std::find(outcomes.begin(), outcomes.end(), attribute_of(record, "outcome")) == outcomes.end())
    return false;
  if (!addresses.empty()) {
    const auto client = base::parse_address(attribute_of(record, "client"));
    const auto holds = [&](const base::AddressRange& range) {
      return client && range.first <= *client && *client <= range.last && client->is_v4() == range.first.is_v4();
    };
    if (std::none_of(addresses.begin(), addresses.end(), holds)) return false;
  }
  if (sender && !has_sender(record, *sender, is_exact)) return false;
  return !recipient || has_recipient(record, *recipient, is_exact);
}

}  // namespace caronte::carontectl
