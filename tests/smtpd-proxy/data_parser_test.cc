#include "smtpd-proxy/data_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdint>
#include <string>
#include <vector>

namespace caronte::smtpd_proxy {

namespace {

using namespace std::string_literals;

struct Outcome {
  std::string output;
  std::vector<DataEvent> events;
  std::size_t taken = 0;  // octets up to the end
  std::uint64_t size = 0;
  unsigned steps = 0;
  bool operator==(const Outcome& o) const { return output == o.output && events == o.events && taken == o.taken && size == o.size; }
};

// CPPUNIT_ASSERT composes its message also when all is well: too dear for millions of strings.
void require(bool is_true) {
  if (!is_true) CPPUNIT_FAIL("see the caller");
}

// Gives the input in segments that end behind each octet i for which bit i of `splits` is set.
Outcome run(const std::string& input, bool repair, std::uint64_t splits = 0) {
  DataParser parser(repair);
  Outcome outcome;
  bool is_over = false;
  for (std::size_t at = 0; at < input.size() && !is_over;) {
    std::size_t end = at + 1;
    while (end < input.size() && (end > 64 || ((splits >> (end - 1)) & 1U) == 0)) ++end;
    std::string_view segment = std::string_view(input).substr(at, end - at);
    at = end;
    while (!segment.empty() && !is_over) {
      const DataStep step = parser.step(segment);
      ++outcome.steps;
      require((step.pass + step.skip > 0 || !step.before.empty()) && step.pass + step.skip <= segment.size());
      outcome.output += step.before;
      outcome.output += segment.substr(0, step.pass);
      outcome.taken += step.pass + step.skip;
      segment.remove_prefix(step.pass + step.skip);
      if (step.event != DataEvent::none) outcome.events.push_back(step.event);
      is_over = step.event == DataEvent::end;
    }
  }
  outcome.size = parser.size();
  return outcome;
}

// The rules of the header once more, over whole lines.
std::string repaired(const std::string& input, bool& is_over) {
  std::string output;
  bool is_real_start = true;
  is_over = false;
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t line_end = input.find_first_of("\r\n", at);
    if (line_end == std::string::npos) return output;  // tests end with the final dot line
    std::string line = input.substr(at, line_end - at);
    const bool is_crlf = input.compare(line_end, 2, "\r\n") == 0;
    at = line_end + (is_crlf ? 2 : 1);
    if (line == "." && is_real_start && is_crlf) {
      is_over = true;
      return output;
    }
    if (is_real_start && line.starts_with(".\0"s)) line.erase(1, 1).insert(0, ".");
    const std::size_t nuls = std::min(line.find_first_not_of('\0'), line.size());
    line.erase(0, nuls);
    if (nuls > 0) is_real_start = false;
    const bool needs_dot = is_real_start ? line == "." : line.starts_with('.');
    output += (needs_dot ? "." : "") + line + "\r\n";
    is_real_start = is_crlf;
  }
  return output;
}

// As a server behind sees the stream that drops NUL.
std::string without_nul(std::string text) {
  std::erase(text, '\0');
  return text;
}

// How many messages a server behind would see in the bytes that follow DATA; what is left behind the last one.
unsigned messages_seen(const std::string& bytes, bool is_lenient, std::size_t& rest) {
  unsigned count = 0;
  std::string line;
  rest = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    line += bytes[i];
    ++rest;
    const bool is_line = is_lenient ? bytes[i] == '\n' : line.ends_with("\r\n");
    if (!is_line) continue;
    const bool is_end = is_lenient ? line == ".\n" || line == ".\r\n" : line == ".\r\n";
    line.clear();
    if (is_end) {
      ++count;
      rest = 0;
    }
  }
  return count;
}

void for_each_string(std::size_t length, std::string& text, const auto& action) {
  action(text);
  if (text.size() == length) return;
  for (const char c : {'\r', '\n', '.', 'a', '\0'}) {
    text.push_back(c);
    for_each_string(length, text, action);
    text.pop_back();
  }
}

std::string ended(std::string text) {
  return text += "a\r\n.\r\n";
}

}  // namespace

class DataParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DataParserTest);
  CPPUNIT_TEST(streams_are_as_listed);
  CPPUNIT_TEST(any_split_gives_the_same);
  CPPUNIT_TEST(repair_follows_its_rules);
  CPPUNIT_TEST(no_reader_sees_another_end);
  CPPUNIT_TEST(plain_block_is_one_step);
  CPPUNIT_TEST(anomalies_are_found_anywhere_in_a_block);
  CPPUNIT_TEST(behind_the_end_nothing_is_taken);
  CPPUNIT_TEST(received_fields_are_counted);
  CPPUNIT_TEST_SUITE_END();

 public:
  void streams_are_as_listed() {
    constexpr auto kEnd = DataEvent::end;
    constexpr auto kCr = DataEvent::bare_cr;
    constexpr auto kLf = DataEvent::bare_lf;
    constexpr auto kNul = DataEvent::nul;
    const struct {
      std::string name, input;
      bool repair;
      std::string output;
      std::vector<DataEvent> events;
      std::uint64_t size;
    } cases[] = {
        {"empty message", ".\r\n", false, "", {kEnd}, 0},
        {"one line", "a\r\n.\r\n", false, "a\r\n", {kEnd}, 3},
        {"stuffed dot passes, uncounted", "..a\r\n.\r\n", false, "..a\r\n", {kEnd}, 4},
        {"line of one stuffed dot", "..\r\n.\r\n", false, "..\r\n", {kEnd}, 3},
        {"dot not stuffed by the client", ".a\r\n.\r\n", false, ".a\r\n", {kEnd}, 3},
        {"not ended", "a\r\n.\r", false, "a\r\n", {}, 3},
        {"a command behind", "a\r\n.\r\nQUIT\r\n", false, "a\r\n", {kEnd}, 3},
        {"LF.LF", "a\n.\nb\r\n.\r\n", false, "a", {kLf, kEnd}, 1},
        {"LF.CRLF", "a\n.\r\nb\r\n.\r\n", false, "a", {kLf, kEnd}, 1},
        {"CRLF.LF", "a\r\n.\nb\r\n.\r\n", false, "a\r\n", {kLf, kEnd}, 3},
        {"CRLF.CR", "a\r\n.\rb\r\n.\r\n", false, "a\r\n", {kCr, kEnd}, 3},
        {"CR.CR", "a\r.\rb\r\n.\r\n", false, "a\r", {kCr, kEnd}, 2},
        {"CR.CRLF", "a\r.\r\nb\r\n.\r\n", false, "a\r", {kCr, kEnd}, 2},
        {"CRCRLF.CRLF", "a\r\r\n.\r\n", false, "a\r", {kCr, kEnd}, 2},
        {"LFCR.CRLF", "a\n\r.\r\nb\r\n.\r\n", false, "a", {kLf, kEnd}, 1},
        {"CRLF.CRCRLF", "a\r\n.\r\r\n.\r\n", false, "a\r\n", {kCr, kEnd}, 3},
        {"only the first anomaly", "a\nb\rc\nd\r\n.\r\n", false, "a", {kLf, kEnd}, 1},
        {"NUL inside a line", "a\0.\r\nb\0\r\n..\0\r\n.\r\n"s, false, "a\0.\r\nb\0\r\n..\0\r\n"s, {kEnd}, 13},
        {"CRLF.NUL CRLF", "a\r\n.\0\r\nb\r\n.\r\n"s, false, "a\r\n", {kNul, kEnd}, 3},
        {"CRLF NUL.CRLF", "a\r\n\0.\r\nb\r\n.\r\n"s, false, "a\r\n", {kNul, kEnd}, 3},
        {"NUL in front", "\0a\r\n.\r\n"s, false, "", {kNul, kEnd}, 0},
        {"CRLF.CR NUL LF", "a\r\n.\r\0\nb\r\n.\r\n"s, false, "a\r\n", {kCr, kEnd}, 3},
        {"repair CRLF.NUL CRLF", "a\r\n.\0\r\nb\r\n.\r\n"s, true, "a\r\n..\r\nb\r\n", {kEnd}, 9},
        {"repair CRLF NUL.CRLF", "a\r\n\0\0.\r\nb\r\n.\r\n"s, true, "a\r\n..\r\nb\r\n", {kEnd}, 9},
        {"repair LF.LF", "a\n.\nb\r\n.\r\n", true, "a\r\n..\r\nb\r\n", {kEnd}, 9},
        {"repair LF.CRLF", "a\n.\r\nb\r\n.\r\n", true, "a\r\n..\r\nb\r\n", {kEnd}, 9},
        {"repair CRLF.LF", "a\r\n.\nb\r\n.\r\n", true, "a\r\n..\r\nb\r\n", {kEnd}, 9},
        {"repair CRLF.CR", "a\r\n.\rb\r\n.\r\n", true, "a\r\n..\r\nb\r\n", {kEnd}, 9},
        {"repair CR.CR", "a\r.\rb\r\n.\r\n", true, "a\r\n..\r\nb\r\n", {kEnd}, 9},
        {"repair CRCRLF.CRLF", "a\r\r\n.\r\n", true, "a\r\n\r\n", {kEnd}, 5},
        {"repair LF..", "a\n..b\r\n.\r\n", true, "a\r\n...b\r\n", {kEnd}, 8},
        {"repair keeps stuffed dots", "a\r\n..b\n.\r\n.\r\n", true, "a\r\n..b\r\n..\r\n", {kEnd}, 10},
    };
    for (const auto& c : cases) {
      const Outcome outcome = run(c.input, c.repair);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.name, c.output, outcome.output);
      CPPUNIT_ASSERT_MESSAGE(c.name, c.events == outcome.events);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.name, c.size, outcome.size);
    }
  }

  void any_split_gives_the_same() {
    std::string text;
    for (const bool repair : {false, true}) {
      for_each_string(7, text, [&](const std::string& input) {
        const Outcome whole = run(input, repair);
        for (std::uint64_t splits = 1; input.size() > 1 && splits < 1ULL << (input.size() - 1); ++splits) {
          require(whole == run(input, repair, splits));
        }
      });
    }
  }

  void repair_follows_its_rules() {
    std::string text;
    for_each_string(7, text, [](const std::string& part) {
      const std::string input = ended(part);
      bool is_over = false;
      const std::string expected = repaired(input, is_over);
      const Outcome outcome = run(input, true);
      CPPUNIT_ASSERT_EQUAL(expected, outcome.output);
      CPPUNIT_ASSERT(is_over == (outcome.events == std::vector{DataEvent::end}));
      CPPUNIT_ASSERT_EQUAL(is_over ? 1 : 0, static_cast<int>(outcome.events.size()));
    });
  }

  // What passes without a complaint, closed with the final dot line, is one message for a strict and for a lenient reader.
  void no_reader_sees_another_end() {
    std::string text;
    for (const bool repair : {false, true}) {
      for_each_string(7, text, [&](const std::string& part) {
        const Outcome outcome = run(ended(part), repair);
        if (outcome.events != std::vector{DataEvent::end}) return;
        for (const bool is_lenient : {false, true}) {
          std::size_t rest = 0;
          CPPUNIT_ASSERT_EQUAL(0U, messages_seen(outcome.output, is_lenient, rest));
          CPPUNIT_ASSERT_EQUAL(1U, messages_seen(outcome.output + ".\r\n", is_lenient, rest));
          CPPUNIT_ASSERT_EQUAL(std::size_t{0}, rest);
          CPPUNIT_ASSERT_EQUAL(1U, messages_seen(without_nul(outcome.output) + ".\r\n", is_lenient, rest));
          CPPUNIT_ASSERT_EQUAL(std::size_t{0}, rest);
        }
      });
    }
  }

  void plain_block_is_one_step() {
    std::string block;
    while (block.size() < 64 * 1024) block += std::string(block.size() % 77, 'x') + "\r\n";
    for (const bool repair : {false, true}) {
      const Outcome outcome = run(block, repair);
      CPPUNIT_ASSERT_EQUAL(1U, outcome.steps);
      CPPUNIT_ASSERT(outcome.output == block);
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{block.size()}, outcome.size);
    }
  }

  // The fast way over blocks must see what the slow way sees, at every place of a block.
  void anomalies_are_found_anywhere_in_a_block() {
    const struct {
      std::string text;
      DataEvent event;
    } cases[] = {{"\n", DataEvent::bare_lf},       {"\r", DataEvent::bare_cr},     {"\r\n.\n", DataEvent::bare_lf},
                 {"\r\n.\rx", DataEvent::bare_cr}, {"\r\n.\r\nx", DataEvent::end}, {"\r\n..\r\n", DataEvent::none},
                 {"\r\n.x", DataEvent::none},      {"\r\n\0"s, DataEvent::nul},    {"\r\n.\0"s, DataEvent::nul},
                 {"\0"s, DataEvent::none}};
    for (const auto& c : cases) {
      for (std::size_t place = 0; place < 400; ++place) {
        if (place == 0 && c.text[0] == '\0') continue;  // the start of a line too
        const std::string input = std::string(place, 'x') + c.text + std::string(400, 'y') + "\r\n";
        const Outcome outcome = run(input, false);
        CPPUNIT_ASSERT(outcome.events == (c.event == DataEvent::none ? std::vector<DataEvent>{} : std::vector{c.event}));
        CPPUNIT_ASSERT(run(input, true).output.find("\r\n.\r\n") == std::string::npos);
        CPPUNIT_ASSERT(outcome == run(input, false, 0x5A5A5A5A5A5A5A5AULL));
      }
    }
  }

  void behind_the_end_nothing_is_taken() {
    DataParser parser(false);
    CPPUNIT_ASSERT(parser.step(".").event == DataEvent::none);
    CPPUNIT_ASSERT(parser.step("\r").event == DataEvent::none);
    CPPUNIT_ASSERT(parser.step("\nQUIT\r\n").event == DataEvent::end);
    const DataStep step = parser.step("QUIT\r\n");
    CPPUNIT_ASSERT(step.event == DataEvent::end && step.pass == 0 && step.skip == 0 && step.before.empty());
  }

  void received_fields_are_counted() {
    const struct {
      std::string text;
      unsigned count;
      bool is_over;
    } cases[] = {
        {"", 0, false},
        {"\r\n", 0, true},
        {"Received: x\r\n", 1, false},
        {"RECEIVED:\r\nreceived : y\r\nReceived\t:z\r\n\r\n", 3, true},
        {"Received-SPF: pass\r\nXReceived: x\r\n Received: folded\r\nReceive: x\r\n", 0, false},
        {"..Received: x\r\n.Received: stuffed\r\n", 1, false},
        {"Received: x\r\n\r\nReceived: in the body\r\n", 1, true},
        {"Subject: Received: x\r\nReceived: y\r\n z\r\n\r\n", 1, true},
        {"Received x: y\r\n", 0, false},
        {"Received", 0, false},
    };
    for (const auto& c : cases) {
      for (std::size_t split = 0; split <= c.text.size(); ++split) {
        ReceivedCounter counter;
        counter.feed(std::string_view(c.text).substr(0, split));
        counter.feed(std::string_view(c.text).substr(split));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(c.text, c.count, counter.count());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(c.text, c.is_over, counter.is_header_over());
      }
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DataParserTest);

}  // namespace caronte::smtpd_proxy
