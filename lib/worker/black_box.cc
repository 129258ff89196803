#include "worker/black_box.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace caronte::worker {

// Two words of an address and a flag that is written last. Only the owner writes; master reads after its death.
struct BlackBox::Page {
  std::atomic<std::uint64_t> high;
  std::atomic<std::uint64_t> low;
  std::atomic<std::uint64_t> is_noted;
  std::atomic<std::uint64_t> forbidden_call;  // its number and 1
};

namespace {
constexpr std::size_t kPageBytes = 4096;
}

BlackBox::~BlackBox() {
  if (page_ != nullptr) ::munmap(page_, kPageBytes);
}

BlackBox::BlackBox(BlackBox&& other) noexcept : page_(std::exchange(other.page_, nullptr)) {}

BlackBox& BlackBox::operator=(BlackBox&& other) noexcept {
  std::swap(page_, other.page_);
  return *this;
}

base::Result<base::Fd> BlackBox::create() {
  base::Fd fd(::memfd_create("caronte-black-box", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return base::system_error(errno, "memfd_create");
  if (::ftruncate(fd.get(), kPageBytes) != 0) return base::system_error(errno, "ftruncate");
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return base::system_error(errno, "F_ADD_SEALS");
  return fd;
}

base::Result<BlackBox> BlackBox::map(int descriptor) {
  void* memory = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) return base::system_error(errno, "mmap of the black box");
  BlackBox box;
  box.page_ = static_cast<Page*>(memory);
  return box;
}

void BlackBox::note(const base::Address& client) noexcept {
  if (page_ == nullptr) return;
  std::array<std::uint64_t, 2> words{};
  std::memcpy(words.data(), client.octets().data(), sizeof words);
  page_->high.store(words[0], std::memory_order_relaxed);
  page_->low.store(words[1], std::memory_order_relaxed);
  page_->is_noted.store(1, std::memory_order_release);
}

void BlackBox::clear() noexcept {
  if (page_ != nullptr) page_->is_noted.store(0, std::memory_order_release);
}

void BlackBox::note_forbidden_call(int number) noexcept {
  if (page_ != nullptr)
    page_->forbidden_call.store(std::uint64_t{static_cast<std::uint32_t>(number)} + 1, std::memory_order_release);
}

std::optional<base::Address> BlackBox::read() const noexcept {
  if (page_ == nullptr || page_->is_noted.load(std::memory_order_acquire) != 1) return std::nullopt;
  const std::array<std::uint64_t, 2> words{page_->high.load(std::memory_order_relaxed), page_->low.load(std::memory_order_relaxed)};
  base::Address::Octets octets{};
  std::memcpy(octets.data(), words.data(), sizeof words);
  return base::Address(octets);
}

std::optional<int> BlackBox::forbidden_call() const noexcept {
  const std::uint64_t noted = page_ == nullptr ? 0 : page_->forbidden_call.load(std::memory_order_acquire);
  if (noted == 0 || noted > INT_MAX) return std::nullopt;
  return static_cast<int>(noted - 1);
}

}  // namespace caronte::worker
