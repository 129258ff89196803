#include "data_decoder.h"

namespace caronte::sink {

std::size_t DataDecoder::feed(std::string_view input, std::string& out) {
  std::size_t used = 0;
  while (used < input.size() && state_ != State::over) {
    if (state_ == State::text) {
      // Most of a message: whole runs between line ends.
      const std::size_t run = std::min(input.find_first_of("\r\n", used), input.size()) - used;
      out.append(input, used, run);
      used += run;
      if (used == input.size()) break;
    }
    take(input[used], out);
    ++used;
  }
  return used;
}

void DataDecoder::take(char c, std::string& out) {
  if (state_ == State::line_start && c == '.') {
    state_ = State::dot;  // a stuffing dot or the end: not part of the message either way
    return;
  }
  if (state_ == State::dot && c == '\r') {
    state_ = State::dot_cr;
    return;
  }
  if (state_ == State::dot_cr) {
    if (c == '\n') {
      state_ = State::over;
      return;
    }
    out += '\r';  // ".\r" that ends nothing: the dot was stuffing, the CR is the line's
    ++bare_line_ends_;
    state_ = State::text;
  }
  if (state_ == State::cr && c != '\n') ++bare_line_ends_;
  if (state_ != State::cr && c == '\n') ++bare_line_ends_;
  out += c;
  if (c == '\r') {
    state_ = State::cr;
  } else {
    state_ = state_ == State::cr && c == '\n' ? State::line_start : State::text;
  }
}

}  // namespace caronte::sink
