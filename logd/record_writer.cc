#include "logd/record_writer.h"

#include <algorithm>
#include <array>

#include "base/quoting.h"
#include "ipc/log_format.h"

namespace caronte::logd {

namespace {

constexpr std::uint8_t kMaxDepth = 15;
constexpr std::array<std::string_view, 4> kOwnAttributes{"from", "instance", "n", "time"};
// Every octet may become four.
constexpr std::size_t kMaxQuotedBytes = 4 * decltype(ipc::LogAttribute::value)::kMax;

bool is_name(std::string_view name) noexcept {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_other = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && is_letter(name.front()) && std::all_of(name.begin(), name.end(), is_other);
}

bool are_distinct_names(const std::vector<ipc::LogAttribute>& attributes) noexcept {
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    if (!is_name(attributes[i].name)) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (attributes[i].name == attributes[j].name) return false;
    }
  }
  return true;
}

bool is_own_attribute(const ipc::LogAttribute& attribute) noexcept {
  return std::find(kOwnAttributes.begin(), kOwnAttributes.end(), std::string_view(attribute.name)) != kOwnAttributes.end();
}

base::WallTime time_of(const ipc::LogRecord& record) noexcept {
  // Years that parse_rfc3339() takes, whatever the sender says; WallTime itself ends in 2262.
  constexpr std::int64_t kLatest = 7289654399999;  // 2200-12-31T23:59:59.999Z
  return base::WallTime(std::chrono::milliseconds(std::clamp<std::int64_t>(record.time_ms, 0, kLatest)));
}

}  // namespace

bool is_acceptable(const ipc::LogRecord& record) noexcept {
  const auto& elements = record.elements.items();
  if (elements.empty() || record.sequence == 0) return false;
  const std::string_view root = elements.front().name;
  if (root == ipc::kLogLost || root == ipc::kLogContinued) return false;
  const auto& own = elements.front().attributes.items();
  if (std::any_of(own.begin(), own.end(), is_own_attribute)) return false;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const std::uint8_t depth = elements[i].depth;
    if (i == 0 ? depth != 0 : depth == 0 || depth > elements[i - 1].depth + 1 || depth > kMaxDepth) return false;
    if (!is_name(elements[i].name) || !are_distinct_names(elements[i].attributes.items())) return false;
  }
  return true;
}

void RecordWriter::begin(std::string_view name, const Sender& sender) {
  writer_.clear();
  writer_.open(name).attribute("from", sender.name()).attribute("instance", std::to_string(sender.instance));
}

std::string_view RecordWriter::line() {
  line_ = writer_.view();
  line_ += '\n';
  return line_;
}

std::string_view RecordWriter::record(const Sender& sender, const ipc::LogRecord& record) {
  const auto& elements = record.elements.items();
  begin(elements.front().name, sender);
  writer_.attribute("n", std::to_string(record.sequence)).attribute("time", base::format_rfc3339(time_of(record)));
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (i != 0) {
      for (unsigned open = elements[i - 1].depth + 1U; open > elements[i].depth; --open) writer_.close();
      writer_.open(elements[i].name);
    }
    for (const ipc::LogAttribute& attribute : elements[i].attributes) {
      writer_.attribute(attribute.name, base::quote_visible(attribute.value, kMaxQuotedBytes));
    }
  }
  for (unsigned open = elements.back().depth + 1U; open > 0; --open) writer_.close();
  return line();
}

std::string_view RecordWriter::lost(const Gap& gap, base::WallTime now) {
  begin(ipc::kLogLost, gap.sender);
  writer_.attribute("first", std::to_string(gap.first))
      .attribute("last", std::to_string(gap.last))
      .attribute("count", std::to_string(gap.count()))
      .attribute("time", base::format_rfc3339(now))
      .close();
  return line();
}

std::string_view RecordWriter::continued(const Sender& sender, std::uint64_t last) {
  begin(ipc::kLogContinued, sender);
  writer_.attribute("n", std::to_string(last)).close();
  return line();
}

std::string syslog_text(const Sender& sender, const ipc::LogRecord& record, std::size_t max_bytes) {
  std::string text = sender.name();
  for (const ipc::LogElement& element : record.elements) {
    text += ' ';
    text += element.name;
    for (const ipc::LogAttribute& attribute : element.attributes) {
      if (text.size() >= max_bytes) break;
      text += ' ';
      text += attribute.name;
      text += "=\"";
      text += base::quote_visible(attribute.value, kMaxQuotedBytes);
      text += '"';
    }
  }
  // Quoted once more only to be cut between characters; there is nothing left to escape but backslashes.
  return text.size() <= max_bytes ? text : base::unquote_visible(base::quote_visible(text, max_bytes));
}

}  // namespace caronte::logd
