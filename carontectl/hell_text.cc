#include "carontectl/hell_text.h"

#include <algorithm>

#include "base/address_parser.h"
#include "base/prefix_tree.h"
#include "base/quoting.h"
#include "base/time_parser.h"
#include "carontectl/status.h"
#include "config/value_parser.h"

namespace caronte::carontectl {

namespace {

using std::chrono::seconds;

constexpr std::string_view kBlank = " \t\r";

// The first word, taken off `rest` with the blanks around it.
std::string_view take_word(std::string_view& rest) noexcept {
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size()));
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlank));
  rest.remove_prefix(word.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size()));
  return word;
}

std::string quoted(std::string_view text) {
  return "'" + base::quote_visible(text, 100) + "'";
}

bool is_visible(char c) noexcept {
  return c >= ' ' && c <= '~';
}

// As it is; policyd takes nothing else, and a terminal shall not suffer if it did.
std::string visible(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return !is_visible(c); }, '?');
  return out;
}

// "2026-11-22T20:57:18Z"
std::string time_text(std::int64_t unix_time) {
  std::string text = base::format_rfc3339(base::WallTime(seconds(unix_time)));
  return text.replace(text.find('.'), 4, "");
}

std::string padded(std::string text, std::size_t width) {
  text.append(width > text.size() ? width - text.size() : 1, ' ');
  return text;
}

std::string table_line(std::string_view address, std::string_view source, std::string_view left, std::string_view offences,
                       std::string_view since, std::string_view reason) {
  std::string line = padded(std::string(address), 24) + padded(std::string(source), 8) + padded(std::string(left), 12) +
                     padded(std::string(offences), 10) + padded(std::string(since), 22) + std::string(reason);
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

base::Result<std::int64_t> parse_hell_time(std::string_view text, base::WallTime now) {
  if (const auto duration = config::parse_duration(text)) return std::int64_t{std::chrono::ceil<seconds>(*duration).count()};
  if (const auto point = base::parse_rfc3339(text)) {
    const std::int64_t left = std::chrono::ceil<seconds>(*point - now).count();
    return left == 0 ? -1 : left;
  }
  return base::Error{0, quoted(text) + " is no time; allowed: 90s, 5m, 24h, 36d, 0 (for ever), 2026-11-22T20:57:18Z"};
}

base::Result<std::vector<ipc::HellItem>> parse_hell_address(std::string_view text) {
  const auto range = base::parse_address_range(text);
  if (!range) {
    return base::Error{0, quoted(text) +
                              " is no address, network or range; allowed: 192.0.2.1, 192.0.2.0/24 (host bits zero), "
                              "192.0.2.0/255.255.255.0, 192.0.2.1-50, 192.0.2.1-192.0.3.20, 192.0.2.*, 2001:db8::/32"};
  }
  std::vector<ipc::HellItem> items;
  for (const base::Prefix& prefix : base::split_into_prefixes(*range)) items.push_back({.prefix = prefix, .reason = {}});
  return items;
}

bool is_hell_reason(std::string_view text) noexcept {
  return text.size() <= decltype(ipc::HellItem::reason)::kMax && !text.starts_with('#') &&
         std::all_of(text.begin(), text.end(), is_visible);
}

base::Result<HellLine> parse_hell_line(std::string_view line, base::WallTime now) {
  HellLine result;
  const std::string_view address = take_word(line);
  if (address.empty() || address.starts_with('#')) return result;
  auto items = parse_hell_address(address);
  if (!items) return items.error();
  std::int64_t time = ipc::HellItem::kUsualTime;
  if (const std::string_view word = take_word(line); !word.empty() && !word.starts_with('#')) {
    const auto parsed = parse_hell_time(word, now);
    if (!parsed) return parsed.error();
    time = parsed.value();
    result.is_over = time < 0;
  } else {
    line = {};
  }
  if (result.is_over) return result;
  if (line.starts_with('#')) line = {};
  const std::string_view reason = line.substr(0, line.find_last_not_of(kBlank) + 1);
  if (!is_hell_reason(reason)) return base::Error{0, "a reason is at most 64 characters of ASCII and begins with no #"};
  result.items = std::move(items).value();
  for (ipc::HellItem& item : result.items) {
    item.seconds = time;
    item.reason = reason;
  }
  return result;
}

std::string export_hell_line(const ipc::HellEntry& entry) {
  std::string line = entry.prefix.text() + ' ' + (entry.expires == 0 ? "0" : time_text(entry.expires));
  if (!entry.reason.empty()) line += ' ' + visible(entry.reason);
  return line;
}

std::string hell_table_head() {
  return table_line("address", "source", "left", "offences", "since", "reason");
}

std::string hell_table_line(const ipc::HellEntry& entry, base::WallTime now) {
  const auto left = entry.expires - std::chrono::floor<seconds>(now).time_since_epoch().count();
  return table_line(entry.prefix.text(), ipc::name_of(entry.source),
                    entry.expires == 0 ? "for ever" : duration_text(static_cast<std::uint64_t>(std::max<std::int64_t>(left, 0))),
                    std::to_string(entry.offences), time_text(entry.since), visible(entry.reason));
}

}  // namespace caronte::carontectl
