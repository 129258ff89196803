// The stream behind DATA, decoded (RFC 5321 sections 4.1.1.4 and 4.5.2). Written anew for the sink and shared with nothing,
// so that the gateway's own parser is judged by another one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace caronte::sink {

class DataDecoder {
 public:
  // Appends the message's octets, stuffing dots removed, to `out`; returns how many octets of `input` were used: all of
  // them, or up to and with the final dot line. Bare CR and LF are kept as they are, and counted.
  std::size_t feed(std::string_view input, std::string& out);
  [[nodiscard]] bool is_over() const noexcept { return state_ == State::over; }
  [[nodiscard]] std::uint32_t bare_line_ends() const noexcept { return bare_line_ends_; }

 private:
  enum class State : std::uint8_t { line_start, dot, dot_cr, text, cr, over };
  void take(char c, std::string& out);
  State state_ = State::line_start;
  std::uint32_t bare_line_ends_ = 0;
};

}  // namespace caronte::sink
