#include "server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace caronte::sink {

namespace {
constexpr std::size_t kReadBytes = 64U * 1024;
constexpr std::size_t kOutputLimit = 64U * 1024;  // of replies that the client does not take
constexpr int kAcceptsAtOnce = 16;
}  // namespace

Session::Session(Server& server, std::uint64_t id, base::Fd socket, const std::string& client)
    : server_(server),
      id_(id),
      socket_(std::move(socket)),
      storage_(server.folder()),
      protocol_(server.options(), storage_, client) {
  readable_.assign_readable<&Session::on_readable>(server.loop(), socket_.get(), this);
  writable_.assign_writable<&Session::on_writable>(server.loop(), socket_.get(), this);
}

void Session::start() {
  out_ = "220 " + server_.options().name + " ESMTP caronte-sink\r\n";
  flush();
}

void Session::on_readable(short what) {
  static std::array<char, kReadBytes> buffer;
  if ((what & EV_TIMEOUT) != 0) return server_.close_later(id_);
  const ssize_t count = ::read(socket_.get(), buffer.data(), buffer.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return server_.close_later(id_);
  protocol_.feed({buffer.data(), static_cast<std::size_t>(count)}, out_);
  flush();
}

void Session::on_writable(short what) {
  if ((what & EV_TIMEOUT) != 0) return server_.close_later(id_);
  flush();
}

void Session::flush() {
  while (!out_.empty()) {
    const ssize_t count = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return server_.close_later(id_);
    out_.erase(0, static_cast<std::size_t>(count));
  }
  const base::Duration patience = server_.options().idle_timeout;
  if (out_.empty()) {
    writable_.disable();
    if (protocol_.is_over()) return server_.close_later(id_);
  } else {
    writable_.enable(patience);
  }
  if (out_.size() > kOutputLimit || protocol_.is_over()) {
    readable_.disable();
  } else {
    readable_.enable(patience);
  }
}

Server::Server(wrap::EventLoop& loop, const Options& options, Folder folder)
    : loop_(loop), options_(options), folder_(std::move(folder)), reap_(loop) {
  reap_.bind<&Server::reap>(this);
  terminate_.assign_signal<&Server::on_signal>(loop, SIGTERM, this);
  interrupt_.assign_signal<&Server::on_signal>(loop, SIGINT, this);
}

base::Status Server::listen() {
  for (const base::Endpoint& endpoint : options_.listens) {
    sockaddr_storage storage{};
    socklen_t length = endpoint.to_sockaddr(storage);
    auto* const address = reinterpret_cast<sockaddr*>(&storage);
    base::Fd socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(socket.get(), address, length) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) {
      return base::system_error(errno, endpoint.text());
    }
    length = sizeof storage;
    ::getsockname(socket.get(), address, &length);
    std::printf("listening on %s\n", base::Endpoint::from_sockaddr(storage).value_or(endpoint).text().c_str());
    auto listener = std::make_unique<Listener>();
    listener->server = this;
    listener->socket = std::move(socket);
    listeners_.push_back(std::move(listener));
  }
  std::fflush(stdout);
  return base::Done{};
}

void Server::run() {
  for (const auto& listener : listeners_) {
    listener->event.assign_readable<&Listener::on_readable>(loop_, listener->socket.get(), listener.get());
    listener->event.enable();
  }
  terminate_.enable();
  interrupt_.enable();
  loop_.run();
}

void Server::Listener::on_readable(short) {
  server->accept_from(socket.get());
}

void Server::accept_from(int listener) {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    base::Fd socket(::accept4(listener, reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      // Out of descriptors: until a session ends, the queue of the kernel holds the others.
      if (errno == EMFILE || errno == ENFILE) {
        for (const auto& one : listeners_) one->event.disable();
      }
      return;
    }
    const std::uint64_t id = ++last_session_;
    const std::string client = base::Endpoint::from_sockaddr(storage).value_or(base::Endpoint{}).text();
    auto& session = sessions_[id] = std::make_unique<Session>(*this, id, std::move(socket), client);
    session->start();
  }
}

void Server::close_later(std::uint64_t session) {
  closed_.push_back(session);
  reap_.schedule();
}

void Server::reap() {
  for (const std::uint64_t id : closed_) sessions_.erase(id);
  closed_.clear();
  for (const auto& listener : listeners_) {
    if (!listener->event.is_enabled()) listener->event.enable();
  }
}

}  // namespace caronte::sink
