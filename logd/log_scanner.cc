#include "logd/log_scanner.h"

#include <algorithm>
#include <limits>

#include "base/address_parser.h"
#include "base/quoting.h"
#include "base/time_parser.h"
#include "ipc/log_format.h"

namespace caronte::logd {

namespace {

// The value of an attribute of the line's first element; logd writes its own attributes in front of the sender's.
std::string_view attribute_of(std::string_view line, std::string_view name) noexcept {
  for (std::size_t at = line.find(name); at != std::string_view::npos; at = line.find(name, at + 1)) {
    const std::string_view rest = line.substr(at + name.size());
    if (line[at - 1] != ' ' || !rest.starts_with("=\"")) continue;
    return rest.substr(2, rest.find('"', 2) - 2);
  }
  return {};
}

std::string_view name_of_element(std::string_view line) noexcept {
  return line.substr(1, std::min(line.find_first_of(" />", 1), line.size()) - 1);
}

}  // namespace

void LogScanner::take(std::string_view piece) {
  bytes_ += piece.size();
  while (stage_ != Stage::damaged) {
    if (stage_ == Stage::header) {
      const std::size_t missing = std::min(ipc::kLogHeader.size() - carry_.size(), piece.size());
      carry_ += piece.substr(0, missing);
      piece.remove_prefix(missing);
      if (!ipc::kLogHeader.starts_with(carry_)) stage_ = Stage::damaged;
      if (carry_.size() < ipc::kLogHeader.size() || stage_ == Stage::damaged) return;
      stage_ = Stage::records;
      records_end_ = carry_.size();
      carry_.clear();
    }
    const std::size_t line_end = piece.find('\n');
    if (line_end == std::string_view::npos) break;
    if (carry_.empty()) {
      take_line(piece.substr(0, line_end));
    } else {
      carry_ += piece.substr(0, line_end);
      const std::string line = std::move(carry_);
      carry_.clear();
      take_line(line);
    }
    piece.remove_prefix(line_end + 1);
  }
  carry_ += piece.substr(0, ipc::kMaxLogLineBytes);
  if (carry_.size() > ipc::kMaxLogLineBytes) stage_ = Stage::damaged;
}

void LogScanner::take_line(std::string_view line) {
  if (stage_ == Stage::ended) {
    stage_ = Stage::damaged;
  } else if (line == ipc::kLogEnd.substr(0, ipc::kLogEnd.size() - 1)) {
    stage_ = Stage::ended;
  } else if (ipc::is_log_record(line) && base::is_safe_line(line)) {
    take_record(line);
    records_end_ += line.size() + 1;
  } else {
    stage_ = Stage::damaged;
  }
}

void LogScanner::take_record(std::string_view line) {
  const std::string_view element = name_of_element(line);
  const auto sender = Sender::from_text(attribute_of(line, "from"), attribute_of(line, "instance"));
  const auto number =
      base::parse_number(attribute_of(line, element == ipc::kLogLost ? "last" : "n"), std::numeric_limits<std::uint64_t>::max());
  if (sender && number) {
    std::uint64_t& last = positions_[*sender];
    last = std::max(last, *number);
  }
  if (element == ipc::kLogContinued) return;
  ++records_;
  if (!begun_) begun_ = base::parse_rfc3339(attribute_of(line, "time"));
}

}  // namespace caronte::logd
