// The codec of messages between processes. A message struct lists its members once, with CARONTE_FIELDS; the same list
// writes and reads them, so that the two sides cannot drift. Integers are little-endian; each string and list carries a
// maximum of its own; the reader must end exactly at the end. The peer may have been taken over: nothing here trusts a
// length, and compares by subtraction.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/address.h"

namespace caronte::ipc {

// A string of at most Max octets. Assigning a longer one cuts it: senders cut, receivers refuse.
template <std::size_t Max>
class Text {
 public:
  static constexpr std::size_t kMax = Max;
  Text() = default;
  Text(std::string_view text) : text_(text.substr(0, Max)) {}      // NOLINT: implicit by design
  Text(const char* text) : Text(std::string_view(text)) {}         // NOLINT: implicit by design
  Text(const std::string& text) : Text(std::string_view(text)) {}  // NOLINT: implicit by design
  operator std::string_view() const noexcept { return text_; }     // NOLINT: implicit by design
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  bool operator==(const Text&) const = default;

 private:
  std::string text_;
};

// A vector of at most Max elements, each a struct with CARONTE_FIELDS, a Text, an integer or an address. push() beyond
// it does nothing and returns false.
template <class T, std::size_t Max>
class List {
 public:
  static constexpr std::size_t kMax = Max;
  bool push(T item) {
    if (items_.size() == Max) return false;
    items_.push_back(std::move(item));
    return true;
  }
  [[nodiscard]] const std::vector<T>& items() const noexcept { return items_; }
  [[nodiscard]] std::vector<T>& items() noexcept { return items_; }
  [[nodiscard]] auto begin() const noexcept { return items_.begin(); }
  [[nodiscard]] auto end() const noexcept { return items_.end(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  bool operator==(const List&) const = default;

 private:
  std::vector<T> items_;
};

// In a struct: CARONTE_FIELDS(first, second, ...) or CARONTE_NO_FIELDS.
#define CARONTE_FIELDS(...)   \
  template <class Codec>      \
  void fields(Codec& codec) { \
    codec.visit(__VA_ARGS__); \
  }
#define CARONTE_NO_FIELDS \
  template <class Codec>  \
  void fields(Codec&) {}

class Encoder {
 public:
  explicit Encoder(std::string& out) noexcept : out_(out) {}

  template <class... T>
  void visit(const T&... values) {
    (put(values), ...);
  }

 private:
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      put_integer(static_cast<std::uint8_t>(value));
    } else if constexpr (std::is_enum_v<T>) {
      put_integer(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_integral_v<T>) {
      put_integer(value);
    } else {
      const_cast<T&>(value).fields(*this);  // fields() only reads when it is given an Encoder
    }
  }
  template <std::size_t Max>
  void put(const Text<Max>& text) {
    put_bytes(text);
  }
  template <class T, std::size_t Max>
  void put(const List<T, Max>& list) {
    put_integer(static_cast<std::uint32_t>(list.size()));
    for (const T& item : list) put(item);
  }
  void put(const std::string& text) { put_bytes(text); }
  template <class T>
  void put(const std::vector<T>& list) {
    put_integer(static_cast<std::uint32_t>(list.size()));
    for (const T& item : list) put(item);
  }
  template <class Rep, class Period>
  void put(const std::chrono::duration<Rep, Period>& duration) {
    put_integer(static_cast<std::int64_t>(duration.count()));
  }
  void put(const base::Address& address) {
    const auto& octets = address.octets();
    out_.append(reinterpret_cast<const char*>(octets.data()), octets.size());
  }
  void put(const base::Endpoint& endpoint) { visit(endpoint.address, endpoint.port); }
  void put(const base::Prefix& prefix) { visit(prefix.address, prefix.bits); }

  template <class T>
  void put_integer(T value) {
    auto bits = static_cast<std::make_unsigned_t<T>>(value);
    std::array<char, sizeof(T)> bytes{};
    for (char& byte : bytes) {
      byte = static_cast<char>(bits & 0xFFU);
      if constexpr (sizeof(T) > 1) bits = static_cast<std::make_unsigned_t<T>>(bits >> 8U);
    }
    out_.append(bytes.data(), bytes.size());
  }
  void put_bytes(std::string_view text) {
    put_integer(static_cast<std::uint32_t>(text.size()));
    out_.append(text);
  }

  std::string& out_;
};

class Decoder {
 public:
  // `unbounded_max` bounds each std::string and std::vector (configuration only; messages use Text and List).
  explicit Decoder(std::string_view in, std::size_t unbounded_max = 0) noexcept : in_(in), unbounded_max_(unbounded_max) {}

  template <class... T>
  void visit(T&... values) {
    (get(values), ...);
  }
  // Everything was well-formed and nothing is left.
  [[nodiscard]] bool is_complete() const noexcept { return !failed_ && in_.empty(); }

 private:
  template <class T>
  void get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      get_integer(byte);
      if (byte > 1) failed_ = true;
      value = byte == 1;
    } else if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> raw{};
      get_integer(raw);
      // Every enum that crosses a channel ends with `kCount`.
      if (raw < 0 || raw >= static_cast<std::underlying_type_t<T>>(T::kCount)) {
        failed_ = true;
      } else {
        value = static_cast<T>(raw);
      }
    } else if constexpr (std::is_integral_v<T>) {
      get_integer(value);
    } else {
      value.fields(*this);
    }
  }
  template <std::size_t Max>
  void get(Text<Max>& text) {
    text = Text<Max>(get_bytes(Max));
  }
  template <class T, std::size_t Max>
  void get(List<T, Max>& list) {
    get_items(list.items(), Max);
  }
  void get(std::string& text) { text = get_bytes(unbounded_max_); }
  template <class T>
  void get(std::vector<T>& list) {
    get_items(list, unbounded_max_);
  }
  template <class Rep, class Period>
  void get(std::chrono::duration<Rep, Period>& duration) {
    std::int64_t count = 0;
    get_integer(count);
    duration = std::chrono::duration<Rep, Period>(count);
  }
  void get(base::Address& address) {
    base::Address::Octets octets{};
    if (in_.size() < octets.size()) {
      failed_ = true;
      return;
    }
    std::memcpy(octets.data(), in_.data(), octets.size());
    in_.remove_prefix(octets.size());
    address = base::Address(octets);
  }
  void get(base::Endpoint& endpoint) { visit(endpoint.address, endpoint.port); }
  void get(base::Prefix& prefix) {
    visit(prefix.address, prefix.bits);
    if (prefix.bits > 128) failed_ = true;
  }

  template <class T>
  void get_integer(T& value) {
    if (in_.size() < sizeof(T)) {
      failed_ = true;
      in_ = {};
      return;
    }
    std::make_unsigned_t<T> bits = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) {
      if constexpr (sizeof(T) > 1) bits = static_cast<std::make_unsigned_t<T>>(bits << 8U);
      bits = static_cast<std::make_unsigned_t<T>>(bits | static_cast<std::uint8_t>(in_[i]));
    }
    in_.remove_prefix(sizeof(T));
    value = static_cast<T>(bits);
  }
  std::string_view get_bytes(std::size_t maximum) {
    std::uint32_t size = 0;
    get_integer(size);
    if (size > maximum || size > in_.size()) {
      failed_ = true;
      return {};
    }
    const std::string_view bytes = in_.substr(0, size);
    in_.remove_prefix(size);
    return bytes;
  }
  template <class T>
  void get_items(std::vector<T>& items, std::size_t maximum) {
    std::uint32_t count = 0;
    get_integer(count);
    if (count > maximum || count > in_.size()) {  // each element takes at least one octet
      failed_ = true;
      return;
    }
    items.clear();
    for (std::uint32_t i = 0; i < count && !failed_; ++i) get(items.emplace_back());
  }

  std::string_view in_;
  std::size_t unbounded_max_;
  bool failed_ = false;
};

template <class T>
void encode(const T& message, std::string& out) {
  Encoder encoder(out);
  const_cast<T&>(message).fields(encoder);
}

// False: malformed; `message` is then unspecified.
template <class T>
[[nodiscard]] bool decode(std::string_view in, T& message, std::size_t unbounded_max = 0) {
  Decoder decoder(in, unbounded_max);
  message.fields(decoder);
  return decoder.is_complete();
}

}  // namespace caronte::ipc
