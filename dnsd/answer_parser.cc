#include "dnsd/answer_parser.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/address_parser.h"

namespace caronte::dnsd {

namespace {

using wrap::RecordType;

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kMaxNameBytes = 255;  // RFC 1035 section 2.3.4, length octets and root included
constexpr std::uint16_t kClassIn = 1;

// Names are compared in wire form: length octets and labels, ASCII in lower case, without the root's zero.
char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string wire_name(std::string_view text) {
  std::string wire;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('.'), text.size());
    wire += static_cast<char>(end);
    for (const char c : text.substr(0, end)) wire += lower(c);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return wire;
}

// Empty: not a host name (a dot inside of a label must not pass for one between labels).
std::string host_name(std::string_view wire) {
  std::string text;
  while (!wire.empty()) {
    const auto size = static_cast<std::uint8_t>(wire[0]);
    const std::string_view label = wire.substr(1, size);
    if (label.find('.') != std::string_view::npos) return {};
    if (!text.empty()) text += '.';
    text += label;
    wire.remove_prefix(1 + label.size());
  }
  return base::is_host_name(text) ? text : std::string();
}

class Reader {
 public:
  explicit Reader(std::string_view packet) noexcept : packet_(packet) {}

  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] std::size_t left() const noexcept { return packet_.size() - position_; }
  [[nodiscard]] std::string_view view(std::size_t count) const noexcept { return packet_.substr(position_, count); }

  // Precondition for both: count <= left().
  void skip(std::size_t count) noexcept { position_ += count; }
  std::uint16_t u16() noexcept {
    const std::uint16_t value = u16_at(position_);
    position_ += 2;
    return value;
  }

  // Reads a name and stands behind it.
  AnswerError name(std::string& wire);

 private:
  [[nodiscard]] std::uint8_t u8_at(std::size_t at) const noexcept { return static_cast<std::uint8_t>(packet_[at]); }
  [[nodiscard]] std::uint16_t u16_at(std::size_t at) const noexcept {
    return static_cast<std::uint16_t>(u8_at(at) << 8U | u8_at(at + 1));
  }

  std::string_view packet_;
  std::size_t position_ = 0;
};

AnswerError Reader::name(std::string& wire) {
  wire.clear();
  std::size_t at = position_;
  std::size_t segment = position_;  // where the present piece began: a pointer must lead before it
  std::optional<std::size_t> behind;
  for (;;) {
    if (at >= packet_.size()) return AnswerError::cut_short;
    const std::uint8_t octet = u8_at(at);
    if ((octet & 0xC0U) == 0xC0U) {
      if (packet_.size() - at < 2) return AnswerError::cut_short;
      const std::size_t target = u16_at(at) & 0x3FFFU;
      if (!behind) behind = at + 2;
      if (target >= segment) return AnswerError::bad_name;
      at = segment = target;
      continue;
    }
    if ((octet & 0xC0U) != 0) return AnswerError::bad_name;
    if (octet == 0) break;
    if (packet_.size() - at - 1 < octet) return AnswerError::cut_short;
    if (kMaxNameBytes - 1 - wire.size() < octet + std::size_t{1}) return AnswerError::bad_name;
    wire += static_cast<char>(octet);
    for (const char c : packet_.substr(at + 1, octet)) wire += lower(c);
    at += octet + std::size_t{1};
  }
  position_ = behind.value_or(at + 1);
  return AnswerError::none;
}

struct Record {
  std::string owner;
  RecordType type{};
  std::string target;     // PTR, CNAME: in wire form
  base::Address address;  // A, AAAA
  std::uint32_t ttl = 0;
};

std::optional<base::Address> address_of(std::string_view data, RecordType type) {
  base::Address::Octets octets{};
  if (type == RecordType::a) {
    if (data.size() != 4) return std::nullopt;
    octets[10] = octets[11] = 0xFF;
    std::copy(data.begin(), data.end(), octets.begin() + 12);
  } else {
    if (data.size() != octets.size()) return std::nullopt;
    std::copy(data.begin(), data.end(), octets.begin());
  }
  return base::Address(octets);
}

// One record; `type` 0 when it is of no interest.
AnswerError read_record(Reader& reader, RecordType wanted, Record& record) {
  if (const AnswerError error = reader.name(record.owner); error != AnswerError::none) return error;
  constexpr std::size_t kFixedBytes = 10;
  if (reader.left() < kFixedBytes) return AnswerError::cut_short;
  const auto type = static_cast<RecordType>(reader.u16());
  const std::uint16_t record_class = reader.u16();
  const std::uint32_t ttl_high = reader.u16();
  record.ttl = ttl_high << 16U | reader.u16();
  if ((record.ttl >> 31U) != 0) record.ttl = 0;  // RFC 2181 section 8
  const std::size_t size = reader.u16();
  if (reader.left() < size) return AnswerError::cut_short;
  const std::size_t end = reader.position() + size;
  record.type = RecordType{};
  if (record_class != kClassIn || (type != wanted && type != RecordType::cname)) {
    reader.skip(size);
    return AnswerError::none;
  }
  if (type == RecordType::ptr || type == RecordType::cname) {
    if (const AnswerError error = reader.name(record.target); error != AnswerError::none) return error;
    if (reader.position() != end) return AnswerError::bad_data;
  } else {
    const auto address = address_of(reader.view(size), type);
    if (!address) return AnswerError::bad_data;
    record.address = *address;
    reader.skip(size);
  }
  record.type = type;
  return AnswerError::none;
}

void lower_to(std::optional<std::uint32_t>& least, std::uint32_t ttl) noexcept {
  least = std::min(least.value_or(ttl), ttl);
}

// Where the chain of aliases from `name` ends; nullopt: it loops or is too long.
std::optional<std::string> follow_aliases(const std::vector<Record>& records, std::string name, std::size_t limit,
                                          std::optional<std::uint32_t>& ttl) {
  for (std::size_t steps = 0; steps <= limit; ++steps) {
    const auto alias = std::find_if(records.begin(), records.end(),
                                    [&](const Record& record) { return record.type == RecordType::cname && record.owner == name; });
    if (alias == records.end()) return name;
    lower_to(ttl, alias->ttl);
    name = alias->target;
  }
  return std::nullopt;
}

AnswerError read_records(std::string_view packet, const std::string& name, RecordType type, const AnswerLimits& limits,
                         std::vector<Record>& records) {
  if (packet.size() < kHeaderBytes) return AnswerError::cut_short;
  Reader reader(packet);
  reader.skip(2);
  const std::uint16_t flags = reader.u16();
  const std::uint16_t questions = reader.u16();
  const std::uint16_t answers = reader.u16();
  reader.skip(4);
  constexpr unsigned kAnswerBit = 0x8000;
  constexpr unsigned kOpcodeBits = 0x7800;
  if ((flags & (kAnswerBit | kOpcodeBits)) != kAnswerBit || questions != 1) return AnswerError::not_an_answer;

  std::string asked;
  if (const AnswerError error = reader.name(asked); error != AnswerError::none) return error;
  if (reader.left() < 4) return AnswerError::cut_short;
  const bool is_type = static_cast<RecordType>(reader.u16()) == type;
  if (reader.u16() != kClassIn || !is_type || asked != name) return AnswerError::other_question;

  if (answers > limits.records) return AnswerError::too_many_records;
  for (std::uint16_t i = 0; i < answers; ++i) {
    Record record;
    if (const AnswerError error = read_record(reader, type, record); error != AnswerError::none) return error;
    if (record.type != RecordType{}) records.push_back(std::move(record));
  }
  return AnswerError::none;
}

}  // namespace

Answer parse_answer(std::string_view packet, std::string_view name, wrap::RecordType type, const AnswerLimits& limits) {
  Answer answer;
  const std::string asked = wire_name(name);
  std::vector<Record> records;
  answer.error = read_records(packet, asked, type, limits, records);
  if (answer.error != AnswerError::none) return answer;
  const auto owner = follow_aliases(records, asked, limits.aliases, answer.ttl);
  if (!owner) {
    answer.ttl.reset();
    answer.error = AnswerError::alias_chain;
    return answer;
  }
  for (const Record& record : records) {
    if (record.type != type || record.owner != *owner) continue;
    lower_to(answer.ttl, record.ttl);
    if (type != RecordType::ptr) {
      if (answer.addresses.size() < limits.addresses) answer.addresses.push_back(record.address);
    } else if (std::string host = host_name(record.target); !host.empty() && answer.names.size() < limits.names) {
      answer.names.push_back(std::move(host));
    }
  }
  return answer;
}

}  // namespace caronte::dnsd
