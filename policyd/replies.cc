#include "policyd/replies.h"

#include <algorithm>
#include <array>

#include "base/reference.h"

namespace caronte::policyd {

namespace {

constexpr std::array kBogusTexts{std::to_array<std::string_view>({
#include "policyd/bogus_replies.inc"
})};

constexpr std::size_t kReplyCode = 4;  // "550 "

// "5.7.1 ..." (RFC 3463).
bool has_enhanced_code(std::string_view text) noexcept {
  const std::string_view word = text.substr(0, text.find(' '));
  const auto is_part = [](char c) { return c == '.' || (c >= '0' && c <= '9'); };
  return word.size() >= 5 && word[1] == '.' && std::count(word.begin(), word.end(), '.') == 2 &&
         std::all_of(word.begin(), word.end(), is_part);
}

void append_reference(std::string& reply, const config::Replies& replies, std::uint64_t session) {
  if (!replies.reference || reply.size() > kMaxReplyBytes - base::kReferenceBytes - 3) return;
  reply += " [" + base::reference_text(session) + ']';
}

// Neighbours among the sessions read different texts (the last step of splitmix64).
std::uint64_t scatter(std::uint64_t session) noexcept {
  session = (session ^ (session >> 30U)) * 0xBF58476D1CE4E5B9U;
  session = (session ^ (session >> 27U)) * 0x94D049BB133111EBU;
  return session ^ (session >> 31U);
}

}  // namespace

std::string refusal(const config::Replies& replies, std::string_view code, std::string_view text, std::uint64_t session) {
  std::string reply;
  if (!text.empty()) {
    reply = "550 " + std::string(code) + ' ' + std::string(text);
  } else if (replies.bogus) {
    return "550 " + std::string(kBogusTexts[scatter(session) % kBogusTexts.size()]);
  } else {
    reply = replies.refused;
    const bool brings_code = reply.size() <= kReplyCode || has_enhanced_code(std::string_view(reply).substr(kReplyCode));
    if (!code.empty() && !brings_code) reply.insert(kReplyCode, std::string(code) + ' ');
  }
  append_reference(reply, replies, session);
  return reply;
}

std::string deferral(const config::Replies& replies, bool is_greeting, std::uint64_t session) {
  std::string reply = is_greeting ? "421 4.7.1 Try again later" : "451 4.7.1 Try again later";
  append_reference(reply, replies, session);
  return reply;
}

std::span<const std::string_view> bogus_texts() noexcept {
  return kBogusTexts;
}

}  // namespace caronte::policyd
