// Replies of the destination (RFC 5321 section 4.2). The destination may be hostile or broken: limits are passed in.
// Pure: no I/O, no policy; views point into the bytes given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace caronte::smtpd_proxy {

struct ReplyLimits {
  std::size_t line_bytes = 1024;  // with the line end; RFC 5321 4.5.3.1.5 says 512, the field has longer ones
  std::size_t lines = 100;
};

enum class Parsed : std::uint8_t { complete, need_more, malformed };

struct Reply {
  Parsed parsed = Parsed::need_more;
  std::size_t size = 0;         // octets of the whole reply, line ends included (complete only)
  std::uint16_t code = 0;       // 200 to 599
  std::string_view bytes = {};  // the whole reply as received: what is passed on word for word
  std::string_view why = {};    // malformed only: for the log
};

// The first reply in `bytes`. Malformed: no three digits from 200 to 599; neither blank, hyphen nor line end behind them;
// codes that differ between lines; a control character (TAB excepted), NUL, or a bare CR or LF inside; a line or the
// number of lines over the limit. A line may end by CRLF only. Judged as early as the octets show it; octets above 127 are
// taken, for old servers answer in Latin-1. Scans from the front at each call: the limits bound that.
[[nodiscard]] Reply parse_reply(std::string_view bytes, const ReplyLimits& limits = {}) noexcept;

// Takes the lines off a complete reply, one a call: the text behind "250-" or "250 ", without line end. False: no more.
[[nodiscard]] bool next_line(std::string_view& reply_bytes, std::string_view& text) noexcept;

}  // namespace caronte::smtpd_proxy
