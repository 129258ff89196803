#include "smtpd-proxy/data_parser.h"

#include "smtpd-proxy/ascii.h"

namespace caronte::smtpd_proxy {

namespace {

constexpr std::size_t kBlockBytes = 128;  // constant, so that compilers vectorise is_plain()
constexpr std::string_view kReceived = "received";
constexpr unsigned kNoMatch = ~0U;

// Nothing in the block at `octets` needs a closer look: each LF stands behind a CR, no CR stands alone, no line begins with a
// dot or NUL. Looks at the octet before the block too; a CR at its end is left to the next one.
bool is_plain(const char* octets) noexcept {
  unsigned char odd = 0;
  const char* previous = octets - 1;
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    const auto is_bare = static_cast<unsigned char>((octets[i] == '\n') ^ (previous[i] == '\r'));
    const auto is_odd_start = static_cast<unsigned char>(((octets[i] == '.') | (octets[i] == '\0')) & (previous[i] == '\n'));
    odd = static_cast<unsigned char>(odd | is_bare | is_odd_start);
  }
  return odd == 0;
}

}  // namespace

DataStep DataParser::step(std::string_view input) noexcept {
  if (state_ == State::done) return {.event = DataEvent::end};
  if (input.empty()) return {};
  const bool was_refused = refused_;
  DataStep step = state_ == State::dot || state_ == State::dot_cr ? at_dot(input) : scan(input, {});
  if (was_refused) {
    step.before = {};
    step.skip += step.pass;
    step.pass = 0;
  }
  return step;
}

// A dot at the start of a line is withheld until it is clear that it is not the final one.
DataStep DataParser::at_dot(std::string_view input) noexcept {
  const char octet = input[0];
  if (state_ == State::dot_cr) {
    if (octet == '\n') {
      state_ = State::done;
      return {.skip = 1, .event = DataEvent::end};
    }
    if (!repair_) return refuse(DataEvent::bare_cr, {.skip = 1}, octet);
    state_ = State::repaired_start;
    size_ += 3;
    return {.before = "..\r\n"};
  }
  if (octet == '\r') {
    state_ = State::dot_cr;
    return {.skip = 1};
  }
  if (octet == '\n') {
    if (!repair_) return refuse(DataEvent::bare_lf, {.skip = 1}, octet);
    state_ = State::repaired_start;
    size_ += 3;
    return {.before = "..\r", .pass = 1};
  }
  if (octet == '\0') {
    if (!repair_) return refuse(DataEvent::nul, {.skip = 1}, octet);
    state_ = State::text;
    size_ += 1;
    return {.before = "..", .skip = 1};
  }
  state_ = State::text;
  return scan(input, ".");
}

// What the first octet of `rest` is. Moves the state on, except for what scan() must turn to first.
DataParser::Find DataParser::look(std::string_view rest) noexcept {
  const char octet = rest[0];
  if (state_ == State::cr) {
    if (octet != '\n') return Find::bare_cr;
    state_ = State::line_start;
    return Find::nothing;
  }
  if (octet == '\n') return Find::bare_lf;
  const bool is_start = state_ == State::line_start || state_ == State::repaired_start;
  if (octet == '\0' && is_start) return Find::nul;
  if (octet == '.' && state_ == State::repaired_start) return Find::repaired_dot;
  if (octet == '.' && state_ == State::line_start) {
    const bool is_stuffing = rest.size() >= 2 && rest[1] != '\r' && rest[1] != '\n' && rest[1] != '\0';
    state_ = is_stuffing ? State::text : State::dot;
    return is_stuffing ? Find::stuffing_dot : Find::first_dot;
  }
  state_ = octet == '\r' ? State::cr : State::text;
  return Find::nothing;
}

// `before`: nothing, or the withheld dot. A repair is a step of its own, for it goes in front of what passes.
DataStep DataParser::scan(std::string_view input, std::string_view before) noexcept {
  std::size_t stuffing_dots = 0;
  std::size_t next_block = 1;  // is_plain() wants an octet in front, and is not asked twice about the same ones
  std::size_t at = 0;
  const auto pass_and_skip = [&](std::size_t skip) {
    if (!refused_) size_ += at - stuffing_dots;
    return DataStep{before, at, skip, DataEvent::none};
  };
  while (at < input.size()) {
    if (at >= next_block && input.size() - at >= kBlockBytes) {
      next_block = at + kBlockBytes;
      if (is_plain(input.data() + at)) {
        at = next_block;
        const char last = input[at - 1];
        state_ = last == '\r' ? State::cr : last == '\n' ? State::line_start : State::text;
        continue;
      }
    }
    const Find find = look(input.substr(at));
    if (find == Find::first_dot) return pass_and_skip(1);
    if (find == Find::stuffing_dot) ++stuffing_dots;
    if (find == Find::nothing || find == Find::stuffing_dot) {
      ++at;
    } else if (repair_) {
      return at == 0 && before.empty() ? repair(find) : pass_and_skip(0);
    } else {
      const DataEvent event = find == Find::bare_cr   ? DataEvent::bare_cr
                              : find == Find::bare_lf ? DataEvent::bare_lf
                                                      : DataEvent::nul;
      return refuse(event, pass_and_skip(1), input[at]);
    }
  }
  return pass_and_skip(0);
}

// Puts right what stands at the front of the input: a CR that has passed and is not followed by LF, a LF without CR, a NUL
// that begins a line, a dot that the repair made the first of its line.
DataStep DataParser::repair(Find find) noexcept {
  if (find == Find::repaired_dot) {
    state_ = State::text;
    size_ += 1;
    return {.before = ".", .pass = 1};
  }
  state_ = State::repaired_start;
  if (find == Find::nul) return {.skip = 1};
  size_ += find == Find::bare_cr ? 1 : 2;
  if (find == Find::bare_cr) return {.before = "\n"};
  return {.before = "\r", .pass = 1};
}

// `octet`, behind what passes, showed that the message must be refused, and is skipped.
DataStep DataParser::refuse(DataEvent event, DataStep step, char octet) noexcept {
  state_ = octet == '\r' ? State::cr : State::text;
  if (!refused_) step.event = event;
  refused_ = true;
  return step;
}

void ReceivedCounter::feed(std::string_view bytes) noexcept {
  while (!bytes.empty() && !is_over_) {
    if (matched_ == kNoMatch) {
      const std::size_t line_end = bytes.find('\n');
      if (line_end == std::string_view::npos) return;
      bytes.remove_prefix(line_end);
    }
    take(bytes[0]);
    bytes.remove_prefix(1);
  }
}

void ReceivedCounter::take(char octet) noexcept {
  const bool is_line_start = matched_ == 0 && !is_stuffed_;
  if (is_line_start && (octet == '\r' || octet == '\n')) {
    is_over_ = true;
  } else if (octet == '\n') {
    matched_ = 0;
    is_stuffed_ = false;
  } else if (is_line_start && octet == '.') {
    is_stuffed_ = true;
  } else if (matched_ < kReceived.size()) {
    matched_ = to_lower(octet) == kReceived[matched_] ? matched_ + 1 : kNoMatch;
  } else if (!is_blank(octet)) {
    if (octet == ':') ++count_;
    matched_ = kNoMatch;
  }
}

}  // namespace caronte::smtpd_proxy
