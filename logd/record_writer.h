// Records to lines of the log file. Pure formatting: one line a record, its values quoted (base::quote_visible()) and then
// escaped for XML. Names come from senders that may have been taken over, so they are judged first.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "ipc/schema.h"
#include "logd/sender.h"
#include "wrap/xml.h"

namespace caronte::logd {

// The record makes a well-formed element: one root in front, children at most one deeper than what precedes them, names
// [a-z][a-z0-9-]*, no attribute twice, and nothing that logd alone may say (elements lost and continued; attributes from,
// instance, n and time of the record itself).
[[nodiscard]] bool is_acceptable(const ipc::LogRecord& record) noexcept;

class RecordWriter {
 public:
  // Each returns a whole line with its line end, valid until the next call. Precondition of record(): is_acceptable().
  [[nodiscard]] std::string_view record(const Sender& sender, const ipc::LogRecord& record);
  [[nodiscard]] std::string_view lost(const Gap& gap, base::WallTime now);
  [[nodiscard]] std::string_view continued(const Sender& sender, std::uint64_t last);

 private:
  void begin(std::string_view name, const Sender& sender);
  [[nodiscard]] std::string_view line();
  wrap::XmlWriter writer_;
  std::string line_;
};

// The same record as one line for syslog, at most `max_bytes`: "smtpd-proxy.0 session client="192.0.2.1" ... message ...".
[[nodiscard]] std::string syslog_text(const Sender& sender, const ipc::LogRecord& record, std::size_t max_bytes);

}  // namespace caronte::logd
