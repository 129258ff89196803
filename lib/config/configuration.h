// The typed configuration: what config-reader makes of caronte.xml by the settings table (settings.h), and what workers
// read. Each worker receives only the members whose row names it; the others keep their initial values here.
// Absent elements are off: a std::vector is empty, an is_present flag false, a limit 0.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"
#include "config/sealed_memory.h"
#include "ipc/codec.h"
#include "ipc/schema.h"

namespace caronte::config {

using std::chrono::milliseconds;

// An address or network list, by its place in the configuration; its table reaches workers as a MappedList.
enum class ListId : std::uint16_t { relay, trusted, white, hell, kCount };
[[nodiscard]] std::string_view name_of(ListId list) noexcept;
// IW-7: others refuse them; the relay guard knows numeric addresses only.
[[nodiscard]] constexpr bool takes_host_names(ListId list) noexcept {
  return list == ListId::trusted || list == ListId::white;
}

// What a check does when it hits (design.md section 6). `log` decides nothing and records what would have been done.
enum class Action : std::uint8_t { off, log, score, refuse, defer, tarpit, ban, kCount };
[[nodiscard]] std::string_view name_of(Action action) noexcept;

struct Server {
  std::string name;           // own host name, in greeting, EHLO and trace header; empty: the machine's
  std::string state_folder;   // absolute
  std::string run_folder;     // absolute
  std::uint32_t workers = 0;  // smtpd-proxies; 0: one a core
  bool trace = true;          // write a Received: header
  std::string control_group;  // may use the control sockets besides root
  bool observe = false;       // every check only logs
  CARONTE_FIELDS(name, state_folder, run_folder, workers, trace, control_group, observe)
};

// An inclusive range, as in a list.
struct Range {
  base::Address first;
  base::Address last;
  [[nodiscard]] bool contains(const base::Address& address) const noexcept {
    return first <= address && address <= last && address.is_v4() == first.is_v4();
  }
  CARONTE_FIELDS(first, last)
};

inline constexpr std::size_t kMaxListeners = 64;
struct Listen {
  base::Endpoint endpoint;
  // Peers that must send a PROXY header (v1 or v2) and are believed; empty: the header is never read. A peer outside of
  // them is refused on such a listener.
  std::vector<Range> proxy_protocol;
  std::uint32_t line = 0;
  CARONTE_FIELDS(endpoint, proxy_protocol, line)
};

struct DestinationServer {
  base::Endpoint endpoint;
  std::uint32_t line = 0;
  CARONTE_FIELDS(endpoint, line)
};

struct Destination {
  milliseconds connect_timeout{0};
  milliseconds reply_timeout{0};           // to any command
  milliseconds data_timeout{0};            // a block of data not taken
  milliseconds end_timeout{0};             // reply to the final dot
  std::vector<DestinationServer> servers;  // at least one
  CARONTE_FIELDS(connect_timeout, reply_timeout, data_timeout, end_timeout, servers)
};

struct Domain {
  std::string name;  // lower case, ASCII, without trailing dot
  std::uint32_t line = 0;
  bool has_recipients = false;  // a list of its valid recipients: by its place in worker::Generation::recipients
  CARONTE_FIELDS(name, line, has_recipients)
};

// FW-5 to FW-12, AG-11. 0: off.
struct Limits {
  std::uint32_t sessions = 0;              // at once, over all smtpd-proxies
  std::uint32_t sessions_per_address = 0;  // FW-5, Q10
  std::uint32_t errors = 0;                // FW-10, Q5
  std::uint32_t noops = 0;                 // FW-11, Q6
  milliseconds client_timeout{0};          // FW-12, Q7
  milliseconds command_time{0};            // a whole command, however slowly it drips (Q7)
  std::uint64_t message_size = 0;          // AG-11, octets
  std::uint32_t reserved = 0;              // percent of `sessions` kept for addresses that have delivered well before
  CARONTE_FIELDS(sessions, sessions_per_address, errors, noops, client_timeout, command_time, message_size, reserved)
};

struct Recipients {
  std::uint32_t maximum = 0;              // of one message; more: 452 4.5.3
  std::uint32_t invalid = 0;              // AG-5; 0: off
  std::uint32_t valid = 0;                // AG-6; 0: off
  std::uint32_t valid_needs_invalid = 0;  // AG-7
  Action action = Action::off;
  std::int32_t points = 0;  // of Action::score; so everywhere below
  CARONTE_FIELDS(maximum, invalid, valid, valid_needs_invalid, action, points)
};

// IW-5, IW-6.
struct Trusted {
  bool bypass_antispam = true;
  CARONTE_FIELDS(bypass_antispam)
};

// AG-8, AG-10, Q19, Q20.
struct Rate {
  std::uint32_t messages = 0;  // more than these within `minutes`; 0: off
  std::uint32_t minutes = 0;
  Action action = Action::off;
  std::int32_t points = 0;
  bool exclude_authenticated = true;
  CARONTE_FIELDS(messages, minutes, action, points, exclude_authenticated)
};

// AG-2, Q23, IW-2 to IW-4.
struct Sender {
  Action null = Action::off;  // "accept" in the file
  Action local_unauthorised = Action::off;
  std::int32_t points = 0;
  CARONTE_FIELDS(null, local_unauthorised, points)
};

// A set of ASCII characters (AG-4, AX-22): what is not ASCII is not tested.
struct CharacterSet {
  std::uint64_t low = 0;   // octets 0 to 63, a bit each
  std::uint64_t high = 0;  // 64 to 127
  [[nodiscard]] bool contains(unsigned char octet) const noexcept {
    return octet >= 128 || ((octet < 64 ? low : high) >> (octet % 64) & 1U) != 0;
  }
  CARONTE_FIELDS(low, high)
};
struct Characters {
  CharacterSet user;
  CharacterSet domain;
  CharacterSet helo;
  Action action = Action::off;  // element absent: off
  std::int32_t points = 0;
  CARONTE_FIELDS(user, domain, helo, action, points)
};

// AX-5 to AX-7.
struct RepeatOffenders {
  std::uint32_t offences = 0;  // 0: off
  milliseconds within{0};
  milliseconds ban{0};
  std::uint32_t range4 = 32;  // prefix length that is banned
  std::uint32_t range6 = 64;
  milliseconds tarpit{0};  // not 0: do not ban, hold the client for so long at its connections instead
  CARONTE_FIELDS(offences, within, ban, range4, range6, tarpit)
};

// AX-25.
struct Backscatter {
  std::uint32_t messages = 0;  // more than these from <> to one recipient; 0: off
  milliseconds within{0};
  Action action = Action::off;
  std::int32_t points = 0;
  CARONTE_FIELDS(messages, within, action, points)
};

// AG-9, AG-16, Q21, AX-12.
struct Tarpit {
  bool is_present = false;
  milliseconds greeting{0};    // before the 220, for all who are not exempt
  milliseconds delay{0};       // of action tarpit: before a refusal, and before HELO's reply in the next sessions
  std::uint32_t hang_ups = 0;  // within `within`: disconnected at once; 0: off
  milliseconds within{0};
  Action early_talkers = Action::off;
  std::int32_t points = 0;
  std::uint32_t maximum = 0;  // sessions held at once; above it nobody is held
  CARONTE_FIELDS(is_present, greeting, delay, hang_ups, within, early_talkers, points, maximum)
};

// FW-13, Q8, Q9.
struct Hell {
  bool is_present = false;
  milliseconds time{0};  // of a ban
  std::string reply;     // instead of the greeting
  bool mute = false;     // close without a word
  CARONTE_FIELDS(is_present, time, reply, mute)
};

enum class BareLineEndings : std::uint8_t { refuse, repair, kCount };
struct Data {
  BareLineEndings bare_line_endings = BareLineEndings::refuse;  // design.md section 4.6
  CARONTE_FIELDS(bare_line_endings)
};

struct Dns {
  bool is_present = false;
  std::vector<base::Endpoint> servers;  // configured, else the system's; port 53 unless given as address@port
  milliseconds timeout{0};              // a whole question
  bool reverse = false;                 // AG-3
  milliseconds cache_minimum{0};        // CX-4
  milliseconds cache_maximum{0};
  CARONTE_FIELDS(is_present, servers, timeout, reverse, cache_minimum, cache_maximum)
};

struct Replies {
  std::string relaying_denied;  // Q31
  std::string busy;             // FW-5
  std::string refused;          // AG-12, AG-14
  bool bogus = false;           // AG-13
  bool reference = true;        // a short reference in refusals of policy
  CARONTE_FIELDS(relaying_denied, busy, refused, bogus, reference)
};

struct Log {
  bool is_present = false;
  ipc::LogLevel level = ipc::LogLevel::none;
  std::string folder;             // absolute
  std::uint64_t rotate_size = 0;  // octets; 0: never
  milliseconds rotate_time{0};    // 0: never
  bool syslog = false;
  CARONTE_FIELDS(is_present, level, folder, rotate_size, rotate_time, syslog)
};

struct Configuration {
  std::string file;  // as given to caronted, for messages
  Server server;
  std::vector<Listen> listens;
  Destination destination;
  std::vector<Domain> domains;
  Limits limits;
  Recipients recipients;
  Trusted trusted;
  Rate rate;
  Sender sender;
  Characters characters;
  RepeatOffenders repeat_offenders;
  Backscatter backscatter;
  Tarpit tarpit;
  Hell hell;
  Data data;
  Dns dns;
  Replies replies;
  Log log;
  std::vector<std::uint32_t> setting_lines;  // line of each row of the settings table; 0: a default (repeated elements: see .line)
  CARONTE_FIELDS(file, server, listens, destination, domains, limits, recipients, trusted, rate, sender, characters,
                 repeat_offenders, backscatter, tarpit, hell, data, dns, replies, log, setting_lines)
};

// The whole content of a sealed memfd. Errors: not sealed against changes, too large (kMaxSealedBytes), malformed.
[[nodiscard]] base::Result<Configuration> decode_configuration(int descriptor);
// A new sealed memfd.
[[nodiscard]] base::Result<base::Fd> encode_configuration(const Configuration& configuration);

}  // namespace caronte::config
