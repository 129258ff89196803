// The folder of the sink: NNN.eml, the message byte for byte, and NNN.json, its envelope. The JSON file comes last and by
// rename, so whoever sees it sees a whole message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "protocol.h"

namespace caronte::sink {

// The envelope as one JSON object. All its strings are valid UTF-8 (base::is_safe_line).
[[nodiscard]] std::string envelope_json(const Envelope& envelope);

class Folder {
 public:
  // The next number is one more than the largest there.
  [[nodiscard]] static base::Result<Folder> open(const std::string& path, bool sync);
  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }
  [[nodiscard]] bool is_synced() const noexcept { return sync_; }
  [[nodiscard]] std::uint32_t next_number() noexcept { return ++last_number_; }
  [[nodiscard]] std::uint32_t next_part() noexcept { return ++last_part_; }

 private:
  base::Fd fd_;
  bool sync_ = true;
  std::uint32_t last_number_ = 0;
  std::uint32_t last_part_ = 0;
};

// One session's messages in the folder, one after the other.
class FolderStorage final : public Storage {
 public:
  explicit FolderStorage(Folder& folder) : folder_(folder) {}
  [[nodiscard]] base::Status begin() override;
  [[nodiscard]] base::Status append(std::string_view octets) override;
  [[nodiscard]] base::Result<std::string> commit(const Envelope& envelope) override;
  void abandon() noexcept override;

 private:
  [[nodiscard]] base::Status write_envelope(const std::string& name, const Envelope& envelope);
  Folder& folder_;
  base::Fd file_;
  std::string part_;  // name of the file being written
};

}  // namespace caronte::sink
