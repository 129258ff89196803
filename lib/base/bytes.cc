#include "base/bytes.h"

#include <algorithm>

namespace caronte::base {

namespace {
constexpr std::size_t kSmallest = 512;
}

std::span<char> Buffer::reserve(std::size_t count) {
  if (capacity_ - end_ < count) {
    const std::size_t held = size();
    if (capacity_ - held < count) {
      const std::size_t grown = std::max({kSmallest, held + count, held + held / 2});
      auto fresh = std::make_unique_for_overwrite<char[]>(grown);
      if (held != 0) std::memcpy(fresh.get(), memory_.get() + begin_, held);
      memory_ = std::move(fresh);
      capacity_ = grown;
    } else if (held != 0) {
      std::memmove(memory_.get(), memory_.get() + begin_, held);
    }
    begin_ = 0;
    end_ = held;
  }
  return {memory_.get() + end_, capacity_ - end_};
}

void Buffer::consume(std::size_t count) noexcept {
  begin_ += std::min(count, size());
  if (is_empty()) clear();
}

void Buffer::clear() noexcept {
  memory_.reset();
  capacity_ = begin_ = end_ = 0;
}

}  // namespace caronte::base
