// A list's file on disk: read and saved under a lock, so that two administrators do not undo each other's work, and saved
// in one step, so that the gateway sees the old list or the new one. Works with its caller's rights.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace caronte::carontectl {

class ListFile {
 public:
  // Symbolic links are followed to the file itself. Errors: not there, not a regular file, too large, not allowed; EAGAIN:
  // somebody else is at it.
  [[nodiscard]] static base::Result<ListFile> open(const std::string& path);
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // A new file with the owner, group and mode of the old one takes its name. Errors: what the system says; ESTALE: somebody
  // has changed it meanwhile, without the lock. The old file is then as it was.
  [[nodiscard]] base::Status save(std::string_view text) const;

 private:
  ListFile() = default;
  std::string path_;
  std::string text_;
  base::Fd lock_;  // the file itself
};

}  // namespace caronte::carontectl
