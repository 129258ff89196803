#include "config/sealed_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace caronte::config {

namespace {

constexpr int kReaderNeeds = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

base::Result<base::Fd> seal_bytes(const char* name, std::string_view bytes) {
  if (bytes.size() > kMaxSealedBytes) return base::Error{EFBIG, "table larger than 64 MiB"};
  base::Fd memory(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.is_open()) return base::system_error(errno, "memfd_create");
  while (!bytes.empty()) {
    const ssize_t written = ::write(memory.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return base::system_error(errno, "write to memory");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fcntl(memory.get(), F_ADD_SEALS, kReaderNeeds | F_SEAL_SEAL) != 0) return base::system_error(errno, "fcntl F_ADD_SEALS");
  return memory;
}

base::Result<SealedBytes> SealedBytes::map(int descriptor) {
  const int seals = ::fcntl(descriptor, F_GET_SEALS);
  if (seals < 0) return base::system_error(errno, "not a sealed memfd");
  if ((seals & kReaderNeeds) != kReaderNeeds) return base::Error{EPERM, "memfd not sealed against changes"};
  // lseek, not fstat: it is one system call without paths, which fits every sandbox.
  const off_t end = ::lseek(descriptor, 0, SEEK_END);
  if (end < 0) return base::system_error(errno, "lseek in a sealed memfd");
  const auto size = static_cast<std::size_t>(end);
  if (size > kMaxSealedBytes) return base::Error{EFBIG, "table larger than 64 MiB"};
  SealedBytes result;
  if (size == 0) return result;
  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) return base::system_error(errno, "mmap of a sealed memfd");
  result.memory_ = std::shared_ptr<const void>(memory, [size](const void* m) { ::munmap(const_cast<void*>(m), size); });
  result.size_ = size;
  return result;
}

}  // namespace caronte::config
