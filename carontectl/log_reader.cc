#include "carontectl/log_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "ipc/log_format.h"

namespace caronte::carontectl {

namespace {

// A logd that was stopped in the middle of a write keeps its lock, and in the middle of a rotation there is no live file.
constexpr int kAttempts = 40;
constexpr useconds_t kPauseMicroseconds = 5000;

bool lock_shared(int file) noexcept {
  for (int i = 0; i < kAttempts; ++i) {
    if (::flock(file, LOCK_SH | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return false;
    ::usleep(kPauseMicroseconds);
  }
  return false;
}

bool is_header(std::string_view line) noexcept {
  return line.starts_with("<?xml ") || line.starts_with("<caronte-log ");
}

}  // namespace

base::Result<LogReader> LogReader::open(const std::string& path) {
  base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return base::system_error(errno, path);
  return LogReader(std::move(file));
}

std::pair<std::uint64_t, std::uint64_t> LogReader::identity() const noexcept {
  struct stat found {};
  ::fstat(file_.get(), &found);
  return {found.st_dev, found.st_ino};
}

bool LogReader::refill() {
  buffer_.erase(0, taken_);
  taken_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + kPieceBytes);
  const bool is_locked = lock_shared(file_.get());
  ssize_t got = 0;
  do {
    got = ::pread(file_.get(), buffer_.data() + kept, kPieceBytes, static_cast<off_t>(offset_));
  } while (got < 0 && errno == EINTR);
  if (is_locked) ::flock(file_.get(), LOCK_UN);
  const auto count = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  buffer_.resize(kept + count);
  offset_ += count;
  return count != 0;
}

std::optional<std::string_view> LogReader::next() {
  while (true) {
    const std::string_view rest = std::string_view(buffer_).substr(taken_);
    const std::size_t line_end = rest.find('\n');
    const bool is_end_tag = rest.starts_with("</");
    if (line_end != std::string_view::npos && !is_end_tag) {
      const std::string_view line = rest.substr(0, line_end);
      const bool is_record = ipc::is_log_record(line);
      // Behind a damaged line come others; behind one that is half written there is nothing yet.
      if (is_record || is_header(line) || line_end + 1 < rest.size()) {
        taken_ += line_end + 1;
        if (is_record && !line.starts_with("<continued ")) return line;
        continue;
      }
    }
    if (rest.size() > ipc::kMaxLogLineBytes) taken_ = buffer_.size();  // no log: its bytes are not collected
    if (!is_end_tag && refill()) continue;
    // The end tag, or the beginning of a line: both may be replaced by the next write, so they are read again.
    offset_ -= buffer_.size() - taken_;
    buffer_.clear();
    taken_ = 0;
    return std::nullopt;
  }
}

std::vector<std::string> find_archives(const std::string& folder) {
  std::vector<std::string> names;
  DIR* entries = ::opendir(folder.c_str());
  if (entries == nullptr) return names;
  while (const dirent* entry = ::readdir(entries)) {
    const std::string_view name = entry->d_name;
    if (name.starts_with(ipc::kLogArchivePrefix) && name.ends_with(ipc::kLogArchiveSuffix))
      names.push_back(folder + '/' + entry->d_name);
  }
  ::closedir(entries);
  std::sort(names.begin(), names.end());
  return names;
}

base::Status LogSource::open() {
  // The live file first: what is rotated from now on is not missed.
  const std::string name = folder_ + '/' + std::string(ipc::kLogFile);
  auto live = LogReader::open(name);
  for (int i = 0; !live && live.error().code == ENOENT && i < kAttempts; ++i) {
    ::usleep(kPauseMicroseconds);
    live = LogReader::open(name);
  }
  if (!live) return live.error();
  if (with_archives_) {
    for (const std::string& path : find_archives(folder_)) {
      auto archive = LogReader::open(path);
      if (archive && archive.value().identity() != live.value().identity()) queue_.push_back(std::move(archive).value());
    }
  }
  queue_.push_back(std::move(live).value());
  (void)step();
  return base::Done{};
}

bool LogSource::step() {
  if (queue_.empty()) return false;
  current_.emplace(std::move(queue_.front()));
  queue_.erase(queue_.begin());
  is_last_look_ = false;
  return true;
}

bool LogSource::has_moved() const {
  struct stat found {};
  if (::stat((folder_ + '/' + std::string(ipc::kLogFile)).c_str(), &found) != 0) return false;  // in the middle of a rotation
  return std::pair<std::uint64_t, std::uint64_t>(found.st_dev, found.st_ino) != current_->identity();
}

std::optional<std::string_view> LogSource::next() {
  while (true) {
    if (const auto line = current_->next()) return line;
    if (!queue_.empty()) {
      (void)step();
      continue;
    }
    if (!is_last_look_) {
      if (!has_moved()) return std::nullopt;
      is_last_look_ = true;
      continue;
    }
    // There may have been several rotations: every archive behind ours, then the new live file.
    auto live = LogReader::open(folder_ + '/' + std::string(ipc::kLogFile));
    if (!live) return std::nullopt;
    bool is_behind = false;
    for (const std::string& path : find_archives(folder_)) {
      auto archive = LogReader::open(path);
      if (!archive || archive.value().identity() == live.value().identity()) continue;
      if (is_behind)
        queue_.push_back(std::move(archive).value());
      else
        is_behind = archive.value().identity() == current_->identity();
    }
    queue_.push_back(std::move(live).value());
    (void)step();
  }
}

}  // namespace caronte::carontectl
