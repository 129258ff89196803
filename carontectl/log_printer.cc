#include "carontectl/log_printer.h"

#include <algorithm>
#include <array>

#include "base/quoting.h"
#include "carontectl/log_filter.h"

namespace caronte::carontectl {

namespace {

constexpr std::size_t kOutcomeWidth = 10;
constexpr std::size_t kClientWidth = 16;

// logd has quoted the values; a file that somebody else wrote may hold anything.
std::string show(std::string_view value) {
  return base::is_safe_line(value) ? std::string(value) : base::quote_visible(value);
}

std::string value_of(const wrap::XmlElement& element, std::string_view name) {
  return show(attribute_of(element, name));
}

std::string padded(std::string text, std::size_t width) {
  text.append(width > text.size() ? width - text.size() : 0, ' ');
  return text;
}

// "2026-11-21 20:57:18" of an RFC 3339 time.
std::string short_time(const wrap::XmlElement& record) {
  std::string time = value_of(record, "time").substr(0, 19);
  std::replace(time.begin(), time.end(), 'T', ' ');
  return padded(time, 19);
}

// " name=value" of all attributes but those in `without`.
std::string other_attributes(const wrap::XmlElement& element, std::initializer_list<std::string_view> without) {
  std::string text;
  for (const wrap::XmlAttribute& attribute : element.attributes()) {
    if (std::find(without.begin(), without.end(), attribute.name) != without.end()) continue;
    text += ' ' + show(attribute.name) + '=' + show(attribute.value);
  }
  return text;
}

// Of a check that refused it.
std::string reason_of(const wrap::XmlElement& element) {
  const std::string reason = value_of(element, "reason");
  return reason.empty() ? "" : " reason=" + reason;
}

std::string render_message(const wrap::XmlElement& message) {
  std::string text = "    from <" + value_of(message, "sender") + "> " + value_of(message, "size") + " octets";
  text += attribute_of(message, "delivered") == "yes" ? ", delivered" : ", not delivered";
  if (const std::string reply = value_of(message, "reply"); !reply.empty()) text += ": " + reply;
  text += reason_of(message) + '\n';
  for (const wrap::XmlElement& recipient : message.children()) {
    if (recipient.name() != "recipient") continue;
    text += "      to <" + value_of(recipient, "address") + "> " + value_of(recipient, "outcome") + ": " +
            value_of(recipient, "reply") + reason_of(recipient) + '\n';
  }
  return text;
}

std::string render_child(const wrap::XmlElement& child) {
  if (child.name() == "message") return render_message(child);
  if (child.name() == "dialogue") return "    " + padded(value_of(child, "from") + '>', 13) + value_of(child, "text") + '\n';
  return "    " + show(child.name()) + other_attributes(child, {}) + '\n';
}

std::string render_session(const wrap::XmlElement& session) {
  std::string text = padded(value_of(session, "outcome"), kOutcomeWidth) + ' ' + padded(value_of(session, "client"), kClientWidth);
  if (const std::string name = value_of(session, "name"); !name.empty()) {
    text += ' ' + name + (attribute_of(session, "name-status") == "verified" ? "" : " (unverified)");
  }
  static constexpr std::array<std::string_view, 10> kShown{"helo",  "classes", "reason",  "cause",       "value",
                                                           "limit", "line",    "hung-up", "duration-ms", "reference"};
  for (const std::string_view name : kShown) {
    if (const std::string value = value_of(session, name); !value.empty()) text += ' ' + std::string(name) + '=' + value;
  }
  if (const std::string reply = value_of(session, "reply"); !reply.empty()) text += "\n    " + reply;
  return text;
}

}  // namespace

std::string render_record(const wrap::XmlElement& record) {
  std::string text = short_time(record) + ' ';
  const std::string sender = padded(value_of(record, "from"), kClientWidth);
  if (record.name() == "session") {
    text += render_session(record);
  } else if (record.name() == "lost") {
    text += padded("LOST", kOutcomeWidth) + ' ' + sender + ' ' + value_of(record, "count") + " records, number " +
            value_of(record, "first") + " to " + value_of(record, "last");
  } else {
    text += padded(show(record.name()), kOutcomeWidth) + ' ' + sender + ' ' + value_of(record, "text") +
            other_attributes(record, {"from", "instance", "n", "time", "text"});
  }
  text += '\n';
  for (const wrap::XmlElement& child : record.children()) text += render_child(child);
  return text;
}

}  // namespace caronte::carontectl
