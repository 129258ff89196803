#include "carontectl/control_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/quoting.h"

namespace caronte::carontectl {

namespace {

constexpr base::Duration kConnectPatience{2000};
constexpr base::Duration kReloadPatience{110'000};  // the connection itself lives for 120 s

void print_lines(std::FILE* out, const ipc::ControlResult& result) {
  for (const auto& line : result.lines) std::fprintf(out, "%s\n", base::quote_visible(line).c_str());
}

// The answer to `request`, printed.
template <class Request>
int ask(ControlClient& client, const std::string& run_folder) {
  if (auto sent = client.send(Request{}); !sent) return report_unreachable(run_folder, sent.error());
  auto incoming = client.next();
  if (!incoming) return report_unreachable(run_folder, incoming.error());
  ipc::ControlResult result;
  if (incoming.value().type != ipc::MessageType::ControlResult || !ipc::decode(incoming.value().body, result)) {
    return report_unreachable(run_folder, {EPROTO, "an answer that is none"});
  }
  print_lines(result.is_ok ? stdout : stderr, result);
  return result.is_ok ? kHealthy : kDegraded;
}

}  // namespace

base::Result<ControlClient> ControlClient::connect(const std::string& run_folder, ipc::Role role, base::Duration patience) {
  const std::string path = run_folder + '/' + std::string(role == ipc::Role::master ? "master" : ipc::name_of(role)) + ".sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return base::system_error(ENAMETOOLONG, path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  ControlClient client(base::Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)), role);
  if (!client.socket_) return base::system_error(errno, "socket");
  client.set_patience(patience);
  if (::connect(client.socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return base::system_error(errno, path);
  }
  return client;
}

void ControlClient::set_patience(base::Duration patience) noexcept {
  timeval time{};
  time.tv_sec = static_cast<decltype(time.tv_sec)>(patience.count() / 1000);
  time.tv_usec = static_cast<decltype(time.tv_usec)>(patience.count() % 1000 * 1000);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);  // of connect() too
}

StatusAnswer ask_status(const std::string& run_folder, ipc::Role role, base::Duration patience) {
  StatusAnswer answer;
  auto client = ControlClient::connect(run_folder, role, patience);
  if (!client) {
    answer.error = client.error();
    return answer;
  }
  if (auto sent = client.value().send(ipc::StatusRequest{}); !sent) {
    answer.error = sent.error();
    return answer;
  }
  const base::MonotonicTime deadline = base::system_clock().monotonic() + patience;
  while (true) {
    auto incoming = client.value().next();
    if (!incoming) {
      answer.error = incoming.error();
      return answer;
    }
    ipc::StatusItem item;
    ipc::StatusEnd end;
    if (incoming.value().type == ipc::MessageType::StatusItem && ipc::decode(incoming.value().body, item)) {
      answer.items.push_back(std::move(item));
    } else if (incoming.value().type == ipc::MessageType::StatusEnd && ipc::decode(incoming.value().body, end)) {
      answer.is_healthy = end.is_healthy;
      return answer;
    } else {
      answer.error = {EPROTO, "an answer that is none"};
      return answer;
    }
    if (base::system_clock().monotonic() > deadline) {
      answer.error = base::system_error(EAGAIN, "answer");
      return answer;
    }
  }
}

int report_unreachable(const std::string& run_folder, const base::Error& error) {
  const char* where = run_folder.c_str();
  switch (error.code) {
    case ENOENT:
    case ECONNREFUSED:
      std::fprintf(stderr, "carontectl: the gateway is not running (%s)\n", error.text.c_str());
      return kNotRunning;
    case EACCES:
    case EPERM:
      std::fprintf(stderr, "carontectl: %s: only root and the members of the control group may ask\n", error.text.c_str());
      return EX_NOPERM;
    case 0:
      std::fprintf(stderr,
                   "carontectl: %s: the gateway closed the connection; only root and the members of the control group may ask\n",
                   where);
      return EX_NOPERM;
    case EAGAIN: std::fprintf(stderr, "carontectl: %s: the gateway does not answer\n", where); return kDegraded;
    default: std::fprintf(stderr, "carontectl: %s\n", error.text.c_str()); return kDegraded;
  }
}

int reload(const std::string& run_folder) {
  auto client = ControlClient::connect(run_folder, ipc::Role::master, kConnectPatience);
  if (!client) return report_unreachable(run_folder, client.error());
  client.value().set_patience(kReloadPatience);
  return ask<ipc::ReloadRequest>(client.value(), run_folder);
}

int stop(const std::string& run_folder) {
  auto client = ControlClient::connect(run_folder, ipc::Role::master, kConnectPatience);
  if (!client) return report_unreachable(run_folder, client.error());
  if (const int code = ask<ipc::StopRequest>(client.value(), run_folder); code != kHealthy) return code;
  // The connection ends with the gateway.
  client.value().set_patience(kReloadPatience);
  const auto end = client.value().next();
  if (!end && end.error().code == 0) {
    std::puts("stopped");
    return kHealthy;
  }
  return report_unreachable(run_folder, end ? base::Error{EPROTO, "an answer that is none"} : end.error());
}

}  // namespace caronte::carontectl
