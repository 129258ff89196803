#include "carontectl/log_command.h"

#include <getopt.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <optional>

#include "base/address_parser.h"
#include "base/quoting.h"
#include "carontectl/log_filter.h"
#include "carontectl/log_printer.h"
#include "carontectl/log_reader.h"
#include "ipc/log_format.h"

namespace caronte::carontectl {

namespace {

constexpr useconds_t kFollowMicroseconds = 200'000;
constexpr std::size_t kMostLast = 1'000'000;
constexpr std::size_t kLastWhenFollowing = 10;

struct Wish {
  LogFilter filter;
  bool with_archives = false;
  bool is_followed = false;
  bool is_raw = false;
  std::optional<std::size_t> last;
};

enum Option : int { kAddress = 1000, kSender, kRecipient, kExact, kOutcome, kReference, kSince, kUntil, kXml };

constexpr option kOptions[] = {{"archives", no_argument, nullptr, 'a'},
                               {"follow", no_argument, nullptr, 'f'},
                               {"last", required_argument, nullptr, 'n'},
                               {"xml", no_argument, nullptr, kXml},
                               {"address", required_argument, nullptr, kAddress},
                               {"sender", required_argument, nullptr, kSender},
                               {"recipient", required_argument, nullptr, kRecipient},
                               {"exact", no_argument, nullptr, kExact},
                               {"outcome", required_argument, nullptr, kOutcome},
                               {"reference", required_argument, nullptr, kReference},
                               {"since", required_argument, nullptr, kSince},
                               {"until", required_argument, nullptr, kUntil},
                               {nullptr, 0, nullptr, 0}};

base::Status set_time(std::optional<base::WallTime>& target, std::string_view text) {
  target = parse_time_point(text, base::system_clock().wall());
  if (target) return base::Done{};
  return base::Error{0, "'" + base::quote_visible(text, 100) +
                            "' is no time, such as 2026-11-21T20:57:18Z, 2026-11-21, or an age: 90s, 30m, 2h, 7d"};
}

base::Status take_option(Wish& wish, int option, std::string_view value) {
  switch (option) {
    case 'a': wish.with_archives = true; break;
    case 'f': wish.is_followed = true; break;
    case 'n': {
      const auto count = base::parse_number(value, kMostLast);
      if (!count) return base::Error{0, "-n wants a number up to " + std::to_string(kMostLast)};
      wish.last = static_cast<std::size_t>(*count);
      break;
    }
    case kXml: wish.is_raw = true; break;
    case kAddress: return wish.filter.add_address(value);
    case kSender: wish.filter.sender = value; break;
    case kRecipient: wish.filter.recipient = value; break;
    case kExact: wish.filter.is_exact = true; break;
    case kOutcome: return wish.filter.add_outcomes(value);
    case kReference: return wish.filter.set_reference(value);
    case kSince: return set_time(wish.filter.since, value);
    case kUntil: return set_time(wish.filter.until, value);
    default: return base::Error{0, "see carontectl(8)"};
  }
  return base::Done{};
}

class Output {
 public:
  explicit Output(const Wish& wish) : wish_(wish), last_(wish.last) {}

  void take(std::string_view line) {
    if (!wish_.filter.may_match(line)) return;
    if (!document_.parse(line)) {
      ++unreadable_;
      return;
    }
    const wrap::XmlElement record = document_.root();
    if (!wish_.filter.matches(record)) return;
    std::string text = wish_.is_raw ? std::string(line) + '\n' : render_record(record);
    if (!last_) {
      print(text);
      return;
    }
    waiting_.push_back(std::move(text));
    if (waiting_.size() > *last_) waiting_.pop_front();
  }

  // What was there has been read.
  void end_of_past() {
    for (const std::string& text : waiting_) print(text);
    waiting_.clear();
    last_.reset();
    std::fflush(stdout);
  }
  [[nodiscard]] std::uint64_t unreadable() const noexcept { return unreadable_; }

 private:
  static void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

  const Wish& wish_;
  std::optional<std::size_t> last_;
  std::deque<std::string> waiting_;
  wrap::XmlDocument document_;
  std::uint64_t unreadable_ = 0;
};

int read_log(const std::string& folder, const Wish& wish) {
  LogSource source(folder, wish.with_archives);
  if (auto status = source.open(); !status) {
    std::fprintf(stderr, "carontectl: %s\n", status.error().text.c_str());
    return EX_NOINPUT;
  }
  if (wish.is_raw) std::fwrite(ipc::kLogHeader.data(), 1, ipc::kLogHeader.size(), stdout);
  Output output(wish);
  while (const auto line = source.next()) output.take(*line);
  output.end_of_past();
  while (wish.is_followed && std::ferror(stdout) == 0) {
    ::usleep(kFollowMicroseconds);
    while (const auto line = source.next()) output.take(*line);
    std::fflush(stdout);
  }
  if (wish.is_raw) std::fwrite(ipc::kLogEnd.data(), 1, ipc::kLogEnd.size(), stdout);
  if (output.unreadable() != 0) {
    std::fprintf(stderr, "carontectl: %llu damaged lines were passed over\n", static_cast<unsigned long long>(output.unreadable()));
  }
  return std::fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

}  // namespace

int run_log(int argc, char** argv, const std::string& folder) {
  Wish wish;
  optind = 0;  // the global options came before
  int option = 0;
  while ((option = ::getopt_long(argc, argv, "afn:", kOptions, nullptr)) != -1) {
    if (option == '?') return EX_USAGE;
    if (auto status = take_option(wish, option, optarg == nullptr ? "" : optarg); !status) {
      std::fprintf(stderr, "carontectl: %s\n", status.error().text.c_str());
      return EX_USAGE;
    }
  }
  const int words = argc - optind;
  const bool has_reference = words == 1 && wish.filter.reference.empty();
  if (words > 1 || (words == 1 && !has_reference)) {
    std::fprintf(stderr, "carontectl: log takes options and one reference, see carontectl(8)\n");
    return EX_USAGE;
  }
  if (has_reference) {
    if (auto status = wish.filter.set_reference(argv[optind]); !status) {
      std::fprintf(stderr, "carontectl: %s\n", status.error().text.c_str());
      return EX_USAGE;
    }
    // It may be old, and people ask for it because a sender showed them a refusal.
    wish.with_archives = !wish.is_followed;
  }
  if (wish.is_followed && !wish.last && !wish.filter.since && !wish.with_archives) wish.last = kLastWhenFollowing;
  return read_log(folder, wish);
}

}  // namespace caronte::carontectl
