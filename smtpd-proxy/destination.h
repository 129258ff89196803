// One connection to a server of the destination, as its client: called late, commands pipelined when it can, replies
// handed on word for word. The server may be hostile or broken: replies are bounded, every wait has a deadline, and what
// it does wrong ends in on_destination_failed(), once. The descriptor comes from master; this process cannot make one.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/fd.h"
#include "config/configuration.h"
#include "smtpd-proxy/capabilities.h"
#include "smtpd-proxy/reply_parser.h"
#include "wrap/event.h"

namespace caronte::smtpd_proxy {

// What a reply answers.
enum class Ask : std::uint8_t { greeting, ehlo, rset, mail, rcpt, data, message };

enum class Failure : std::uint8_t {
  unreachable,  // no connection: refused, timed out, or none to be had
  refused,      // 5xx to greeting or EHLO: its fault or ours, never the sender's
  busy,         // 4xx to greeting or EHLO (BA-12); the reply is to be passed on
  lost,         // closed, reset or silent after the connection stood
  broken,       // a reply that is none
};
[[nodiscard]] std::string_view name_of(Failure failure) noexcept;

class DestinationOwner {
 public:
  virtual ~DestinationOwner() = default;
  // Greeting and EHLO are over: capabilities() are known.
  virtual void on_destination_ready() = 0;
  // A reply to what was asked; for RSET too. The views live during the call.
  virtual void on_destination_reply(Ask ask, const Reply& reply) = 0;
  // The connection is over; `reply` holds its last words for Failure::busy and refused. The owner may destroy it only later.
  virtual void on_destination_failed(Failure failure, std::string_view why, std::string_view reply) = 0;
  // What was queued has gone out (after write_data() returned false).
  virtual void on_destination_drained() = 0;
};

class Destination {
 public:
  // Waits for adopt() or abandon(), at most the connect time-out.
  Destination(wrap::EventLoop& loop, const config::Destination& settings, std::string own_name, DestinationOwner& owner);
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;

  // The connection, which may still be in progress.
  void adopt(base::Fd socket);
  // There is none to be had.
  void abandon(std::string_view why) { fail(Failure::unreachable, why); }

  // Queues a command (with CRLF); it leaves with flush(), together with others if the server takes pipelining.
  void ask(Ask ask, std::string_view line);
  void flush();
  // Bytes of a message, after the 354. False: they wait, send no more until on_destination_drained().
  bool write_data(std::span<iovec> pieces);
  // Whatever the server has said by now is no answer to what it has not been asked yet: taken as such, and it fails.
  void take_early_replies() {
    if (!has_failed_) on_readable(0);
  }
  // The reply to the final dot is due.
  void expect_message_reply();
  // Says QUIT if that is in order (never amid a message), and closes. Nothing is reported any more.
  void leave();

  [[nodiscard]] bool is_ready() const noexcept { return is_ready_; }
  [[nodiscard]] bool has_failed() const noexcept { return has_failed_; }
  [[nodiscard]] const Capabilities& capabilities() const noexcept { return capabilities_; }

 private:
  void on_readable(short what);
  void on_writable(short what);
  void on_deadline(short what);
  void take_replies(std::string_view bytes);
  bool take_reply(const Reply& reply);
  void take_greeting(const Reply& reply);
  void take_ehlo(const Reply& reply);
  void send_next();
  void write_out();
  void set_deadline();
  void fail(Failure failure, std::string_view why, std::string_view reply = {});

  struct Waiting {
    Ask ask;
    std::string line;
  };
  wrap::EventLoop& loop_;
  const config::Destination& settings_;  // of the session's generation; outlives this
  std::string own_name_;
  DestinationOwner& owner_;
  base::Fd socket_;
  wrap::Event readable_;
  wrap::Event writable_;
  wrap::Event deadline_;
  base::Buffer in_;
  base::Buffer out_;
  std::deque<Ask> asked_;        // sent, in the order of the replies to come
  std::deque<Waiting> waiting_;  // not sent yet
  Capabilities capabilities_;
  bool is_ready_ = false;
  bool has_failed_ = false;
  bool is_connected_ = false;
  bool is_congested_ = false;
  bool is_streaming_ = false;  // between the 354 and the reply to the final dot
};

}  // namespace caronte::smtpd_proxy
