#include "master/site.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "master/launcher.h"
#include "master/worker_table.h"

namespace caronte::master {

namespace {

constexpr mode_t kOthersBits = S_IRWXG | S_IRWXO;

base::Result<Identity> find_user(std::string_view name) {
  const passwd* found = ::getpwnam(std::string(name).c_str());
  if (found == nullptr || found->pw_uid == 0 || found->pw_gid == 0) {
    return base::Error{EX_CONFIG, "user " + std::string(name) + " is missing; run " CARONTE_LIBEXECDIR "/users"};
  }
  return Identity{found->pw_uid, found->pw_gid};
}

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode));
  return text.data();
}

bool is_empty_folder(int folder) {
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = copy < 0 ? nullptr : ::fdopendir(copy);
  if (entries == nullptr) return false;
  int count = 0;
  while (::readdir(entries) != nullptr) ++count;
  ::closedir(entries);
  return count == 2;
}

// As `mkdir -p`, parents for everybody to enter.
void make_folder(const std::string& path, mode_t mode) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    ::mkdir(path.substr(0, slash).c_str(), 0755);
  }
  ::mkdir(path.c_str(), mode);
}

base::Error folder_error(const std::string& path, const std::string& what, const std::string& remedy) {
  return {EX_CONFIG, path + ": " + what + "; " + remedy + ' ' + path};
}

base::Result<base::Fd> lock_instance(const std::string& run_folder) {
  const std::string path = run_folder + "/caronted.pid";
  const base::Fd opened(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  base::Fd lock = opened ? duplicate(opened.get()) : base::Fd();
  if (!lock) return base::Error{EX_CONFIG, base::system_error(errno, path).text};
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return base::Error{EX_UNAVAILABLE, path + " is locked: caronted is already running"};
  }
  // An instance that was just ending has taken the file away: the lock on it keeps nobody out.
  struct stat locked {};
  struct stat present {};
  if (::fstat(lock.get(), &locked) != 0 || ::stat(path.c_str(), &present) != 0 || locked.st_ino != present.st_ino) {
    return base::Error{EX_UNAVAILABLE, path + " went away: another caronted was ending; try again"};
  }
  return lock;
}

base::Result<base::Fd> open_control_socket(const std::string& run_folder, ipc::Role role, gid_t control_gid) {
  const std::string path = run_folder + '/' + std::string(role == ipc::Role::master ? "master" : ipc::name_of(role)) + ".sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return base::Error{EX_CONFIG, path + ": too long for a socket"};
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const base::Fd made(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  base::Fd socket = made ? duplicate(made.get()) : base::Fd();
  ::unlink(path.c_str());  // of a master that was killed; ours is the lock
  const mode_t old_mask = ::umask(0177);
  const bool is_bound = socket && ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::umask(old_mask);
  if (!is_bound || ::listen(socket.get(), 16) != 0 ||
      (control_gid != 0 && (::chmod(path.c_str(), 0660) != 0 || ::chown(path.c_str(), 0, control_gid) != 0))) {
    return base::Error{EX_OSERR, base::system_error(errno, path).text};
  }
  return socket;
}

base::Result<gid_t> find_group(const std::string& name, std::string_view element) {
  if (name.empty()) return gid_t{0};
  const group* found = ::getgrnam(name.c_str());
  if (found == nullptr) return base::Error{EX_CONFIG, std::string(element) + ": there is no group " + name};
  return found->gr_gid;
}

}  // namespace

base::Result<Users> find_users() {
  Users users;
  auto reader = find_user(kConfigReaderUser);
  if (!reader) return reader.error();
  users.config_reader = reader.value();
  for (const WorkerRow& row : kWorkers) {
    auto user = find_user(row.user);
    if (!user) return user.error();
    users.workers[row.role] = user.value();
  }
  return users;
}

base::Result<base::Fd> open_folder(const FolderWish& wish) {
  const auto open = [&] { return ::open(wish.path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); };
  base::Fd opened(open());
  if (!opened && errno == ENOENT) {
    make_folder(wish.path, 0700);
    opened.reset(open());
    if (opened) ::fchmod(opened.get(), wish.mode);
  }
  base::Fd folder = opened ? duplicate(opened.get()) : base::Fd();
  struct stat found {};
  if (!folder || ::fstat(folder.get(), &found) != 0) return base::Error{EX_CONFIG, base::system_error(errno, wish.path).text};

  const std::string owner = std::to_string(wish.owner.uid) + ':' + std::to_string(wish.owner.gid);
  if (found.st_uid == 0 && wish.owner.uid != 0 && is_empty_folder(folder.get())) {
    if (::fchmod(folder.get(), wish.mode) != 0 || ::fchown(folder.get(), wish.owner.uid, wish.owner.gid) != 0 ||
        ::fstat(folder.get(), &found) != 0) {
      return base::Error{EX_CONFIG, base::system_error(errno, wish.path).text};
    }
  }
  if (found.st_uid != wish.owner.uid) {
    return folder_error(wish.path, "belongs to uid " + std::to_string(found.st_uid), "chown " + owner);
  }
  if ((found.st_mode & kOthersBits & ~wish.mode) != 0) {
    return folder_error(wish.path, "its mode " + octal(found.st_mode & 07777) + " lets others in", "chmod " + octal(wish.mode));
  }
  return folder;
}

base::Result<Site> Site::open(Users users, const config::Configuration& configuration, const std::string& programs_folder) {
  Site site;
  site.users = std::move(users);
  const Identity root{};
  auto group = find_group(configuration.server.control_group, "server control-group");
  if (!group) return group.error();
  site.control_gid = group.value();

  site.run_folder = configuration.server.run_folder;
  if (auto run = open_folder({site.run_folder, root, 0755}); !run) return run.error();
  auto lock = lock_instance(site.run_folder);
  if (!lock) return lock.error();
  site.lock = std::move(lock).value();
  site.empty_folder = site.run_folder + "/empty";
  auto empty = open_folder({site.empty_folder, root, 0555});
  if (!empty) return empty.error();
  if (!is_empty_folder(empty.value().get())) return base::Error{EX_CONFIG, site.empty_folder + ": is not empty"};

  auto state = open_folder({configuration.server.state_folder, site.users.workers[ipc::Role::policyd], 0700});
  if (!state) return state.error();
  site.state_folder = std::move(state).value();
  if (configuration.log.is_present) {
    Identity writer = site.users.workers[ipc::Role::logd];
    if (site.control_gid != 0) writer.gid = site.control_gid;  // who may ask may read
    // setgid: the files get the folder's group.
    site.log_folder_wish = {configuration.log.folder, writer, 02750};
    auto log = open_folder(site.log_folder_wish);
    if (!log) return log.error();
    site.log_folder = std::move(log).value();
  }

  for (const WorkerRow& row : kWorkers) {
    auto program = open_program(programs_folder, row.program);
    if (!program) return base::Error{EX_UNAVAILABLE, "program " + program.error().text};
    site.programs[row.role] = std::move(program).value();
    if ((row.resources & kControlSocket) == 0) continue;
    auto socket = open_control_socket(site.run_folder, row.role, site.control_gid);
    if (!socket) return socket.error();
    site.control_sockets[row.role] = std::move(socket).value();
  }
  auto socket = open_control_socket(site.run_folder, ipc::Role::master, site.control_gid);
  if (!socket) return socket.error();
  site.control_sockets[ipc::Role::master] = std::move(socket).value();
  return site;
}

void Site::write_pid() const {
  const std::string pid = std::to_string(::getpid()) + '\n';
  if (::ftruncate(lock.get(), 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(lock.get(), pid.data(), pid.size(), 0);
  }
}

base::Status Site::renew_log_folder() {
  struct stat found {};
  if (!log_folder || (::fstat(log_folder.get(), &found) == 0 && found.st_nlink != 0)) return base::Done{};
  auto folder = open_folder(log_folder_wish);
  if (!folder) return folder.error();
  log_folder = std::move(folder).value();
  return base::Done{};
}

void Site::remove_files() const {
  for (const auto& [role, socket] : control_sockets) {
    const std::string name(role == ipc::Role::master ? "master" : ipc::name_of(role));
    ::unlink((run_folder + '/' + name + ".sock").c_str());
  }
  ::unlink((run_folder + "/caronted.pid").c_str());
}

}  // namespace caronte::master
