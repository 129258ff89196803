// What master finds or makes on the machine before it starts a worker, and holds as long as it lives: users, folders, the
// lock against a second instance, the control sockets, the worker programs. Every error here ends the start.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "config/configuration.h"
#include "ipc/schema.h"

namespace caronte::master {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
};

struct Users {
  Identity config_reader;
  std::map<ipc::Role, Identity> workers;
};
// Error: which one is missing, and the command that creates them.
[[nodiscard]] base::Result<Users> find_users();

// A folder of exactly this owner that only he may write to; made when missing, with its parents; an empty one of root's
// becomes the owner's. The descriptor is for reading. Error: what is wrong and the command that mends it.
struct FolderWish {
  std::string path;
  Identity owner;
  mode_t mode = 0;  // when made; an existing one may not give more to others
};
[[nodiscard]] base::Result<base::Fd> open_folder(const FolderWish& wish);

struct Site {
  Users users;
  gid_t control_gid = 0;  // 0: none
  std::string run_folder;
  base::Fd lock;             // of the pid file
  std::string empty_folder;  // to chroot into; root's, nobody may write there
  base::Fd state_folder;
  base::Fd log_folder;  // closed when nothing is logged
  FolderWish log_folder_wish;
  std::map<ipc::Role, base::Fd> programs;
  std::map<ipc::Role, base::Fd> control_sockets;  // master's own too

  // `code` of an error is a sysexits.h value.
  [[nodiscard]] static base::Result<Site> open(Users users, const config::Configuration& configuration,
                                               const std::string& programs_folder);
  // The pid of the process that will stay, for administrators and init scripts; the lock alone counts.
  void write_pid() const;
  // When somebody has removed the log's folder: logd ends then, and finds a new one. An error leaves things as they are.
  [[nodiscard]] base::Status renew_log_folder();
  // Control sockets and pid file.
  void remove_files() const;
};

}  // namespace caronte::master
