// bench-flood: what botnets do to a mail server, at a given rate: --rate new sessions a second for --seconds, from --sources
// addresses (127.78.x.y), in turn
//   instant     connects and closes
//   early       talks before the greeting
//   dictionary  EHLO, MAIL and 20 recipients who do not exist, pipelined
//   noop        EHLO and 200 NOOP
//   error       200 lines of nonsense
// Nobody waits for replies; a session that is still open after --patience milliseconds hangs up. Prints one line of JSON:
// opened, refused connects, closed by the gateway, hung up, seconds.
#include <chrono>
#include <csignal>
#include <deque>
#include <vector>

#include "bench/loop.h"

namespace {

using namespace caronte::bench;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string target;
  unsigned rate = 2000;
  unsigned seconds = 60;
  unsigned sources = 1000;
  unsigned patience = 2000;
} options;

enum class Kind : unsigned { instant, early, dictionary, noop, error, kCount };

struct Attack {
  int fd;
  unsigned long number;
  Clock::time_point until;
};

struct Totals {
  unsigned long opened = 0, failed = 0, closed = 0, hung_up = 0;
} totals;

constexpr std::size_t kMaxOpen = 16'000;
int poll_fd = -1;
sockaddr_in target{};
std::deque<Attack> attacks;          // in the order of their ends
std::vector<unsigned long> numbers;  // by descriptor: which attack holds it; 0: none
std::vector<std::string> texts(static_cast<std::size_t>(Kind::kCount));
volatile std::sig_atomic_t is_over = 0;

std::string repeat(std::string_view line, unsigned count) {
  std::string text;
  for (unsigned i = 0; i < count; ++i) text += line;
  return text;
}

void make_texts() {
  std::string dictionary = "EHLO bot.example.net\r\nMAIL FROM:<a@bot.example.net>\r\n";
  for (unsigned i = 0; i < 20; ++i) dictionary += "RCPT TO:<nobody" + std::to_string(i) + "@example.org>\r\n";
  texts[static_cast<std::size_t>(Kind::early)] = "EHLO bot.example.net\r\nMAIL FROM:<a@bot.example.net>\r\n";
  texts[static_cast<std::size_t>(Kind::dictionary)] = dictionary;
  texts[static_cast<std::size_t>(Kind::noop)] = "EHLO bot.example.net\r\n" + repeat("NOOP\r\n", 200);
  texts[static_cast<std::size_t>(Kind::error)] = repeat("GET / HTTP/1.1\r\n", 200);
}

void attack() {
  static unsigned long count = 0;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  set_no_delay(fd);
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  const auto n = static_cast<unsigned>(count % options.sources);
  const auto kind = static_cast<Kind>(count % static_cast<unsigned>(Kind::kCount));
  ++count;
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(0x7f4e0000U + (n / 250) * 256 + n % 250 + 1);
  const bool is_bound = bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source) == 0;
  if (!is_bound || (connect(fd, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0 && errno != EINPROGRESS)) {
    ++totals.failed;
    close(fd);
    return;
  }
  ++totals.opened;
  if (kind == Kind::instant) {
    close(fd);
    return;
  }
  // On loopback the connection stands already, or its bytes are refused with it.
  const std::string& text = texts[static_cast<std::size_t>(kind)];
  const bool waits = kind == Kind::dictionary || kind == Kind::noop || kind == Kind::error;
  if (!waits) (void)!send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  if (static_cast<std::size_t>(fd) >= numbers.size()) numbers.resize(static_cast<std::size_t>(fd) + 1);
  numbers[static_cast<std::size_t>(fd)] = count;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint64_t>(fd) | static_cast<std::uint64_t>(kind) << 32U | (waits ? 1ULL << 40U : 0);
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
  attacks.push_back({fd, count, Clock::now() + std::chrono::milliseconds(options.patience)});
}

void end(int fd) {
  numbers[static_cast<std::size_t>(fd)] = 0;
  close(fd);
}

void on_event(const epoll_event& event) {
  const int fd = static_cast<int>(event.data.u64 & 0xFFFFFFFFU);
  char buffer[16384];
  const ssize_t size = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) {
    ++totals.closed;
    end(fd);
    return;
  }
  if ((event.data.u64 >> 40U & 1U) == 0) return;
  // Greeted: now all at once.
  const std::string& text = texts[static_cast<std::size_t>(event.data.u64 >> 32U & 0xFFU)];
  (void)!send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  epoll_event changed{};
  changed.events = EPOLLIN;
  changed.data.u64 = static_cast<std::uint64_t>(fd);
  epoll_ctl(poll_fd, EPOLL_CTL_MOD, fd, &changed);
}

void hang_up(Clock::time_point now) {
  while (!attacks.empty() && (attacks.front().until <= now || attacks.size() > kMaxOpen)) {
    const Attack old = attacks.front();
    attacks.pop_front();
    if (numbers[static_cast<std::size_t>(old.fd)] != old.number) continue;
    ++totals.hung_up;
    end(old.fd);
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    const auto number = [&] { return static_cast<unsigned>(std::strtoul(argv[i + 1], nullptr, 10)); };
    if (option == "--target") options.target = argv[i + 1];
    if (option == "--rate") options.rate = number();
    if (option == "--seconds") options.seconds = number();
    if (option == "--sources") options.sources = number();
    if (option == "--patience") options.patience = number();
  }
  if (options.target.empty()) {
    std::fprintf(stderr, "usage: bench-flood --target ADDRESS:PORT [--rate N] [--seconds N] [--sources N] [--patience MS]\n");
    return 64;
  }
  struct sigaction action {};
  action.sa_handler = [](int) { is_over = 1; };
  sigaction(SIGTERM, &action, nullptr);
  target = parse_endpoint(options.target);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  make_texts();
  const auto start = Clock::now();
  const auto stop = start + std::chrono::seconds(options.seconds);
  unsigned long tried = 0;
  auto now = start;
  while (is_over == 0 && (now = Clock::now()) < stop) {
    const double elapsed = std::chrono::duration<double>(now - start).count();
    for (; static_cast<double>(tried) < elapsed * options.rate; ++tried) attack();
    epoll_event events[256];
    const int count = epoll_wait(poll_fd, events, 256, 2);
    for (int i = 0; i < count; ++i) on_event(events[i]);
    hang_up(now);
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  hang_up(Clock::time_point::max());
  std::printf("{\"opened\": %lu, \"failed\": %lu, \"closed\": %lu, \"hung_up\": %lu, \"seconds\": %.1f}\n", totals.opened,
              totals.failed, totals.closed, totals.hung_up, seconds);
}
