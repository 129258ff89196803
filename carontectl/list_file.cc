#include "carontectl/list_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include "carontectl/settings.h"

namespace caronte::carontectl {

namespace {

using base::system_error;

constexpr std::size_t kMaxBytes = 64 * 1024 * 1024;  // as config-reader has it

base::Status write_all(int descriptor, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(errno, path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return base::Done{};
}

bool is_same_content(const struct stat& a, const struct stat& b) noexcept {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

// Gone at the end, unless it was given its name.
class Draft {
 public:
  explicit Draft(const std::string& name) : path_(name) {
    path_.insert(path_.rfind('/') + 1, ".").append(".carontectl");
    ::unlink(path_.c_str());  // of somebody who was interrupted: the lock is ours
  }
  ~Draft() {
    if (file_) ::unlink(path_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  base::Status write(std::string_view text, const struct stat& like) {
    file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_) return system_error(errno, path_);
    if (auto status = write_all(file_.get(), text, path_); !status) return status;
    struct stat made {};
    if (::fstat(file_.get(), &made) != 0) return system_error(errno, path_);
    const bool is_same_owner = made.st_uid == like.st_uid && made.st_gid == like.st_gid;
    if (!is_same_owner && ::fchown(file_.get(), like.st_uid, like.st_gid) != 0) return system_error(errno, path_);
    if (::fchmod(file_.get(), like.st_mode & 07777U) != 0 || ::fsync(file_.get()) != 0) return system_error(errno, path_);
    return base::Done{};
  }
  base::Status take_name(const std::string& name) {
    if (::rename(path_.c_str(), name.c_str()) != 0) return system_error(errno, name);
    file_.reset();
    return base::Done{};
  }

 private:
  std::string path_;
  base::Fd file_;
};

}  // namespace

base::Result<ListFile> ListFile::open(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return system_error(errno, path);
  ListFile file;
  file.path_ = real.get();
  file.lock_.reset(::open(file.path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat open_one {};
  struct stat named {};
  if (!file.lock_ || ::fstat(file.lock_.get(), &open_one) != 0) return system_error(errno, file.path_);
  if (!S_ISREG(open_one.st_mode)) return system_error(EINVAL, file.path_);
  if (::flock(file.lock_.get(), LOCK_EX | LOCK_NB) != 0) return system_error(errno, file.path_);
  // Somebody may have saved between the two.
  if (::stat(file.path_.c_str(), &named) != 0 || named.st_ino != open_one.st_ino) return system_error(EAGAIN, file.path_);
  auto text = read_file(file.path_, kMaxBytes);
  if (!text) return text.error();
  file.text_ = std::move(text).value();
  return file;
}

base::Status ListFile::save(std::string_view text) const {
  struct stat before {};
  struct stat now {};
  if (::fstat(lock_.get(), &before) != 0) return system_error(errno, path_);
  Draft draft(path_);
  if (auto status = draft.write(text, before); !status) return status;
  const bool is_there = ::stat(path_.c_str(), &now) == 0;
  if (!is_there || !is_same_content(before, now) || static_cast<std::size_t>(now.st_size) != text_.size()) {
    return system_error(ESTALE, path_);
  }
  return draft.take_name(path_);
}

}  // namespace caronte::carontectl
