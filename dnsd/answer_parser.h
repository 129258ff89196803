// A DNS answer (RFC 1035 section 4.1) to one of our own questions: header, question and answer section; the rest is not
// read. Bytes from outside: no I/O, no policy, limits passed in. Compression pointers lead backwards only, so no packet
// can keep the parser busy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "wrap/unbound.h"

namespace caronte::dnsd {

struct AnswerLimits {
  std::size_t records = 256;   // in the answer section; more is malformed
  std::size_t aliases = 16;    // length of the CNAME chain; longer is malformed
  std::size_t names = 10;      // taken of a PTR set, as RFC 7208 section 4.6.4 has it
  std::size_t addresses = 64;  // taken of an A or AAAA set
};

enum class AnswerError {
  none,
  cut_short,       // ends inside of a header, name or record
  not_an_answer,   // QR, opcode or the number of questions
  other_question,  // answers something else than was asked
  bad_name,        // over 255 octets, unknown label type, or a pointer that does not lead backwards
  bad_data,        // data of another length than the type has
  too_many_records,
  alias_chain,  // a loop, or longer than the limit
};

struct Answer {
  AnswerError error = AnswerError::none;  // others: nothing else here is filled
  // At the end of the CNAME chain, in the order of the packet, the type that was asked for.
  std::vector<std::string> names;        // PTR: only those that base::is_host_name() takes; lower case, no trailing dot
  std::vector<base::Address> addresses;  // A or AAAA
  std::optional<std::uint32_t> ttl;      // seconds: the least of these records and of the chain; nullopt: there is none
};

// `name` (presentation form without escapes, in any case) and `type` are what was asked.
[[nodiscard]] Answer parse_answer(std::string_view packet, std::string_view name, wrap::RecordType type,
                                  const AnswerLimits& limits = {});

}  // namespace caronte::dnsd
