// carontectl: the administrator's tool. It asks the running gateway over its control sockets, and reads the log; it holds no
// privilege of its own. See carontectl(8).
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "carontectl/control_client.h"
#include "carontectl/hell_command.h"
#include "carontectl/list_command.h"
#include "carontectl/log_command.h"
#include "carontectl/settings.h"
#include "carontectl/status.h"
#include "config.h"

namespace {

using namespace caronte;

struct Options {
  std::optional<std::string> file;
  std::optional<std::string> run_folder;
  std::optional<std::string> log_folder;
};

int usage() {
  std::fputs(
      "usage: carontectl [-f FILE] [-r RUNFOLDER] [-L LOGFOLDER] status [-p] | reload | stop\n"
      "       carontectl [-f FILE] [-L LOGFOLDER] log [-af] [-n COUNT] [--xml] [--address ADDRESS] [--sender TEXT]\n"
      "                  [--recipient TEXT] [--exact] [--outcome NAME] [--reference TEXT] [--since TIME] [--until TIME] "
      "[REFERENCE]\n"
      "       carontectl [-f FILE] [-r RUNFOLDER] hell list | export | clear | import FILE\n"
      "       carontectl [-f FILE] [-r RUNFOLDER] hell add ADDRESS ... [-t TIME] [-r REASON] | hell remove ADDRESS ...\n"
      "       carontectl [-f FILE] [-r RUNFOLDER] list NAME show | add ENTRY ... | remove ENTRY ... | move ENTRY up|down|to PLACE\n"
      "       carontectl -V\n",
      stderr);
  return EX_USAGE;
}

// nullopt: a file that was named cannot be read.
std::optional<carontectl::Settings> find_settings(const Options& options) {
  carontectl::Settings settings;
  const bool needs_file = !options.run_folder || !options.log_folder;
  if (options.file || needs_file) {
    auto read = carontectl::read_settings(options.file.value_or(CARONTE_SYSCONFDIR "/caronte.xml"));
    if (read) {
      settings = std::move(read).value();
    } else if (options.file) {
      std::fprintf(stderr, "carontectl: %s\n", read.error().text.c_str());
      return std::nullopt;
    }
  }
  if (options.run_folder) settings.run_folder = *options.run_folder;
  if (options.log_folder) settings.log_folder = *options.log_folder;
  return settings;
}

int run_status(int argc, char** argv, const std::string& run_folder) {
  const bool is_plain = argc == 2 && std::string_view(argv[1]) == "-p";
  return argc == 1 || is_plain ? carontectl::status(run_folder, is_plain) : usage();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  int option = 0;
  while ((option = ::getopt(argc, argv, "+f:r:L:V")) != -1) {
    switch (option) {
      case 'f': options.file = optarg; break;
      case 'r': options.run_folder = optarg; break;
      case 'L': options.log_folder = optarg; break;
      case 'V': std::puts("carontectl " PACKAGE_VERSION); return EX_OK;
      default: return usage();
    }
  }
  if (optind == argc) return usage();
  const std::string_view command = argv[optind];
  constexpr std::array<std::string_view, 6> kCommands{"status", "reload", "stop", "log", "hell", "list"};
  if (std::find(kCommands.begin(), kCommands.end(), command) == kCommands.end()) return usage();
  const auto settings = find_settings(options);
  if (!settings) return EX_NOINPUT;
  const int count = argc - optind;
  char** words = argv + optind;
  if (command == "log") return carontectl::run_log(count, words, settings->log_folder);
  if (command == "hell") return carontectl::run_hell(count, words, settings->run_folder);
  if (command == "list") return carontectl::run_list(count, words, settings->run_folder);
  if (command == "status") return run_status(count, words, settings->run_folder);
  if (count != 1) return usage();
  return command == "reload" ? carontectl::reload(settings->run_folder) : carontectl::stop(settings->run_folder);
}
