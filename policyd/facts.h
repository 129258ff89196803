// What is known when a stage of a session is judged. Values only: whoever asks the engine gathers them (fact_book.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "ipc/schema.h"

namespace caronte::policyd {

// The views must outlive the judgement. An optional fact that is missing is unknown, and never a reason to refuse.
struct Facts {
  std::uint64_t session = 0;
  ipc::Stage stage = ipc::Stage::connect;
  base::Address client;
  bool is_address_known = true;    // false: a balancer's own address; no check goes by it, and nothing is held
  ipc::ClientClasses classes = 0;  // of connect and what the session has become since
  std::string_view helo;           // from here to recipients_invalid as in ipc::StageQuestion
  std::string_view sender;
  std::string_view recipient;
  std::uint16_t code = 0;
  bool is_destinations = false;
  std::uint32_t recipients_valid = 0;
  std::uint32_t recipients_invalid = 0;
  std::uint32_t hits = 0;         // bits of the reasons that have hit in this session (reason_index())
  bool has_offended = false;      // an offence of this session was counted
  bool is_stressed = false;       // overload: nobody is held
  bool is_trust_awaited = false;  // it may turn out to be trusted: a host name of that list was still being looked up
  std::size_t held = 0;           // sessions that are being held now

  std::optional<bool> is_sender_local;         // from Stage::mail on: its domain is a local one
  std::optional<std::uint32_t> messages;       // of this client, in the window of <rate>
  std::optional<std::uint32_t> hang_ups;       // of this client, in the window of <tarpit>
  std::optional<bool> is_remembered;           // this client broke a rule in an earlier session (Q21)
  std::optional<std::uint32_t> offences;       // of this client's range, in the window of <repeat-offenders>
  std::optional<bool> is_range_held;           // the range is to be held for its offences (AX-7)
  std::optional<std::uint32_t> null_senders;   // Stage::rcpt, sender <>: messages to this recipient that count (AX-25)
  std::optional<bool> is_recipient_listed;     // Stage::rcpt: its domain has a list; nullopt: it has none
  std::optional<bool> is_recipient_known_bad;  // Stage::rcpt: the destination has refused it a short while ago
};

}  // namespace caronte::policyd
