// Sealed memory: how tables travel between processes. A memfd that nobody can change any more once it is sealed, so that
// its reader may map it without fear of a change or a SIGBUS. Written by config-reader, read by master and the workers,
// also inside their sandbox: reading takes fcntl(F_GET_SEALS), lseek, mmap and munmap, writing memfd_create, write and
// fcntl(F_ADD_SEALS).
#pragma once

#include <memory>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace caronte::config {

// Largest encoded configuration or list file that is written or read.
inline constexpr std::size_t kMaxSealedBytes = 64U * 1024 * 1024;

// A new memfd with these bytes, sealed against any change. `name` shows in /proc only. Errors: larger than
// kMaxSealedBytes, the kernel refuses.
[[nodiscard]] base::Result<base::Fd> seal_bytes(const char* name, std::string_view bytes);

// A read-only mapping of a whole sealed memfd, shared by its copies.
class SealedBytes {
 public:
  SealedBytes() = default;  // empty
  // Errors: not sealed against shrinking, growing and writing; larger than kMaxSealedBytes. The descriptor is not kept.
  [[nodiscard]] static base::Result<SealedBytes> map(int descriptor);
  [[nodiscard]] std::string_view view() const noexcept { return {static_cast<const char*>(memory_.get()), size_}; }
  [[nodiscard]] const std::shared_ptr<const void>& owner() const noexcept { return memory_; }

 private:
  std::shared_ptr<const void> memory_;
  std::size_t size_ = 0;
};

}  // namespace caronte::config
