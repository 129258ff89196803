#include "policyd/counters.h"

namespace caronte::policyd {

namespace {

template <class Map>
void add_one(Map& counts, std::string_view reason) {
  auto found = counts.find(reason);
  if (found == counts.end()) found = counts.emplace(std::string(reason), 0).first;
  ++found->second;
}

}  // namespace

void Counters::add(const ipc::SessionClosed& closed) noexcept {
  ++outcomes_[static_cast<std::size_t>(closed.outcome)];
  messages_ += closed.delivered;
  recipients_ += closed.recipients;
  bytes_ += closed.bytes;
  relaying_denied_ += closed.relaying_denied;
}

void Counters::add_refused(std::string_view reason) {
  ++refused_at_connect_;
  add_one(refused_, reason);
}

void Counters::add_hit(std::string_view reason, bool is_observed) {
  add_one(is_observed ? observed_ : hits_, reason);
}

void Counters::add_lost(std::uint64_t sessions) noexcept {
  outcomes_[static_cast<std::size_t>(ipc::Outcome::lost)] += sessions;
}

std::vector<std::pair<std::string, std::uint64_t>> Counters::all() const {
  std::vector<std::pair<std::string, std::uint64_t>> items;
  for (std::size_t i = 0; i < outcomes_.size(); ++i) {
    items.emplace_back(ipc::name_of(static_cast<ipc::Outcome>(i)), outcomes_[i]);
  }
  items.emplace_back("messages", messages_);
  items.emplace_back("recipients", recipients_);
  items.emplace_back("bytes", bytes_);
  items.emplace_back("relaying-denied", relaying_denied_);
  items.emplace_back("refused-at-connect", refused_at_connect_);
  for (const auto& [reason, count] : refused_) items.emplace_back("refused-" + reason, count);
  for (const auto& [reason, count] : hits_) items.emplace_back("hit-" + reason, count);
  for (const auto& [reason, count] : observed_) items.emplace_back("observed-" + reason, count);
  return items;
}

}  // namespace caronte::policyd
