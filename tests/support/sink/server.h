// Sockets of the sink: listeners and sessions on one event loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "folder.h"
#include "options.h"
#include "protocol.h"
#include "wrap/event.h"

namespace caronte::sink {

class Server;

class Session {
 public:
  Session(Server& server, std::uint64_t id, base::Fd socket, const std::string& client);
  void start();

 private:
  void on_readable(short what);
  void on_writable(short what);
  void flush();

  Server& server_;
  std::uint64_t id_;
  base::Fd socket_;
  FolderStorage storage_;
  Protocol protocol_;
  std::string out_;
  wrap::Event readable_;
  wrap::Event writable_;
};

class Server {
 public:
  Server(wrap::EventLoop& loop, const Options& options, Folder folder);

  // Binds every address; prints "listening on ADDRESS:PORT" for each.
  [[nodiscard]] base::Status listen();
  void run();

  [[nodiscard]] wrap::EventLoop& loop() noexcept { return loop_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] Folder& folder() noexcept { return folder_; }
  void close_later(std::uint64_t session);

 private:
  struct Listener {
    Server* server = nullptr;
    base::Fd socket;
    wrap::Event event;
    void on_readable(short what);
  };
  void accept_from(int listener);
  void on_signal(short what) { (void)what, loop_.stop(); }
  void reap();

  wrap::EventLoop& loop_;
  const Options& options_;
  Folder folder_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::vector<std::uint64_t> closed_;
  std::uint64_t last_session_ = 0;
  wrap::Deferred reap_;
  wrap::Event terminate_;
  wrap::Event interrupt_;
};

}  // namespace caronte::sink
