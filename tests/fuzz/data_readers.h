// Ways to read the stream behind DATA; real servers have each of them. What the gateway forwards must end at the same place
// for all.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

struct Reader {
  const char* name;
  bool drops_nul;     // before anything else
  bool stops_at_nul;  // a line's content ends there
  bool lf_ends;       // also without CR in front
  bool cr_ends;       // also without LF behind
  bool strips_cr;     // any number of them before a line's end
};
inline constexpr std::array kReaders{Reader{"strict", false, false, false, false, false},
                                     Reader{"strict, drops NUL", true, false, false, false, false},
                                     Reader{"strict, C strings", false, true, false, false, false},
                                     Reader{"LF", false, false, true, false, false},
                                     Reader{"LF, drops NUL", true, false, true, false, false},
                                     Reader{"LF, strips CR", false, false, true, false, true},
                                     Reader{"LF, strips CR, drops NUL", true, false, true, false, true},
                                     Reader{"LF, strips CR, C strings", false, true, true, false, true},
                                     Reader{"CR or LF", false, false, true, true, false},
                                     Reader{"CR or LF, drops NUL", true, false, true, true, false},
                                     Reader{"CR or LF, C strings", false, true, true, true, false}};

// Where the reader sees the message end: the octets up to there; npos: nowhere.
inline std::size_t end_of_data(std::string_view stream, const Reader& reader) {
  std::string line;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    const char c = stream[i];
    if (c == '\0' && reader.drops_nul) continue;
    line += c;
    std::size_t next = i + 1;
    while (reader.drops_nul && next < stream.size() && stream[next] == '\0') ++next;
    const bool is_before_lf = next < stream.size() && stream[next] == '\n';
    const bool is_line = c == '\n' ? reader.lf_ends || line.ends_with("\r\n") : c == '\r' && reader.cr_ends && !is_before_lf;
    if (!is_line) continue;
    if (line.back() == '\n') line.pop_back();
    if (line.ends_with('\r')) line.pop_back();
    while (reader.strips_cr && line.ends_with('\r')) line.pop_back();
    if (reader.stops_at_nul) line.resize(std::min(line.find('\0'), line.size()));
    if (line == ".") return i + 1;
    line.clear();
  }
  return std::string_view::npos;
}

// `is_over`: the stream holds one whole message, its final dot line last; else its beginning.
inline void check_readers(std::string_view stream, bool is_over) {
  for (const Reader& reader : kReaders) {
    const std::size_t end = end_of_data(stream, reader);
    if (end == (is_over ? stream.size() : std::string_view::npos)) continue;
    std::fprintf(stderr, "reader: %s\n", reader.name);
    expect(false, "every reader sees the same end");
  }
}

}  // namespace caronte::fuzz
