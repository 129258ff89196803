#include "carontectl/hell_command.h"

#include <getopt.h>
#include <sysexits.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/quoting.h"
#include "carontectl/control_client.h"
#include "carontectl/hell_text.h"
#include "carontectl/settings.h"

namespace caronte::carontectl {

namespace {

constexpr base::Duration kPatience{30'000};
constexpr std::size_t kItemsOfRequest = 200;  // policyd takes 1000; verdicts wait for none of it
constexpr std::size_t kMaxFileBytes = 64 * 1024 * 1024;
constexpr int kMaxShownErrors = 10;

using Items = std::vector<ipc::HellItem>;

int usage() {
  std::fputs(
      "usage: carontectl hell list | export | clear\n"
      "       carontectl hell add ADDRESS ... [-t TIME] [-r REASON]\n"
      "       carontectl hell remove ADDRESS ...\n"
      "       carontectl hell import FILE\n",
      stderr);
  return EX_USAGE;
}

int complain(const std::string& text, int code) {
  std::fprintf(stderr, "carontectl: %s\n", text.c_str());
  return code;
}

// The answer of policyd, printed; `lines` are not told twice.
base::Result<bool> take_result(const ipc::Incoming& incoming, std::string& last_line) {
  ipc::ControlResult result;
  if (incoming.type != ipc::MessageType::ControlResult || !ipc::decode(incoming.body, result)) {
    return base::Error{EPROTO, "an answer that is none"};
  }
  for (const auto& line : result.lines) {
    if (line.str() == last_line) continue;
    last_line = line.str();
    std::fprintf(result.is_ok ? stdout : stderr, "%s\n", base::quote_visible(line).c_str());
  }
  return result.is_ok;
}

// Sends the items, a request for each few of them, the next one when the one before is answered. True: all went well.
base::Result<bool> send_items(ControlClient& client, ipc::HellOperation operation, std::span<const ipc::HellItem> items) {
  bool is_ok = true;
  std::string last_line;
  do {
    const auto now = items.first(std::min(items.size(), kItemsOfRequest));
    items = items.subspan(now.size());
    for (const ipc::HellItem& item : now) {
      if (auto sent = client.send(item); !sent) return sent.error();
    }
    if (auto sent = client.send(ipc::HellRequest{operation}); !sent) return sent.error();
    const auto incoming = client.next();
    if (!incoming) return incoming.error();
    const auto result = take_result(incoming.value(), last_line);
    if (!result) return result.error();
    is_ok = is_ok && result.value();
  } while (!items.empty());
  return is_ok;
}

int change(const std::string& run_folder, ipc::HellOperation operation, const Items& items) {
  auto client = ControlClient::connect(run_folder, ipc::Role::policyd, kPatience);
  if (!client) return report_unreachable(run_folder, client.error());
  const auto result = send_items(client.value(), operation, items);
  if (!result) return report_unreachable(run_folder, result.error());
  return result.value() ? kHealthy : kDegraded;
}

int list(const std::string& run_folder, bool is_export) {
  auto client = ControlClient::connect(run_folder, ipc::Role::policyd, kPatience);
  if (!client) return report_unreachable(run_folder, client.error());
  if (auto sent = client.value().send(ipc::HellRequest{ipc::HellOperation::list}); !sent) {
    return report_unreachable(run_folder, sent.error());
  }
  const base::WallTime now = base::system_clock().wall();
  std::puts(is_export ? "# address, until when (0: for ever), reason" : hell_table_head().c_str());
  while (true) {
    const auto incoming = client.value().next();
    if (!incoming) return report_unreachable(run_folder, incoming.error());
    ipc::HellEntry entry;
    if (incoming.value().type != ipc::MessageType::HellEntry || !ipc::decode(incoming.value().body, entry)) {
      std::string last_line;
      const auto result = take_result(incoming.value(), last_line);
      if (!result) return report_unreachable(run_folder, result.error());
      return std::fflush(stdout) != 0 ? EX_IOERR : result.value() ? kHealthy : kDegraded;
    }
    std::puts((is_export ? export_hell_line(entry) : hell_table_line(entry, now)).c_str());
  }
}

// Adds what the word stands for. False: it was complained of.
bool add_address(Items& items, std::string_view word) {
  auto parsed = parse_hell_address(word);
  if (!parsed) {
    (void)complain(parsed.error().text, EX_USAGE);
    return false;
  }
  items.insert(items.end(), parsed.value().begin(), parsed.value().end());
  return true;
}

int add(int argc, char** argv, const std::string& run_folder) {
  std::int64_t time = ipc::HellItem::kUsualTime;
  std::string reason;
  optind = 0;
  int option = 0;
  while ((option = ::getopt(argc, argv, "t:r:")) != -1) {
    if (option == 't') {
      const auto parsed = parse_hell_time(optarg, base::system_clock().wall());
      if (!parsed) return complain(parsed.error().text, EX_USAGE);
      if (parsed.value() < 0) return complain("that time is over", EX_USAGE);
      time = parsed.value();
    } else if (option == 'r') {
      reason = optarg;
      if (!is_hell_reason(reason)) return complain("a reason is at most 64 characters of ASCII and begins with no #", EX_USAGE);
    } else {
      return usage();
    }
  }
  Items items;
  for (int i = optind; i < argc; ++i) {
    if (!add_address(items, argv[i])) return EX_USAGE;
  }
  if (items.empty()) return usage();
  for (ipc::HellItem& item : items) {
    item.seconds = time;
    item.reason = reason;
  }
  return change(run_folder, ipc::HellOperation::add, items);
}

int remove(int argc, char** argv, const std::string& run_folder) {
  Items items;
  for (int i = 1; i < argc; ++i) {
    if (!add_address(items, argv[i])) return EX_USAGE;
  }
  return items.empty() ? usage() : change(run_folder, ipc::HellOperation::remove, items);
}

int import(const std::string& file, const std::string& run_folder) {
  const auto text = read_file(file == "-" ? "/dev/stdin" : file, kMaxFileBytes);
  if (!text) return complain(text.error().text, EX_NOINPUT);
  Items items;
  std::size_t over = 0;
  int errors = 0;
  int number = 0;
  const base::WallTime now = base::system_clock().wall();
  for (std::string_view rest = text.value(); !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    ++number;
    const auto parsed = parse_hell_line(line, now);
    if (!parsed) {
      (void)complain(file + ":" + std::to_string(number) + ": " + parsed.error().text, EX_DATAERR);
      if (++errors == kMaxShownErrors) break;
      continue;
    }
    items.insert(items.end(), parsed.value().items.begin(), parsed.value().items.end());
    over += parsed.value().is_over ? 1 : 0;
  }
  if (errors != 0) return complain("nothing was imported", EX_DATAERR);
  const int code = items.empty() ? kHealthy : change(run_folder, ipc::HellOperation::add, items);
  if (code == kHealthy) std::printf("%zu entries imported, %zu were over\n", items.size(), over);
  return code;
}

}  // namespace

int run_hell(int argc, char** argv, const std::string& run_folder) {
  if (argc < 2) return usage();
  const std::string_view command = argv[1];
  const int count = argc - 1;
  char** words = argv + 1;
  if (command == "add") return add(count, words, run_folder);
  if (command == "remove") return remove(count, words, run_folder);
  if (command == "import" && count == 2) return import(words[1], run_folder);
  if (count != 1) return usage();
  if (command == "list" || command == "export") return list(run_folder, command == "export");
  if (command == "clear") return change(run_folder, ipc::HellOperation::clear, {});
  return usage();
}

}  // namespace caronte::carontectl
