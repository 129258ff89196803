#include "config/local_domains.h"

#include <algorithm>

namespace caronte::config {

namespace {

void make_small(std::string& text) noexcept {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
}

struct Parts {
  std::string_view local_part;
  std::string_view domain;
};
// At the last "@", for a quoted local part may hold others.
Parts split(std::string_view address) noexcept {
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos) return {{}, address};
  return {address.substr(0, at), address.substr(at + 1)};
}

}  // namespace

std::string recipient_key(std::string_view local_part) {
  std::string key;
  const bool is_quoted = local_part.size() >= 2 && local_part.front() == '"' && local_part.back() == '"';
  if (is_quoted) {
    local_part = local_part.substr(1, local_part.size() - 2);
    for (std::size_t i = 0; i < local_part.size(); ++i) {
      if (local_part[i] == '\\' && i + 1 < local_part.size()) ++i;
      key += local_part[i];
    }
  } else {
    key = local_part;
  }
  make_small(key);
  return key;
}

LocalDomains::LocalDomains(const std::vector<Domain>& domains, const std::vector<MappedNames>& recipients) {
  for (std::size_t i = 0; i < domains.size(); ++i) {
    Entry& entry = domains_[domains[i].name];
    entry.has_list = domains[i].has_recipients;
    if (entry.has_list && i < recipients.size()) entry.list = recipients[i];
    has_lists_ = has_lists_ || entry.has_list;
  }
}

const LocalDomains::Entry* LocalDomains::find(std::string_view domain) const {
  if (domain.ends_with('.')) domain.remove_suffix(1);
  std::string key(domain);
  make_small(key);
  const auto found = domains_.find(key);
  return found == domains_.end() ? nullptr : &found->second;
}

bool LocalDomains::is_local(std::string_view address) const {
  return find(split(address).domain) != nullptr;
}

std::optional<bool> LocalDomains::is_recipient(std::string_view address) const {
  const Parts parts = split(address);
  const Entry* entry = find(parts.domain);
  if (entry == nullptr || !entry->has_list) return std::nullopt;
  const std::string key = recipient_key(parts.local_part);
  return key == "postmaster" || entry->list.names().find(key).has_value();
}

}  // namespace caronte::config
