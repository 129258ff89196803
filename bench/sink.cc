// bench-sink: the destination of the benchmarks. Takes every message for @example.org, checks its body against the checksum
// that the load generator put into the header, and refuses other recipients with 550. Prints one line of JSON on SIGTERM or
// SIGINT: messages, bad, sessions, bytes. Options: --listen ADDRESS:PORT; --auth-http ADDRESS:PORT also answers nginx's
// auth_http requests (to this sink, refusing recipients outside example.org).
#include <csignal>
#include <memory>
#include <vector>

#include "bench/loop.h"

namespace {

using namespace caronte::bench;

constexpr std::string_view kEhlo =
    "250-sink.example.org\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-XCLIENT NAME "
    "ADDR PROTO HELO\r\n"
    "250 SMTPUTF8\r\n";

struct Totals {
  unsigned long long messages = 0, bad = 0, sessions = 0, bytes = 0;
} totals;
volatile std::sig_atomic_t is_over = 0;

struct Connection {
  int fd = -1;
  bool is_http = false;
  std::string in;
  bool in_data = false;
  bool in_header = true;
  bool at_line_start = true;
  std::uint64_t expected = 0;
  Checksum sum;
};

void send_all(Connection& c, std::string_view text) {
  // Replies are small: a peer that does not read them is a fault of the benchmark.
  if (send(c.fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
    std::fprintf(stderr, "sink: short send\n");
}

std::string http_answer(std::string_view request, const std::string& host, unsigned port) {
  const std::size_t at = request.find("Auth-SMTP-To:");
  const std::string_view line = at == std::string_view::npos ? std::string_view{} : request.substr(at, request.find('\r', at) - at);
  const bool is_local = line.find("@example.org") != std::string_view::npos;
  return std::string("HTTP/1.0 200 OK\r\n") +
         (is_local ? "Auth-Status: OK\r\nAuth-Server: " + host + "\r\nAuth-Port: " + std::to_string(port) + "\r\n"
                   : std::string("Auth-Status: Relaying denied\r\nAuth-Error-Code: 550 5.7.1\r\n")) +
         "\r\n";
}

// Takes one line of the message; true at its end.
bool take_data_line(Connection& c, std::string_view line) {
  if (line == ".\r\n") return true;
  if (!line.empty() && line[0] == '.') line.remove_prefix(1);
  if (c.in_header) {
    if (line.starts_with(kSumField))
      c.expected = std::strtoull(std::string(line.substr(kSumField.size(), 16)).c_str(), nullptr, 16);
    if (line == "\r\n") c.in_header = false;
  } else {
    c.sum.add(line);
  }
  return false;
}

void take_command(Connection& c, std::string_view line, std::string& out) {
  const std::string_view verb = line.substr(0, 4);
  if (verb == "EHLO") {
    out += kEhlo;
  } else if (verb == "RCPT") {
    out += line.find("@example.org>") != std::string_view::npos ? "250 2.1.5 Ok\r\n" : "550 5.7.1 Relaying denied.\r\n";
  } else if (verb == "DATA") {
    c.in_data = c.in_header = true;
    c.sum = {};
    c.expected = 0;
    out += "354 Go\r\n";
  } else if (verb == "QUIT") {
    out += "221 2.0.0 Bye\r\n";
  } else if (verb == "XCLI") {
    out += "220 sink.example.org ESMTP\r\n";
  } else {
    out += "250 2.0.0 Ok\r\n";
  }
}

void take(Connection& c) {
  std::string out;
  std::size_t done = 0;
  while (true) {
    const std::size_t end = c.in.find("\r\n", done);
    if (end == std::string::npos) break;
    const std::string_view line = std::string_view(c.in).substr(done, end + 2 - done);
    done = end + 2;
    if (!c.in_data) {
      take_command(c, line, out);
    } else if (take_data_line(c, line)) {
      c.in_data = false;
      ++totals.messages;
      if (c.sum.value() != c.expected) ++totals.bad;
      out += "250 2.0.0 Ok: taken\r\n";
    }
  }
  c.in.erase(0, done);
  if (!out.empty()) send_all(c, out);
}

int make_listener(std::string_view endpoint) {
  const sockaddr_in address = parse_endpoint(endpoint);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  set_no_delay(fd);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0) die("bind");
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  std::string listen_at;
  std::string http_at;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--listen") listen_at = argv[i + 1];
    if (option == "--auth-http") http_at = argv[i + 1];
  }
  if (listen_at.empty()) {
    std::fprintf(stderr, "usage: bench-sink --listen ADDRESS:PORT [--auth-http ADDRESS:PORT]\n");
    return 64;
  }
  struct sigaction action {};
  action.sa_handler = [](int) { is_over = 1; };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  const std::string host = listen_at.substr(0, listen_at.rfind(':'));
  const auto port = static_cast<unsigned>(std::strtoul(listen_at.c_str() + listen_at.rfind(':') + 1, nullptr, 10));
  const int smtp = make_listener(listen_at);
  const int http = http_at.empty() ? -1 : make_listener(http_at);
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  const auto add = [poll](int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
  };
  add(smtp);
  if (http >= 0) add(http);
  std::vector<std::unique_ptr<Connection>> connections;
  std::vector<char> buffer(256 * 1024);
  while (is_over == 0) {
    epoll_event events[256];
    const int count = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == smtp || fd == http) {
        const int accepted = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
        if (accepted < 0) continue;
        if (static_cast<std::size_t>(accepted) >= connections.size()) connections.resize(static_cast<std::size_t>(accepted) + 1);
        auto& c = connections[static_cast<std::size_t>(accepted)] = std::make_unique<Connection>();
        c->fd = accepted;
        c->is_http = fd == http;
        add(accepted);
        if (!c->is_http) {
          ++totals.sessions;
          send_all(*c, "220 sink.example.org ESMTP\r\n");
        }
        continue;
      }
      Connection& c = *connections[static_cast<std::size_t>(fd)];
      const ssize_t size = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (size <= 0) {
        close(fd);
        connections[static_cast<std::size_t>(fd)].reset();
        continue;
      }
      totals.bytes += static_cast<unsigned long long>(size);
      c.in.append(buffer.data(), static_cast<std::size_t>(size));
      if (!c.is_http) {
        take(c);
      } else if (c.in.find("\r\n\r\n") != std::string::npos) {
        send_all(c, http_answer(c.in, host, port));
        close(fd);
        connections[static_cast<std::size_t>(fd)].reset();
      }
    }
  }
  std::printf("{\"messages\": %llu, \"bad\": %llu, \"sessions\": %llu, \"bytes\": %llu}\n", totals.messages, totals.bad,
              totals.sessions, totals.bytes);
  return totals.bad == 0 ? 0 : 1;
}
