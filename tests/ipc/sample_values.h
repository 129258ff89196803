// Codecs for tests: they walk the members of any message as Encoder and Decoder do. SampleValues gives each member a value
// of its own, LargestValues the largest that it may have.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "ipc/codec.h"

namespace caronte::ipc {

class SampleValues {
 public:
  template <class... T>
  void visit(T&... values) {
    (set(values), ...);
  }

 private:
  template <class T>
  void set(T& value) {
    ++serial_;
    if constexpr (std::is_same_v<T, bool>) {
      value = serial_ % 2 == 1;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(serial_ % static_cast<unsigned>(T::kCount));
    } else if constexpr (std::is_integral_v<T>) {
      // Every octet of it differs from the others, negative where it can be.
      std::uint64_t bits = 0xF1E2D3C4B5A69780U + serial_;
      value = static_cast<T>(bits);
    } else {
      value.fields(*this);
    }
  }
  template <std::size_t Max>
  void set(Text<Max>& text) {
    text = Text<Max>("text " + std::to_string(++serial_) + std::string("\0\xff\r\n", 4));
  }
  template <class T, std::size_t Max>
  void set(List<T, Max>& list) {
    for (int i = 0; i < 3; ++i) {
      T item{};
      set(item);
      list.push(item);
    }
  }
  template <class Rep, class Period>
  void set(std::chrono::duration<Rep, Period>& duration) {
    duration = std::chrono::duration<Rep, Period>(-1000 - static_cast<Rep>(++serial_));
  }
  void set(base::Address& address) { address = base::Address::v4(192, 0, 2, static_cast<std::uint8_t>(++serial_)); }
  void set(base::Endpoint& endpoint) { visit(endpoint.address, endpoint.port); }
  void set(base::Prefix& prefix) {
    set(prefix.address);
    prefix.bits = 120;
  }

  unsigned serial_ = 0;
};

class LargestValues {
 public:
  template <class... T>
  void visit(T&... values) {
    (set(values), ...);
  }

 private:
  template <class T>
  void set(T& value) {
    if constexpr (!std::is_enum_v<T> && !std::is_integral_v<T>) value.fields(*this);
  }
  template <std::size_t Max>
  void set(Text<Max>& text) {
    text = Text<Max>(std::string(Max, 'x'));
  }
  template <class T, std::size_t Max>
  void set(List<T, Max>& list) {
    T item{};
    set(item);
    while (list.push(item)) {
    }
  }
  template <class Rep, class Period>
  void set(std::chrono::duration<Rep, Period>&) {}
  void set(base::Address&) {}
  void set(base::Endpoint&) {}
  void set(base::Prefix&) {}
};

}  // namespace caronte::ipc
