// caronted: the master process. Starts as root, reads the configuration through config-reader, makes the place ready,
// starts the workers and watches over them.
#include <fcntl.h>
#include <sched.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/result.h"
#include "master/config_loader.h"
#include "master/config_reader.h"
#include "master/daemon.h"
#include "master/launcher.h"
#include "master/master.h"
#include "master/options.h"
#include "master/privileges.h"
#include "master/site.h"

namespace {

using namespace caronte;
using namespace caronte::master;

[[noreturn]] void die(int code, const std::string& text) {
  std::fprintf(stderr, "caronted: %s\n", text.c_str());
  std::exit(code);
}

template <class T>
T value_or_die(base::Result<T> result, int code) {
  if (!result) die(code, result.error().text);
  return std::move(result).value();
}

LoaderSettings loader_settings(const Users& users) {
  const base::Fd self(::open("/proc/self/exe", O_PATH | O_CLOEXEC));
  LoaderSettings settings;
  settings.executable = duplicate(self.get()).release();  // for good
  settings.uid = users.config_reader.uid;
  settings.gid = users.config_reader.gid;
  if (settings.executable < 0) die(EX_OSERR, base::system_error(errno, "/proc/self/exe").text);
  return settings;
}

// Prints what config-reader has to say; exits when that is an error.
Generation load(const Options& options, const LoaderSettings& settings, std::vector<std::string>& warnings) {
  wrap::EventLoop loop;  // its own: a loop does not survive the fork into the background
  ConfigLoader loader(loop, settings);
  Generation generation{1, base::system_clock().wall(), {}};
  loader.start(options.file, [&](LoadResult result) {
    generation.loaded = std::move(result);
    loop.stop();
  });
  loop.run();
  for (const ipc::Diagnostic& diagnostic : generation.loaded.diagnostics) {
    const bool is_warning = diagnostic.severity == ipc::Severity::warning;
    const std::string text = (is_warning ? "warning: " : "") + text_of(diagnostic);
    std::fprintf(stderr, "%s\n", text.c_str());
    warnings.push_back(text);
  }
  if (!generation.loaded.is_ok) std::exit(EX_CONFIG);
  return generation;
}

std::vector<std::uint16_t> worker_counts(const config::Configuration& configuration) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const int count = ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
  std::vector<std::uint16_t> counts;
  for (const WorkerRow& row : kWorkers) counts.push_back(count_of(row.role, configuration, static_cast<unsigned>(count)));
  return counts;
}

// A port that is taken is retried while the others serve; without any there is nothing to start for.
Listeners open_listeners(const config::Configuration& configuration, std::uint16_t slots) {
  Listeners listeners(slots);
  std::string errors;
  for (const config::Listen& listen : configuration.listens) {
    if (auto status = listeners.open(listen.endpoint); !status) errors += (errors.empty() ? "" : ", ") + status.error().text;
  }
  if (listeners.all().empty()) die(EX_OSERR, "cannot listen: " + errors);
  return listeners;
}

// How many descriptors a smtpd-proxy gets; a warning when the machine permits fewer than the limit of sessions needs.
std::uint32_t proxy_descriptors(const config::Configuration& configuration, std::uint16_t slots,
                                std::vector<std::string>& warnings) {
  const std::size_t listeners = configuration.listens.size() * slots;
  const std::uint64_t permitted = descriptor_limit();
  const std::uint32_t wanted = descriptors_for_sessions(configuration.limits.sessions, listeners);
  if (wanted > 0 && wanted <= permitted) return wanted;
  if (wanted > 0) {
    warnings.push_back("warning: limits sessions: the machine permits " + std::to_string(permitted) +
                       " open files a process, which is " + std::to_string(sessions_for_descriptors(permitted, listeners)) +
                       " sessions in each smtpd-proxy");
    std::fprintf(stderr, "%s\n", warnings.back().c_str());
  }
  return static_cast<std::uint32_t>(permitted);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && argv[1] == kConfigReaderOption) return run_config_reader(argv[2], argv[3]);
  const Options options = parse_options(argc, argv);
  value_or_die(limit_privileges(), EX_OSERR);
  if (!options.is_check && ::geteuid() != 0) die(EX_NOPERM, "must be started by root; -n checks the configuration without");

  const bool needs_users = ::geteuid() == 0;
  Users users = needs_users ? value_or_die(find_users(), EX_CONFIG) : Users{};
  Master::Settings settings{options.file, options.is_foreground, loader_settings(users), {}, 0, {}};
  auto first = std::make_shared<Generation>(load(options, settings.loader, settings.warnings));
  if (options.is_check) return EX_OK;

  const config::Configuration& configuration = first->configuration();
  auto site = Site::open(std::move(users), configuration, options.programs);
  if (!site) die(site.error().code, site.error().text);
  settings.counts = worker_counts(configuration);
  const std::uint16_t slots = settings.counts.back();
  settings.proxy_descriptors = proxy_descriptors(configuration, slots, settings.warnings);
  Listeners listeners = open_listeners(configuration, slots);

  const Daemon daemon = Daemon::begin(options.is_foreground);
  Master master(site.value(), std::move(settings), std::move(listeners), std::move(first), daemon);
  return master.run();
}
