// The open questions to dnsd, one a session at most. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "ipc/schema.h"

namespace caronte::policyd {

class ReverseQuestions {
 public:
  // A new question for a session that has none open.
  [[nodiscard]] ipc::ReverseQuestion open(std::uint64_t session, const base::Address& address);
  // The session that asked; the question is closed. nullopt: it was closed before.
  std::optional<std::uint64_t> answered(std::uint64_t question);
  // The question that the session had open, which dnsd need not answer any more.
  std::optional<std::uint64_t> session_closed(std::uint64_t session);
  // For a new dnsd: what the one before has not answered, each once; what two have not answered is given up.
  [[nodiscard]] std::vector<ipc::ReverseQuestion> ask_again();

  [[nodiscard]] std::size_t size() const noexcept { return open_.size(); }

 private:
  struct Open {
    std::uint64_t session = 0;
    base::Address address;
    bool is_second = false;
  };
  std::unordered_map<std::uint64_t, Open> open_;
  std::unordered_map<std::uint64_t, std::uint64_t> question_of_session_;
  std::uint64_t last_ = 0;
};

}  // namespace caronte::policyd
