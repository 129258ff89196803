// The stream behind DATA (RFC 5321 sections 4.1.1.4, 4.5.2, 2.3.8): finds its end, and nothing else ends it but
// CRLF.CRLF. Bare CR and LF are reported, or repaired to CRLF before dots are handled (a repaired line that begins with a
// dot is stuffed). What it lets pass is dot-stuffed as the client sent it, so it goes to the destination as it is; the
// final dot line never does: the caller sends it when everything agrees. Pure: any split into segments gives the same
// stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace caronte::smtpd_proxy {

enum class DataEvent : std::uint8_t {
  none,     // go on: call again with the rest, or with the next segment
  end,      // the final dot line has been taken
  bare_cr,  // refuse mode only: the message must be refused; the parser goes on to find its end if called again
  bare_lf,
};

// Emit `before`, then the first `pass` octets of the input; both together with `skip` octets of it are then done.
struct DataStep {
  std::string_view before;  // static text
  std::size_t pass = 0;
  std::size_t skip = 0;
  DataEvent event = DataEvent::none;
};

class DataParser {
 public:
  explicit DataParser(bool repair) noexcept : repair_(repair) {}

  // One step over `input`. Takes at least one octet (pass + skip) of a non-empty input, or emits `before`.
  [[nodiscard]] DataStep step(std::string_view input) noexcept;

  // Octets of the message so far, line ends as forwarded, stuffing dots not counted (RFC 1870 section 6.1).
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

 private:
  enum class State : std::uint8_t { line_start, dot, dot_cr, text, cr, done };
  State state_ = State::line_start;
  bool repair_;
  std::uint64_t size_ = 0;
};

// Counts the Received: fields of the header (RFC 5321 section 6.3) in the stream that the destination gets; looks no
// further than the first empty line. Pure.
class ReceivedCounter {
 public:
  void feed(std::string_view bytes) noexcept;
  [[nodiscard]] unsigned count() const noexcept { return count_; }
  [[nodiscard]] bool is_header_over() const noexcept { return is_over_; }

 private:
  unsigned count_ = 0;
  unsigned matched_ = 0;     // octets of "received" at the start of this line; kNoMatch once it differs
  bool at_line_start_ = true;
  bool is_over_ = false;
};

}  // namespace caronte::smtpd_proxy
