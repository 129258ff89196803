// One SMTP session of the sink, without sockets: octets in, octets out. Strict, for it judges the gateway's client side: what
// was not offered is refused (parameters, pipelining, data before the 354).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data_decoder.h"
#include "options.h"

namespace caronte::sink {

struct Recipient {
  std::string address;
  std::string parameters;  // as sent, without the blanks around them
};

struct Envelope {
  std::string client;    // address:port
  std::string protocol;  // SMTP or ESMTP
  std::string helo;
  std::string sender;
  std::string sender_parameters;
  std::vector<Recipient> recipients;
  std::uint64_t size = 0;            // octets of the message
  std::uint32_t bare_line_ends = 0;  // CR without LF, LF without CR
};

// Where a message goes; one at a time.
class Storage {
 public:
  virtual ~Storage() = default;
  [[nodiscard]] virtual base::Status begin() = 0;
  [[nodiscard]] virtual base::Status append(std::string_view octets) = 0;
  // Makes it last; the value is its name.
  [[nodiscard]] virtual base::Result<std::string> commit(const Envelope& envelope) = 0;
  virtual void abandon() noexcept = 0;
};

class Protocol {
 public:
  // Both outlive it. `client` is the peer's address and port.
  Protocol(const Options& options, Storage& storage, std::string client);
  ~Protocol();
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;

  // Octets of the client; appends replies to `out`. After is_over() what comes is ignored.
  void feed(std::string_view input, std::string& out);
  [[nodiscard]] bool is_over() const noexcept { return state_ == State::over; }

 private:
  enum class State : std::uint8_t { command, data, over };
  std::size_t feed_command(std::string_view input, std::string& out);
  std::size_t feed_data(std::string_view input, std::string& out);
  void on_command(std::string_view line, bool is_last);
  void on_helo(std::string_view argument, bool is_extended);
  void on_mail(std::string_view argument);
  void on_rcpt(std::string_view argument);
  void on_data(bool is_last);
  void on_end_of_data();
  void reset();
  // `code` "250", `status` "2.1.0" (left out where it was not offered), `text`.
  void reply(std::string_view code, std::string_view status, std::string_view text);
  void raw_reply(std::string_view line);
  [[nodiscard]] bool check_parameters(std::string_view parameters, bool is_mail);
  [[nodiscard]] bool check_parameter(std::string_view parameter, bool is_mail);

  const Options& options_;
  Storage& storage_;
  State state_ = State::command;
  Envelope envelope_;
  bool has_sender_ = false;
  bool is_utf8_ = false;  // this transaction has SMTPUTF8
  bool is_too_big_ = false;
  bool has_failed_ = false;  // the storage did not take it
  std::string line_;         // begin of a command whose end has not come
  DataDecoder decoder_;
  std::string decoded_;
  std::string* out_ = nullptr;  // during feed()
};

}  // namespace caronte::sink
