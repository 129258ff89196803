// The relay guard (BA-7, Q2): who may send to whom. smtpd-proxy alone decides it, from the configuration and the session's
// own state, for each recipient; policyd has no say. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "config/configuration.h"
#include "smtpd-proxy/path_parser.h"

namespace caronte::smtpd_proxy {

// The local domains, for look-up in any case of ASCII letters without a copy.
class DomainSet {
 public:
  DomainSet() = default;
  explicit DomainSet(const std::vector<config::Domain>& domains);
  [[nodiscard]] bool contains(std::string_view domain) const noexcept;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view domain) const noexcept;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept;
  };
  std::unordered_set<std::string, Hash, Equal> domains_;
};

enum class GuardAnswer : std::uint8_t { pass, relaying_denied };

// Refuses if none of the three holds: the session has authenticated, the client is a numeric relay or trusted address, the
// recipient is local.
[[nodiscard]] GuardAnswer guard(const Path& recipient, bool is_authenticated, bool is_relay_address,
                                const DomainSet& local) noexcept;

// Local is <postmaster> without domain, and a path without source route whose domain equals a configured one (ASCII case
// aside; so an address literal is only local where it is configured, a subdomain never), if its local part cannot send the
// message on to somebody else behind us. The mail server takes us for a trusted client, so what it would refuse to strangers
// (Postfix: allow_untrusted_routing = no) must be refused here:
//   '%' and '!' anywhere: user%remote@local and remote!user@local are routed on by sendmail and many others;
//   in a quoted local part, all but atoms, dots and blanks: "user@remote"@local and the like become routes or other
//   commands as soon as a server drops the quotes; a backslash may hide any of them;
//   a first octet '/', '|' or '-': file, program and option for the delivery agents that take names so (Postfix:
//   allow_min_user); a blank there, which some strip first; and "" for the whole;
//   the full-width and small forms of '@', '%' and '!', which compatibility normalisation (NFKC) turns into these.
[[nodiscard]] bool is_local_recipient(const Path& recipient, const DomainSet& local) noexcept;

}  // namespace caronte::smtpd_proxy
