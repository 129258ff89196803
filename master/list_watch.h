// Watches the list files of the running configuration. A change that has come to rest asks for a reload; a list that
// shrank by half or vanished waits for the administrator (design.md section 8).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace caronte::master {

struct FileLook {
  bool exists = false;
  std::int64_t modified_ns = 0;  // Unix time
  std::uint64_t size = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileLook&) const = default;
};
[[nodiscard]] FileLook look_at(const std::string& path);

class ListWatch {
 public:
  using Look = std::function<FileLook(const std::string& path)>;
  explicit ListWatch(Look look = look_at) : look_(std::move(look)) {}

  // The files that the configuration in force was made of. What was changed at or after `read_at` may not be in it.
  void watch(const std::vector<std::string>& paths, base::WallTime read_at);

  struct Finding {
    bool is_reload_due = false;
    std::vector<std::string> shrunk;  // said once a change
  };
  // Every 2 s: what looks the same as at the last call is at rest.
  [[nodiscard]] Finding check();

 private:
  struct File {
    std::string path;
    FileLook loaded;
    FileLook last;
    FileLook reported;  // asked for or complained of; not again
  };
  Look look_;
  std::vector<File> files_;
};

}  // namespace caronte::master
