// The stream behind DATA (RFC 5321 sections 4.1.1.4, 4.5.2, 2.3.8): finds its end, and nothing else ends it but
// CRLF.CRLF. Bare CR and LF are reported, or repaired to CRLF before dots are handled (a repaired line that begins with a
// dot is stuffed). What it lets pass is dot-stuffed as the client sent it, so it goes to the destination as it is; the
// final dot line never does: the caller sends it when everything agrees. Pure: any split into segments gives the same
// stream.
//
// Decided here: each bare CR or LF makes one line end (CR CR LF makes two); a line of a single dot that a bare CR or LF
// ends becomes "..", for passed as it is it would end the message; in refuse mode only the first anomaly is reported and
// nothing passes from there on, so that no reader behind can take it otherwise; a NUL at the start of a line, or right behind
// the dot there, is an anomaly too, for a reader that drops NUL, or stops at it, would see a line of a single dot (repaired, it
// is dropped and the dot is stuffed); elsewhere it is passed like any octet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace caronte::smtpd_proxy {

enum class DataEvent : std::uint8_t {
  none,     // go on: call again with the rest, or with the next segment
  end,      // the final dot line has been taken
  bare_cr,  // refuse mode only, once: the message must be refused; the parser goes on to find its end if called again
  bare_lf,
  nul,  // likewise: at the start of a line
};

// Emit `before`, then the first `pass` octets of the input; both together with `skip` octets of it are then done.
struct DataStep {
  std::string_view before = {};  // static text
  std::size_t pass = 0;
  std::size_t skip = 0;
  DataEvent event = DataEvent::none;
};

class DataParser {
 public:
  explicit DataParser(bool repair) noexcept : repair_(repair) {}

  // One step over `input`. Takes at least one octet (pass + skip) of a non-empty input, or emits `before`. Behind the end
  // it takes nothing and says `end` again: what follows is the next command.
  [[nodiscard]] DataStep step(std::string_view input) noexcept;

  // Octets of the message so far, line ends as forwarded, stuffing dots not counted (RFC 1870 section 6.1). Stands still
  // once the message is to be refused.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

 private:
  // What came before the next octet: CRLF (or nothing), a repaired line end (or a dropped NUL there), CRLF and a dot that is still
  // withheld, the same and a CR, anything else, a CR, the end.
  enum class State : std::uint8_t { line_start, repaired_start, dot, dot_cr, text, cr, done };

  enum class Find : std::uint8_t { nothing, stuffing_dot, first_dot, repaired_dot, bare_cr, bare_lf, nul };

  [[nodiscard]] Find look(std::string_view rest) noexcept;
  [[nodiscard]] DataStep at_dot(std::string_view input) noexcept;
  [[nodiscard]] DataStep scan(std::string_view input, std::string_view before) noexcept;
  [[nodiscard]] DataStep repair(Find find) noexcept;
  [[nodiscard]] DataStep refuse(DataEvent event, DataStep step, char octet) noexcept;

  State state_ = State::line_start;
  bool repair_;
  bool refused_ = false;
  std::uint64_t size_ = 0;
};

// Counts the Received: fields of the header (RFC 5321 section 6.3) in the stream that the destination gets, also one that
// is dot-stuffed or written with blanks before its colon (RFC 5322 section 4.5); looks no further than the first empty
// line. Pure.
class ReceivedCounter {
 public:
  void feed(std::string_view bytes) noexcept;
  [[nodiscard]] unsigned count() const noexcept { return count_; }
  [[nodiscard]] bool is_header_over() const noexcept { return is_over_; }

 private:
  void take(char octet) noexcept;

  unsigned count_ = 0;
  unsigned matched_ = 0;     // octets of "received" at the start of this line; kNoMatch once it differs
  bool is_stuffed_ = false;  // the line so far is its stuffing dot
  bool is_over_ = false;
};

}  // namespace caronte::smtpd_proxy
