#include "policyd/store_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

namespace caronte::policyd {

namespace {

constexpr std::string_view kHome = "store";
constexpr std::array<const char*, kTables> kFileNames{"hell.db", "senders.db", "counters.db", "meta.db"};
// Of a damaged store: the administrator's own first, the clock, then what there is most of.
constexpr std::array kSalvageOrder{Table::hell, Table::meta, Table::counters, Table::senders};
constexpr base::Duration kSalvageTime{1000};
constexpr std::size_t kSlice = 1000;
constexpr std::string_view kProbeKey("\0probe", 6);
constexpr int kFutureLayout = -1;  // a code of its own, beside errno and Berkeley DB's

base::Result<unsigned> layout_of(StoreFiles& files) {
  auto found = files.of(Table::meta).get(kLayoutKey);
  if (!found) return found.error();
  const std::optional<std::string>& text = found.value();
  unsigned layout = 0;
  if (!text) return layout;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), layout);
  if (code != std::errc() || end != text->data() + text->size()) return base::Error{EINVAL, "the layout is no number"};
  return layout;
}

base::Status check_layout(StoreFiles& files) {
  auto layout = layout_of(files);
  if (!layout) return layout.error();
  if (layout.value() == kStoreLayout) return base::Done{};
  if (layout.value() == 0) return files.of(Table::meta).put(kLayoutKey, std::to_string(kStoreLayout));
  return base::Error{kFutureLayout,
                     "its layout is " + std::to_string(layout.value()) + ", this version knows " + std::to_string(kStoreLayout)};
}

// A change of each table, taken back: a table may open well and yet not fit the log (a log that was lost or cut off).
base::Status check_writing(StoreFiles& files) {
  auto transaction = wrap::BdbTransaction::begin(*files.environment);
  if (!transaction) return transaction.error();
  for (wrap::BdbTable& table : files.tables) {
    if (auto status = table.put(kProbeKey, "", &transaction.value()); !status) return status;
  }
  return base::Done{};
}

// The key behind all that begin with `key`.
std::string after(std::string key) {
  key.push_back('\0');
  return key;
}

base::Status read_everything(StoreFiles& files) {
  for (wrap::BdbTable& table : files.tables) {
    for (std::string from;;) {
      auto slice = table.read(from, kSlice);
      if (!slice) return slice.error();
      if (slice.value().size() < kSlice) break;
      from = after(std::move(slice.value().back().first));
    }
  }
  return base::Done{};
}

// How many entries went over. Stops at the first that cannot be read or written, or at the deadline.
std::size_t salvage(wrap::BdbTable& from, StoreFiles& files, Table table, base::MonotonicTime deadline) {
  std::size_t count = 0;
  for (std::string key; base::system_clock().monotonic() < deadline;) {
    auto slice = from.read(key, 100);
    if (!slice || slice.value().empty()) break;
    auto transaction = wrap::BdbTransaction::begin(*files.environment);
    if (!transaction) break;
    for (const auto& [name, value] : slice.value()) {
      if (!files.of(table).put(name, value, &transaction.value())) return count;
    }
    if (!transaction.value().commit()) break;
    count += slice.value().size();
    key = after(std::move(slice.value().back().first));
  }
  return count;
}

// What was changed last is in the log alone. A damaged page hinders the recovery only if its table is there.
void recover_without(const std::string& folder, Table table) {
  const std::string name = folder + '/' + kFileNames[static_cast<std::size_t>(table)];
  if (::rename(name.c_str(), (name + ".damaged").c_str()) != 0) return;
  if (auto environment = wrap::BdbEnvironment::open({.home = folder})) (void)environment.value()->checkpoint(0);
}

std::size_t salvage_all(const std::string& folder, StoreFiles& files) {
  const base::MonotonicTime deadline = base::system_clock().monotonic() + kSalvageTime;
  std::size_t count = 0;
  recover_without(folder, Table::senders);  // by far the largest
  for (const Table table : kSalvageOrder) {
    std::string name = folder + '/' + kFileNames[static_cast<std::size_t>(table)];
    if (table == Table::senders) name += ".damaged";
    auto remains = wrap::BdbTable::open_remains(name);
    if (remains) count += salvage(remains.value(), files, table, deadline);
  }
  return count;
}

std::string stamp_of(base::WallTime time) {
  std::string text = base::format_rfc3339(time).substr(0, 19);  // "2026-11-22T00:30:00"
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text + 'Z';
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  DIR* open = ::opendir(folder.c_str());
  if (open == nullptr) return names;
  while (const dirent* entry = ::readdir(open)) names.emplace_back(entry->d_name);
  ::closedir(open);
  return names;
}

void remove_folder(const std::string& folder) {
  for (const std::string& name : names_in(folder)) ::unlink((folder + '/' + name).c_str());
  ::rmdir(folder.c_str());
}

}  // namespace

StoreFolder::StoreFolder(std::string folder, const base::Clock& clock)
    : folder_(std::move(folder)), home_(folder_ + '/' + std::string(kHome)), clock_(clock) {}

base::Status StoreFolder::lock() {
  if (lock_) return base::Done{};
  const std::string name = home_ + ".lock";
  base::Fd file;
  for (const bool is_last : {false, true}) {
    file.reset(::open(name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file && errno == EROFS) file.reset(::open(name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (file) break;
    const int code = errno;
    // Somebody else's file, or no file at all: it holds nothing, and nobody but us locks it.
    const bool is_foreign = code == EACCES || code == EPERM || code == EISDIR || code == ELOOP;
    if (is_last || !is_foreign || ::rename(name.c_str(), (name + ".foreign").c_str()) != 0)
      return base::system_error(code, "store.lock");
  }
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return base::Error{EWOULDBLOCK, "another process holds store.lock"};
    return base::system_error(errno, "store.lock");
  }
  lock_ = std::move(file);
  return base::Done{};
}

base::Result<std::unique_ptr<StoreFiles>> StoreFolder::open(bool is_suspect, std::vector<std::string>& events) {
  auto opened = try_open(is_suspect);
  if (opened || wrap::is_disk_trouble(opened.error())) return opened;
  const base::MonotonicTime now = clock_.monotonic();
  if (last_set_aside_ && now - *last_set_aside_ < kSetAsidePause) return opened;
  last_set_aside_ = now;
  const bool is_future = opened.error().code == kFutureLayout;
  const bool is_foreign = opened.error().code == EACCES || opened.error().code == EPERM;
  auto name = set_aside(is_future ? "future" : is_foreign ? "foreign" : "damaged");
  if (!name) return name.error();
  auto fresh = try_open(false);
  std::string event = "the store cannot be used (" + opened.error().text + "): it is now " + name.value();
  if (fresh) {
    const std::size_t saved = is_future || is_foreign ? 0 : salvage_all(folder_ + '/' + name.value(), *fresh.value());
    event += ", a fresh one serves";
    if (saved != 0) event += " with " + std::to_string(saved) + " entries of the old one";
  }
  events.push_back(std::move(event));
  remove_oldest();
  return fresh;
}

base::Result<std::unique_ptr<StoreFiles>> StoreFolder::try_open(bool is_suspect) {
  if (auto made = make_home(); !made) return made.error();
  auto environment = wrap::BdbEnvironment::open({.home = home_});
  if (!environment) return environment.error();
  auto files = std::make_unique<StoreFiles>();
  files->environment = std::move(environment).value();
  for (const char* name : kFileNames) {
    auto table = wrap::BdbTable::open(*files->environment, name);
    if (!table) return files->environment->explain(table.error());
    files->tables.push_back(std::move(table).value());
  }
  if (auto status = check_layout(*files); !status) return files->environment->explain(status.error());
  if (auto status = check_writing(*files); !status) return files->environment->explain(status.error());
  if (is_suspect) {
    if (auto status = read_everything(*files); !status) return files->environment->explain(status.error());
  }
  return files;
}

base::Status StoreFolder::make_home() {
  struct stat found {};
  if (::lstat(home_.c_str(), &found) == 0) {
    if (!S_ISDIR(found.st_mode)) return base::Error{ENOTDIR, "store: is no folder"};
    if (found.st_uid != ::geteuid()) return base::Error{EPERM, "store: belongs to uid " + std::to_string(found.st_uid)};
    // The library would obey such a file. It is none of ours.
    if (::unlink((home_ + "/DB_CONFIG").c_str()) != 0 && errno == EACCES) return base::system_error(EACCES, "store");
    return base::Done{};
  }
  if (errno != ENOENT || ::mkdir(home_.c_str(), 0700) != 0) return base::system_error(errno, "store");
  return base::Done{};
}

base::Result<std::string> StoreFolder::set_aside(std::string_view reason) {
  const std::string name = std::string(kHome) + '.' + std::string(reason) + '-' + stamp_of(clock_.wall());
  for (int i = 1; i < 10; ++i) {
    const std::string tried = i == 1 ? name : name + '-' + std::to_string(i);
    if (::rename(home_.c_str(), (folder_ + '/' + tried).c_str()) == 0) return tried;
    if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR && errno != EISDIR) break;
  }
  return base::system_error(errno, "store: cannot be set aside");
}

void StoreFolder::remove_oldest() {
  std::vector<std::pair<std::string, std::string>> found;  // stamp, name
  for (const std::string& name : names_in(folder_)) {
    if (!name.starts_with(std::string(kHome) + '.') || name.find('-') == std::string::npos) continue;
    found.emplace_back(name.substr(name.find('-')), name);
  }
  std::sort(found.begin(), found.end());
  for (std::size_t i = 0; i + kMaxSetAside < found.size(); ++i) remove_folder(folder_ + '/' + found[i].second);
}

}  // namespace caronte::policyd
