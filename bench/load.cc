// bench-load: the load generator of the benchmarks. Modes:
//   deliver  --messages N messages of --size octets, --per-session of them a session, --concurrency sessions at a time
//   refuse   --messages N sessions whose recipient must be refused
//   hold     --concurrency sessions are opened up to the greeting and kept until SIGTERM; prints {"held": N} when they stand
//   wait     as hold, of sessions that must not be greeted: they stand when they are connected
// Sessions come from --sources addresses (127.77.x.y) or from --source. --interval: milliseconds from the end of a session to the
// next in its place. --recipient: of every message. Prints one line of JSON: done, failed, seconds, rate, p50/p99/max in
// milliseconds from connect (or the end of the message before) to the last reply. Exit code 1 if anything failed.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <memory>
#include <vector>

#include "bench/loop.h"

namespace {

using namespace caronte::bench;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string target;
  std::string mode = "deliver";
  unsigned long messages = 1000;
  unsigned concurrency = 50;
  std::size_t size = 4096;
  unsigned per_session = 1;
  unsigned sources = 50;
  unsigned interval = 0;
  std::string recipient;
  std::string source;  // of all sessions
  [[nodiscard]] bool keeps() const { return mode == "hold" || mode == "wait"; }
} options;

enum class Step { greeting, ehlo, mail, rcpt, data, body, quit, held };

struct Session {
  int fd = -1;
  Step step = Step::greeting;
  unsigned left = 0;  // messages of this session
  std::string in;
  std::size_t body_sent = 0;
  bool waits_for_write = false;
  Clock::time_point since;
};

int poll_fd = -1;
std::string message;  // with the final dot
std::vector<std::unique_ptr<Session>> sessions;
std::vector<double> latencies;
std::deque<Clock::time_point> due;  // sessions that wait for their --interval
unsigned long begun = 0, done = 0, failed = 0, held = 0;
unsigned source_index = 0;
sockaddr_in target{};
volatile std::sig_atomic_t is_over = 0;

void watch(int fd, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(poll_fd, operation, fd, &event);
}

std::string make_message(std::size_t size) {
  std::string body;
  while (body.size() + 78 <= size) body += std::string(76, static_cast<char>('a' + body.size() / 78 % 26)) + "\r\n";
  if (body.size() + 2 < size) body += std::string(size - body.size() - 2, 'z') + "\r\n";
  Checksum sum;
  sum.add(body);
  char field[64];
  std::snprintf(field, sizeof field, "%.*s%016llx\r\n", static_cast<int>(kSumField.size()), kSumField.data(),
                static_cast<unsigned long long>(sum.value()));
  return "From: <a@client.example.net>\r\nTo: <b@example.org>\r\nSubject: bench\r\n" + std::string(field) + "\r\n" + body + ".\r\n";
}

void begin_session() {
  if (begun >= options.messages && !options.keeps()) return;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  set_no_delay(fd);
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in source{};
  source.sin_family = AF_INET;
  const unsigned n = source_index++ % options.sources;
  source.sin_addr.s_addr = htonl(0x7f4d0000U + (n / 250) * 256 + n % 250 + 1);
  if (!options.source.empty()) source = parse_endpoint(options.source + ":0");
  if (bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0) die("bind");
  if (connect(fd, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0 && errno != EINPROGRESS) die("connect");
  if (static_cast<std::size_t>(fd) >= sessions.size()) sessions.resize(static_cast<std::size_t>(fd) + 1);
  auto& s = sessions[static_cast<std::size_t>(fd)] = std::make_unique<Session>();
  s->fd = fd;
  s->since = Clock::now();
  s->left = static_cast<unsigned>(std::min<unsigned long>(options.per_session, options.messages - begun));
  if (options.mode == "refuse") s->left = 1;
  begun += s->left;
  watch(fd, options.mode == "wait" ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_ADD);
}

void end_session(Session& s, bool is_good) {
  if (!is_good) {
    failed += s.left;
    done += s.left;
  }
  const int fd = s.fd;
  close(fd);
  sessions[static_cast<std::size_t>(fd)].reset();
  if (options.interval == 0) {
    begin_session();
  } else {
    due.push_back(Clock::now() + std::chrono::milliseconds(options.interval));
  }
}

void say(Session& s, std::string_view text) {
  if (send(s.fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
    std::fprintf(stderr, "load: short send\n");
}

void send_body(Session& s) {
  while (s.body_sent < message.size()) {
    const ssize_t sent = send(s.fd, message.data() + s.body_sent, message.size() - s.body_sent, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN && !s.waits_for_write) {
        s.waits_for_write = true;
        watch(s.fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
      }
      return;
    }
    s.body_sent += static_cast<std::size_t>(sent);
  }
  if (s.waits_for_write) {
    s.waits_for_write = false;
    watch(s.fd, EPOLLIN, EPOLL_CTL_MOD);
  }
}

void count_message(Session& s) {
  const auto now = Clock::now();
  latencies.push_back(std::chrono::duration<double, std::milli>(now - s.since).count());
  s.since = now;
  ++done;
  --s.left;
}

// Carries on after the reply with this code; false: the session is over.
bool advance(Session& s, int code) {
  const bool is_refuse = options.mode == "refuse";
  const int expected = s.step == Step::greeting ? 220 : s.step == Step::data ? 354 : s.step == Step::quit ? 221 : 250;
  if (s.step == Step::rcpt && is_refuse) {
    if (code / 100 != 5) {
      std::fprintf(stderr, "load: not refused: %d\n", code);
      end_session(s, false);
      return false;
    }
    count_message(s);
    s.step = Step::quit;
    say(s, "QUIT\r\n");
    return true;
  }
  if (code != expected) {
    std::fprintf(stderr, "load: step %d answered %d: %.60s\n", static_cast<int>(s.step), code, s.in.c_str());
    end_session(s, false);
    return false;
  }
  switch (s.step) {
    case Step::greeting:
      if (options.mode == "hold") {
        s.step = Step::held;
        ++held;
        return true;
      }
      s.step = Step::ehlo;
      say(s, "EHLO client.example.net\r\n");
      break;
    case Step::ehlo:
      s.step = Step::mail;
      say(s, "MAIL FROM:<a@client.example.net>\r\n");
      break;
    case Step::mail:
      s.step = Step::rcpt;
      say(s, "RCPT TO:<" + options.recipient + ">\r\n");
      break;
    case Step::rcpt:
      s.step = Step::data;
      say(s, "DATA\r\n");
      break;
    case Step::data:
      s.step = Step::body;
      s.body_sent = 0;
      send_body(s);
      break;
    case Step::body:
      count_message(s);
      s.step = s.left > 0 ? Step::mail : Step::quit;
      say(s, s.left > 0 ? "MAIL FROM:<a@client.example.net>\r\n" : "QUIT\r\n");
      break;
    default: end_session(s, true); return false;
  }
  return true;
}

void on_event(Session& s, std::uint32_t events) {
  if ((events & EPOLLOUT) != 0 && s.step == Step::body) send_body(s);
  if (options.mode == "wait" && (events & EPOLLOUT) != 0 && (events & (EPOLLHUP | EPOLLERR)) == 0) {
    s.step = Step::held;
    ++held;
    watch(s.fd, EPOLLIN, EPOLL_CTL_MOD);
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  char buffer[4096];
  const ssize_t size = recv(s.fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0 || options.mode == "wait") {
    if (s.step == Step::held) --held;
    if (failed < 10) std::fprintf(stderr, "load: closed at step %d\n", static_cast<int>(s.step));
    if (options.keeps()) {
      ++failed;
      close(s.fd);
      sessions[static_cast<std::size_t>(s.fd)].reset();
    } else {
      end_session(s, false);
    }
    return;
  }
  s.in.append(buffer, static_cast<std::size_t>(size));
  // The last line of a reply has a blank behind its code.
  for (std::size_t start = 0;;) {
    const std::size_t end = s.in.find("\r\n", start);
    if (end == std::string::npos) {
      s.in.erase(0, start);
      return;
    }
    if (s.in[start + 3] != '-') {
      const int code = static_cast<int>(std::strtol(s.in.c_str() + start, nullptr, 10));
      if (!advance(s, code)) return;
    }
    start = end + 2;
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    const char* value = argv[i + 1];
    if (option == "--target") options.target = value;
    if (option == "--mode") options.mode = value;
    if (option == "--messages") options.messages = std::strtoul(value, nullptr, 10);
    if (option == "--concurrency") options.concurrency = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
    if (option == "--size") options.size = std::strtoul(value, nullptr, 10);
    if (option == "--per-session") options.per_session = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
    if (option == "--interval") options.interval = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
    if (option == "--recipient") options.recipient = value;
    if (option == "--source") options.source = value;
    if (option == "--sources") options.sources = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
  }
  if (options.target.empty()) {
    std::fprintf(stderr,
                 "usage: bench-load --target ADDRESS:PORT [--mode deliver|refuse|hold|wait] [--messages N] [--concurrency N] "
                 "[--size N] [--per-session N] [--sources N] [--source ADDRESS] [--interval MS] [--recipient ADDRESS]\n");
    return 64;
  }
  if (options.recipient.empty()) options.recipient = options.mode == "refuse" ? "b@elsewhere.example.com" : "b@example.org";
  struct sigaction action {};
  action.sa_handler = [](int) { is_over = 1; };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  target = parse_endpoint(options.target);
  message = make_message(options.size);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  const auto start = Clock::now();
  const bool is_hold = options.keeps();
  unsigned opened = 0;
  bool is_told = false;
  while (is_over == 0 && (is_hold || done < options.messages)) {
    // A hold opens its sessions in waves, so that no accept queue overflows.
    while (opened < options.concurrency && (!is_hold || opened < held + failed + 256)) {
      begin_session();
      ++opened;
    }
    if (is_hold && !is_told && held + failed >= options.concurrency) {
      is_told = true;
      std::printf("{\"held\": %lu, \"failed\": %lu}\n", held, failed);
      std::fflush(stdout);
    }
    while (!due.empty() && due.front() <= Clock::now()) {
      due.pop_front();
      begin_session();
    }
    epoll_event events[256];
    const int count = epoll_wait(poll_fd, events, 256, options.interval == 0 ? -1 : 10);
    for (int i = 0; i < count; ++i) {
      auto& session = sessions[static_cast<std::size_t>(events[i].data.fd)];
      if (session) on_event(*session, events[i].events);
    }
  }
  if (is_hold) return failed == 0 ? 0 : 1;
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::sort(latencies.begin(), latencies.end());
  const auto percentile = [](double p) {
    return latencies.empty()
               ? 0.0
               : latencies[std::min(latencies.size() - 1, static_cast<std::size_t>(p * static_cast<double>(latencies.size())))];
  };
  std::printf("{\"done\": %lu, \"failed\": %lu, \"seconds\": %.3f, \"rate\": %.0f, \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}\n",
              done - failed, failed, seconds, static_cast<double>(done - failed) / seconds, percentile(0.5), percentile(0.99),
              percentile(1));
  return failed == 0 ? 0 : 1;
}
