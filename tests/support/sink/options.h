// Options of caronte-sink. Runs in tests and in quickstart only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace caronte::sink {

struct Options {
  std::vector<base::Endpoint> listens;  // port 0: the kernel chooses
  std::string folder;                   // where messages go; must exist
  std::string user;                     // run as this user; empty: stay who we are
  std::string name = "sink.example";    // in the greeting and EHLO; ASCII

  // What EHLO offers. What is not offered is refused when it is used.
  bool pipelining = true;
  bool size = true;
  bool eight_bit_mime = true;
  bool smtputf8 = true;
  bool dsn = true;
  bool enhanced_status_codes = true;
  bool ehlo = true;  // false: only HELO is known

  std::uint64_t size_limit = 64U * 1024 * 1024;  // octets
  std::uint32_t recipient_limit = 1000;          // of one message
  std::chrono::seconds idle_timeout{300};
  bool sync = true;  // make a message durable before its 250

  std::map<std::string, std::string> rejected_senders;     // address as in MAIL: reply
  std::map<std::string, std::string> rejected_recipients;  // address as in RCPT: reply
  std::string data_reply;                                  // instead of 354; empty: 354
  std::string message_reply;                               // instead of the 250 behind the dot, and nothing is kept; empty: 250
};

// The error is the line to print before exit 64; its text is "help" when that was asked for.
[[nodiscard]] base::Result<Options> parse_options(int argc, char** argv);

extern const char* const kUsage;

}  // namespace caronte::sink
