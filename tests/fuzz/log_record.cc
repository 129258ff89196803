// A record of a sender that was taken over: refused, or one line of well-formed XML that reads as what was sent.
#include <algorithm>

#include "base/quoting.h"
#include "ipc/log_format.h"
#include "logd/log_scanner.h"
#include "logd/record_writer.h"
#include "tests/fuzz/fuzz.h"
#include "wrap/xml.h"

namespace caronte::fuzz {

namespace {

// Attributes of each element by octets of the input: name, value up to NUL.
ipc::LogRecord record_of(Input& input) {
  ipc::LogRecord record;
  record.sequence = input.two_octets();
  record.time_ms = static_cast<std::int64_t>(input.two_octets()) << 25U;
  while (!input.is_empty()) {
    ipc::LogElement element{input.until('\0'), static_cast<std::uint8_t>(input.octet()), {}};
    for (unsigned count = input.octet() % 8U; count > 0; --count) {
      const std::string_view name = input.until('\0');
      element.attributes.push({name, input.until('\0')});
    }
    record.elements.push(std::move(element));
  }
  return record;
}

std::size_t count_elements(const wrap::XmlElement& element) {
  std::size_t count = 1;
  for (const wrap::XmlElement& child : element.children()) count += count_elements(child);
  return count;
}

}  // namespace

void run_log_record(std::string_view bytes) {
  Input input(bytes);
  ipc::LogRecord record;
  if ((input.octet() & 1U) == 0) {
    record = record_of(input);
  } else if (!ipc::decode(input.rest(), record)) {
    return;
  }
  if (!logd::is_acceptable(record)) return;
  const logd::Sender sender{ipc::Role::smtpd_proxy, 1, 7};
  logd::RecordWriter writer;
  const std::string line(writer.record(sender, record));
  CARONTE_EXPECT(line.ends_with('\n') && line.find('\n') == line.size() - 1 && line.size() <= ipc::kMaxLogLineBytes);
  const std::string_view content = std::string_view(line).substr(0, line.size() - 1);
  CARONTE_EXPECT(ipc::is_log_record(content) && base::is_safe_line(content));
  wrap::XmlDocument document;
  CARONTE_EXPECT(document.parse(content) && count_elements(document.root()) == record.elements.size());
  const auto attributes = document.root().attributes();
  for (const ipc::LogAttribute& sent : record.elements.begin()->attributes) {
    const auto found = std::find_if(attributes.begin(), attributes.end(), [&](const auto& a) { return a.name == sent.name.str(); });
    CARONTE_EXPECT(found != attributes.end() && found->value == base::quote_visible(sent.value, 4 * sent.value.str().size()));
  }
  logd::LogScanner scanner;
  scanner.take(std::string(ipc::kLogHeader) + line + std::string(ipc::kLogEnd));
  CARONTE_EXPECT(scanner.is_whole() && scanner.records() == 1 && scanner.positions().at(sender) == record.sequence);
  const std::string syslog = logd::syslog_text(sender, record, 300);
  CARONTE_EXPECT(syslog.size() <= 300 && base::is_safe_line(syslog));
}

}  // namespace caronte::fuzz
