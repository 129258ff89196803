// The host names in the trusted and white lists and the addresses that they stand for (IW-7, Q27): dnsd is asked when a list
// comes and again when an answer has aged. A name that does not resolve matches nothing; while dnsd has no answer, the one
// before holds for kPatience more. Pure: questions are handed out, answers handed in, the time is passed in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "config/mapped_list.h"
#include "ipc/schema.h"

namespace caronte::policyd {

class HostNames {
 public:
  static constexpr std::size_t kMaxOpen = 50;                               // questions at once
  static constexpr base::Duration kLeast = std::chrono::seconds(30);        // between two questions for a name
  static constexpr base::Duration kPatience = std::chrono::hours(1);        // beyond the time of an answer
  static constexpr std::uint64_t kFirstQuestion = std::uint64_t{1} << 63U;  // the others are ReverseQuestions'

  // The lists in use, of all generations that sessions may belong to: only their names are asked for from now on.
  void use(const std::vector<const config::MappedList*>& lists);
  // Questions whose time has come. To be called often: after use(), after answers, and every second or so.
  [[nodiscard]] std::vector<ipc::NameQuestion> due(base::MonotonicTime now);
  // The question was not sent, or who was to answer it has gone: it is due again.
  void lost(std::uint64_t question);
  void all_lost();
  // What there is to tell of it, for the log: not that a name resolves from the first.
  struct Change {
    std::string name;
    bool resolves = false;
    bool is_known = false;  // false: there was no answer
  };
  [[nodiscard]] std::optional<Change> answered(const ipc::NameAnswer& answer, base::MonotonicTime now);

  [[nodiscard]] bool is_one_of(const config::MappedList& list, const base::Address& address) const;
  // Some name of the list has had no answer at all yet, not even "unknown".
  [[nodiscard]] bool is_awaited(const config::MappedList& list) const;
  // What the names of these lists stand for.
  [[nodiscard]] std::vector<base::Address> addresses_of(const std::vector<const config::MappedList*>& lists) const;

  [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }
  [[nodiscard]] std::size_t resolved() const noexcept;

 private:
  struct Host {
    std::vector<base::Address> addresses;
    std::optional<base::MonotonicTime> asked_next;  // nullopt: at once
    std::optional<base::MonotonicTime> ends;        // of the answer, patience included; nullopt: there is none
    std::uint64_t question = 0;                     // 0: none open
    bool has_answer = false;                        // of any kind
  };
  using Hosts = std::map<std::string, Host, std::less<>>;
  void set_addresses(Hosts::iterator host, std::vector<base::Address> addresses);
  void end_old_answers(base::MonotonicTime now);

  Hosts names_;
  std::multimap<base::Address, Hosts::iterator> by_address_;
  std::unordered_map<std::uint64_t, Hosts::iterator> open_;
  std::uint64_t last_ = kFirstQuestion;
  std::size_t awaited_ = 0;  // names without any answer
};

}  // namespace caronte::policyd
