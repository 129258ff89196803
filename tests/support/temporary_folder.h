// A folder of its own for a test, removed with everything in it.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/fd.h"

namespace caronte::tests {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/caronte-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
    fd_.reset(::open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~TemporaryFolder() {
    if (is_mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    for (const std::string& name : names()) ::unlink(path(name).c_str());
    ::rmdir(path_.c_str());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  // A small disk over the folder, until the end of it; again: another size. False: not possible here.
  bool mount_tmpfs(const std::string& options) {
    const unsigned long flags = is_mounted_ ? MS_REMOUNT : 0;
    const bool is_done = ::mount("tmpfs", path_.c_str(), "tmpfs", flags, options.c_str()) == 0;
    is_mounted_ = is_mounted_ || is_done;
    return is_done;
  }

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << text;
  }
  // Sorted, without "." and "..".
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> result;
    DIR* folder = ::opendir(path_.c_str());
    if (folder == nullptr) return result;
    while (const dirent* entry = ::readdir(folder)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") result.push_back(name);
    }
    ::closedir(folder);
    std::sort(result.begin(), result.end());
    return result;
  }

 private:
  std::string path_;
  base::Fd fd_;
  bool is_mounted_ = false;
};

}  // namespace caronte::tests
