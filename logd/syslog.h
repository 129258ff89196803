// One datagram a record to the system's logger, over a socket that is connected before the sandbox closes. Never waits:
// what the logger does not take at once is counted and gone from syslog (the XML log has it).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace caronte::logd {

class Syslog {
 public:
  static constexpr std::string_view kPath = "/dev/log";
  static constexpr std::size_t kMaxTextBytes = 2000;

  // Error: nobody listens there.
  [[nodiscard]] base::Status connect(std::string_view path = kPath);
  // facility mail, severity info.
  void send(std::string_view text);

  [[nodiscard]] bool is_connected() const noexcept { return socket_.is_open(); }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

 private:
  base::Fd socket_;
  std::string tag_;
  std::string line_;
  std::uint64_t lost_ = 0;
};

}  // namespace caronte::logd
