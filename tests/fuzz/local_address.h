// What plainly is an address of ours, and nobody can read as anybody else's.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "smtpd-proxy/ascii.h"

namespace caronte::fuzz {

// The relay guard's rules once more, by another way: of the whole text. Local domains are example.org and b.example.
inline bool is_plainly_local(std::string_view text) {
  if (smtpd_proxy::is_same_word(text, "postmaster")) return true;
  if (std::count(text.begin(), text.end(), '@') != 1 || text.find_first_of("%!\\:") != std::string_view::npos) return false;
  const std::size_t at = text.find('@');
  if (!smtpd_proxy::is_same_word(text.substr(at + 1), "example.org") &&
      !smtpd_proxy::is_same_word(text.substr(at + 1), "b.example"))
    return false;
  const std::size_t first = text.find_first_not_of('"');
  if (std::string_view("/|- @").find(text[first]) != std::string_view::npos) return false;
  static constexpr std::array<std::string_view, 6> kLookalikes{"\uFF20", "\uFE6B", "\uFF05", "\uFE6A", "\uFF01", "\uFE57"};
  return std::none_of(kLookalikes.begin(), kLookalikes.end(),
                      [&](std::string_view c) { return text.find(c) != std::string_view::npos; });
}

}  // namespace caronte::fuzz
