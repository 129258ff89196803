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
constexpr std::uint64_t kMostPoints = 1000;
constexpr std::uint64_t kMostTimes = 100;  // what policyd remembers by the time of each: its own bound is a little above
constexpr string_view kPointsHelp = "Points of the action score.";

constexpr std::array<string_view, 1> kModes{"single"};
constexpr std::array<string_view, 2> kBareLineEndings{"refuse", "repair"};
constexpr std::array<string_view, 5> kLogLevels{"none", "1", "2", "3", "debug"};
// In the order of Action.
constexpr std::array<string_view, 7> kActions{"off", "log", "score", "refuse", "defer", "tarpit", "ban"};
constexpr std::array<string_view, 7> kNullActions{"accept", "log", "score", "refuse", "defer", "tarpit", "ban"};
constexpr std::array<string_view, 1> kPermanent{"5"};
constexpr std::array<string_view, 1> kBusy{"421"};

#define SLOT(member) (+[](Here & here) -> auto& { return here.member; })

// A row is read across.
// clang-format off
constexpr std::array<Element, 22> kElements{{
    {"server", Presence::once, nullptr, 0, "The gateway itself."},
    {"listen", Presence::repeated, nullptr, 0, "A listening socket; repeated for each."},
    {"destination", Presence::once, nullptr, 0, "The mail server behind the gateway."},
    {"destination/server", Presence::once, nullptr, 0, "Where it listens."},
    {"domains", Presence::once, nullptr, 0, "The local domains; mail to any other is refused to strangers."},
    {"domains/domain", Presence::repeated, nullptr, 0, "A local domain; repeated for each."},
    {"relay", Presence::optional, nullptr, 0, "Clients that may send to any domain and are not checked at all."},
    {"trusted", Presence::optional, nullptr, 0, "Clients that may send to any domain without logging in."},
    {"white", Presence::optional, nullptr, 0, "Clients that are not checked for spam, and may send to the local domains only."},
    {"limits", Presence::always_on, nullptr, 0, "Bounds on what a client may use up."},
    {"rate", Presence::optional, nullptr, 0, "How many messages one client may send."},
    {"recipients", Presence::always_on, nullptr, 0, "Bounds on the recipients of a message."},
    {"sender", Presence::optional, nullptr, 0, "Senders that are refused."},
    {"characters", Presence::optional, nullptr, 0,
     "Characters that addresses and HELO names may have; those outside of ASCII are not tested."},
    {"repeat-offenders", Presence::optional, nullptr, 0, "Clients that break the rules again and again are banned."},
    {"backscatter", Presence::optional, nullptr, 0, "Floods of bounces for messages that were never sent."},
    {"tarpit", Presence::optional, SLOT(configuration->tarpit.is_present), ipc::kPolicyd,
     "Delays that cost a spammer time and a mail server next to nothing."},
    {"hell", Presence::optional, SLOT(configuration->hell.is_present), ipc::kPolicyd,
     "Clients that are refused before anything else; filled by hand, by list and by bans."},
    {"data", Presence::always_on, nullptr, 0, "How message data is taken."},
    {"dns", Presence::optional, SLOT(configuration->dns.is_present), ipc::kMaster | ipc::kPolicyd | ipc::kDnsd,
     "Questions to the DNS; without it the names of clients stay unknown."},
    {"replies", Presence::always_on, nullptr, 0, "Texts of the gateway's own replies."},
    {"log", Presence::optional, SLOT(configuration->log.is_present), kAll, "The log; without it nothing is recorded."},
}};

constexpr std::array<Setting, 87> kSettings{{
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
    {"server", "observe", Type::yes_no, "no", 0, 0, false, {}, ipc::kPolicyd, SLOT(configuration->server.observe), "",
     "Every check only logs what it would have done; the relay guard and the limits stay."},
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

    {"domains/domain", "name", Type::domain, std::nullopt, 1, 253, false, {}, kProxyAndPolicy, SLOT(domain->name), "BA-8",
     "The domain; subdomains are not included."},
    {"domains/domain", "recipients", Type::list, "", 1, 900, false, {}, ipc::kPolicyd, SLOT(domain->has_recipients), "Q3",
     "File of its recipients, one address or local part a line; empty: the mail server alone knows them."},

    {"relay", "list", Type::list, std::nullopt, 1, 900, false, {}, kProxyAndPolicy, ListId::relay, "FW-1",
     "File of their addresses, one entry a line."},

    {"trusted", "list", Type::list, std::nullopt, 1, 900, false, {}, kProxyAndPolicy, ListId::trusted, "IW-5, IW-7",
     "File of their addresses, one entry a line."},
    {"trusted", "bypass-antispam", Type::yes_no, "yes", 0, 0, false, {},
     kProxyAndPolicy, SLOT(configuration->trusted.bypass_antispam), "IW-6",
     "Do not check them, nor sessions that have logged in, for spam."},

    {"white", "list", Type::list, std::nullopt, 1, 900, false, {}, ipc::kPolicyd, ListId::white, "L1-7",
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
    {"limits", "reserved", Type::count, "10", 1, 90, true, {}, ipc::kPolicyd, SLOT(configuration->limits.reserved), "",
     "Percent of the sessions that are kept for clients that have delivered well before."},

    {"rate", "messages", Type::count, "0", 1, kMostSessions, true, {}, ipc::kPolicyd, SLOT(configuration->rate.messages), "AG-8",
     "Messages of one address within the minutes; the next one is too many."},
    {"rate", "minutes", Type::count, "10", 1, 1440, false, {}, ipc::kPolicyd, SLOT(configuration->rate.minutes), "AG-8",
     "Minutes that are looked back on."},
    {"rate", "action", Type::word, "tarpit", 0, 0, false, kActions, ipc::kPolicyd, SLOT(configuration->rate.action), "AG-8",
     "What becomes of a message that is too many."},
    {"rate", "points", Type::count, "3", 1, kMostPoints, false, {}, ipc::kPolicyd, SLOT(configuration->rate.points), "",
     kPointsHelp},
    {"rate", "exclude-authenticated", Type::yes_no, "yes", 0, 0, false, {},
     ipc::kPolicyd, SLOT(configuration->rate.exclude_authenticated), "AG-10",
     "Sessions that have logged in are exempt from the rate and from the tarpit."},

    {"recipients", "maximum", Type::count, "1000", 1, 50'000, false, {},
     ipc::kSmtpdProxy, SLOT(configuration->recipients.maximum), "", "Recipients of one message; the next ones get 452 4.5.3."},
    {"recipients", "invalid", Type::count, "5", 1, kMostSessions, true, {},
     ipc::kPolicyd, SLOT(configuration->recipients.invalid), "AG-5",
     "Recipients refused with 5xx in one session at which the action is taken.", true},
    {"recipients", "valid", Type::count, "0", 1, kMostSessions, true, {},
     ipc::kPolicyd, SLOT(configuration->recipients.valid), "AG-6",
     "Recipients accepted in one session at which the action is taken.", true},
    {"recipients", "valid-needs-invalid", Type::count, "0", 1, kMostSessions, true, {},
     ipc::kPolicyd, SLOT(configuration->recipients.valid_needs_invalid), "AG-7",
     "The limit on valid recipients holds only in a session that has had so many invalid ones too.", true},
    {"recipients", "action", Type::word, "refuse", 0, 0, false, kActions,
     ipc::kPolicyd, SLOT(configuration->recipients.action), "AG-5, AG-6",
     "What becomes of a session that reaches one of these limits.", true},
    {"recipients", "points", Type::count, "3", 1, kMostPoints, false, {},
     ipc::kPolicyd, SLOT(configuration->recipients.points), "", kPointsHelp, true},

    {"sender", "null", Type::word, "accept", 0, 0, false, kNullActions, ipc::kPolicyd, SLOT(configuration->sender.null), "AG-2",
     "What becomes of messages without a sender, which most bounces are."},
    {"sender", "local-unauthorised", Type::word, "log", 0, 0, false, kActions,
     ipc::kPolicyd, SLOT(configuration->sender.local_unauthorised), "IW-2",
     "What becomes of a sender in a local domain who neither has logged in nor comes from a relay or trusted address."},
    {"sender", "points", Type::count, "3", 1, kMostPoints, false, {}, ipc::kPolicyd, SLOT(configuration->sender.points), "",
     kPointsHelp},

    {"characters", "user", Type::characters, "A-Za-z0-9.!#$%&'*+/=?^_`{|}~-", 0, 0, false, {},
     ipc::kPolicyd, SLOT(configuration->characters.user), "AG-4, AX-22", "In front of the @ of a sender or recipient."},
    {"characters", "domain", Type::characters, "A-Za-z0-9.-", 0, 0, false, {},
     ipc::kPolicyd, SLOT(configuration->characters.domain), "AG-4, AX-22", "Behind it."},
    {"characters", "helo", Type::characters, "A-Za-z0-9.:_[]-", 0, 0, false, {},
     ipc::kPolicyd, SLOT(configuration->characters.helo), "AX-22", "In the name that HELO or EHLO gives."},
    {"characters", "action", Type::word, "refuse", 0, 0, false, kActions,
     ipc::kPolicyd, SLOT(configuration->characters.action), "AG-4, AX-22", "What becomes of a command with any other character."},
    {"characters", "points", Type::count, "3", 1, kMostPoints, false, {},
     ipc::kPolicyd, SLOT(configuration->characters.points), "", kPointsHelp},

    {"repeat-offenders", "offences", Type::count, "3", 1, kMostTimes, true, {},
     ipc::kPolicyd, SLOT(configuration->repeat_offenders.offences), "AX-5", "Offences of one address that bring a ban."},
    {"repeat-offenders", "within", Type::duration, "10m", kSecond, kDay, false, {},
     ipc::kPolicyd, SLOT(configuration->repeat_offenders.within), "AX-5", "Time that is looked back on."},
    {"repeat-offenders", "ban", Type::duration, "1h", kSecond, 366 * kDay, false, {},
     ipc::kPolicyd, SLOT(configuration->repeat_offenders.ban), "AX-7", "How long the ban lasts."},
    {"repeat-offenders", "range4", Type::count, "32", 8, 32, false, {},
     ipc::kPolicyd, SLOT(configuration->repeat_offenders.range4), "AX-7", "Prefix length of what is banned around an IPv4 address."},
    {"repeat-offenders", "range6", Type::count, "64", 16, 128, false, {},
     ipc::kPolicyd, SLOT(configuration->repeat_offenders.range6), "AX-7", "Prefix length of what is banned around an IPv6 address."},
    {"repeat-offenders", "tarpit", Type::duration, "0", kSecond, 10 * kMinute, true, {},
     ipc::kPolicyd, SLOT(configuration->repeat_offenders.tarpit), "AX-7",
     "Do not refuse those that are banned, but hold them for so long in each session."},

    {"backscatter", "messages", Type::count, "2", 1, kMostTimes, true, {},
     ipc::kPolicyd, SLOT(configuration->backscatter.messages), "AX-25",
     "Messages without a sender for one recipient within the time; the next one is too many."},
    {"backscatter", "within", Type::duration, "10m", kSecond, kDay, false, {},
     ipc::kPolicyd, SLOT(configuration->backscatter.within), "AX-25",
     "Time that is looked back on, and that must pass without one."},
    {"backscatter", "action", Type::word, "refuse", 0, 0, false, kActions,
     ipc::kPolicyd, SLOT(configuration->backscatter.action), "AX-25", "What becomes of a message that is too many."},
    {"backscatter", "points", Type::count, "3", 1, kMostPoints, false, {},
     ipc::kPolicyd, SLOT(configuration->backscatter.points), "", kPointsHelp},

    {"tarpit", "greeting", Type::duration, "0s", kShortest, 10 * kMinute, true, {},
     ipc::kPolicyd, SLOT(configuration->tarpit.greeting), "AX-12", "How long every client that is not exempt waits for its greeting."},
    {"tarpit", "delay", Type::duration, "60s", kShortest, kHour, false, {},
     ipc::kPolicyd, SLOT(configuration->tarpit.delay), "AG-9",
     "How long the action tarpit holds a client, before its refusal and at HELO in its next sessions."},
    {"tarpit", "hang-ups", Type::count, "3", 1, kMostTimes, true, {}, ipc::kPolicyd, SLOT(configuration->tarpit.hang_ups), "AG-16",
     "Clients that went so often while they were held are closed at once."},
    {"tarpit", "within", Type::duration, "10m", kSecond, kDay, false, {}, ipc::kPolicyd, SLOT(configuration->tarpit.within), "AG-16",
     "Time that is looked back on for hang-ups and offences."},
    {"tarpit", "early-talkers", Type::word, "refuse", 0, 0, false, kActions,
     ipc::kPolicyd, SLOT(configuration->tarpit.early_talkers), "AX-12", "What becomes of clients that talk before their greeting."},
    {"tarpit", "points", Type::count, "3", 1, kMostPoints, false, {}, ipc::kPolicyd, SLOT(configuration->tarpit.points), "",
     kPointsHelp},
    {"tarpit", "maximum", Type::count, "2000", 1, kMostSessions, false, {}, ipc::kPolicyd, SLOT(configuration->tarpit.maximum), "",
     "Sessions held at once; above it nobody is held."},

    {"hell", "time", Type::duration, "1h", kSecond, 366 * kDay, false, {}, ipc::kPolicyd, SLOT(configuration->hell.time), "FW-13",
     "How long the action ban lasts; each further offence prolongs it."},
    {"hell", "list", Type::list, "", 1, 900, false, {}, ipc::kPolicyd, ListId::hell, "FW-13",
     "File of addresses that stay, one entry a line."},
    {"hell", "reply", Type::reply, "554 5.7.1 Refused", 5, 510, false, kPermanent,
     ipc::kPolicyd, SLOT(configuration->hell.reply), "FW-13", "Reply instead of the greeting."},
    {"hell", "mute", Type::yes_no, "no", 0, 0, false, {}, ipc::kPolicyd, SLOT(configuration->hell.mute), "FW-13",
     "Close without a word instead."},

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
    {"replies", "refused", Type::reply, "550 Refused", 5, 510, false, kPermanent,
     ipc::kPolicyd, SLOT(configuration->replies.refused), "AG-12, AG-14", "Reply to what a check refuses."},
    {"replies", "bogus", Type::yes_no, "no", 0, 0, false, {}, ipc::kPolicyd, SLOT(configuration->replies.bogus), "AG-13",
     "Give one of several hundred made-up texts instead, without a reference."},
    {"replies", "reference", Type::yes_no, "yes", 0, 0, false, {}, kProxyAndPolicy, SLOT(configuration->replies.reference), "",
     "End refusals with a reference by which carontectl finds the session."},
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
