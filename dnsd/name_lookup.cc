#include "dnsd/name_lookup.h"

#include <algorithm>

#include "dnsd/answer_parser.h"

namespace caronte::dnsd {

using wrap::RecordType;

NameLookup::NameLookup(std::string_view name, DnsAsker& asker)
    : name_(name), asker_(asker), open_{{{0, RecordType::a}, {0, RecordType::aaaa}}} {
  for (Question& question : open_) {
    question.id = asker_.ask(name_, question.type);
    if (question.id == 0) is_uncertain_ = true;
  }
}

NameLookup::~NameLookup() {
  for (const Question& question : open_) {
    if (question.id != 0) asker_.forget(question.id);
  }
}

void NameLookup::on_reply(std::uint64_t id, std::string_view packet) {
  const auto question = std::find_if(open_.begin(), open_.end(), [id](const Question& q) { return q.id == id; });
  if (id == 0 || question == open_.end()) return;
  question->id = 0;
  Answer answer;
  if (!packet.empty()) answer = parse_answer(packet, name_, question->type);
  if (packet.empty() || answer.error != AnswerError::none) {
    is_uncertain_ = true;
    return;
  }
  addresses_.insert(addresses_.end(), answer.addresses.begin(), answer.addresses.end());
  if (answer.ttl) ttl_ = std::min(*answer.ttl, ttl_.value_or(*answer.ttl));
}

NameResult NameLookup::result() const {
  const bool is_complete = is_done() && !is_uncertain_;
  NameResult result;
  result.is_known = is_complete || !addresses_.empty();
  result.addresses = addresses_;
  if (is_complete) result.ttl = ttl_.value_or(0);
  return result;
}

}  // namespace caronte::dnsd
