#include "master/config_loader.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>

#include "base/quoting.h"
#include "config/mapped_list.h"
#include "config/reader.h"
#include "master/config_reader.h"

namespace caronte::master {

namespace {

using base::Status;
using base::system_error;

constexpr unsigned kMaxLists = 1024;
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

// By number: the C library's header for these is not made for C++ everywhere.
int open_pidfd(pid_t process) noexcept {
  return static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
}
void kill_by_pidfd(int pidfd) noexcept {
  ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
}

// What a wrong or taken over config-reader could do harm with is checked once more here.
bool is_plausible(const config::Configuration& c) {
  const auto is_folder = [](const std::string& path) {
    return path.size() > 1 && path.size() < 1000 && path[0] == '/' && (path + "/").find("/../") == std::string::npos &&
           path.find('\0') == std::string::npos && base::is_safe_line(path);
  };
  const auto is_endpoint = [](const auto& item) { return item.endpoint.port != 0; };
  const auto is_server = [](const config::DestinationServer& s) {
    return s.endpoint.port != 0 && !s.endpoint.address.is_unspecified();
  };
  return is_folder(c.server.state_folder) && is_folder(c.server.run_folder) && (!c.log.is_present || is_folder(c.log.folder)) &&
         c.server.workers <= 64 && base::is_safe_line(c.server.name) && c.server.name.size() <= 253 &&
         base::is_safe_line(c.server.control_group) && c.server.control_group.size() <= 32 && !c.listens.empty() &&
         c.listens.size() <= config::kMaxListeners && std::all_of(c.listens.begin(), c.listens.end(), is_endpoint) &&
         !c.destination.servers.empty() && c.destination.servers.size() <= 256 &&
         std::all_of(c.destination.servers.begin(), c.destination.servers.end(), is_server);
}

// Of a sealed list, which is checked by that.
base::Result<std::uint32_t> entries_of(std::uint16_t number, int memory) {
  if (number == ipc::kRecipientLists) {
    const auto tables = config::MappedNames::map_joined(memory);
    if (!tables) return tables.error();
    std::uint32_t entries = 0;
    for (const config::MappedNames& table : tables.value()) entries += table.names().entries();
    return entries;
  }
  if (number >= static_cast<std::uint16_t>(config::ListId::kCount)) return base::Error{EBADMSG, "made a list for nobody"};
  const auto list = config::MappedList::map(memory);
  if (!list) return list.error();
  return list.value().entries();
}

// Opens beneath `folder` whatever the path says; regular files only, not open to everybody's writing.
base::Result<base::Fd> open_beneath(int folder, const std::string& path) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(kOpenFlags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  base::Fd file;
  for (int attempt = 0; attempt < 8 && !file.is_open(); ++attempt) {
    file.reset(static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how)));
    if (!file.is_open() && errno != EAGAIN) break;  // EAGAIN: something was renamed meanwhile
  }
  struct stat status {};
  if (!file.is_open() || ::fstat(file.get(), &status) != 0) return base::Error{errno, path};
  if (!S_ISREG(status.st_mode)) return base::Error{EISDIR, path};
  if ((status.st_mode & S_IWOTH) != 0) return base::Error{EPERM, path};
  return file;
}

// In the child, after fork(): nothing but system calls.
[[noreturn]] void become_config_reader(int executable, int socket, char* const* arguments) {
  static char* const kNoEnvironment[] = {nullptr};
  // Out of the way of the number that the socket is to have.
  const int program = ::fcntl(executable, F_DUPFD_CLOEXEC, 100);
  const int null = ::open("/dev/null", O_RDWR);
  sigset_t none;
  ::sigemptyset(&none);
  if (program < 0 || null < 0 || ::fcntl(socket, F_SETFD, 0) != 0 || (socket != 3 && ::dup2(socket, 3) != 3)) ::_exit(126);
  ::dup2(null, 0);
  ::dup2(null, 1);
  ::close_range(4, ~0U, CLOSE_RANGE_CLOEXEC);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::syscall(SYS_execveat, program, "", arguments, kNoEnvironment, AT_EMPTY_PATH);
  ::_exit(127);
}

std::string describe_exit(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "ended with exit code " + std::to_string(info.si_status);
  return "was killed by signal " + std::to_string(info.si_status);
}

}  // namespace

std::string text_of(const ipc::Diagnostic& diagnostic) {
  std::string text = base::quote_visible(diagnostic.file);
  if (diagnostic.line != 0) text += ":" + std::to_string(diagnostic.line);
  text += ": ";
  if (!diagnostic.element.empty()) text += base::quote_visible(diagnostic.element) + ": ";
  return text + base::quote_visible(diagnostic.text);
}

struct ConfigLoader::Run {
  explicit Run(wrap::EventLoop& loop) : finish(loop) {}

  std::string path;
  std::string folder_path;  // absolute
  base::Fd file;
  base::Fd folder;
  base::Fd process;  // pidfd; closed once the child is reaped
  std::unique_ptr<ipc::Channel> channel;
  wrap::Event deadline;
  wrap::Event child_exit;
  wrap::Deferred finish;
  Callback callback;
  LoadResult result;
  unsigned lists_asked = 0;
  bool is_done = false;  // ParseDone came
  std::string exit;      // how the child ended
  std::string failure;   // why this run is worth nothing, whatever came
};

ConfigLoader::ConfigLoader(wrap::EventLoop& loop, LoaderSettings settings) : loop_(loop), settings_(std::move(settings)) {}

ConfigLoader::~ConfigLoader() {
  cancel();
}

void ConfigLoader::start(const std::string& path, Callback callback) {
  run_ = std::make_unique<Run>(loop_);
  run_->path = path;
  run_->callback = std::move(callback);
  run_->finish.bind<&ConfigLoader::on_finish>(this);
  Status status = open_files(path);
  if (status) status = spawn();
  if (status) return;
  run_->failure = status.error().text;
  run_->finish.schedule();
}

void ConfigLoader::cancel() noexcept {
  if (run_ != nullptr && run_->process.is_open()) {
    kill_by_pidfd(run_->process.get());
    siginfo_t info{};
    ::waitid(P_PIDFD, static_cast<id_t>(run_->process.get()), &info, WEXITED);
  }
  run_.reset();
}

base::Status ConfigLoader::open_files(const std::string& path) {
  run_->file.reset(::open(path.c_str(), kOpenFlags));
  struct stat status {};
  if (!run_->file.is_open() || ::fstat(run_->file.get(), &status) != 0) return system_error(errno, "cannot be read");
  if (!S_ISREG(status.st_mode)) return base::Error{EINVAL, "is not a regular file"};
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return base::Error{EPERM, "may be written by its group or by everybody; allowed: its owner alone (chmod go-w)"};
  }
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
  std::array<char, PATH_MAX> absolute{};
  if (::realpath(folder.c_str(), absolute.data()) == nullptr) return system_error(errno, folder);
  run_->folder_path = absolute.data();
  run_->folder.reset(::open(run_->folder_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!run_->folder.is_open()) return system_error(errno, folder);
  return base::Done{};
}

base::Status ConfigLoader::spawn() {
  auto pair = ipc::make_channel_pair();
  if (!pair) return pair.error();
  auto [ours, theirs] = std::move(pair).value();
  // Composed before fork(): the child must not allocate.
  std::array<std::string, 4> words{"caronted", std::string(kConfigReaderOption), std::to_string(settings_.uid),
                                   std::to_string(settings_.gid)};
  std::array<char*, 5> arguments{words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  const pid_t child = ::fork();
  if (child < 0) return system_error(errno, "fork");
  if (child == 0) become_config_reader(settings_.executable, theirs.get(), arguments.data());
  theirs.reset();
  run_->process.reset(open_pidfd(child));
  if (!run_->process.is_open()) {
    const int error = errno;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    return system_error(error, "pidfd_open");
  }
  run_->child_exit.assign_readable<&ConfigLoader::on_child_exit>(loop_, run_->process.get(), this);
  run_->child_exit.enable();
  run_->deadline.assign_timer<&ConfigLoader::on_deadline>(loop_, this);
  run_->deadline.enable(settings_.deadline);
  run_->channel = std::make_unique<ipc::Channel>(loop_, std::move(ours), ipc::Role::master, ipc::Role::config_reader, 0, *this);
  ipc::ParseRequest request;
  request.name = run_->path;
  request.folder = run_->folder_path;
  run_->channel->send(request, std::move(run_->file));
  base::Fd resolvers(::open(settings_.resolv_conf.c_str(), kOpenFlags));
  if (resolvers.is_open()) run_->channel->send(ipc::SystemResolvers{}, std::move(resolvers));
  run_->channel->send(ipc::ParseBegin{});
  return base::Done{};
}

// ------------------------------------------------------------------------------------------------------------ messages

bool ConfigLoader::on_message(ipc::Channel& channel, ipc::Incoming& message) {
  return ipc::dispatch<ipc::OpenList, ipc::Diagnostic, ipc::ConfigurationResult, ipc::ListResult, ipc::ParseDone>(*this, channel,
                                                                                                                  message);
}

void ConfigLoader::on(ipc::Channel& channel, const ipc::OpenList& request) {
  const std::string& path = request.path.str();
  if (++run_->lists_asked > kMaxLists || path.find('\0') != std::string::npos) return fail("asked for too much");
  auto file = open_beneath(run_->folder.get(), path);
  if (!file) {
    channel.send(ipc::ListMissing{request.request, file.error().code});
    return;
  }
  const std::string name = run_->folder_path + "/" + path;
  auto& files = run_->result.list_files;
  if (std::find(files.begin(), files.end(), name) == files.end()) files.push_back(name);  // domains may share one
  channel.send(ipc::ListOpened{request.request}, std::move(file).value());
}

void ConfigLoader::on(ipc::Channel&, const ipc::Diagnostic& diagnostic) {
  if (run_->result.diagnostics.size() >= config::kMaxDiagnostics) return fail("found more than it may tell");
  run_->result.diagnostics.push_back(diagnostic);
}

void ConfigLoader::on(ipc::Channel&, const ipc::ConfigurationResult& result, base::Fd memory) {
  const bool is_known = (ipc::mask_of(result.role) & (ipc::kMaster | ipc::kWorkers)) != 0;
  if (!is_known || run_->result.configurations.contains(result.role)) return fail("made a result for nobody");
  if (result.role == ipc::Role::master) {
    auto decoded = config::decode_configuration(memory.get());
    if (!decoded) return fail(decoded.error().text);
    if (!is_plausible(decoded.value())) return fail("made a configuration that cannot be");
    run_->result.configuration = std::move(decoded).value();
  } else if (auto mapped = config::SealedBytes::map(memory.get()); !mapped) {
    return fail(mapped.error().text);
  }
  run_->result.configurations.emplace(result.role, std::move(memory));
}

void ConfigLoader::on(ipc::Channel&, const ipc::ListResult& result, base::Fd memory) {
  auto& lists = run_->result.lists;
  const auto& files = run_->result.list_files;
  const std::string file = run_->folder_path + "/" + result.path.str();
  const bool is_double = std::any_of(lists.begin(), lists.end(), [&](const auto& other) { return other.number == result.list; });
  if (is_double || result.receivers == 0 || (result.receivers & ~ipc::kWorkers) != 0 ||
      std::find(files.begin(), files.end(), file) == files.end()) {
    return fail("made a list for nobody");
  }
  const auto entries = entries_of(result.list, memory.get());
  if (!entries) return fail(entries.error().text);
  lists.push_back(LoadedList{result.list, result.receivers, std::move(memory), entries.value(), file});
}

void ConfigLoader::on(ipc::Channel& channel, const ipc::ParseDone& done) {
  run_->is_done = true;
  run_->result.is_ok = done.is_ok;
  if (done.is_ok && run_->result.configurations.size() != 5) return fail("forgot a worker");
  channel.close();  // config-reader ends by itself; its end is waited for
  finish_if_over();
}

void ConfigLoader::on_channel_closed(ipc::Channel&, std::string_view broken_rule) {
  if (!broken_rule.empty()) return fail(broken_rule);
  finish_if_over();
}

// ----------------------------------------------------------------------------------------------------------------- end

void ConfigLoader::fail(std::string_view text) {
  if (run_->failure.empty()) run_->failure = "config-reader " + base::quote_visible(text, 200);
  run_->channel->close();
  if (run_->process.is_open()) kill_by_pidfd(run_->process.get());
  finish_if_over();
}

void ConfigLoader::on_deadline(short) {
  fail("took too long");
}

void ConfigLoader::on_child_exit(short) {
  siginfo_t info{};
  const int reaped = ::waitid(P_PIDFD, static_cast<id_t>(run_->process.get()), &info, WEXITED | WNOHANG);
  if (reaped == 0 && info.si_pid == 0) return;  // not yet
  run_->exit = reaped == 0 ? describe_exit(info) : "ended before it was done";
  run_->child_exit.disable();
  run_->process.reset();
  finish_if_over();
}

// What config-reader sent before its end may still wait in the channel when the end is known, and the other way round.
void ConfigLoader::finish_if_over() {
  if (run_->process.is_open() || run_->channel->is_open()) return;
  if (!run_->is_done && run_->failure.empty()) run_->failure = "config-reader " + run_->exit;
  run_->deadline.disable();
  run_->finish.schedule();
}

void ConfigLoader::on_finish() {
  LoadResult result = std::move(run_->result);
  if (!run_->failure.empty()) {
    ipc::Diagnostic diagnostic;
    diagnostic.file = run_->path;
    diagnostic.text = run_->failure;
    result.is_ok = false;
    result.diagnostics.push_back(std::move(diagnostic));
  }
  const Callback callback = std::move(run_->callback);
  run_.reset();
  callback(std::move(result));
}

}  // namespace caronte::master
