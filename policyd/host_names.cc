#include "policyd/host_names.h"

#include <algorithm>

namespace caronte::policyd {

void HostNames::use(const std::vector<const config::MappedList*>& lists) {
  Hosts kept;
  for (const config::MappedList* list : lists) {
    for (std::size_t i = 0; i < list->names().size(); ++i) kept.try_emplace(std::string(list->names().at(i).text));
  }
  for (auto host = names_.begin(); host != names_.end();) {
    const auto next = std::next(host);
    if (!kept.contains(host->first)) {
      set_addresses(host, {});
      open_.erase(host->second.question);
      names_.erase(host);
    }
    host = next;
  }
  names_.merge(kept);  // the others have their places already
  awaited_ = static_cast<std::size_t>(
      std::count_if(names_.begin(), names_.end(), [](const auto& host) { return !host.second.has_answer; }));
}

std::vector<ipc::NameQuestion> HostNames::due(base::MonotonicTime now) {
  end_old_answers(now);
  std::vector<ipc::NameQuestion> questions;
  for (auto host = names_.begin(); host != names_.end() && open_.size() < kMaxOpen; ++host) {
    Host& state = host->second;
    if (state.question != 0 || (state.asked_next && *state.asked_next > now)) continue;
    state.question = ++last_;
    open_.emplace(state.question, host);
    questions.push_back({.question = state.question, .name = host->first});
  }
  return questions;
}

void HostNames::end_old_answers(base::MonotonicTime now) {
  for (auto host = names_.begin(); host != names_.end(); ++host) {
    if (!host->second.ends || *host->second.ends > now) continue;
    host->second.ends.reset();
    set_addresses(host, {});
  }
}

void HostNames::lost(std::uint64_t question) {
  const auto found = open_.find(question);
  if (found == open_.end()) return;
  found->second->second.question = 0;
  open_.erase(found);
}

void HostNames::all_lost() {
  for (auto& [question, host] : open_) host->second.question = 0;
  open_.clear();
}

std::optional<HostNames::Change> HostNames::answered(const ipc::NameAnswer& answer, base::MonotonicTime now) {
  const auto found = open_.find(answer.question);
  if (found == open_.end()) return std::nullopt;  // of a name that no list has any more
  const auto host = found->second;
  open_.erase(found);
  Host& state = host->second;
  const bool is_first = !state.has_answer;
  const bool had_addresses = !state.addresses.empty();
  const base::Duration holds = std::max<base::Duration>(kLeast, std::chrono::seconds(answer.ttl));
  state.question = 0;
  state.has_answer = true;
  state.asked_next = now + holds;
  if (answer.is_known) {
    state.ends = now + holds + kPatience;
    set_addresses(host, answer.addresses.items());
  }
  const bool has_addresses = !state.addresses.empty();
  if (is_first) --awaited_;
  if (is_first ? has_addresses : has_addresses == had_addresses) return std::nullopt;
  return Change{host->first, has_addresses, answer.is_known};
}

void HostNames::set_addresses(Hosts::iterator host, std::vector<base::Address> addresses) {
  for (const base::Address& address : host->second.addresses) {
    const auto [first, last] = by_address_.equal_range(address);
    const auto entry = std::find_if(first, last, [&](const auto& pair) { return pair.second == host; });
    if (entry != last) by_address_.erase(entry);
  }
  for (const base::Address& address : addresses) by_address_.emplace(address, host);
  host->second.addresses = std::move(addresses);
}

bool HostNames::is_one_of(const config::MappedList& list, const base::Address& address) const {
  if (by_address_.empty() || list.names().size() == 0) return false;
  const auto [first, last] = by_address_.equal_range(address);
  return std::any_of(first, last, [&](const auto& pair) { return list.names().find(pair.second->first).has_value(); });
}

bool HostNames::is_awaited(const config::MappedList& list) const {
  if (awaited_ == 0) return false;
  for (std::size_t i = 0; i < list.names().size(); ++i) {
    const auto host = names_.find(list.names().at(i).text);
    if (host == names_.end() || !host->second.has_answer) return true;
  }
  return false;
}

std::vector<base::Address> HostNames::addresses_of(const std::vector<const config::MappedList*>& lists) const {
  std::vector<base::Address> addresses;
  for (const auto& known : by_address_) {
    const auto has_it = [&](const config::MappedList* list) { return list->names().find(known.second->first).has_value(); };
    if (std::any_of(lists.begin(), lists.end(), has_it)) addresses.push_back(known.first);
  }
  return addresses;
}

std::size_t HostNames::resolved() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(names_.begin(), names_.end(), [](const auto& host) { return !host.second.addresses.empty(); }));
}

}  // namespace caronte::policyd
