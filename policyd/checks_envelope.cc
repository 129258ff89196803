// The judges of the envelope: null sender, characters, local senders, backscatter.
#include <algorithm>

#include "policyd/checks.h"

namespace caronte::policyd {

namespace {

Finding judge_characters(std::string_view text, const config::CharacterSet& set) {
  const auto found = std::find_if(text.begin(), text.end(), [&](char c) { return !set.contains(static_cast<unsigned char>(c)); });
  if (found == text.end()) return {};
  return {Finding::State::hit, static_cast<unsigned char>(*found), 0};
}

Finding judge_address(std::string_view address, const config::Characters& sets) {
  const std::size_t at = address.rfind('@');
  const Finding user = judge_characters(address.substr(0, at), sets.user);
  if (user.state == Finding::State::hit || at == std::string_view::npos) return user;
  return judge_characters(address.substr(at + 1), sets.domain);
}

}  // namespace

Finding judge_null_sender(const Facts& facts, const config::Configuration&) {
  return at_least(facts.sender.empty() ? 1 : 0, 1, 0);
}

Finding judge_sender_characters(const Facts& facts, const config::Configuration& configuration) {
  return judge_address(facts.sender, configuration.characters);
}

Finding judge_recipient_characters(const Facts& facts, const config::Configuration& configuration) {
  return judge_address(facts.recipient, configuration.characters);
}

Finding judge_helo_characters(const Facts& facts, const config::Configuration& configuration) {
  return judge_characters(facts.helo, configuration.characters.helo);
}

Finding judge_local_sender(const Facts& facts, const config::Configuration&) {
  if (facts.sender.empty()) return {};
  if (!facts.is_sender_local) return unknown();
  return at_least(*facts.is_sender_local ? 1 : 0, 1, 0);
}

Finding judge_backscatter(const Facts& facts, const config::Configuration& configuration) {
  if (!facts.sender.empty()) return {};
  if (!facts.null_senders) return unknown();
  const std::int64_t limit = configuration.backscatter.messages;
  return at_least(std::int64_t{*facts.null_senders} + 1, limit + 1, limit);
}

}  // namespace caronte::policyd
