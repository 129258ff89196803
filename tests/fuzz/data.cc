// The stream behind DATA, differentially: what is forwarded, with the final dot line that the session puts behind it, is one
// message for every reader, strict or lenient, and the same stream however it was cut into segments. What follows the
// client's own CRLF.CRLF is the next command, and nothing before it ever is.
#include "smtpd-proxy/data_parser.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "tests/fuzz/data_readers.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

namespace {

using namespace smtpd_proxy;

struct Outcome {
  std::string forwarded;
  std::vector<DataEvent> events;
  std::size_t taken = 0;
  std::uint64_t size = 0;
  unsigned received = 0;
  bool operator==(const Outcome&) const = default;
};

// `next_size` gives the size of each segment.
template <class NextSize>
Outcome run(std::string_view input, bool repair, NextSize&& next_size) {
  DataParser parser(repair);
  ReceivedCounter counter;
  Outcome outcome;
  bool is_over = false;
  while (!input.empty() && !is_over) {
    const Exact exact(input.substr(0, std::max<std::size_t>(next_size(), 1)));
    std::string_view segment = exact.view();
    input.remove_prefix(segment.size());
    while (!segment.empty() && !is_over) {
      const DataStep step = parser.step(segment);
      CARONTE_EXPECT(step.pass <= segment.size() && step.skip <= segment.size() - step.pass);
      CARONTE_EXPECT(step.pass + step.skip > 0 || !step.before.empty());
      for (const std::string_view piece : {step.before, segment.substr(0, step.pass)}) {
        outcome.forwarded += piece;
        counter.feed(piece);
      }
      outcome.taken += step.pass + step.skip;
      segment.remove_prefix(step.pass + step.skip);
      if (step.event != DataEvent::none) outcome.events.push_back(step.event);
      is_over = step.event == DataEvent::end;
    }
  }
  outcome.size = parser.size();
  outcome.received = counter.count();
  return outcome;
}

// A CR at the end may still get its LF.
bool has_bare_line_end(std::string_view stream) {
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (stream[i] == '\n' && (i == 0 || stream[i - 1] != '\r')) return true;
    if (stream[i] == '\r' && i + 1 < stream.size() && stream[i + 1] != '\n') return true;
  }
  return false;
}

}  // namespace

void run_data(std::string_view bytes) {
  Input input(bytes);
  const bool repair = (input.octet() & 1U) != 0;
  unsigned seed = input.two_octets();
  const std::string_view stream = input.rest();
  const Outcome whole = run(stream, repair, [&] { return stream.size(); });
  const bool is_over = !whole.events.empty() && whole.events.back() == DataEvent::end;
  const bool is_refused = !whole.events.empty() && whole.events.front() != DataEvent::end;
  CARONTE_EXPECT(!(repair && is_refused) && whole.events.size() <= 2);
  // The end is where a strict reader of the client's octets sees it.
  const std::size_t strict_end = end_of_data(stream, kReaders[0]);
  CARONTE_EXPECT(is_over == (strict_end != std::string_view::npos) && (!is_over || whole.taken == strict_end));
  CARONTE_EXPECT(is_over || whole.taken == stream.size());
  CARONTE_EXPECT(!has_bare_line_end(whole.forwarded));
  // Of a refused message the session ends the connection: no final dot line follows.
  check_readers(is_over && !is_refused ? whole.forwarded + ".\r\n" : whole.forwarded, is_over && !is_refused);

  CARONTE_EXPECT(run(stream, repair, [] { return 1U; }) == whole);
  CARONTE_EXPECT(run(stream, repair, [&] { return (seed = seed * 1103515245U + 12345U) >> 16U & 15U; }) == whole);
  // Every place for one cut where there are few, else some.
  const std::size_t stride = stream.size() <= 32 ? 1 : 1 + stream.size() / 4;
  for (std::size_t cut = 1 + seed % stride; cut < stream.size(); cut += stride) {
    bool is_first = true;
    CARONTE_EXPECT(run(stream, repair, [&] { return std::exchange(is_first, false) ? cut : stream.size(); }) == whole);
  }
}

}  // namespace caronte::fuzz
