// Result: a value or an Error. The level that knows the context logs the error, once.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace caronte::base {

struct Error {
  int code = 0;      // errno value or 0
  std::string text;  // one line for people, without a full stop
};

// Error whose text is "what: strerror(code)".
[[nodiscard]] Error system_error(int code, std::string_view what);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  [[nodiscard]] bool is_ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return is_ok(); }

  // Precondition: is_ok(); otherwise the process aborts.
  [[nodiscard]] T& value() & { return *checked(); }
  [[nodiscard]] const T& value() const& { return *const_cast<Result*>(this)->checked(); }
  [[nodiscard]] T&& value() && { return std::move(*checked()); }

  [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

 private:
  T* checked() {
    T* value = std::get_if<0>(&state_);
    if (value == nullptr) std::abort();
    return value;
  }
  std::variant<T, Error> state_;
};

// Nothing: the value of an operation that only succeeds or fails.
struct Done {};
using Status = Result<Done>;

}  // namespace caronte::base
