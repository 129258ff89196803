#include "policyd/reverse_questions.h"

namespace caronte::policyd {

ipc::ReverseQuestion ReverseQuestions::open(std::uint64_t session, const base::Address& address) {
  const std::uint64_t question = ++last_;
  open_[question] = {session, address, false};
  question_of_session_[session] = question;
  return {.question = question, .address = address};
}

std::optional<std::uint64_t> ReverseQuestions::answered(std::uint64_t question) {
  const auto found = open_.find(question);
  if (found == open_.end()) return std::nullopt;
  const std::uint64_t session = found->second.session;
  open_.erase(found);
  question_of_session_.erase(session);
  return session;
}

std::optional<std::uint64_t> ReverseQuestions::session_closed(std::uint64_t session) {
  const auto found = question_of_session_.find(session);
  if (found == question_of_session_.end()) return std::nullopt;
  const std::uint64_t question = found->second;
  question_of_session_.erase(found);
  open_.erase(question);
  return question;
}

std::vector<ipc::ReverseQuestion> ReverseQuestions::ask_again() {
  std::vector<ipc::ReverseQuestion> questions;
  for (auto entry = open_.begin(); entry != open_.end();) {
    if (entry->second.is_second) {
      question_of_session_.erase(entry->second.session);
      entry = open_.erase(entry);
      continue;
    }
    entry->second.is_second = true;
    questions.push_back({.question = entry->first, .address = entry->second.address});
    ++entry;
  }
  return questions;
}

}  // namespace caronte::policyd
