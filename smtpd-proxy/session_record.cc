#include "smtpd-proxy/session_record.h"

#include "config/client_class.h"
#include "smtpd-proxy/trace_header.h"

namespace caronte::smtpd_proxy {

namespace {

std::string_view name_of(DialogueLine::From from) noexcept {
  switch (from) {
    case DialogueLine::From::client: return "client";
    case DialogueLine::From::gateway: return "gateway";
    default: return "destination";
  }
}

void add_message(worker::RecordBuilder& builder, const MessageRecord& message) {
  builder.child("message");
  builder.attribute("sender", message.sender);
  builder.attribute("size", static_cast<std::int64_t>(message.size));
  builder.attribute("delivered", message.is_delivered ? "yes" : "no");
  if (!message.reply.empty()) builder.attribute("reply", message.reply);
  if (!message.reason.empty()) builder.attribute("reason", message.reason);
  builder.attribute("recipients", static_cast<std::int64_t>(message.recipients.size() + message.unrecorded_recipients));
  for (const RecipientRecord& recipient : message.recipients) {
    builder.child("recipient");
    builder.attribute("address", recipient.address);
    builder.attribute("outcome", recipient.is_accepted ? "accepted" : recipient.reply.starts_with('4') ? "deferred" : "refused");
    builder.attribute("reply", recipient.reply);
    if (!recipient.reason.empty()) builder.attribute("reason", recipient.reason);
    builder.end();
  }
  builder.end();
}

void add_check(worker::RecordBuilder& builder, const ipc::CheckNote& note) {
  builder.child("check");
  builder.attribute("name", note.check);
  builder.attribute("hit", note.is_hit ? "yes" : "no");
  if (!note.action.empty()) builder.attribute("action", note.action);
  builder.attribute("observed", note.is_observed ? "yes" : "no");
  builder.attribute("value", note.value);
  builder.attribute("limit", note.limit);
  if (note.points != 0) builder.attribute("points", note.points);
  if (note.line != 0) builder.attribute("line", note.line);
  builder.end();
}

}  // namespace

bool is_recorded(const ipc::CheckNote& note, ipc::LogLevel level) noexcept {
  if (level >= ipc::LogLevel::level2) return true;
  return level == ipc::LogLevel::level1 && note.is_hit;
}

worker::RecordBuilder compose_record(const SessionFacts& facts, const SessionRecord& record, ipc::LogLevel level) {
  worker::RecordBuilder builder("session");
  builder.attribute("reference", reference_text(facts.session));
  builder.attribute("client", facts.client.address.text());
  builder.attribute("port", facts.client.port);
  builder.attribute("listener", facts.listener.text());
  if (facts.balancer.port != 0) builder.attribute("balancer", facts.balancer.text());
  if (!facts.helo.empty()) builder.attribute("helo", facts.helo);
  builder.attribute("name-status", ipc::name_of(facts.name_status));
  if (!facts.name.empty()) builder.attribute("name", facts.name);
  if (facts.classes != 0) builder.attribute("classes", config::class_names(facts.classes));
  builder.attribute("outcome", ipc::name_of(facts.outcome));
  if (facts.has_hung_up) builder.attribute("hung-up", "yes");
  if (!record.reason.empty()) {
    builder.attribute("reason", record.reason);
    if (record.limit != 0) builder.attribute("value", record.value).attribute("limit", record.limit);
    if (record.line != 0) builder.attribute("line", record.line);
    if (!record.cause.empty() && record.reason.starts_with("destination-")) builder.attribute("cause", record.cause);
  }
  if (!record.last_reply.empty()) builder.attribute("reply", record.last_reply);
  if (record.relaying_denied != 0) builder.attribute("relaying-denied", record.relaying_denied);
  builder.attribute("duration-ms", facts.duration.count());
  builder.attribute("bytes-in", static_cast<std::int64_t>(facts.bytes_in));
  if (record.unrecorded_messages != 0) builder.attribute("unrecorded-messages", record.unrecorded_messages);
  for (const ipc::CheckNote& note : record.checks) add_check(builder, note);
  for (const MessageRecord& message : record.messages) add_message(builder, message);
  if (level >= ipc::LogLevel::level3) {
    for (const DialogueLine& line : record.dialogue) {
      builder.child("dialogue").attribute("from", name_of(line.from)).attribute("text", line.text).end();
    }
  }
  return builder;
}

}  // namespace caronte::smtpd_proxy
