// A DNS answer to a question of ours: nothing leaves dnsd but addresses and host names, within the limits. The header and
// question that fit may be put in front, so that the records are reached.
#include <algorithm>

#include "base/address_parser.h"
#include "dnsd/answer_parser.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

void run_dns_answer(std::string_view bytes) {
  using wrap::RecordType;
  Input input(bytes);
  const unsigned bits = input.octet();
  const RecordType type = (bits & 3U) == 0 ? RecordType::ptr : (bits & 3U) == 1 ? RecordType::a : RecordType::aaaa;
  std::string packet;
  if ((bits & 4U) == 0) {
    const char count = static_cast<char>(bits >> 3U);
    packet = std::string("\x12\x34\x81\x80\0\1\0", 7) + count + std::string(4, '\0') + std::string("\1a\1b\0\0", 6);
    packet += static_cast<char>(type);
    packet += std::string("\0\1", 2);
  }
  packet += input.rest();
  const Exact exact(packet);
  const dnsd::AnswerLimits limits;
  const dnsd::Answer answer = dnsd::parse_answer(exact.view(), "a.b", type, limits);
  if (answer.error != dnsd::AnswerError::none) CARONTE_EXPECT(answer.names.empty() && answer.addresses.empty());
  CARONTE_EXPECT(answer.names.size() <= limits.names && answer.addresses.size() <= limits.addresses);
  CARONTE_EXPECT(type == RecordType::ptr ? answer.addresses.empty() : answer.names.empty());
  for (const std::string& name : answer.names) {
    CARONTE_EXPECT(base::is_host_name(name) && name.back() != '.');
    CARONTE_EXPECT(std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
  }
}

}  // namespace caronte::fuzz
