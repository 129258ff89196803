// What a reading of the configuration finds: errors and warnings, in the order in which they are found, bounded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ipc/schema.h"

namespace caronte::config {

class Findings {
 public:
  explicit Findings(std::string file) : file_(std::move(file)) {}

  // `where` is "limits errors", or an element alone.
  void error(std::uint32_t line, std::string_view where, std::string_view text) {
    add(file_, ipc::Severity::error, line, where, text);
  }
  void warn(std::uint32_t line, std::string_view where, std::string_view text) {
    add(file_, ipc::Severity::warning, line, where, text);
  }
  void add(std::string_view file, ipc::Severity severity, std::uint32_t line, std::string_view where, std::string_view text);

  [[nodiscard]] bool has_errors() const noexcept { return has_errors_; }
  [[nodiscard]] std::vector<ipc::Diagnostic> take() { return std::move(all_); }

 private:
  std::string file_;
  std::vector<ipc::Diagnostic> all_;
  bool has_errors_ = false;
};

}  // namespace caronte::config
