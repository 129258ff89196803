// A whole smtpd-proxy on sockets, with a client, a mail server, a policyd and a master that the test plays.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "smtpd-proxy/proxy.h"
#include "tests/fuzz/frames.h"

namespace caronte::smtpd_proxy {

using fuzz::read_all;

// The mail server: accepts all that it was not told to refuse, and notes the commands.
class MailServer {
 public:
  std::vector<std::string> commands;
  std::deque<std::string> recipient_replies;  // to the next RCPTs; then "250 2.1.5 fine"
  std::string mail_reply = "250 2.1.0 fine";
  unsigned connections = 0;
  unsigned messages = 0;
  bool is_mute = false;  // says nothing to RCPT until speak()

  void adopt(base::Fd socket) {
    socket_ = std::move(socket);
    in_.clear();
    in_data_ = false;
    ++connections;
    say("220 mail.example.org ESMTP");
  }
  void close() { socket_.reset(); }
  void speak() {
    is_mute = false;
    for (const std::string& reply : kept_) say(reply);
    kept_.clear();
  }
  bool serve() {
    if (!socket_) return false;
    bool is_closed = false;
    const std::string bytes = read_all(socket_.get(), is_closed);
    in_ += bytes;
    for (std::size_t end = 0; (end = in_.find("\r\n")) != std::string::npos;) {
      take(in_.substr(0, end));
      in_.erase(0, end + 2);
    }
    if (is_closed) close();
    return !bytes.empty() || is_closed;
  }

 private:
  void say(const std::string& reply) { (void)!::send(socket_.get(), (reply + "\r\n").data(), reply.size() + 2, MSG_NOSIGNAL); }
  void take(const std::string& line) {
    if (in_data_) {
      if (line != ".") return;
      in_data_ = false;
      ++messages;
      return say("250 2.0.0 taken");
    }
    commands.push_back(line);
    if (line.starts_with("EHLO ")) return say("250-mail.example.org\r\n250 PIPELINING");
    if (line.starts_with("MAIL ")) return say(mail_reply);
    if (line == "DATA") {
      in_data_ = true;
      return say("354 go on");
    }
    if (!line.starts_with("RCPT ")) return say("250 2.0.0 fine");
    std::string reply = "250 2.1.5 fine";
    if (!recipient_replies.empty()) {
      reply = recipient_replies.front();
      recipient_replies.pop_front();
    }
    if (is_mute) return kept_.push_back(reply);
    say(reply);
  }

  base::Fd socket_;
  std::string in_;
  std::vector<std::string> kept_;
  bool in_data_ = false;
};

class ProxyHarness {
 public:
  using Judge = std::function<std::optional<ipc::SessionAnswer>(const ipc::StageQuestion&)>;

  // What policyd answers at connect, and to stage questions (nullopt: not yet; default: proceed).
  ipc::SessionAnswer admission;
  Judge judge = [](const ipc::StageQuestion&) { return ipc::SessionAnswer{}; };
  // What policyd has heard.
  std::vector<ipc::StageQuestion> questions;
  std::vector<ipc::SessionLive> lives;
  std::vector<ipc::SessionClosed> closed;
  MailServer server;

  ProxyHarness() : generation_(std::make_shared<worker::Generation>()) {
    config::Configuration& configuration = generation_->configuration;
    configuration.server.name = "mx.example.org";
    configuration.server.trace = false;
    configuration.listens.push_back({kListen, {}, 1});
    constexpr base::Duration kLong{600'000};
    configuration.destination = {kLong, kLong, kLong, kLong, {{{base::Address::v4(127, 0, 0, 1), 225}, 1}}};
    configuration.domains.emplace_back().name = "example.org";
    configuration.limits.client_timeout = configuration.limits.command_time = kLong;
    configuration.replies.relaying_denied = "550 5.7.1 Relaying denied.";
  }
  // Before start().
  [[nodiscard]] worker::Generation& generation() noexcept { return *generation_; }

  // The gateway, with a policyd, and a client that is connected.
  void start() {
    listener_ = base::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;  // as master does
    CARONTE_EXPECT(::setsockopt(listener_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    sockaddr_storage address{};
    socklen_t length = base::Endpoint{base::Address::v4(127, 0, 0, 1), 0}.to_sockaddr(address);
    auto* name = reinterpret_cast<sockaddr*>(&address);
    CARONTE_EXPECT(::bind(listener_.get(), name, length) == 0 && ::listen(listener_.get(), 4) == 0);
    CARONTE_EXPECT(::getsockname(listener_.get(), name, &length) == 0);
    auto pair = ipc::make_channel_pair();
    worker::Startup startup;
    startup.start.role = ipc::Role::smtpd_proxy;
    startup.start.peers = 1;
    startup.start.descriptors = 128;
    startup.master = master_.attach(std::move(pair.value().first), std::move(pair.value().second));
    startup.generation = generation_;
    startup.listeners.push_back({ipc::Listener{kListen, 0}, base::Fd(::dup(listener_.get()))});
    proxy_ = std::make_unique<Proxy>(std::move(startup));
    give_policyd();
    turn();
    client_ = base::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CARONTE_EXPECT(::connect(client_.get(), name, length) == 0);
  }
  void give_policyd() {
    auto pair = ipc::make_channel_pair();
    const base::Fd its = policyd_.attach(std::move(pair.value().first), std::move(pair.value().second));
    master_.send(ipc::Peer{ipc::Role::policyd, 0}, its.get());
  }
  void kill_policyd() { policyd_.hang_up(); }

  void send(std::string_view bytes) { (void)!::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // Sends a line and returns what comes back when nobody has anything more to do.
  std::string say(std::string_view line) {
    send(std::string(line) + "\r\n");
    return hear();
  }
  // What has come since.
  std::string hear() {
    turn();
    return std::exchange(heard_, {});
  }
  // Waits for something to come, five seconds at most.
  std::string await() {
    for (int i = 0; i < 2500 && heard_.empty() && !is_client_closed_; ++i) {
      ::usleep(2000);
      turn();
    }
    return std::exchange(heard_, {});
  }
  [[nodiscard]] bool is_cut() const noexcept { return is_client_closed_; }
  // The client goes: with a FIN, or with a reset.
  void hang_up(bool with_reset = false) {
    if (with_reset) {
      const linger reset{1, 0};
      ::setsockopt(client_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    client_.reset();
    for (int i = 0; i < 500 && closed.empty(); ++i) {
      ::usleep(2000);
      turn();
    }
  }

  // From policyd, to whatever session there is.
  void answer(ipc::SessionAnswer answer) {
    answer.session = session_;
    policyd_.send(answer);
    turn();
  }

  // Until nobody has anything more to do.
  void turn() {
    bool is_busy = true;
    for (int i = 0; (is_busy && i < 100) || i < 5; ++i) {
      is_busy = false;
      proxy_->loop().turn(false);
      master_.read([&](ipc::MessageType type, std::string_view body) {
        is_busy = true;
        if (type == ipc::MessageType::ConnectRequest) connect(body);
      });
      policyd_.read([&](ipc::MessageType type, std::string_view body) {
        is_busy = true;
        take(type, body);
      });
      is_busy = server.serve() || is_busy;
      if (client_ && !is_client_closed_) {
        const std::string bytes = read_all(client_.get(), is_client_closed_);
        heard_ += bytes;
        is_busy = is_busy || !bytes.empty();
      }
    }
  }

 private:
  static constexpr base::Endpoint kListen{base::Address::v4(127, 0, 0, 1), 25};

  void connect(std::string_view body) {
    ipc::ConnectRequest request;
    CARONTE_EXPECT(ipc::decode(body, request));
    if (request.client.port == 0) {  // a probe
      master_.send(ipc::ConnectFailed{request.request, ECONNREFUSED});
      return;
    }
    std::array<int, 2> ends{};
    CARONTE_EXPECT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    const base::Fd its(ends[1]);
    master_.send(ipc::Connected{request.request}, its.get());
    server.adopt(base::Fd(ends[0]));
  }
  void take(ipc::MessageType type, std::string_view body) {
    if (type == ipc::MessageType::SessionQuestion) {
      ipc::SessionQuestion question;
      CARONTE_EXPECT(ipc::decode(body, question));
      session_ = question.session;
      ipc::SessionAnswer answer = admission;
      answer.session = session_;
      policyd_.send(answer);
    } else if (type == ipc::MessageType::StageQuestion) {
      ipc::StageQuestion question;
      CARONTE_EXPECT(ipc::decode(body, question) && question.session == session_);
      questions.push_back(question);
      if (auto answer = judge(question)) {
        answer->session = session_;
        answer->stage = question.stage;
        policyd_.send(*answer);
      }
    } else if (type == ipc::MessageType::SessionLive) {
      CARONTE_EXPECT(ipc::decode(body, lives.emplace_back()));
    } else if (type == ipc::MessageType::SessionClosed) {
      CARONTE_EXPECT(ipc::decode(body, closed.emplace_back()));
    }
  }

  std::shared_ptr<worker::Generation> generation_;
  base::Fd listener_;
  fuzz::Neighbour master_{ipc::Role::master};
  fuzz::Neighbour policyd_{ipc::Role::policyd};
  std::unique_ptr<Proxy> proxy_;
  base::Fd client_;
  std::string heard_;
  std::uint64_t session_ = 0;
  bool is_client_closed_ = false;
};

}  // namespace caronte::smtpd_proxy
