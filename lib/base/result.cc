#include "base/result.h"

#include <cstring>

namespace caronte::base {

Error system_error(int code, std::string_view what) {
  std::string text(what);
  text += ": ";
  text += ::strerrordesc_np(code) != nullptr ? ::strerrordesc_np(code) : "unknown error";
  return Error{code, std::move(text)};
}

}  // namespace caronte::base
