// The local domains of a configuration, and the lists of valid recipients that some of them have. The relay guard is not
// here: it stands in smtpd-proxy.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/configuration.h"
#include "config/name_list.h"

namespace caronte::config {

// A local part as recipient lists hold it: the quotes and backslashes of a quoted string taken off, ASCII letters small.
[[nodiscard]] std::string recipient_key(std::string_view local_part);

class LocalDomains {
 public:
  LocalDomains() = default;
  // Copies what it needs of both; `recipients` by the place of the domain, and may be shorter.
  LocalDomains(const std::vector<Domain>& domains, const std::vector<MappedNames>& recipients);

  // Of an address without brackets, or of a domain alone: is its domain a local one? Case and one trailing dot aside;
  // what has no "@" is a domain.
  [[nodiscard]] bool is_local(std::string_view address) const;
  // Is the address in its domain's list? nullopt: the domain is not local or has no list, or there is none, as in
  // <postmaster>. The postmaster of a domain is always valid (RFC 5321 section 4.5.1).
  [[nodiscard]] std::optional<bool> is_recipient(std::string_view address) const;
  [[nodiscard]] bool has_recipient_lists() const noexcept { return has_lists_; }

 private:
  struct Entry {
    bool has_list = false;
    MappedNames list;
  };
  [[nodiscard]] const Entry* find(std::string_view domain) const;

  std::unordered_map<std::string, Entry> domains_;
  bool has_lists_ = false;
};

}  // namespace caronte::config
