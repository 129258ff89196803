// Buffer: bytes between a reader and a writer. It owns memory only while it holds data, so that an idle connection
// costs none. Not thread-safe. Used by every process that moves byte streams.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace caronte::base {

class Buffer {
 public:
  [[nodiscard]] bool is_empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::string_view view() const noexcept { return {memory_.get() + begin_, size()}; }

  // Room for at least `count` further bytes; write there, then commit().
  [[nodiscard]] std::span<char> reserve(std::size_t count);
  void commit(std::size_t count) noexcept { end_ += count; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    const std::span<char> room = reserve(bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    commit(bytes.size());
  }

  // Drops `count` bytes (at most size()) from the front; the memory goes back when the last byte does.
  void consume(std::size_t count) noexcept;
  void clear() noexcept;

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace caronte::base
