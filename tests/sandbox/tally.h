// Counts checks and says which failed; closes with the line that ./check adds up.
#pragma once

#include <cstdio>
#include <string>

namespace caronte::tests {

class Tally {
 public:
  bool check(bool is_ok, const std::string& what) {
    ++(is_ok ? passed_ : failed_);
    if (!is_ok) std::printf("FAILED: %s\n", what.c_str());
    return is_ok;
  }
  // The exit code.
  [[nodiscard]] int finish() const {
    std::printf("%u passed, %u failed\n", passed_, failed_);
    return failed_ == 0 && passed_ > 0 ? 0 : 1;
  }

 private:
  unsigned passed_ = 0;
  unsigned failed_ = 0;
};

}  // namespace caronte::tests
