#include "smtpd-proxy/relay_guard.h"

#include <algorithm>
#include <array>

#include "smtpd-proxy/ascii.h"

namespace caronte::smtpd_proxy {

namespace {

// U+FF01, U+FF05, U+FF20, U+FE57, U+FE6A, U+FE6B.
constexpr std::array<std::string_view, 6> kLookalikes{"\xEF\xBC\x81", "\xEF\xBC\x85", "\xEF\xBC\xA0",
                                                      "\xEF\xB9\x97", "\xEF\xB9\xAA", "\xEF\xB9\xAB"};

bool has_lookalike(std::string_view text) noexcept {
  return std::any_of(kLookalikes.begin(), kLookalikes.end(),
                     [&](std::string_view sequence) { return text.find(sequence) != std::string_view::npos; });
}

// An octet that no server takes for a route. '"' and '\' are not among them.
bool is_harmless(char c) noexcept {
  return !is_ascii(c) || c == '.' || c == ' ' || (is_atext(c) && c != '%' && c != '!');
}

// Nobody behind us reads this local part as the way to another mailbox.
bool is_final(const Path& path) noexcept {
  std::string_view name = path.local_part;
  if (path.is_quoted) {
    if (name.size() < 2) return false;
    name = name.substr(1, name.size() - 2);
  }
  if (name.empty() || std::string_view("/|- ").find(name.front()) != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(), is_harmless) && (path.is_ascii || !has_lookalike(name));
}

}  // namespace

DomainSet::DomainSet(const std::vector<config::Domain>& domains) {
  for (const config::Domain& domain : domains) domains_.insert(domain.name);
}

bool DomainSet::contains(std::string_view domain) const noexcept {
  return domains_.find(domain) != domains_.end();
}

// FNV-1a over lower case. The set is the administrator's and does not change, so nobody can make it degenerate.
std::size_t DomainSet::Hash::operator()(std::string_view domain) const noexcept {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : domain) hash = (hash ^ static_cast<std::uint8_t>(to_lower(c))) * 0x100000001B3U;
  return static_cast<std::size_t>(hash);
}

bool DomainSet::Equal::operator()(std::string_view a, std::string_view b) const noexcept {
  return is_same_word(a, b);
}

bool is_local_recipient(const Path& recipient, const DomainSet& local) noexcept {
  if (recipient.has_source_route) return false;
  if (recipient.domain.empty()) return is_same_word(recipient.local_part, "postmaster");
  return local.contains(recipient.domain) && is_final(recipient);
}

GuardAnswer guard(const Path& recipient, bool is_authenticated, bool is_relay_address, const DomainSet& local) noexcept {
  if (is_authenticated || is_relay_address || is_local_recipient(recipient, local)) return GuardAnswer::pass;
  return GuardAnswer::relaying_denied;
}

}  // namespace caronte::smtpd_proxy
