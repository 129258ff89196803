// THE message schema: every message that may cross a channel between two processes, who may send it to whom, and whether
// it carries a descriptor. The enum, the names for the log, the route check and the tests come from the rows below.
// A message is added by a row and a struct; it is handled where its receiver lists it in ipc::dispatch<...>().
#pragma once

#include <cstdint>
#include <string_view>

#include "ipc/codec.h"

namespace caronte::ipc {

// Changed whenever a struct or a row changes; the first message of a channel (Start or Hello) carries it.
inline constexpr std::uint16_t kSchemaVersion = 2;

enum class Role : std::uint8_t { master, config_reader, smtpd_proxy, policyd, dnsd, logd, control, kCount };
[[nodiscard]] std::string_view name_of(Role role) noexcept;

using RoleMask = std::uint8_t;
[[nodiscard]] constexpr RoleMask mask_of(Role role) noexcept {
  return static_cast<RoleMask>(1U << static_cast<unsigned>(role));
}
inline constexpr RoleMask kMaster = mask_of(Role::master);
inline constexpr RoleMask kConfigReader = mask_of(Role::config_reader);
inline constexpr RoleMask kSmtpdProxy = mask_of(Role::smtpd_proxy);
inline constexpr RoleMask kPolicyd = mask_of(Role::policyd);
inline constexpr RoleMask kDnsd = mask_of(Role::dnsd);
inline constexpr RoleMask kLogd = mask_of(Role::logd);
inline constexpr RoleMask kControl = mask_of(Role::control);
inline constexpr RoleMask kWorkers = kSmtpdProxy | kPolicyd | kDnsd | kLogd;

//  Struct                 from                     to                       carries a descriptor
// clang-format off
#define CARONTE_MESSAGE_ROWS(ROW)                                                                                  \
  /* any two: the first message of a channel that master did not start (Start is the first of those) */            \
  ROW(Hello,               kWorkers | kControl,     kWorkers | kMaster,      false)                                \
  /* master to a worker, before it enters its sandbox and at a reload */                                           \
  ROW(Start,               kMaster,                 kWorkers,                false)                                \
  ROW(ConfigurationFile,   kMaster,                 kWorkers,                true)                                 \
  ROW(ListFile,            kMaster,                 kWorkers,                true)                                 \
  ROW(Resource,            kMaster,                 kWorkers,                true)                                 \
  ROW(Listener,            kMaster,                 kSmtpdProxy,             true)                                 \
  ROW(Peer,                kMaster,                 kWorkers,                true)                                 \
  ROW(StartDone,           kMaster,                 kWorkers,                false)                                \
  /* master to a running worker */                                                                                 \
  ROW(Ping,                kMaster,                 kWorkers,                false)                                \
  ROW(Stop,                kMaster,                 kWorkers,                false)                                \
  ROW(Prepare,             kMaster,                 kWorkers,                false)                                \
  ROW(Commit,              kMaster,                 kWorkers,                false)                                \
  ROW(Abort,               kMaster,                 kWorkers,                false)                                \
  ROW(TakeOver,            kMaster,                 kSmtpdProxy,             false)                                \
  ROW(Penalty,             kMaster,                 kPolicyd,                false)                                \
  ROW(Connected,           kMaster,                 kSmtpdProxy,             true)                                 \
  ROW(ConnectFailed,       kMaster,                 kSmtpdProxy,             false)                                \
  /* a worker to master */                                                                                         \
  ROW(Ready,               kWorkers,                kMaster,                 false)                                \
  ROW(Pong,                kWorkers,                kMaster,                 false)                                \
  ROW(Prepared,            kWorkers,                kMaster,                 false)                                \
  ROW(PrepareFailed,       kWorkers,                kMaster,                 false)                                \
  ROW(Blame,               kWorkers,                kMaster,                 false)                                \
  ROW(ConnectRequest,      kSmtpdProxy,             kMaster,                 false)                                \
  /* smtpd-proxy and policyd */                                                                                    \
  ROW(SessionLive,         kSmtpdProxy,             kPolicyd,                false)                                \
  ROW(SyncDone,            kSmtpdProxy,             kPolicyd,                false)                                \
  ROW(SessionQuestion,     kSmtpdProxy,             kPolicyd,                false)                                \
  ROW(StageQuestion,       kSmtpdProxy,             kPolicyd,                false)                                \
  ROW(CheckNote,           kPolicyd,                kSmtpdProxy,             false)                                \
  ROW(SessionAnswer,       kPolicyd,                kSmtpdProxy,             false)                                \
  ROW(SessionFact,         kPolicyd,                kSmtpdProxy,             false)                                \
  ROW(SessionClosed,       kSmtpdProxy,             kPolicyd,                false)                                \
  /* policyd and dnsd */                                                                                           \
  ROW(ReverseQuestion,     kPolicyd,                kDnsd,                   false)                                \
  ROW(ReverseAnswer,       kDnsd,                   kPolicyd,                false)                                \
  ROW(NameQuestion,        kPolicyd,                kDnsd,                   false)                                \
  ROW(NameAnswer,          kDnsd,                   kPolicyd,                false)                                \
  ROW(CancelQuestion,      kPolicyd,                kDnsd,                   false)                                \
  /* each and logd */                                                                                              \
  ROW(LogOpen,             kWorkers | kMaster,      kLogd,                   false)                                \
  ROW(LogRecord,           kWorkers | kMaster,      kLogd,                   false)                                \
  ROW(LogAck,              kLogd,                   kWorkers | kMaster,      false)                                \
  /* carontectl on a control socket */                                                                             \
  ROW(StatusRequest,       kControl,                kMaster | kPolicyd | kLogd, false)                             \
  ROW(StatusItem,          kMaster | kPolicyd | kLogd, kControl,             false)                                \
  ROW(StatusEnd,           kMaster | kPolicyd | kLogd, kControl,             false)                                \
  ROW(ReloadRequest,       kControl,                kMaster,                 false)                                \
  ROW(StopRequest,         kControl,                kMaster,                 false)                                \
  ROW(HellRequest,         kControl,                kPolicyd,                false)                                \
  ROW(HellItem,            kControl,                kPolicyd,                false)                                \
  ROW(HellEntry,           kPolicyd,                kControl,                false)                                \
  ROW(ListFolderRequest,   kControl,                kMaster,                 false)                                \
  ROW(ListFolderAnswer,    kMaster,                 kControl,                false)                                \
  ROW(ControlResult,       kMaster | kPolicyd | kLogd, kControl,             false)                                \
  /* master and config-reader */                                                                                   \
  ROW(ParseRequest,        kMaster,                 kConfigReader,           true)                                 \
  ROW(SystemResolvers,     kMaster,                 kConfigReader,           true)                                 \
  ROW(ParseBegin,          kMaster,                 kConfigReader,           false)                                \
  ROW(OpenList,            kConfigReader,           kMaster,                 false)                                \
  ROW(ListOpened,          kMaster,                 kConfigReader,           true)                                 \
  ROW(ListMissing,         kMaster,                 kConfigReader,           false)                                \
  ROW(Diagnostic,          kConfigReader,           kMaster,                 false)                                \
  ROW(ConfigurationResult, kConfigReader,           kMaster,                 true)                                 \
  ROW(ListResult,          kConfigReader,           kMaster,                 true)                                 \
  ROW(ParseDone,           kConfigReader,           kMaster,                 false)
// clang-format on

enum class MessageType : std::uint8_t {
#define CARONTE_ENUM_ROW(Struct, from, to, descriptor) Struct,
  CARONTE_MESSAGE_ROWS(CARONTE_ENUM_ROW)
#undef CARONTE_ENUM_ROW
      kCount
};

struct MessageRow {
  std::string_view name;
  RoleMask from;
  RoleMask to;
  bool carries_descriptor;
};
// Precondition: type < kCount.
[[nodiscard]] const MessageRow& row_of(MessageType type) noexcept;
[[nodiscard]] bool may_send(MessageType type, Role from, Role to) noexcept;

#define CARONTE_MESSAGE(Struct) static constexpr MessageType kType = MessageType::Struct

// ---------------------------------------------------------------------------------------------------------- start, reload

struct Hello {
  CARONTE_MESSAGE(Hello);
  std::uint16_t version = kSchemaVersion;
  Role role = Role::kCount;  // of the sender
  std::uint16_t index = 0;
  CARONTE_FIELDS(version, role, index)
};

struct Start {
  CARONTE_MESSAGE(Start);
  std::uint16_t version = kSchemaVersion;
  Role role = Role::kCount;    // of the receiver; must be what the program is
  std::uint16_t index = 0;     // among the processes of this role
  std::uint32_t instance = 0;  // grows with every start of any worker, over restarts of master too (begins by the clock)
  std::uint32_t uid = 0;       // to become; never 0
  std::uint32_t gid = 0;
  std::uint32_t descriptors = 0;  // RLIMIT_NOFILE
  std::uint32_t restarts = 0;     // of this worker since master started
  std::uint16_t peers = 0;        // how many smtpd-proxies there are
  bool sandbox = true;            // false only from a build without sandbox and from the sandbox test's negative control
  std::uint32_t control_gid = 0;  // who may ask on the control socket besides root; 0: nobody
  Text<256> empty_folder;         // to chroot into (root-owned, empty); workers with a Resource folder use that instead
  CARONTE_FIELDS(version, role, index, instance, uid, gid, descriptors, restarts, peers, sandbox, control_gid, empty_folder)
};

// The receiver's part of the typed configuration, in a sealed memfd (config::decode_configuration()).
struct ConfigurationFile {
  CARONTE_MESSAGE(ConfigurationFile);
  std::uint32_t generation = 0;
  CARONTE_FIELDS(generation)
};

// A list of the configuration as a sealed memfd (config::MappedList), or the lists of valid recipients of all domains together
// (config::MappedNames::map_joined()).
// Comes after its generation's ConfigurationFile.
inline constexpr std::uint16_t kRecipientLists = 0xFFFF;
struct ListFile {
  CARONTE_MESSAGE(ListFile);
  std::uint32_t generation = 0;
  std::uint16_t list = 0;  // config::ListId or kRecipientLists
  CARONTE_FIELDS(generation, list)
};

enum class ResourceKind : std::uint8_t { black_box, log_folder, state_folder, control_socket, kCount };
struct Resource {
  CARONTE_MESSAGE(Resource);
  ResourceKind kind = ResourceKind::kCount;
  CARONTE_FIELDS(kind)
};

// A listening socket (SO_REUSEPORT: one a slot and endpoint). Each smtpd-proxy holds those of all slots, polls its own
// (slot == its index) and those that it was told to take over.
struct Listener {
  CARONTE_MESSAGE(Listener);
  base::Endpoint endpoint;  // as in <listen>; the settings of the listener are found by it
  std::uint16_t slot = 0;
  CARONTE_FIELDS(endpoint, slot)
};

// The channel to another process; comes again when that one was restarted.
struct Peer {
  CARONTE_MESSAGE(Peer);
  Role role = Role::kCount;
  std::uint16_t index = 0;
  CARONTE_FIELDS(role, index)
};

struct StartDone {
  CARONTE_MESSAGE(StartDone);
  CARONTE_NO_FIELDS
};

struct Ready {
  CARONTE_MESSAGE(Ready);
  CARONTE_NO_FIELDS
};

struct Ping {
  CARONTE_MESSAGE(Ping);
  std::uint32_t serial = 0;
  CARONTE_FIELDS(serial)
};
struct Pong {
  CARONTE_MESSAGE(Pong);
  std::uint32_t serial = 0;
  CARONTE_FIELDS(serial)
};

// Stop gracefully: finish what is past DATA, 421 to the rest, then exit 0.
struct Stop {
  CARONTE_MESSAGE(Stop);
  CARONTE_NO_FIELDS
};

// Two-phase reload: ConfigurationFile and ListFile of the new generation come first; a worker answers Prepare by Prepared
// or PrepareFailed; Commit makes the new generation the current one, Abort forgets it. A worker keeps the one before too.
struct Prepare {
  CARONTE_MESSAGE(Prepare);
  std::uint32_t generation = 0;
  CARONTE_FIELDS(generation)
};
struct Prepared {
  CARONTE_MESSAGE(Prepared);
  std::uint32_t generation = 0;
  CARONTE_FIELDS(generation)
};
struct PrepareFailed {
  CARONTE_MESSAGE(PrepareFailed);
  std::uint32_t generation = 0;
  Text<256> reason;
  CARONTE_FIELDS(generation, reason)
};
struct Commit {
  CARONTE_MESSAGE(Commit);
  std::uint32_t generation = 0;
  CARONTE_FIELDS(generation)
};
struct Abort {
  CARONTE_MESSAGE(Abort);
  std::uint32_t generation = 0;
  CARONTE_FIELDS(generation)
};

// Poll (or stop polling) the listeners of another slot, whose process is dead, hung or not yet ready.
struct TakeOver {
  CARONTE_MESSAGE(TakeOver);
  std::uint16_t slot = 0;
  bool on = false;
  CARONTE_FIELDS(slot, on)
};

// A worker died of a crash while it handled this client: refuse it for a while (policyd keeps the doubling).
struct Penalty {
  CARONTE_MESSAGE(Penalty);
  base::Address client;
  CARONTE_FIELDS(client)
};

// This peer sent something that it must not: the receiver has closed the channel, master kills the peer.
struct Blame {
  CARONTE_MESSAGE(Blame);
  Role role = Role::kCount;
  std::uint16_t index = 0;
  Text<256> reason;
  CARONTE_FIELDS(role, index, reason)
};

// Begin a non-blocking connection to server `server` of the destination. Answered at once by Connected (the connection
// may still be in progress; the deadline is the asker's) or ConnectFailed (errno; EAGAIN: too many outstanding; ESTALE:
// master has forgotten that generation).
struct ConnectRequest {
  CARONTE_MESSAGE(ConnectRequest);
  std::uint64_t request = 0;
  std::uint32_t generation = 0;  // the session's: servers are numbered by its configuration
  std::uint16_t server = 0;
  base::Endpoint client;
  CARONTE_FIELDS(request, generation, server, client)
};
struct Connected {
  CARONTE_MESSAGE(Connected);
  std::uint64_t request = 0;
  CARONTE_FIELDS(request)
};
struct ConnectFailed {
  CARONTE_MESSAGE(ConnectFailed);
  std::uint64_t request = 0;
  std::int32_t error = 0;
  CARONTE_FIELDS(request, error)
};

// ------------------------------------------------------------------------------------------------- smtpd-proxy and policyd

// Bits of a set (design.md section 5); the table of exemptions is policyd's and smtpd-proxy's: config/client_class.h.
using ClientClasses = std::uint8_t;

// After a channel to policyd opens: each live session, then SyncDone; questions only after that.
struct SessionLive {
  CARONTE_MESSAGE(SessionLive);
  std::uint64_t session = 0;  // (instance << 32) | serial; its reference in replies and the log: base/reference.h
  base::Endpoint client;
  ClientClasses classes = 0;
  bool is_counted = true;  // against the cap of its address
  CARONTE_FIELDS(session, client, classes, is_counted)
};
struct SyncDone {
  CARONTE_MESSAGE(SyncDone);
  CARONTE_NO_FIELDS
};

// Stage `connect`: asked before the greeting.
struct SessionQuestion {
  CARONTE_MESSAGE(SessionQuestion);
  std::uint64_t session = 0;
  base::Endpoint client;
  base::Endpoint listener;
  std::uint32_t generation = 0;
  bool is_address_known = true;  // false: PROXY header LOCAL or UNKNOWN; no class, no cap, no penalty by address
  CARONTE_FIELDS(session, client, listener, generation, is_address_known)
};

// What is asked after `connect`, and only where SessionAnswer.stages names it. One open question a session.
enum class Stage : std::uint8_t {
  connect,             // SessionQuestion
  early_talker,        // the client has sent something before its greeting was due (AX-12)
  mail,                // MAIL whose syntax is right; the HELO name rides along
  rcpt,                // RCPT that has passed syntax and relay guard, before the destination hears of it
  recipient_accepted,  // the destination has answered it with 2xx; the client does not know yet (AG-6)
  recipient_refused,   // a RCPT is to be answered with 5xx, by whomever (so after a refusal at `rcpt` that does not close, too, but
                       // not when the destination refuses MAIL); the client does not know yet (AG-5, Q22)
  kCount
};
[[nodiscard]] std::string_view name_of(Stage stage) noexcept;
using StageMask = std::uint8_t;
[[nodiscard]] constexpr StageMask mask_of(Stage stage) noexcept {
  return static_cast<StageMask>(1U << static_cast<unsigned>(stage));
}

struct StageQuestion {
  CARONTE_MESSAGE(StageQuestion);
  std::uint64_t session = 0;
  Stage stage = Stage::kCount;         // not connect
  ClientClasses classes = 0;           // what smtpd-proxy knows of itself: relay, trusted address, authenticated
  Text<512> helo;                      // as the client gave it; empty: none yet
  Text<512> sender;                    // from Stage::mail on: the address in MAIL without brackets; empty: the null sender
  Text<512> recipient;                 // from Stage::rcpt on; empty: Stage::recipient_refused of a RCPT without an address
  std::uint16_t code = 0;              // Stage::recipient_...: of the reply that the client would get
  bool is_destinations = false;        // Stage::recipient_...: the reply is the destination's own, not ours
  std::uint32_t recipients_valid = 0;  // of the session so far, without the one in question
  std::uint32_t recipients_invalid = 0;
  CARONTE_FIELDS(session, stage, classes, helo, sender, recipient, code, is_destinations, recipients_valid, recipients_invalid)
};

// One check that hit (or, from log level 2 on, ran), for the session's record; sent before the SessionAnswer of its stage.
struct CheckNote {
  CARONTE_MESSAGE(CheckNote);
  std::uint64_t session = 0;
  Text<32> check;            // reason code: "rate", "hell" ...
  Text<16> action;           // what was done, or with action="log" or observe="yes" ...
  bool is_observed = false;  // ... what would have been done
  bool is_hit = true;        // false: it ran and found nothing
  std::int64_t value = 0;    // measured
  std::int64_t limit = 0;
  std::int32_t points = 0;
  std::uint32_t line = 0;  // of the setting in the configuration file; 0: a default
  CARONTE_FIELDS(session, check, action, is_observed, is_hit, value, limit, points, line)
};

// `refuse` gives the reply and, when `closes`, closes; `drop` closes without a word. Any of them waits for `hold` first.
enum class Verdict : std::uint8_t { proceed, refuse, drop, kCount };
[[nodiscard]] std::string_view name_of(Verdict verdict) noexcept;

struct SessionAnswer {
  CARONTE_MESSAGE(SessionAnswer);
  std::uint64_t session = 0;
  Stage stage = Stage::connect;  // that was asked
  Verdict verdict = Verdict::proceed;
  std::chrono::milliseconds hold{0};       // tarpit: before the verdict is carried out (AG-9, AX-12)
  std::chrono::milliseconds helo_hold{0};  // Stage::connect: before the reply to each HELO and EHLO (AG-9, Q21)
  ClientClasses classes = 0;               // Stage::connect: relay, trusted (host names too), white, no-grey
  StageMask stages = 0;                    // Stage::connect: which further stages are to be asked
  bool is_stressed = false;                // Stage::connect: short deadlines (overload)
  bool is_trust_awaited = false;           // Stage::connect: a host name of the trusted list is being looked up for the first time:
                                           // what the relay guard would refuse is deferred
  bool closes = false;                     // Verdict::refuse: the session ends with the reply; at connect it always does
  std::uint16_t server = 0;                // number of the destination's server to call first
  Text<512> reply;                         // Verdict::refuse: the whole reply line, without CRLF
  Text<32> reason;                         // reason code, for the record
  std::int64_t value = 0;                  // measured
  std::int64_t limit = 0;
  std::uint32_t line = 0;  // of the setting in the configuration file; 0: a default
  CARONTE_FIELDS(session, stage, verdict, hold, helo_hold, classes, stages, is_stressed, is_trust_awaited, closes, server, reply,
                 reason, value, limit, line)
};

enum class ReverseStatus : std::uint8_t { unknown, none, unverified, verified, kCount };
[[nodiscard]] std::string_view name_of(ReverseStatus status) noexcept;

// What dnsd found out about the client, as soon as it is known; may come at any time or never.
struct SessionFact {
  CARONTE_MESSAGE(SessionFact);
  std::uint64_t session = 0;
  ReverseStatus status = ReverseStatus::unknown;
  Text<255> name;  // verified or unverified host name, lower case, without the trailing dot
  CARONTE_FIELDS(session, status, name)
};

// How a session ended; the counters of `carontectl status`.
enum class Outcome : std::uint8_t {
  delivered,  // at least one message was taken by the destination
  refused,    // at least one 5xx of ours or the destination's decided it, nothing delivered
  deferred,   // a 4xx decided it, nothing delivered
  busy,       // 421 BUSY: session cap (FW-5)
  errors,     // too many errors (FW-10)
  noops,      // too many NOOPs (FW-11)
  timed_out,  // the client was silent for too long (FW-12)
  aborted,    // the client hung up before anything was decided
  quiet,      // QUIT, or nothing asked for
  stopped,    // the gateway was stopping
  lost,       // the process that held the session died
  kCount
};
[[nodiscard]] std::string_view name_of(Outcome outcome) noexcept;

struct SessionClosed {
  CARONTE_MESSAGE(SessionClosed);
  std::uint64_t session = 0;
  Outcome outcome = Outcome::quiet;
  std::uint32_t delivered = 0;        // messages
  std::uint32_t recipients = 0;       // delivered to
  std::uint32_t relaying_denied = 0;  // recipients
  std::uint64_t bytes = 0;            // of delivered messages
  bool hung_up = false;               // the client went while it was being held (AG-16)
  CARONTE_FIELDS(session, outcome, delivered, recipients, relaying_denied, bytes, hung_up)
};

// ------------------------------------------------------------------------------------------------------- policyd and dnsd

struct ReverseQuestion {
  CARONTE_MESSAGE(ReverseQuestion);
  std::uint64_t question = 0;
  base::Address address;
  CARONTE_FIELDS(question, address)
};
struct ReverseAnswer {
  CARONTE_MESSAGE(ReverseAnswer);
  std::uint64_t question = 0;
  ReverseStatus status = ReverseStatus::unknown;
  Text<255> name;  // checked at dnsd's edge: letters, digits, hyphens, dots (base::is_host_name)
  CARONTE_FIELDS(question, status, name)
};
// The addresses of a host name in a list (IW-7, Q27): A and AAAA, CNAMEs followed.
struct NameQuestion {
  CARONTE_MESSAGE(NameQuestion);
  std::uint64_t question = 0;
  Text<255> name;  // base::is_host_name
  CARONTE_FIELDS(question, name)
};
struct NameAnswer {
  CARONTE_MESSAGE(NameAnswer);
  std::uint64_t question = 0;
  bool is_known = false;              // false: no answer in time or a failure; the addresses known before stay
  List<base::Address, 64> addresses;  // empty: it does not exist or has none
  std::uint32_t ttl = 0;              // seconds for which it holds, within the settings of CX-4
  CARONTE_FIELDS(question, is_known, addresses, ttl)
};
struct CancelQuestion {
  CARONTE_MESSAGE(CancelQuestion);
  std::uint64_t question = 0;
  CARONTE_FIELDS(question)
};

// ------------------------------------------------------------------------------------------------------------ each and logd

enum class LogLevel : std::uint8_t { none, level1, level2, level3, debug, kCount };
[[nodiscard]] std::string_view name_of(LogLevel level) noexcept;

// First on a channel to logd (after Hello, which master does not send), and again when the loss of the newest records must
// be told. Records that were not acknowledged are sent again, with their numbers; logd drops what it has already written.
// Those below `next` that were neither acknowledged nor came before this message are lost.
struct LogOpen {
  CARONTE_MESSAGE(LogOpen);
  Role role = Role::kCount;
  std::uint16_t index = 0;
  std::uint32_t instance = 0;
  std::uint64_t acknowledged = 0;  // all up to here, by this or an earlier logd
  std::uint64_t next = 1;
  CARONTE_FIELDS(role, index, instance, acknowledged, next)
};

struct LogAttribute {
  Text<32> name;     // [a-z][a-z0-9-]*
  Text<2048> value;  // any octets; logd quotes
  CARONTE_FIELDS(name, value)
};
// One XML element; `depth` counts from 0 (the record itself, exactly one and first), children follow their parent.
struct LogElement {
  Text<32> name;
  std::uint8_t depth = 0;
  List<LogAttribute, 32> attributes;
  CARONTE_FIELDS(name, depth, attributes)
};
// Each sender numbers its records from 1 (an instance begins anew): a gap is the exact loss.
struct LogRecord {
  CARONTE_MESSAGE(LogRecord);
  std::uint64_t sequence = 0;
  std::int64_t time_ms = 0;  // Unix time
  LogLevel level = LogLevel::level1;
  List<LogElement, 512> elements;
  CARONTE_FIELDS(sequence, time_ms, level, elements)
};
// Everything up to `sequence` is in the log file, or reported there as lost.
struct LogAck {
  CARONTE_MESSAGE(LogAck);
  std::uint64_t sequence = 0;
  CARONTE_FIELDS(sequence)
};

// ------------------------------------------------------------------------------------------------------------------ control

struct StatusRequest {
  CARONTE_MESSAGE(StatusRequest);
  CARONTE_NO_FIELDS
};
// One line of an answer: a section ("process", "counter", "log"), the subject ("policyd.0"), a name and a value.
struct StatusItem {
  CARONTE_MESSAGE(StatusItem);
  Text<32> section;
  Text<64> subject;
  Text<64> name;
  Text<256> value;
  CARONTE_FIELDS(section, subject, name, value)
};
struct StatusEnd {
  CARONTE_MESSAGE(StatusEnd);
  bool is_healthy = false;
  CARONTE_FIELDS(is_healthy)
};
struct ReloadRequest {
  CARONTE_MESSAGE(ReloadRequest);
  CARONTE_NO_FIELDS
};
struct StopRequest {
  CARONTE_MESSAGE(StopRequest);
  CARONTE_NO_FIELDS
};
// FW-13. `add` and `remove` take the HellItems that were sent before the request; `list` is answered by HellEntry
// messages before ControlResult. Import and export are carontectl's: add and list.
enum class HellOperation : std::uint8_t { list, add, remove, clear, kCount };
struct HellRequest {
  CARONTE_MESSAGE(HellRequest);
  HellOperation operation = HellOperation::kCount;
  CARONTE_FIELDS(operation)
};
enum class HellSource : std::uint8_t { hand, list, ban, kCount };
[[nodiscard]] std::string_view name_of(HellSource source) noexcept;
struct HellEntry {
  CARONTE_MESSAGE(HellEntry);
  base::Prefix prefix;
  HellSource source = HellSource::hand;
  Text<64> reason;             // a word or a short text; visible ASCII and blanks
  std::int64_t expires = 0;    // Unix time, seconds; 0: for ever (by hand only)
  std::int64_t since = 0;      // Unix time of the first offence
  std::uint32_t offences = 0;  // each prolongs it (Q8)
  CARONTE_FIELDS(prefix, source, reason, expires, since, offences)
};
struct HellItem {
  CARONTE_MESSAGE(HellItem);
  base::Prefix prefix;
  static constexpr std::int64_t kUsualTime = -1;
  Text<64> reason;
  std::int64_t seconds = 0;  // from now; 0: for ever; kUsualTime: the setting's time
  CARONTE_FIELDS(prefix, reason, seconds)
};

// Where a list's file is, for `carontectl list`, which edits it with the administrator's own rights.
struct ListFolderRequest {
  CARONTE_MESSAGE(ListFolderRequest);
  Text<32> list;  // config::name_of(ListId)
  CARONTE_FIELDS(list)
};
struct ListFolderAnswer {
  CARONTE_MESSAGE(ListFolderAnswer);
  Text<1024> file;  // absolute; empty: the configuration has no such list
  CARONTE_FIELDS(file)
};

struct ControlResult {
  CARONTE_MESSAGE(ControlResult);
  bool is_ok = false;
  List<Text<1024>, 40> lines;
  CARONTE_FIELDS(is_ok, lines)
};

// ---------------------------------------------------------------------------------------------------- master, config-reader

// The configuration file, open for reading. SystemResolvers carries /etc/resolv.conf and comes only when that exists.
struct ParseRequest {
  CARONTE_MESSAGE(ParseRequest);
  Text<1024> name;    // as given to caronted, for messages
  Text<1024> folder;  // absolute; relative paths in the file begin there
  CARONTE_FIELDS(name, folder)
};
struct SystemResolvers {
  CARONTE_MESSAGE(SystemResolvers);
  CARONTE_NO_FIELDS
};
struct ParseBegin {
  CARONTE_MESSAGE(ParseBegin);
  CARONTE_NO_FIELDS
};
// Open this file for reading, beneath the folder of the configuration file. Answered by ListOpened or ListMissing.
struct OpenList {
  CARONTE_MESSAGE(OpenList);
  std::uint32_t request = 0;
  Text<1024> path;
  CARONTE_FIELDS(request, path)
};
struct ListOpened {
  CARONTE_MESSAGE(ListOpened);
  std::uint32_t request = 0;
  CARONTE_FIELDS(request)
};
struct ListMissing {
  CARONTE_MESSAGE(ListMissing);
  std::uint32_t request = 0;
  std::int32_t error = 0;
  CARONTE_FIELDS(request, error)
};
enum class Severity : std::uint8_t { warning, error, kCount };
struct Diagnostic {
  CARONTE_MESSAGE(Diagnostic);
  Severity severity = Severity::error;
  Text<1024> file;
  std::uint32_t line = 0;
  Text<128> element;  // "limits sessions-per-address"
  Text<1024> text;    // what is wrong, what is allowed; never a line of a list
  CARONTE_FIELDS(severity, file, line, element, text)
};
// What `role` may know of the configuration, encoded, in a sealed memfd.
struct ConfigurationResult {
  CARONTE_MESSAGE(ConfigurationResult);
  Role role = Role::kCount;
  CARONTE_FIELDS(role)
};
struct ListResult {
  CARONTE_MESSAGE(ListResult);
  std::uint16_t list = 0;
  RoleMask receivers = 0;
  Text<1024> path;  // that it was opened by
  CARONTE_FIELDS(list, receivers, path)
};
struct ParseDone {
  CARONTE_MESSAGE(ParseDone);
  bool is_ok = false;
  CARONTE_FIELDS(is_ok)
};

}  // namespace caronte::ipc
