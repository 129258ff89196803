// A bare epoll loop and socket helpers for the load generator and the sink: they must cost as little as possible, for they
// share the machine with what is measured. Not part of the gateway.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace caronte::bench {

[[noreturn]] inline void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// "127.0.0.1:2525"
inline sockaddr_in parse_endpoint(std::string_view text) {
  sockaddr_in out{};
  const std::size_t colon = text.rfind(':');
  const std::string host(text.substr(0, colon));
  out.sin_family = AF_INET;
  if (colon == std::string_view::npos || inet_pton(AF_INET, host.c_str(), &out.sin_addr) != 1) {
    std::fprintf(stderr, "not an endpoint: %.*s\n", static_cast<int>(text.size()), text.data());
    std::exit(64);
  }
  out.sin_port = htons(static_cast<std::uint16_t>(std::atoi(std::string(text.substr(colon + 1)).c_str())));
  return out;
}

// FNV-1a, 64 bits: the checksum of a message's body (what follows the first empty line, up to the final dot).
class Checksum {
 public:
  void add(std::string_view bytes) noexcept {
    for (const char c : bytes) state_ = (state_ ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return state_; }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

inline constexpr std::string_view kSumField = "X-Checksum: ";  // 16 hexadecimal digits follow

inline void set_no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace caronte::bench
