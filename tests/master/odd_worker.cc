// A worker that misbehaves, for the tests of master. It stands in the programs' folder under a worker's name; the real program
// lies in the folder `real` beside it, and `behaviour` in the same folder says what to do:
//   exit            end with 3 before reading anything
//   crash ADDRESS   be ready, note the client ADDRESS in the black box, abort (first start of process 0 only)
//   slow MS         become the real program only after so many milliseconds
//   deny            become the real program, which may not wait for events: a filter that lacks a call that is needed
//   mute            never become ready (first start of process 0 only)
//   rule KIND       be ready, then break a rule (first start of process 0 only)
// Otherwise, and when the file is not there, it becomes the real program.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "base/address_parser.h"
#include "ipc/channel.h"
#include "worker/black_box.h"

namespace {

using namespace caronte;

constexpr int kMaster = 3;

std::string own_path() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
}

// The first message, left where it is for the real program.
ipc::Start peek_start() {
  std::array<char, 4096> frame{};
  const ssize_t size = ::recv(kMaster, frame.data(), frame.size(), MSG_PEEK);
  ipc::Start start;
  const std::string_view bytes(frame.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (bytes.size() < ipc::kMessageHeaderBytes) std::abort();
  const auto length = static_cast<std::size_t>(static_cast<unsigned char>(bytes[1]) | static_cast<unsigned char>(bytes[2]) << 8);
  if (!ipc::decode(bytes.substr(ipc::kMessageHeaderBytes, length), start)) std::abort();
  return start;
}

// It survives the exec below.
void deny_waiting() {
#ifdef SYS_epoll_wait
  constexpr unsigned kOther = SYS_epoll_wait;
#else
  constexpr unsigned kOther = SYS_epoll_pwait;
#endif
  std::array<sock_filter, 5> program{
      sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)}, sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 2, 0, kOther},
      sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SYS_epoll_pwait}, sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_TRAP}};
  const sock_fprog filter{program.size(), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) std::exit(6);
}

void send_raw(ipc::MessageType type, const std::string& body) {
  (void)ipc::send_blocking(kMaster, type, body);
}
template <class Message>
void send(const Message& message) {
  (void)ipc::send_blocking(kMaster, message);
}

void break_rule(const std::string& kind) {
  if (kind == "number") {
    send(ipc::ConnectRequest{.request = 1, .generation = 1, .server = 60000, .client = {}});
  } else if (kind == "generation") {
    send(ipc::ConnectRequest{.request = 1, .generation = 77, .server = 0, .client = {}});
  } else if (kind == "pong") {
    send(ipc::Pong{12345});
  } else if (kind == "ready") {
    send(ipc::Ready{});
  } else if (kind == "prepared") {
    send(ipc::Prepared{1000});
  } else if (kind == "blame") {
    send(ipc::Blame{.role = ipc::Role::dnsd, .index = 9, .reason = "x"});
  } else if (kind == "route") {
    send(ipc::StartDone{});
  } else if (kind == "length") {
    send_raw(ipc::MessageType::Pong, std::string(3, 'x'));
  } else if (kind == "garbage") {
    ::send(kMaster, "\xFF\xFF\xFF\xFF\xFF\xFF", 6, 0);
  } else if (kind == "huge") {
    const std::string frame(200'000, 'x');
    ::send(kMaster, frame.data(), frame.size(), 0);
  }
}

void misbehave(const std::string& what, const std::string& argument) {
  const ipc::Start start = peek_start();
  ipc::BlockingReader reader(kMaster, start.role, ipc::Role::master);
  worker::BlackBox box;
  for (bool is_done = false; !is_done;) {
    auto incoming = reader.next();
    if (!incoming) std::exit(4);
    ipc::Resource resource;
    if (incoming.value().type == ipc::MessageType::Resource && ipc::decode(incoming.value().body, resource) &&
        resource.kind == ipc::ResourceKind::black_box) {
      box = std::move(worker::BlackBox::map(incoming.value().descriptor.get()).value());
    }
    is_done = incoming.value().type == ipc::MessageType::StartDone;
  }
  if (what == "mute") {
    for (;;) ::pause();
  }
  send(ipc::Ready{});
  if (what == "crash") {
    box.note(*base::parse_address(argument));
    ::usleep(200'000);  // master is to know that it was ready
    std::signal(SIGABRT, SIG_DFL);
    std::abort();
  }
  break_rule(argument);
  for (;;) ::pause();  // to be killed for it
}

}  // namespace

int main(int, char** argv) {
  const std::string path = own_path();
  const std::string folder = path.substr(0, path.rfind('/'));
  std::string what;
  std::string argument;
  std::ifstream(folder + "/behaviour") >> what >> argument;
  if (what == "exit") return 3;
  if (what == "slow") {
    ::usleep(static_cast<useconds_t>(std::stoul(argument)) * 1000);
    what.clear();
  }
  if (what == "deny") {
    deny_waiting();
    what.clear();
  }
  if (const ipc::Start start = peek_start(); !what.empty() && start.index == 0 && start.restarts == 0) misbehave(what, argument);
  const std::string real = folder + "/real" + path.substr(path.rfind('/'));
  char* const environment[] = {nullptr};
  ::execve(real.c_str(), argv, environment);
  return 5;
}
