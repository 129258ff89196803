#include "master/options.h"

#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "config.h"

namespace caronte::master {

namespace {

constexpr const char* kUsage = "usage: caronted [-FnV] [-f file] [-l folder]\n";

#ifdef CARONTE_WITHOUT_SANDBOX
constexpr const char* kVersion = "caronted " PACKAGE_VERSION " (built WITHOUT sandbox)\n";
#else
constexpr const char* kVersion = "caronted " PACKAGE_VERSION "\n";
#endif

// A daemon leaves its working folder, and reads the file again at every reload.
std::string absolute(const char* path) {
  std::array<char, PATH_MAX> here{};
  if (*path == '/' || ::getcwd(here.data(), here.size()) == nullptr) return path;
  return std::string(here.data()) + '/' + path;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options{false, false, CARONTE_SYSCONFDIR "/caronte.xml", CARONTE_LIBEXECDIR};
  for (int letter = 0; (letter = ::getopt(argc, argv, "Fnf:l:V")) != -1;) {
    switch (letter) {
      case 'F': options.is_foreground = true; break;
      case 'n': options.is_check = true; break;
      case 'f': options.file = absolute(optarg); break;
      case 'l': options.programs = absolute(optarg); break;
      case 'V': std::fputs(kVersion, stdout); std::exit(std::fflush(stdout) == 0 ? EX_OK : EX_IOERR);
      default: std::fputs(kUsage, stderr); std::exit(EX_USAGE);
    }
  }
  if (optind != argc) {
    std::fputs(kUsage, stderr);
    std::exit(EX_USAGE);
  }
  return options;
}

}  // namespace caronte::master
