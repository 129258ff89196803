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
enum class ListId : std::uint16_t { relay, kCount };
[[nodiscard]] std::string_view name_of(ListId list) noexcept;

struct Server {
  std::string name;           // own host name, in greeting, EHLO and trace header; empty: the machine's
  std::string state_folder;   // absolute
  std::string run_folder;     // absolute
  std::uint32_t workers = 0;  // smtpd-proxies; 0: one a core
  bool trace = true;          // write a Received: header
  std::string control_group;  // may use the control sockets besides root
  CARONTE_FIELDS(name, state_folder, run_folder, workers, trace, control_group)
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
  CARONTE_FIELDS(name, line)
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
  CARONTE_FIELDS(sessions, sessions_per_address, errors, noops, client_timeout, command_time, message_size)
};

struct Recipients {
  std::uint32_t maximum = 0;  // of one message; more: 452 4.5.3
  CARONTE_FIELDS(maximum)
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
  CARONTE_FIELDS(relaying_denied, busy)
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
  Data data;
  Dns dns;
  Replies replies;
  Log log;
  std::vector<std::uint32_t> setting_lines;  // line of each row of the settings table; 0: a default (repeated elements: see .line)
  CARONTE_FIELDS(file, server, listens, destination, domains, limits, recipients, data, dns, replies, log, setting_lines)
};

// The whole content of a sealed memfd. Errors: not sealed against changes, too large (kMaxSealedBytes), malformed.
[[nodiscard]] base::Result<Configuration> decode_configuration(int descriptor);
// A new sealed memfd.
[[nodiscard]] base::Result<base::Fd> encode_configuration(const Configuration& configuration);

}  // namespace caronte::config
