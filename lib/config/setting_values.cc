// Checking and storing of one value by its row, and the row's allowed values in words.
#include <algorithm>
#include <type_traits>

#include "base/address_parser.h"
#include "base/quoting.h"
#include "config/settings.h"
#include "config/value_parser.h"

namespace caronte::config {

namespace {

std::string join(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

std::string range_text(const Setting& setting, std::string (*format)(std::uint64_t)) {
  return "from " + format(setting.minimum) + " to " + format(setting.maximum) + (setting.zero_is_off ? ", or 0 (off)" : "");
}

std::string format_count(std::uint64_t value) {
  return std::to_string(value);
}
std::string format_time(std::uint64_t value) {
  return format_duration(milliseconds(static_cast<std::int64_t>(value)));
}

bool is_in_range(const Setting& setting, std::uint64_t value) noexcept {
  return (value >= setting.minimum && value <= setting.maximum) || (value == 0 && setting.zero_is_off);
}

bool is_group_name(std::string_view text) noexcept {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return text.empty() || (text[0] != '-' && std::all_of(text.begin(), text.end(), is_plain));
}

// Puts a value where the slot says; the table's tests walk every row, so a slot of another type cannot stay unnoticed.
template <class T>
bool put(const Setting& setting, Here& here, T value) {
  bool is_stored = false;
  std::visit(
      [&](auto where) {
        if constexpr (std::is_same_v<decltype(where), Accessor<T>>) {
          where(here) = std::move(value);
          is_stored = true;
        }
      },
      setting.slot);
  return is_stored;
}

bool put_number(const Setting& setting, Here& here, std::uint64_t value) {
  return put(setting, here, static_cast<std::uint32_t>(value)) || put(setting, here, static_cast<std::uint16_t>(value)) ||
         put(setting, here, static_cast<std::int32_t>(value)) || put(setting, here, value);
}

bool put_word(const Setting& setting, Here& here, std::string_view value) {
  const auto found = std::find(setting.words.begin(), setting.words.end(), value);
  if (found == setting.words.end()) return false;
  const auto index = found - setting.words.begin();
  return std::holds_alternative<std::monostate>(setting.slot) || put(setting, here, static_cast<BareLineEndings>(index)) ||
         put(setting, here, static_cast<ipc::LogLevel>(index)) || put(setting, here, static_cast<Action>(index));
}

bool is_stored_as(const Setting& setting, std::string_view value, std::string_view folder, Here& here) {
  switch (setting.type) {
    case Type::duration: {
      const auto parsed = parse_duration(value);
      return parsed && is_in_range(setting, static_cast<std::uint64_t>(parsed->count())) && put(setting, here, *parsed);
    }
    case Type::size: {
      const auto parsed = parse_size(value);
      return parsed && is_in_range(setting, *parsed) && put_number(setting, here, *parsed);
    }
    case Type::count_or_auto:
      if (value == "auto") return put_number(setting, here, 0);
      [[fallthrough]];
    case Type::count:
    case Type::port: {
      const auto parsed = base::parse_number(value, setting.maximum);
      return parsed && is_in_range(setting, *parsed) && put_number(setting, here, *parsed);
    }
    case Type::yes_no: return (value == "yes" || value == "no") && put(setting, here, value == "yes");
    case Type::word: return put_word(setting, here, value);
    case Type::host_name: {
      const auto parsed = parse_domain(value);
      if (value.empty()) return put(setting, here, std::string());
      return parsed && base::is_host_name(value) && put(setting, here, *parsed);
    }
    case Type::domain: {
      const auto parsed = parse_domain(value);
      return parsed && put(setting, here, *parsed);
    }
    case Type::group: return value.size() <= setting.maximum && is_group_name(value) && put(setting, here, std::string(value));
    case Type::reply:
      return value.size() <= setting.maximum && base::is_safe_line(value) && is_reply(value, setting.words.front()) &&
             put(setting, here, std::string(value));
    case Type::address: {
      const auto parsed = base::parse_address(value);
      return parsed && put(setting, here, *parsed);
    }
    case Type::ranges: {
      auto parsed = parse_ranges(value, setting.maximum);
      return parsed && put(setting, here, std::move(*parsed));
    }
    case Type::resolvers: {
      auto parsed = parse_resolvers(value, setting.maximum);
      return parsed && put(setting, here, std::move(*parsed));
    }
    case Type::characters: {
      const auto parsed = parse_characters(value);
      return parsed && put(setting, here, *parsed);
    }
    case Type::folder: {
      auto parsed = parse_folder(value, folder);
      return parsed && parsed->size() <= setting.maximum && put(setting, here, std::move(*parsed));
    }
    case Type::list:
      if (value.empty()) return setting.initial == "";
      if (value.size() > setting.maximum || !is_path_beneath(value)) return false;
      (void)put(setting, here, true);  // where the slot tells whether there is one
      return true;
  }
  return false;
}

}  // namespace

std::string allowed_values(const Setting& setting) {
  switch (setting.type) {
    case Type::duration: return "a time (ms, s, m, h, d) " + range_text(setting, format_time);
    case Type::size: return "a size (K, M, G) " + range_text(setting, format_size);
    case Type::count:
    case Type::port: return "a number " + range_text(setting, format_count);
    case Type::count_or_auto: return "auto, or a number " + range_text(setting, format_count);
    case Type::yes_no: return "yes or no";
    case Type::word: return setting.words.size() == 1 ? std::string(setting.words.front()) : "one of " + join(setting.words);
    case Type::host_name: return "a full host name, or empty";
    case Type::domain: return "a domain name (non-ASCII ones as xn--...)";
    case Type::group: return "the name of a group, or empty";
    case Type::reply:
      return "a reply line of at most " + std::to_string(setting.maximum) + " octets that begins with " +
             (setting.words.front() == "5" ? "a code of 5xx" : std::string(setting.words.front())) +
             " and a blank; an enhanced code must be of the same class";
    case Type::address: return "an IPv4 or IPv6 address";
    case Type::ranges: return "up to " + std::to_string(setting.maximum) + " addresses, networks or ranges, separated by blanks";
    case Type::resolvers:
      return "up to " + std::to_string(setting.maximum) + " addresses, each with @port if it is not 53, separated by blanks";
    case Type::characters: return "ASCII characters and ranges of letters or digits, as in A-Za-z0-9._-; a hyphen stands last";
    case Type::folder:
      return "a folder, absolute or beneath that of the configuration file, without \"..\", of at most " +
             std::to_string(setting.maximum) + " octets";
    case Type::list:
      return std::string("a file beneath the folder of the configuration file, without \"..\"") +
             (setting.initial ? "; or empty" : "");
  }
  return {};
}

std::optional<std::string> store_value(const Setting& setting, std::string_view value, std::string_view folder, Here& here) {
  if (is_stored_as(setting, value, folder, here)) return std::nullopt;
  return "\"" + base::quote_visible(value, 80) + "\" is not allowed";
}

}  // namespace caronte::config
