// What a session leaves for the log: gathered while it runs, composed into one <session> record at its end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "ipc/schema.h"
#include "worker/log_client.h"

namespace caronte::smtpd_proxy {

struct RecipientRecord {
  std::string address;
  std::string reply;  // as the client got it
  bool is_accepted = false;
  std::string reason = {};  // policyd's code, if it refused
};

struct MessageRecord {
  std::string sender;
  std::vector<RecipientRecord> recipients;  // at most kMaxRecordedRecipients; the rest is counted
  std::uint32_t unrecorded_recipients = 0;
  std::uint64_t size = 0;
  std::string reply;  // to the final dot, or what ended the transaction; empty: abandoned by the client
  bool is_delivered = false;
  std::string reason = {};  // policyd's code, if it refused MAIL
};
inline constexpr std::size_t kMaxRecordedRecipients = 100;
inline constexpr std::size_t kMaxRecordedMessages = 50;
inline constexpr std::size_t kMaxDialogueLines = 300;

inline constexpr std::size_t kMaxRecordedChecks = 64;

struct DialogueLine {
  enum class From : std::uint8_t { client, gateway, destination } from;
  std::string text;
};

struct SessionRecord {
  std::vector<MessageRecord> messages;
  std::uint32_t unrecorded_messages = 0;
  std::uint32_t delivered = 0;
  std::uint32_t delivered_recipients = 0;
  std::uint32_t relaying_denied = 0;
  std::uint64_t delivered_bytes = 0;
  bool had_refusal = false;   // a 5xx of ours or the destination's
  bool had_deferral = false;  // a 4xx
  std::string reason;         // why it ended, when there is something to say: policyd's code or a short text
  std::int64_t value = 0;
  std::int64_t limit = 0;
  std::uint32_t line = 0;  // of the setting; 0: a default, or none
  std::string last_reply;  // the last refusal
  std::string cause;       // of a reason destination-..., in words
  std::vector<ipc::CheckNote> checks;
  std::vector<DialogueLine> dialogue;  // level 3
};

// What has hit is shown at every level, what ran and found nothing from level 2 on.
[[nodiscard]] bool is_recorded(const ipc::CheckNote& note, ipc::LogLevel level) noexcept;

// The session's side of the record.
struct SessionFacts {
  std::uint64_t session = 0;
  base::Endpoint client;
  base::Endpoint listener;
  base::Endpoint balancer;  // port 0: none
  std::string_view helo;
  ipc::ReverseStatus name_status = ipc::ReverseStatus::unknown;
  std::string_view name;
  ipc::ClientClasses classes = 0;
  ipc::Outcome outcome = ipc::Outcome::quiet;
  base::Duration duration{0};
  std::uint64_t bytes_in = 0;
  bool has_hung_up = false;  // while it was held
};

[[nodiscard]] worker::RecordBuilder compose_record(const SessionFacts& facts, const SessionRecord& record, ipc::LogLevel level);

}  // namespace caronte::smtpd_proxy
