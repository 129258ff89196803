#include "logd/live_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "ipc/log_format.h"
#include "logd/record_writer.h"

namespace caronte::logd {

namespace {

constexpr int kOpenFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
constexpr mode_t kFileMode = 0640;
constexpr unsigned kMaxAttempts = 999;
constexpr std::size_t kPieceBytes = 256 * 1024;
const std::string kLiveName(ipc::kLogFile);
const std::string kNewName = ".new.xml";

// 0 or errno. What was written before the error stays.
int write_at(int file, std::string_view bytes, std::uint64_t offset) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return ENOSPC;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return 0;
}

}  // namespace

std::string dated_name(std::string_view prefix, base::WallTime now, unsigned attempt) {
  std::string time = base::format_rfc3339(std::chrono::floor<std::chrono::seconds>(now)).substr(0, 19);
  std::replace(time.begin(), time.end(), ':', '-');
  std::string name = std::string(prefix) + time + "Z";
  if (attempt > 1) {
    const std::string digits = std::to_string(attempt);
    name += "_" + std::string(3 - std::min<std::size_t>(digits.size(), 3), '0') + digits;
  }
  return name + std::string(ipc::kLogArchiveSuffix);
}

bool is_rotation_due(const RotationSettings& settings, const LiveFile& file, std::uint64_t more, base::WallTime now) noexcept {
  if (file.records() == 0) return false;
  if (settings.size != 0 && (file.bytes() >= settings.size || more > settings.size - file.bytes())) return true;
  return settings.time.count() != 0 && file.begun() && now - *file.begun() >= settings.time;
}

std::uint64_t LiveFile::bytes() const noexcept {
  return end_ + ipc::kLogEnd.size();
}

LiveFile::State LiveFile::look() const noexcept {
  struct stat found {};
  if (::fstatat(folder_, kLiveName.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0 || found.st_dev != device_ ||
      found.st_ino != inode_) {
    return State::replaced;
  }
  return static_cast<std::uint64_t>(found.st_size) == bytes() ? State::same : State::resized;
}

bool LiveFile::is_folder_gone() const noexcept {
  struct stat found {};
  return ::fstat(folder_, &found) != 0 || found.st_nlink == 0;
}

bool LiveFile::try_lock() noexcept {
  return ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

void LiveFile::unlock() noexcept {
  ::flock(file_.get(), LOCK_UN);
}

base::Result<base::Fd> LiveFile::make_file(const Positions& known, std::uint64_t& end) {
  base::Fd file(::openat(folder_, kNewName.c_str(), kOpenFlags | O_CREAT | O_TRUNC, kFileMode));
  if (!file) return base::system_error(errno, kNewName);
  std::string text(ipc::kLogHeader);
  RecordWriter writer;
  for (const auto& [sender, last] : known) text += writer.continued(sender, last);
  end = text.size();
  text += ipc::kLogEnd;
  if (const int error = write_at(file.get(), text, 0); error != 0) {
    ::unlinkat(folder_, kNewName.c_str(), 0);
    return base::system_error(error, kNewName);
  }
  return file;
}

base::Result<std::string> LiveFile::rename_aside(std::string_view prefix, base::WallTime now) {
  for (unsigned attempt = 1; attempt <= kMaxAttempts; ++attempt) {
    std::string name = dated_name(prefix, now, attempt);
    if (::renameat2(folder_, kLiveName.c_str(), folder_, name.c_str(), RENAME_NOREPLACE) == 0) return name;
    if (errno != EEXIST) return base::system_error(errno, name);
  }
  return base::system_error(EEXIST, dated_name(prefix, now, kMaxAttempts));
}

base::Status LiveFile::create(const Positions& known) {
  std::uint64_t end = 0;
  auto file = make_file(known, end);
  if (!file) return file.error();
  // Somebody may have put a file there meanwhile: it is looked at when this is tried again.
  if (::renameat2(folder_, kNewName.c_str(), folder_, kLiveName.c_str(), RENAME_NOREPLACE) != 0) {
    return base::system_error(errno, kLiveName);
  }
  file_ = std::move(file).value();
  end_ = end;
  records_ = 0;
  begun_.reset();
  return base::Done{};
}

base::Result<LogScanner> LiveFile::scan() {
  LogScanner scanner;
  std::vector<char> piece(kPieceBytes);
  while (true) {
    const ssize_t got = ::pread(file_.get(), piece.data(), piece.size(), static_cast<off_t>(scanner.bytes()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::system_error(errno, kLiveName);
    if (got == 0) return scanner;
    scanner.take({piece.data(), static_cast<std::size_t>(got)});
  }
}

base::Status LiveFile::repair(std::uint64_t end) {
  const int error = write_at(file_.get(), ipc::kLogEnd, end);
  if (error != 0) return base::system_error(error, kLiveName);
  if (::ftruncate(file_.get(), static_cast<off_t>(end + ipc::kLogEnd.size())) != 0) return base::system_error(errno, kLiveName);
  return base::Done{};
}

base::Result<LiveFile::Opened> LiveFile::open(const Positions& known, base::WallTime now) {
  Opened opened;
  opened.positions = known;
  is_torn_ = false;
  file_.reset(::openat(folder_, kLiveName.c_str(), kOpenFlags));
  // A crash between the two renames of a rotation leaves the new file under its first name.
  if (!file_ && errno == ENOENT && ::renameat2(folder_, kNewName.c_str(), folder_, kLiveName.c_str(), RENAME_NOREPLACE) == 0) {
    file_.reset(::openat(folder_, kLiveName.c_str(), kOpenFlags));
  }
  bool is_missing = !file_ && errno == ENOENT;
  bool is_usable = false;
  struct stat found {};
  const bool is_regular = file_ && ::fstat(file_.get(), &found) == 0 && S_ISREG(found.st_mode);
  if (is_regular && found.st_size == 0) {  // by copytruncate, or a power cut in its first moment
    is_missing = ::unlinkat(folder_, kLiveName.c_str(), 0) == 0;
  } else if (is_regular) {
    auto scanned = scan();
    if (!scanned) return scanned.error();
    const LogScanner& scanner = scanned.value();
    for (const auto& [sender, last] : scanner.positions()) opened.positions[sender] = std::max(opened.positions[sender], last);
    const std::uint64_t behind = scanner.bytes() - scanner.records_end();
    is_usable = scanner.has_header() && (scanner.is_whole() || behind <= kMaxTornBytes);
    if (is_usable) {
      end_ = scanner.records_end();
      records_ = scanner.records();
      begun_ = scanner.begun();
      if (!scanner.is_whole()) {
        opened.torn_bytes = behind;
        const bool is_locked = try_lock();
        const base::Status status = repair(end_);
        if (is_locked) unlock();
        if (!status) {
          file_.reset();
          return status.error();
        }
      }
    }
  }
  if (!is_usable) {
    if (!is_missing) {
      auto name = rename_aside("damaged-", now);
      file_.reset();
      if (!name) return name.error();
      opened.set_aside = std::move(name).value();
    }
    if (auto status = create(opened.positions); !status) return status.error();
  }
  if (::fstat(file_.get(), &found) != 0) return base::system_error(errno, kLiveName);
  device_ = found.st_dev;
  inode_ = found.st_ino;
  return opened;
}

base::Status LiveFile::append(std::string_view lines, std::uint64_t records, base::WallTime now) {
  std::string text;
  text.reserve(lines.size() + ipc::kLogEnd.size());
  text.append(lines).append(ipc::kLogEnd);
  if (const int error = write_at(file_.get(), text, end_); error != 0) {
    // The space of the old end tag is there already.
    is_torn_ = !repair(end_).is_ok();
    return base::system_error(error, kLiveName);
  }
  end_ += lines.size();
  records_ += records;
  if (!begun_ && records != 0) begun_ = now;
  return base::Done{};
}

base::Result<std::string> LiveFile::rotate(const Positions& known, base::WallTime now) {
  std::uint64_t end = 0;
  auto file = make_file(known, end);
  if (!file) return file.error();
  sync_archive();  // of an earlier rotation; not between the two names, for meanwhile readers find no live file
  auto name = rename_aside(ipc::kLogArchivePrefix, now);
  if (!name) {
    ::unlinkat(folder_, kNewName.c_str(), 0);
    return name.error();
  }
  archive_ = std::move(file_);
  // Should the second rename fail, open() makes it good.
  if (::renameat(folder_, kNewName.c_str(), folder_, kLiveName.c_str()) != 0) return base::system_error(errno, kLiveName);
  struct stat found {};
  if (::fstat(file.value().get(), &found) != 0) return base::system_error(errno, kLiveName);
  file_ = std::move(file).value();
  device_ = found.st_dev;
  inode_ = found.st_ino;
  end_ = end;
  records_ = 0;
  begun_.reset();
  return name;
}

void LiveFile::sync_archive() noexcept {
  if (!archive_) return;
  ::fdatasync(archive_.get());
  archive_.reset();
}

}  // namespace caronte::logd
