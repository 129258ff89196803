#include "tests/sandbox/subject.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <vector>

#include "config/configuration.h"
#include "config/mapped_list.h"
#include "worker/black_box.h"

namespace caronte::tests {

namespace {

using ipc::Role;

constexpr int kPatienceSeconds = 10;
constexpr std::uint32_t kDescriptors = 256;

template <class T>
T must(base::Result<T> result, const char* what) {
  if (!result) throw std::runtime_error(std::string(what) + ": " + result.error().text);
  return std::move(result).value();
}

int must(int result, const std::string& what) {
  if (result < 0) throw std::runtime_error(what + ": " + std::strerror(errno));
  return result;
}

// Whom a worker has channels to, by the edges of the design.
std::vector<Role> peers_of(Role role) {
  switch (role) {
    case Role::smtpd_proxy: return {Role::policyd, Role::logd};
    case Role::policyd: return {Role::smtpd_proxy, Role::dnsd, Role::logd};
    case Role::dnsd: return {Role::policyd, Role::logd};
    case Role::logd: return {Role::smtpd_proxy, Role::policyd, Role::dnsd};
    default: return {};
  }
}

base::Endpoint loopback(std::uint16_t port, std::uint8_t last = 1) {
  return {base::Address(base::Address::Octets{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, last}), port};
}

config::Configuration configuration_for(const Grounds& grounds, const base::Endpoint& listener, std::uint32_t generation) {
  config::Configuration configuration;
  configuration.file = "caronte.xml";
  configuration.server.name = "gateway.test";
  configuration.listens.push_back({listener, {}, 0});
  configuration.destination.servers.push_back({loopback(1), 0});
  configuration.domains.push_back({"example.org", 0});
  configuration.dns.is_present = true;
  configuration.dns.servers.push_back(loopback(1, static_cast<std::uint8_t>(generation)));
  configuration.dns.timeout = config::milliseconds(1000);
  configuration.dns.reverse = true;
  configuration.log.is_present = true;
  configuration.log.level = ipc::LogLevel::debug;
  configuration.log.folder = grounds.log_folder();
  return configuration;
}

base::Fd make_listener(base::Endpoint& endpoint) {
  base::Fd socket(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  must(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length), "bind");
  must(::listen(socket.get(), 8), "listen");
  must(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
  endpoint = loopback(ntohs(address.sin_port));
  return socket;
}

// A listening socket without a name in the file system.
base::Fd make_control_socket() {
  base::Fd socket(must(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
  sockaddr address{};
  address.sa_family = AF_UNIX;
  must(::bind(socket.get(), &address, sizeof address.sa_family), "bind");  // the kernel chooses an abstract name
  must(::listen(socket.get(), 4), "listen");
  return socket;
}

}  // namespace

Grounds::Grounds() : root_("/tmp/caronte-hostile-XXXXXX") {
  if (::mkdtemp(root_.data()) == nullptr) throw std::runtime_error("mkdtemp: " + std::string(std::strerror(errno)));
  must(::chmod(root_.c_str(), 0755), root_);
  must(::mkdir(empty_folder().c_str(), 0755), empty_folder());
  for (const std::string& folder : {log_folder(), state_folder()}) {
    must(::mkdir(folder.c_str(), 0700), folder);
    must(::chown(folder.c_str(), Subject::kUid, Subject::kGid), folder);
  }
}

Grounds::~Grounds() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

Subject::Subject(const Grounds& grounds, std::string program, Role role, bool with_sandbox)
    : grounds_(grounds), program_(std::move(program)), role_(role) {
  launch();
  send_start(with_sandbox);
  send_resources();
  for (const Role peer : peers_of(role_)) give_channel(peer);
  send(ipc::StartDone{});
  while (next_message().type != ipc::MessageType::Ready) {
  }
}

Subject::~Subject() {
  if (pid_ <= 0 || is_reaped_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Subject::launch() {
  auto ends = must(ipc::make_channel_pair(), "socketpair");
  master_ = std::move(ends.first);
  const timeval patience{kPatienceSeconds, 0};
  must(::setsockopt(master_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), "SO_RCVTIMEO");
  reader_ = std::make_unique<ipc::BlockingReader>(master_.get(), Role::master, role_);
  pid_ = must(::fork(), "fork");
  if (pid_ != 0) return;
  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(null, 1) < 0 || ::dup2(ends.second.get(), 3) < 0) ::_exit(127);
  ::close_range(4, ~0U, 0);
  std::array<char*, 2> arguments{program_.data(), nullptr};
  std::array<char*, 1> environment{nullptr};
  ::execve(program_.c_str(), arguments.data(), environment.data());
  ::_exit(127);
}

template <class Message>
void Subject::send(const Message& message, int descriptor) {
  const auto sent = ipc::send_blocking(master_.get(), message, descriptor);
  if (sent) return;
  const auto status = death(std::chrono::milliseconds(100));
  throw std::runtime_error("send to the worker: " + sent.error().text + (status ? ", wait status " + std::to_string(*status) : ""));
}

void Subject::send_start(bool with_sandbox) {
  ipc::Start start;
  start.role = role_;
  start.instance = 1;
  start.uid = kUid;
  start.gid = kGid;
  start.descriptors = kDescriptors;
  start.peers = 1;
  start.sandbox = with_sandbox;
  start.empty_folder = grounds_.empty_folder();
  send(start);
}

void Subject::send_resources() {
  listener_ = loopback(2525);
  base::Fd listener;
  if (role_ == Role::smtpd_proxy) listener = make_listener(listener_);
  send_configuration();
  const base::Fd box = must(worker::BlackBox::create(), "black box");
  send(ipc::Resource{.kind = ipc::ResourceKind::black_box}, box.get());
  if (role_ == Role::smtpd_proxy) send(ipc::Listener{.endpoint = listener_}, listener.get());
  if (role_ == Role::policyd || role_ == Role::logd) {
    send(ipc::Resource{.kind = ipc::ResourceKind::control_socket}, make_control_socket().get());
  }
  const auto send_folder = [&](ipc::ResourceKind kind, const std::string& path) {
    const base::Fd folder(must(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path));
    send(ipc::Resource{.kind = kind}, folder.get());
  };
  if (role_ == Role::logd) send_folder(ipc::ResourceKind::log_folder, grounds_.log_folder());
  if (role_ == Role::policyd) send_folder(ipc::ResourceKind::state_folder, grounds_.state_folder());
}

// Another resolver in each generation, on the same port (dnsd begins anew for another). With an empty list, as the real master
// sends each list that there is.
void Subject::send_configuration() {
  const base::Fd file = must(config::encode_configuration(configuration_for(grounds_, listener_, generation_)), "configuration");
  send(ipc::ConfigurationFile{.generation = generation_}, file.get());
  const base::Fd list = must(config::seal_list(base::PrefixTree{}, 0), "list");
  send(ipc::ListFile{.generation = generation_, .list = static_cast<std::uint16_t>(config::ListId::relay)}, list.get());
}

void Subject::give_channel(Role peer) {
  auto ends = must(ipc::make_channel_pair(), "socketpair");
  const timeval patience{kPatienceSeconds, 0};
  must(::setsockopt(ends.first.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), "SO_RCVTIMEO");
  send(ipc::Peer{.role = peer}, ends.second.get());
  channels_[peer] = std::move(ends.first);
}

void Subject::renew_channel(Role peer) {
  give_channel(peer);
}

int Subject::channel(Role peer) const {
  const auto found = channels_.find(peer);
  return found == channels_.end() ? -1 : found->second.get();
}

ipc::Incoming Subject::next_message() {
  auto incoming = reader_->next();
  if (!incoming) throw std::runtime_error(program_ + " says nothing more: " + incoming.error().text);
  if (incoming.value().type == ipc::MessageType::Blame) {
    ipc::Blame blame;
    if (!ipc::decode(incoming.value().body, blame)) throw std::runtime_error(program_ + " sent a malformed Blame");
    blame_ = blame;
  }
  return std::move(incoming).value();
}

bool Subject::is_serving() {
  try {
    send(ipc::Ping{.serial = ++serial_});
    for (;;) {
      const ipc::Incoming incoming = next_message();
      ipc::Pong pong;
      if (incoming.type == ipc::MessageType::Pong) return ipc::decode(incoming.body, pong) && pong.serial == serial_;
    }
  } catch (const std::runtime_error&) {
    return false;
  }
}

bool Subject::takes_reload() {
  ++generation_;
  send_configuration();
  send(ipc::Prepare{.generation = generation_});
  try {
    for (;;) {
      const ipc::MessageType type = next_message().type;
      if (type == ipc::MessageType::PrepareFailed) return false;
      if (type == ipc::MessageType::Prepared) break;
    }
    send(ipc::Commit{.generation = generation_});
  } catch (const std::runtime_error&) {
    return false;
  }
  return is_serving();
}

std::optional<ipc::Blame> Subject::next_blame() {
  try {
    while (!blame_) (void)next_message();
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
  return std::exchange(blame_, std::nullopt);
}

std::optional<int> Subject::death(std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  int status = 0;
  do {
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      is_reaped_ = true;
      return status;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  } while (std::chrono::steady_clock::now() < end);
  return std::nullopt;
}

std::map<int, std::string> Subject::descriptors() const {
  std::map<int, std::string> result;
  const std::string folder = "/proc/" + std::to_string(pid_) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::error_code error;
    result[std::stoi(entry.path().filename())] = std::filesystem::read_symlink(entry.path(), error).string();
  }
  return result;
}

}  // namespace caronte::tests
