#include "config/settings.h"

#include <algorithm>
#include <array>

namespace caronte::config {

namespace {

using std::string_view;

constexpr ipc::RoleMask kAll = ipc::kMaster | ipc::kWorkers;
constexpr ipc::RoleMask kProxyAndPolicy = ipc::kSmtpdProxy | ipc::kPolicyd;

constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kDay = 24 * kHour;
constexpr std::uint64_t kMega = 1024 * 1024;
constexpr std::uint64_t kGiga = 1024 * kMega;
constexpr std::uint64_t kShortest = 10;  // milliseconds
constexpr std::uint64_t kMostSessions = 1'000'000;

constexpr std::array<string_view, 1> kModes{"single"};
constexpr std::array<string_view, 2> kBareLineEndings{"refuse", "repair"};
constexpr std::array<string_view, 5> kLogLevels{"none", "1", "2", "3", "debug"};
constexpr std::array<string_view, 1> kPermanent{"5"};
constexpr std::array<string_view, 1> kBusy{"421"};

#define SLOT(member) (+[](Here & here) -> auto& { return here.member; })

// A row is read across.
// clang-format off
constexpr std::array<Element, 13> kElements{{
    {"server", Presence::once, nullptr, 0, "The gateway itself."},
    {"listen", Presence::repeated, nullptr, 0, "A listening socket; repeated for each."},
    {"destination", Presence::once, nullptr, 0, "The mail server behind the gateway."},
    {"destination/server", Presence::once, nullptr, 0, "Where it listens."},
    {"domains", Presence::once, nullptr, 0, "The local domains; mail to any other is refused to strangers."},
    {"domains/domain", Presence::repeated, nullptr, 0, "A local domain; repeated for each."},
    {"relay", Presence::optional, nullptr, 0, "Clients that may send to any domain and are not checked at all."},
    {"limits", Presence::always_on, nullptr, 0, "Bounds on what a client may use up."},
    {"recipients", Presence::always_on, nullptr, 0, "Bounds on the recipients of a message."},
    {"data", Presence::always_on, nullptr, 0, "How message data is taken."},
    {"dns", Presence::optional, SLOT(configuration->dns.is_present), ipc::kMaster | ipc::kPolicyd | ipc::kDnsd,
     "Questions to the DNS; without it the names of clients stay unknown."},
    {"replies", Presence::always_on, nullptr, 0, "Texts of the gateway's own replies."},
    {"log", Presence::optional, SLOT(configuration->log.is_present), kAll, "The log; without it nothing is recorded."},
}};

constexpr std::array<Setting, 39> kSettings{{
    {"server", "name", Type::host_name, "", 0, 253, false, {}, kAll, SLOT(configuration->server.name), "",
     "Host name of the gateway in greeting, EHLO and trace header; empty: the machine's."},
    {"server", "state", Type::folder, CARONTE_STATEDIR, 1, 900, false, {},
     ipc::kMaster, SLOT(configuration->server.state_folder), "", "Folder for what must survive a restart."},
    {"server", "run", Type::folder, "/run/caronte", 1, 80, false, {}, ipc::kMaster, SLOT(configuration->server.run_folder), "",
     "Folder for the control sockets and the process id."},
    {"server", "workers", Type::count_or_auto, "auto", 1, 64, false, {}, ipc::kMaster, SLOT(configuration->server.workers), "",
     "Number of smtpd-proxy processes; auto: one a core."},
    {"server", "trace", Type::yes_no, "yes", 0, 0, false, {}, ipc::kSmtpdProxy, SLOT(configuration->server.trace), "",
     "Put a Received: header in front of each message."},
    {"server", "control-group", Type::group, "caronte", 0, 32, false, {},
     ipc::kMaster, SLOT(configuration->server.control_group), "", "Group that may use carontectl besides root; empty: root alone."},

    {"listen", "address", Type::address, std::nullopt, 0, 0, false, {},
     ipc::kMaster | kProxyAndPolicy, SLOT(listen->endpoint.address), "BA-1",
     "Address to listen on; 0.0.0.0 and :: are all of a family."},
    {"listen", "port", Type::port, "25", 1, 65535, false, {}, ipc::kMaster | kProxyAndPolicy, SLOT(listen->endpoint.port), "BA-2",
     "TCP port to listen on."},
    {"listen", "proxy-protocol", Type::ranges, "", 0, 64, false, {}, kProxyAndPolicy, SLOT(listen->proxy_protocol), "",
     "Load balancers that must send a PROXY header, version 1 or 2, on this listener; nobody else may then use it."},

    {"destination", "mode", Type::word, "single", 0, 0, false, kModes, 0, std::monostate{}, "BA-5",
     "How servers are chosen; single: there is one."},
    {"destination", "connect-timeout", Type::duration, "10s", kShortest, 5 * kMinute, false, {},
     ipc::kSmtpdProxy, SLOT(configuration->destination.connect_timeout), "", "How long a connection to the server may take."},
    {"destination", "reply-timeout", Type::duration, "5m", kShortest, kHour, false, {},
     ipc::kSmtpdProxy, SLOT(configuration->destination.reply_timeout), "", "How long the server may take for a reply."},
    {"destination", "data-timeout", Type::duration, "3m", kShortest, kHour, false, {},
     ipc::kSmtpdProxy, SLOT(configuration->destination.data_timeout), "", "How long the server may take no further data."},
    {"destination", "end-timeout", Type::duration, "10m", kShortest, 2 * kHour, false, {},
     ipc::kSmtpdProxy, SLOT(configuration->destination.end_timeout), "",
     "How long the server may take for the reply to a whole message."},

    {"destination/server", "address", Type::address, std::nullopt, 0, 0, false, {},
     ipc::kMaster | kProxyAndPolicy, SLOT(destination_server->endpoint.address), "BA-5", "Address of the mail server."},
    {"destination/server", "port", Type::port, "25", 1, 65535, false, {},
     ipc::kMaster | kProxyAndPolicy, SLOT(destination_server->endpoint.port), "BA-5", "TCP port of the mail server."},

    {"domains/domain", "name", Type::domain, std::nullopt, 1, 253, false, {}, ipc::kSmtpdProxy, SLOT(domain->name), "BA-8",
     "The domain; subdomains are not included."},

    {"relay", "list", Type::list, std::nullopt, 1, 900, false, {}, kProxyAndPolicy, ListId::relay, "FW-1",
     "File of their addresses, one entry a line."},

    {"limits", "sessions", Type::count, "10000", 1, kMostSessions, true, {},
     ipc::kMaster | kProxyAndPolicy, SLOT(configuration->limits.sessions), "", "Sessions at once, of all clients together."},
    {"limits", "sessions-per-address", Type::count, "5", 1, kMostSessions, true, {},
     kProxyAndPolicy, SLOT(configuration->limits.sessions_per_address), "FW-5",
     "Sessions at once of one IPv4 address or one IPv6 /64; the next one gets the busy reply."},
    {"limits", "errors", Type::count, "10", 1, kMostSessions, true, {},
     ipc::kSmtpdProxy, SLOT(configuration->limits.errors), "FW-10",
     "Replies of 5xx after which the session is closed; an accepted message begins the count anew."},
    {"limits", "noops", Type::count, "10", 1, kMostSessions, true, {}, ipc::kSmtpdProxy, SLOT(configuration->limits.noops), "FW-11",
     "NOOP commands that are answered; the next one closes the session without a reply."},
    {"limits", "client-timeout", Type::duration, "300s", kShortest, kDay, true, {},
     ipc::kSmtpdProxy, SLOT(configuration->limits.client_timeout), "FW-12",
     "How long a client may be silent; each octet begins the time anew."},
    {"limits", "command-time", Type::duration, "10m", kShortest, kDay, true, {},
     ipc::kSmtpdProxy, SLOT(configuration->limits.command_time), "FW-12", "How long a client may take for one whole command."},
    {"limits", "message-size", Type::size, "50M", 1, 64 * kGiga, true, {},
     ipc::kSmtpdProxy, SLOT(configuration->limits.message_size), "AG-11", "Largest message."},

    {"recipients", "maximum", Type::count, "1000", 1, 50'000, false, {},
     ipc::kSmtpdProxy, SLOT(configuration->recipients.maximum), "", "Recipients of one message; the next ones get 452 4.5.3."},

    {"data", "bare-line-endings", Type::word, "refuse", 0, 0, false, kBareLineEndings,
     ipc::kSmtpdProxy, SLOT(configuration->data.bare_line_endings), "", "What becomes of a CR or LF that stands alone."},

    {"dns", "servers", Type::resolvers, "", 0, 8, false, {}, ipc::kDnsd, SLOT(configuration->dns.servers), "CX-3",
     "Resolvers to ask; empty: those of /etc/resolv.conf."},
    {"dns", "timeout", Type::duration, "5s", kShortest, kMinute, false, {}, ipc::kDnsd, SLOT(configuration->dns.timeout), "CX-3",
     "How long a whole question may take."},
    {"dns", "reverse", Type::yes_no, "yes", 0, 0, false, {}, ipc::kPolicyd | ipc::kDnsd, SLOT(configuration->dns.reverse), "AG-3",
     "Look up the name of each client, confirmed by its addresses."},
    {"dns", "cache-minimum", Type::duration, "5s", 1, kDay, true, {}, ipc::kDnsd, SLOT(configuration->dns.cache_minimum), "CX-4",
     "Shortest time for which an answer is kept."},
    {"dns", "cache-maximum", Type::duration, "1h", 1, 7 * kDay, true, {},
     ipc::kDnsd, SLOT(configuration->dns.cache_maximum), "CX-4", "Longest time for which an answer is kept."},

    {"replies", "relaying-denied", Type::reply, "550 5.7.1 Relaying denied.", 5, 510, false, kPermanent,
     ipc::kSmtpdProxy, SLOT(configuration->replies.relaying_denied), "BA-7",
     "Reply to a recipient who is not local, from a stranger."},
    {"replies", "busy", Type::reply, "421 BUSY", 5, 510, false, kBusy, kProxyAndPolicy, SLOT(configuration->replies.busy), "FW-5",
     "Reply instead of the greeting when a limit on sessions is reached."},

    {"log", "level", Type::word, "1", 0, 0, false, kLogLevels, kAll, SLOT(configuration->log.level), "BA-3",
     "How much is recorded."},
    {"log", "folder", Type::folder, CARONTE_LOGDIR, 1, 900, false, {}, ipc::kMaster, SLOT(configuration->log.folder), "CX-8",
     "Folder of the log file and its archives."},
    {"log", "rotate-size", Type::size, "100M", 1024, 1024 * kGiga, true, {},
     ipc::kLogd, SLOT(configuration->log.rotate_size), "CX-8", "Size at which the log file becomes an archive."},
    {"log", "rotate-time", Type::duration, "24h", 100, 366 * kDay, true, {},
     ipc::kLogd, SLOT(configuration->log.rotate_time), "CX-8", "Age at which the log file becomes an archive."},
    {"log", "syslog", Type::yes_no, "no", 0, 0, false, {}, ipc::kMaster | ipc::kLogd, SLOT(configuration->log.syslog), "",
     "Send a summary of each record to syslog as well."},
}};
// clang-format on

#undef SLOT

// Puts the initial value of its member into a slot.
void reset(const Slot& slot, Here& here) {
  Configuration configuration;
  Listen listen;
  DestinationServer server;
  Domain domain;
  Here initial{&configuration, &listen, &server, &domain};
  std::visit(
      [&](auto where) {
        if constexpr (requires { where(here); }) where(here) = where(initial);
      },
      slot);
}

// Resets what `role` may not know among the rows of one element; false: it may know none of them.
bool keep_for(ipc::Role role, string_view element, Here here) {
  bool keeps_any = false;
  for (const Setting& setting : kSettings) {
    if (setting.element != element) continue;
    if ((setting.receivers & ipc::mask_of(role)) != 0) {
      keeps_any = true;
    } else {
      reset(setting.slot, here);
    }
  }
  return keeps_any;
}

}  // namespace

std::span<const Element> elements() {
  return kElements;
}

std::span<const Setting> settings() {
  return kSettings;
}

const Setting* find_setting(std::string_view element, std::string_view attribute) noexcept {
  const auto* found = std::find_if(kSettings.begin(), kSettings.end(),
                                   [&](const Setting& s) { return s.element == element && s.attribute == attribute; });
  return found == kSettings.end() ? nullptr : found;
}

Configuration part_for(ipc::Role role, const Configuration& whole) {
  Configuration part = whole;
  Here here{&part};
  for (const Element& element : kElements) {
    if (element.is_present != nullptr && (element.receivers & ipc::mask_of(role)) == 0) element.is_present(here) = false;
    if (element.path == "listen") {
      bool keeps_any = false;
      for (Listen& listen : part.listens) keeps_any = keep_for(role, element.path, {&part, &listen});
      if (!keeps_any) part.listens.clear();
    } else if (element.path == "destination/server") {
      bool keeps_any = false;
      for (DestinationServer& server : part.destination.servers) {
        keeps_any = keep_for(role, element.path, {&part, nullptr, &server});
      }
      if (!keeps_any) part.destination.servers.clear();
    } else if (element.path == "domains/domain") {
      bool keeps_any = false;
      for (Domain& domain : part.domains) keeps_any = keep_for(role, element.path, {&part, nullptr, nullptr, &domain});
      if (!keeps_any) part.domains.clear();
    } else {
      (void)keep_for(role, element.path, here);
    }
  }
  for (std::size_t i = 0; i < part.setting_lines.size() && i < kSettings.size(); ++i) {
    if ((kSettings[i].receivers & ipc::mask_of(role)) == 0) part.setting_lines[i] = 0;
  }
  return part;
}

}  // namespace caronte::config
