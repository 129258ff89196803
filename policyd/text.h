// Addresses as keys: without regard to the case of ASCII letters, and without locale.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace caronte::policyd {

[[nodiscard]] inline std::string lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

// What stands behind the last '@'; empty: there is none.
[[nodiscard]] inline std::string_view domain_of(std::string_view address) noexcept {
  const std::size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

}  // namespace caronte::policyd
