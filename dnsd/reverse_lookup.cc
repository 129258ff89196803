#include "dnsd/reverse_lookup.h"

#include <algorithm>
#include <utility>

#include "dnsd/answer_parser.h"

namespace caronte::dnsd {

using ipc::ReverseStatus;
using wrap::RecordType;

std::string reverse_name(const base::Address& address) {
  const auto& octets = address.octets();
  std::string name;
  if (address.is_v4()) {
    for (std::size_t i = octets.size(); i-- > 12;) name += std::to_string(octets[i]) + '.';
    return name + "in-addr.arpa";
  }
  static constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t i = octets.size(); i-- > 0;) {
    name += kDigits[octets[i] & 0x0FU];
    name += '.';
    name += kDigits[octets[i] >> 4U];
    name += '.';
  }
  return name + "ip6.arpa";
}

ReverseLookup::ReverseLookup(const base::Address& address, DnsAsker& asker) : address_(address), asker_(asker) {
  ask(reverse_name(address), RecordType::ptr);
  finish_if_all_answered();
}

ReverseLookup::~ReverseLookup() {
  for (const Question& question : open_) asker_.forget(question.id);
}

void ReverseLookup::ask(std::string name, RecordType type) {
  const std::uint64_t id = asker_.ask(name, type);
  if (id == 0) {
    is_uncertain_ = true;
  } else {
    open_.push_back({id, std::move(name), type});
  }
}

void ReverseLookup::on_reply(std::uint64_t id, std::string_view packet) {
  const auto found = std::find_if(open_.begin(), open_.end(), [id](const Question& question) { return question.id == id; });
  if (found == open_.end() || result_) return;
  const Question question = std::move(*found);
  open_.erase(found);

  Answer answer;
  if (packet.empty()) {
    is_uncertain_ = true;
  } else {
    AnswerLimits limits;
    limits.names = kMaxNames;
    answer = parse_answer(packet, question.name, question.type, limits);
    if (answer.error != AnswerError::none) is_uncertain_ = true;
  }
  if (question.type == RecordType::ptr) {
    if (!is_uncertain_) return on_names(std::move(answer.names));
  } else if (std::find(answer.addresses.begin(), answer.addresses.end(), address_) != answer.addresses.end()) {
    return finish(ReverseStatus::verified, question.name);
  }
  finish_if_all_answered();
}

void ReverseLookup::on_names(std::vector<std::string> names) {
  if (names.empty()) return finish(ReverseStatus::none, {});
  first_name_ = names.front();
  for (std::string& name : names) ask(std::move(name), address_.is_v4() ? RecordType::a : RecordType::aaaa);
  finish_if_all_answered();
}

void ReverseLookup::finish_if_all_answered() {
  if (!open_.empty() || result_) return;
  if (is_uncertain_) return finish(ReverseStatus::unknown, {});
  finish(ReverseStatus::unverified, first_name_);
}

void ReverseLookup::finish(ReverseStatus status, std::string name) {
  for (const Question& question : open_) asker_.forget(question.id);
  open_.clear();
  result_ = ReverseResult{status, std::move(name)};
}

}  // namespace caronte::dnsd
