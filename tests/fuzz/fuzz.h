// What the fuzz targets share. A target is a function of some octets: it feeds them to one parser, or to one receiver of
// messages, and checks what must hold for any octets. Whatever does not hold aborts, as sanitizers do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace caronte::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view input);
  std::size_t max_bytes;  // of an input; longer ones are cut
};
[[nodiscard]] std::span<const Target> all_targets() noexcept;
[[nodiscard]] const Target* find_target(std::string_view name) noexcept;

inline void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}
#define CARONTE_EXPECT(condition) ::caronte::fuzz::expect((condition), #condition)

// Takes an input apart. Behind its end everything is zero and empty.
class Input {
 public:
  explicit Input(std::string_view bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] bool is_empty() const noexcept { return rest_.empty(); }
  std::uint8_t octet() noexcept {
    const std::string_view one = take(1);
    return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one[0]);
  }
  std::uint16_t two_octets() noexcept {
    const unsigned low = octet();
    return static_cast<std::uint16_t>(low | static_cast<unsigned>(octet()) << 8U);
  }
  std::string_view take(std::size_t count) noexcept {
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(bytes.size());
    return bytes;
  }
  // Up to the next `separator`, which is taken too, or the end.
  std::string_view until(char separator) noexcept {
    const std::string_view bytes = rest_.substr(0, rest_.find(separator));
    rest_.remove_prefix(bytes.size() < rest_.size() ? bytes.size() + 1 : bytes.size());
    return bytes;
  }
  std::string_view rest() noexcept { return take(rest_.size()); }

 private:
  std::string_view rest_;
};

// A copy of its own, so that AddressSanitizer sees each octet read before or behind it.
class Exact {
 public:
  explicit Exact(std::string_view bytes) : size_(bytes.size()), bytes_(new char[bytes.size()]) { bytes.copy(bytes_, size_); }
  ~Exact() { delete[] bytes_; }
  Exact(const Exact&) = delete;
  Exact& operator=(const Exact&) = delete;
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_, size_}; }

 private:
  std::size_t size_;
  char* bytes_;
};

}  // namespace caronte::fuzz
