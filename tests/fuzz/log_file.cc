// A log file with anything in it, as logd finds it at its start and as carontectl reads it: no piece of it moves the end of
// what is whole, and nothing but printable text reaches the terminal.
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/quoting.h"
#include "carontectl/log_filter.h"
#include "carontectl/log_printer.h"
#include "carontectl/log_reader.h"
#include "ipc/log_format.h"
#include "logd/log_scanner.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

namespace {

void check_record(std::string_view line, const carontectl::LogFilter& filter) {
  CARONTE_EXPECT(ipc::is_log_record(line));
  const bool may_match = filter.may_match(line);
  wrap::XmlDocument document;
  if (!document.parse(line)) return;
  CARONTE_EXPECT(may_match || !filter.matches(document.root()));
  std::string text = carontectl::render_record(document.root());
  for (std::size_t end = 0; !text.empty(); text.erase(0, end + 1)) {
    end = std::min(text.find('\n'), text.size() - 1);
    CARONTE_EXPECT(base::is_safe_line(text.substr(0, text[end] == '\n' ? end : end + 1)));
  }
}

logd::LogScanner scan(std::string_view file, std::size_t piece) {
  logd::LogScanner scanner;
  for (; !file.empty(); file.remove_prefix(std::min(piece, file.size()))) scanner.take(Exact(file.substr(0, piece)).view());
  return scanner;
}

void check_scanner(std::string_view file, std::size_t piece) {
  const logd::LogScanner whole = scan(file, file.size());
  const logd::LogScanner parts = scan(file, piece);
  CARONTE_EXPECT(parts.has_header() == whole.has_header() && parts.is_whole() == whole.is_whole());
  CARONTE_EXPECT(parts.records_end() == whole.records_end() && parts.records() == whole.records());
  CARONTE_EXPECT(parts.positions() == whole.positions() && parts.begun() == whole.begun());
  CARONTE_EXPECT(whole.bytes() == file.size() && whole.records_end() <= file.size());
  if (!whole.has_header()) return;
  CARONTE_EXPECT(file.starts_with(ipc::kLogHeader) && file[whole.records_end() - 1] == '\n');
  if (whole.is_whole()) CARONTE_EXPECT(file.substr(whole.records_end()) == ipc::kLogEnd);
  // What is whole, with an end tag, is a whole file.
  const std::string mended = std::string(file.substr(0, whole.records_end())) + std::string(ipc::kLogEnd);
  const logd::LogScanner again = scan(mended, mended.size());
  CARONTE_EXPECT(again.is_whole() && again.records() == whole.records() && again.positions() == whole.positions());
}

void check_reader(std::string_view file, const carontectl::LogFilter& filter) {
  const base::Fd memory(::memfd_create("caronte-fuzz", MFD_CLOEXEC));
  CARONTE_EXPECT(::write(memory.get(), file.data(), file.size()) == static_cast<ssize_t>(file.size()));
  auto reader = carontectl::LogReader::open("/proc/self/fd/" + std::to_string(memory.get()));
  CARONTE_EXPECT(reader.is_ok());
  while (const auto record = reader.value().next()) check_record(*record, filter);
}

}  // namespace

void run_log_file(std::string_view bytes) {
  Input input(bytes);
  const unsigned bits = input.octet();
  const std::size_t piece = 1U + input.octet();
  carontectl::LogFilter filter;
  if ((bits & 1U) != 0) filter.sender = "a@example.com";
  if ((bits & 2U) != 0) filter.recipient = "example.org";
  if ((bits & 4U) != 0) (void)filter.add_address("192.0.2.0/24").is_ok();
  if ((bits & 8U) != 0) (void)filter.add_outcomes("delivered,refused").is_ok();
  filter.is_exact = (bits & 16U) != 0;
  std::string file;
  if ((bits & 32U) == 0) file = ipc::kLogHeader;
  file += input.rest();
  check_scanner(file, piece);
  check_reader(file, filter);
}

}  // namespace caronte::fuzz
