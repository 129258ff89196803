// What is decided when a client connects: facts in, verdict out (design.md section 6). Pure: the same facts give the same
// verdict, and nothing is written here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/client_class.h"
#include "config/configuration.h"
#include "policyd/hell.h"
#include "policyd/penalty_box.h"

namespace caronte::policyd {

struct ConnectFacts {
  bool is_address_known = true;  // false: a balancer's own address; no class, no cap and no penalty go by it
  ipc::ClientClasses classes = 0;
  std::optional<Hell::Match> hell;
  std::optional<PenaltyBox::Penalty> penalty;
  std::size_t open_sessions = 0;    // of all clients
  std::size_t client_sessions = 0;  // that count against this client
  bool has_delivered = false;       // well, before: the reserved share is for it too
};

struct Refusal {
  std::string reply;        // the whole line, without CRLF; empty: closed without a word
  std::string_view reason;  // reason code, for the record
  std::int64_t value = 0;
  std::int64_t limit = 0;
};

// Before all others, and for every class (FW-13, Q8, Q9). The value is the number of offences, the limit the seconds that are
// left, 0 for ever; of an entry of the list file its line.
[[nodiscard]] std::optional<Refusal> check_hell(const ConnectFacts& facts, const config::Hell& hell);

// The session may use the share that is kept for those known to be good (limits reserved).
[[nodiscard]] bool may_use_reserve(const ConnectFacts& facts);

// In this order: crash penalty, limit of all sessions, cap of the client's (FW-5: N pass, the next one is busy). A limit of
// 0 is off. All refusals are temporary: none of them is a verdict on the client's mail (FW-6).
[[nodiscard]] std::optional<Refusal> check_connect(const ConnectFacts& facts, const config::Limits& limits,
                                                   const config::Replies& replies);

// The session counts against the cap of its address (FW-9: relay and authenticated clients do not).
[[nodiscard]] bool is_counted(const ConnectFacts& facts);

}  // namespace caronte::policyd
