// caronte-sink: a small but correct SMTP server that keeps every message, for quickstart and for tests. Never installed.
// A message is on the disk, with its envelope, before its 250 is sent; one line a message goes to standard output.
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "options.h"
#include "server.h"

namespace {

using namespace caronte;

base::Status become(const std::string& user) {
  if (user.empty()) return base::Done{};
  const passwd* const entry = ::getpwnam(user.c_str());
  if (entry == nullptr) return base::Error{0, user + ": no such user"};
  const uid_t uid = entry->pw_uid;
  const gid_t gid = entry->pw_gid;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(gid, gid, gid) != 0 || ::setresuid(uid, uid, uid) != 0) {
    return base::system_error(errno, "becoming " + user);
  }
  return base::Done{};
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int fail(const base::Error& error, int code) {
  std::fprintf(stderr, "caronte-sink: %s\n", error.text.c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const base::Result<sink::Options> options = sink::parse_options(argc, argv);
  if (!options && options.error().text == "help") return std::fputs(sink::kUsage, stdout) < 0 ? 1 : 0;
  if (!options) return std::fputs(sink::kUsage, stderr), fail(options.error(), 64);
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  base::Result<sink::Folder> folder = sink::Folder::open(options.value().folder, options.value().sync);
  if (!folder) return fail(folder.error(), 73);
  wrap::EventLoop loop;
  sink::Server server(loop, options.value(), std::move(folder).value());
  if (const base::Status status = server.listen(); !status) return fail(status.error(), 69);
  if (const base::Status status = become(options.value().user); !status) return fail(status.error(), 67);
  server.run();
  return 0;
}
