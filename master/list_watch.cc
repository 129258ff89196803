#include "master/list_watch.h"

#include <sys/stat.h>

namespace caronte::master {

namespace {

bool has_shrunk(const FileLook& before, const FileLook& now) noexcept {
  return !now.exists || (before.size > 0 && now.size <= before.size / 2);
}

}  // namespace

FileLook look_at(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {true, found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec, static_cast<std::uint64_t>(found.st_size),
          found.st_ino};
}

void ListWatch::watch(const std::vector<std::string>& paths, base::WallTime read_at) {
  const auto read_at_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(read_at.time_since_epoch()).count();
  files_.clear();
  for (const std::string& path : paths) {
    File file{path, look_(path), {}, {}};
    file.last = file.loaded;
    if (file.loaded.modified_ns >= read_at_ns) file.loaded.modified_ns = 0;
    file.reported = file.loaded;
    files_.push_back(std::move(file));
  }
}

ListWatch::Finding ListWatch::check() {
  Finding finding;
  bool is_all_at_rest = true;
  for (File& file : files_) {
    const FileLook now = look_(file.path);
    if (now != file.last) is_all_at_rest = false;
    file.last = now;
  }
  if (!is_all_at_rest) return finding;
  // One reload reads them all, so a shrunk list holds the others back too.
  bool is_held_back = false;
  for (File& file : files_) {
    if (file.last == file.loaded || !has_shrunk(file.loaded, file.last)) continue;
    is_held_back = true;
    if (file.last != file.reported) finding.shrunk.push_back(file.path);
    file.reported = file.last;
  }
  if (is_held_back) return finding;
  for (File& file : files_) {
    if (file.last == file.loaded || file.last == file.reported) continue;
    file.reported = file.last;
    finding.is_reload_due = true;
  }
  return finding;
}

}  // namespace caronte::master
