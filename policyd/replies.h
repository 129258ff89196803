// The texts with which the checks refuse (AG-12 to AG-14). Whole reply lines without CRLF. Pure: the same session always
// reads the same text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/configuration.h"

namespace caronte::policyd {

// As long as a reply line may be (RFC 5321 section 4.5.3.1.5), without CRLF.
inline constexpr std::size_t kMaxReplyBytes = 510;

// 5xx. With `text`: "550 CODE TEXT". Else a made-up text if <replies bogus>, without code of ours and reference; else that
// of <replies refused>, with `code` put in front of its words unless it is empty or the text brings one of its own.
// The reference of the session stands at the end, in brackets, if <replies reference> wants it and there is room.
[[nodiscard]] std::string refusal(const config::Replies& replies, std::string_view code, std::string_view text,
                                  std::uint64_t session);

// 451 4.7.1, or 421 4.7.1 where the greeting is due.
[[nodiscard]] std::string deferral(const config::Replies& replies, bool is_greeting, std::uint64_t session);

// AG-13: what stands behind the code 550.
[[nodiscard]] std::span<const std::string_view> bogus_texts() noexcept;

}  // namespace caronte::policyd
