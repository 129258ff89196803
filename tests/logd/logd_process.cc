#include "tests/logd/logd_process.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>
#include <stdexcept>

namespace caronte::tests {

LogdProcess::LogdProcess(wrap::EventLoop& loop, const TemporaryFolder& folder, config::Log settings)
    : loop_(loop), folder_(folder), settings_(std::move(settings)) {
  ::chmod(empty_.path().c_str(), 0755);
  if (::chown(folder_.path().c_str(), kUser, kUser) != 0) throw std::runtime_error("chown");
}

LogdProcess::~LogdProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  (void)wait();
}

void LogdProcess::start() {
  auto ends = ipc::make_channel_pair();
  if (!ends) throw std::runtime_error("socketpair");
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(ends.value().second.get(), 3);
    ::close_range(4, ~0U, 0);
    ::execl(CARONTE_LOGD, "logd", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  is_ready = false;
  channel_ = std::make_unique<ipc::Channel>(loop_, std::move(ends.value().first), ipc::Role::master, ipc::Role::logd,
                                            std::uint16_t{0}, *this);
  ipc::Start start;
  start.role = ipc::Role::logd;
  start.instance = ++instance_;
  start.uid = kUser;
  start.gid = kUser;
  start.descriptors = 64;
  start.empty_folder = empty_.path();
  channel_->send(start);
  config::Configuration configuration;
  configuration.log = settings_;
  auto memfd = config::encode_configuration(configuration);
  if (!memfd) throw std::runtime_error("encode_configuration: " + memfd.error().text);
  channel_->send(ipc::ConfigurationFile{1}, std::move(memfd).value());
  channel_->send(ipc::Resource{ipc::ResourceKind::log_folder},
                 base::Fd(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  channel_->send(ipc::StartDone{});
  channel_->flush();
}

base::Fd LogdProcess::connect(const ipc::Peer& peer) {
  auto ends = ipc::make_channel_pair();
  if (!ends) throw std::runtime_error("socketpair");
  channel_->send(peer, std::move(ends.value().second));
  channel_->flush();
  return std::move(ends.value().first);
}

void LogdProcess::kill(int signal) const {
  ::kill(pid_, signal);
}

int LogdProcess::wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  channel_.reset();
  return status;
}

void LogdProcess::stop_gracefully() {
  channel_->send(ipc::Stop{});
  channel_->flush();
}

}  // namespace caronte::tests
