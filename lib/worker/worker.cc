#include "worker/worker.h"

#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "config.h"
#include "sandbox/privileges.h"
#include "worker/forbidden_call.h"

namespace caronte::worker {

namespace {

constexpr int kMasterDescriptor = 3;
constexpr base::Duration kDrainPatience{1000};

[[noreturn]] void die(ipc::Role role, int code, std::string_view text) {
  const std::string_view name = ipc::name_of(role);
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(name.size()), name.data(), static_cast<int>(text.size()), text.data());
  std::exit(code);
}

// Takes one start-up message into `startup`; an error text when it does not fit.
class StartupReader {
 public:
  explicit StartupReader(Startup& startup) : startup_(startup) {}

  [[nodiscard]] std::string take(ipc::Incoming& incoming) {
    const bool known = one<ipc::Start>(incoming) || one<ipc::ConfigurationFile>(incoming) || one<ipc::ListFile>(incoming) ||
                       one<ipc::Resource>(incoming) || one<ipc::Listener>(incoming) || one<ipc::Peer>(incoming) ||
                       one<ipc::StartDone>(incoming);
    if (!known && error_.empty()) error_ = "message out of place: " + std::string(ipc::row_of(incoming.type).name);
    return error_;
  }
  [[nodiscard]] bool is_done() const noexcept { return is_done_; }

 private:
  template <class Message>
  bool one(ipc::Incoming& incoming) {
    if (incoming.type != Message::kType) return false;
    Message message;
    if (!ipc::decode(incoming.body, message)) return false;
    on(message, std::move(incoming.descriptor));
    return true;
  }
  void on(const ipc::Start& start, base::Fd) { startup_.start = start; }
  void on(const ipc::ConfigurationFile& file, base::Fd memfd) {
    auto configuration = config::decode_configuration(memfd.get());
    if (!configuration) {
      error_ = configuration.error().text;
      return;
    }
    startup_.generation = std::make_shared<Generation>();
    startup_.generation->number = file.generation;
    startup_.generation->configuration = std::move(configuration).value();
  }
  void on(const ipc::ListFile& file, base::Fd memfd) {
    if (!startup_.generation) {
      error_ = "list out of place";
    } else if (auto status = startup_.generation->adopt(file.list, memfd.get()); !status) {
      error_ = status.error().text;
    }
  }
  void on(const ipc::Resource& resource, base::Fd fd) { startup_.resources[resource.kind] = std::move(fd); }
  void on(const ipc::Listener& listener, base::Fd fd) { startup_.listeners.push_back({listener, std::move(fd)}); }
  void on(const ipc::Peer& peer, base::Fd fd) { startup_.peers.push_back({peer, std::move(fd)}); }
  void on(const ipc::StartDone&, base::Fd) { is_done_ = true; }

  Startup& startup_;
  std::string error_;
  bool is_done_ = false;
};

}  // namespace

base::Status Generation::adopt(std::uint16_t list_number, int memory) {
  if (list_number < lists.size()) {
    auto list = config::MappedList::map(memory);
    if (!list) return list.error();
    lists[list_number] = std::move(list).value();
    return base::Done{};
  }
  if (list_number != ipc::kRecipientLists) return base::Error{EBADMSG, "list of an unknown number"};
  auto names = config::MappedNames::map_joined(memory);
  if (!names) return names.error();
  if (names.value().size() > configuration.domains.size()) return base::Error{EBADMSG, "list of no domain"};
  recipients = std::move(names).value();
  return base::Done{};
}

Startup adopt(int argc, char** argv, ipc::Role role) {
  if (argc == 2 && std::string_view(argv[1]) == "-V") {
    std::printf("%s %s%s\n", std::string(ipc::name_of(role)).c_str(), PACKAGE_VERSION,
#ifdef CARONTE_WITHOUT_SANDBOX
                " (without sandbox)"
#else
                ""
#endif
    );
    std::exit(EX_OK);
  }
  if (argc > 1) die(role, EX_USAGE, "this program is started by caronted; the only option is -V");
  std::signal(SIGPIPE, SIG_IGN);

  Startup startup;
  ipc::BlockingReader reader(kMasterDescriptor, role, ipc::Role::master);
  StartupReader messages(startup);
  while (!messages.is_done()) {
    auto incoming = reader.next();
    if (!incoming) die(role, EX_USAGE, "this program is started by caronted (descriptor 3: " + incoming.error().text + ")");
    const std::string error = messages.take(incoming.value());
    if (!error.empty()) die(role, EX_SOFTWARE, "start: " + error);
  }
  startup.master.reset(kMasterDescriptor);
  const ipc::Start& start = startup.start;
  if (start.version != ipc::kSchemaVersion || start.role != role) die(role, EX_SOFTWARE, "start: caronted is of another version");
  if (!startup.generation) die(role, EX_SOFTWARE, "start: no configuration");
  if (start.uid == 0 || start.gid == 0) die(role, EX_NOUSER, "start: refusing to run as root");
  return startup;
}

Worker::Worker(Startup startup)
    : start_(startup.start),
      startup_(std::move(startup)),
      current_(startup_.generation),
      log_(loop_, start_.role, start_.index, start_.instance),
      master_(std::make_unique<ipc::Channel>(loop_, std::move(startup_.master), start_.role, ipc::Role::master, std::uint16_t{0},
                                             *this)) {
  if (base::Fd page = take_resource(ipc::ResourceKind::black_box)) {
    auto box = BlackBox::map(page.get());
    if (box) black_box_ = std::move(box).value();
  }
  for (const auto kind : {ipc::ResourceKind::log_folder, ipc::ResourceKind::state_folder}) {
    if (const auto found = startup_.resources.find(kind); found != startup_.resources.end()) folder_ = found->second.get();
  }
  log_.set_level(current_->configuration.log.level);
  log_.set_blame(
      [](void* self, std::string_view rule) {
        ipc::Blame blame{.role = ipc::Role::logd, .reason = rule};
        static_cast<Worker*>(self)->master().send(blame);
      },
      this);
}

Worker::~Worker() = default;

base::Fd Worker::take_resource(ipc::ResourceKind kind) {
  const auto found = startup_.resources.find(kind);
  if (found == startup_.resources.end()) return {};
  base::Fd fd = std::move(found->second);
  startup_.resources.erase(found);
  return fd;
}

std::vector<Startup::ListenerEnd> Worker::take_listeners() {
  return std::move(startup_.listeners);
}

std::unique_ptr<ipc::Channel> Worker::open_channel(const ipc::Peer& peer, base::Fd socket, std::size_t queue_bytes) {
  auto channel = std::make_unique<ipc::Channel>(loop_, std::move(socket), start_.role, peer.role, peer.index, *this, queue_bytes);
  channel->send(ipc::Hello{.role = start_.role, .index = start_.index});
  return channel;
}

int Worker::run(const sandbox::Policy& policy) {
  if (start_.sandbox) enter_sandbox(policy);
  on_sandboxed();
  startup_.resources.clear();
  adopt_peers();
  master_->send(ipc::Ready{});
  loop_.run();
  log_.drain(kDrainPatience);
  return exit_code_;
}

void Worker::enter_sandbox(const sandbox::Policy& policy) {
  // A worker whose policy has no folder goes into the empty one, whatever master has for it.
  const int folder = policy.folder == sandbox::FolderAccess::none ? -1 : folder_;
  const sandbox::Privileges privileges{.uid = start_.uid,
                                       .gid = start_.gid,
                                       .folder = folder,
                                       .folder_path = start_.empty_folder.str(),
                                       .descriptors = start_.descriptors,
                                       .extra_threads = policy.extra_threads,
                                       .may_write_files = policy.folder != sandbox::FolderAccess::none};
  if (auto status = sandbox::drop_privileges(privileges); !status) die(start_.role, EX_OSERR, status.error().text);
#ifndef CARONTE_WITHOUT_SANDBOX
  if (auto status = note_forbidden_calls(black_box_); !status) die(start_.role, EX_OSERR, status.error().text);
  std::vector<std::uint16_t> tcp_ports;  // those of later generations too, as far as they are the same
  for (const base::Endpoint& server : current_->configuration.dns.servers) tcp_ports.push_back(server.port);
  if (auto status = sandbox::enter({.policy = &policy, .folder = folder, .tcp_ports = tcp_ports}); !status)
    die(start_.role, EX_OSERR, status.error().text);
#endif
}

void Worker::adopt_peers() {
  auto peers = std::move(startup_.peers);
  for (Startup::PeerEnd& end : peers) on(*master_, end.peer, std::move(end.socket));
}

void Worker::finish(int exit_code) {
  exit_code_ = exit_code;
  loop_.stop();
}

void Worker::stop_once() {
  if (is_stopping_) return;
  is_stopping_ = true;
  on_stop();
}

bool Worker::on_message(ipc::Channel& channel, ipc::Incoming& message) {
  if (&channel != master_.get()) return on_peer_message(channel, message);
  return ipc::dispatch<ipc::Ping, ipc::Stop, ipc::Peer, ipc::ConfigurationFile, ipc::ListFile, ipc::Prepare, ipc::Commit,
                       ipc::Abort>(*this, channel, message) ||
         on_master_message(channel, message);
}

void Worker::on_channel_closed(ipc::Channel& channel, std::string_view broken_rule) {
  if (&channel == master_.get()) {
    stop_once();  // master has died: finish what must be finished, then go
    return;
  }
  if (!broken_rule.empty()) {
    log_.event("channel of " + std::string(ipc::name_of(channel.peer())) + "." + std::to_string(channel.peer_index()) +
               " closed: " + std::string(broken_rule));
    if (channel.peer() != ipc::Role::control) {
      master_->send(ipc::Blame{.role = channel.peer(), .index = channel.peer_index(), .reason = broken_rule});
    }
  }
  on_peer_closed(channel);
}

void Worker::on(ipc::Channel&, const ipc::Ping& ping) {
  master_->send(ipc::Pong{.serial = ping.serial});
}

void Worker::on(ipc::Channel&, const ipc::Stop&) {
  stop_once();
}

void Worker::on(ipc::Channel&, const ipc::Peer& peer, base::Fd socket) {
  if (peer.role == ipc::Role::logd && start_.role != ipc::Role::logd) {
    log_.attach(std::move(socket));
  } else {
    on_peer(peer, std::move(socket));
  }
}

void Worker::on(ipc::Channel&, const ipc::ConfigurationFile& file, base::Fd memfd) {
  prepared_ = std::make_shared<Generation>();
  prepared_->number = file.generation;
  prepare_error_.clear();
  auto configuration = config::decode_configuration(memfd.get());
  if (configuration) {
    prepared_->configuration = std::move(configuration).value();
  } else {
    prepare_error_ = configuration.error().text;
  }
}

void Worker::on(ipc::Channel&, const ipc::ListFile& file, base::Fd memfd) {
  if (!prepared_ || prepared_->number != file.generation) {
    prepare_error_ = "list of another generation";
  } else if (auto status = prepared_->adopt(file.list, memfd.get()); !status) {
    prepare_error_ = status.error().text;
  }
}

void Worker::on(ipc::Channel&, const ipc::Prepare& prepare) {
  if (!prepared_ || prepared_->number != prepare.generation) prepare_error_ = "no such generation";
  if (prepare_error_.empty()) {
    if (auto status = on_prepare(*prepared_); !status) prepare_error_ = status.error().text;
  }
  if (prepare_error_.empty()) {
    master_->send(ipc::Prepared{.generation = prepare.generation});
  } else {
    master_->send(ipc::PrepareFailed{.generation = prepare.generation, .reason = prepare_error_});
  }
}

void Worker::on(ipc::Channel&, const ipc::Commit& commit) {
  if (!prepared_ || prepared_->number != commit.generation) return;
  previous_ = std::move(current_);
  current_ = std::move(prepared_);
  log_.set_level(current_->configuration.log.level);
  on_commit();
}

void Worker::on(ipc::Channel&, const ipc::Abort& abort) {
  if (prepared_ && prepared_->number == abort.generation) prepared_.reset();
}

}  // namespace caronte::worker
