// Runs the corpora and the inputs that once failed through the fuzz targets, without any fuzzing engine.
//   replay            every file beneath corpus/TARGET and regress/TARGET of the source folder
//   replay TARGET FILE...
// Last line: `N passed, N failed`, a target counting one. Exit 0: none failed.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace {

using caronte::fuzz::Target;
using Paths = std::vector<std::string>;

constexpr unsigned kSecondsForOneInput = 20;  // sanitizers and loaded machines included
constexpr unsigned kSecondsForAll = 600;
const char* present = "";

// Names the input that did not return.
void on_end(int signal) {
  const std::string_view path(present);
  (void)!::write(STDOUT_FILENO, path.data(), path.size());
  (void)!::write(STDOUT_FILENO, "\n", 1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Target& target, const Paths& paths) {
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(file), {}};
    present = path.c_str();
    ::alarm(kSecondsForOneInput);
    target.run(std::string_view(input).substr(0, target.max_bytes));
    ::alarm(0);
  }
}

// In a process of its own: a crash of one target leaves the others their turn.
bool is_passed(const Target& target, const Paths& paths) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int signal : {SIGABRT, SIGSEGV, SIGILL, SIGBUS, SIGFPE, SIGTRAP, SIGALRM, SIGSYS}) std::signal(signal, on_end);
    run(target, paths);
    std::fflush(nullptr);
    // Leaks of what every input shares are none; those of single inputs are libFuzzer's to find.
    ::_exit(0);
  }
  int status = 1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

Paths files_of(const Target& target) {
  Paths paths;
  for (const char* kind : {"corpus", "regress"}) {
    const auto folder = std::filesystem::path(CARONTE_FUZZ_SOURCES) / kind / target.name;
    if (!std::filesystem::is_directory(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    const Target* target = caronte::fuzz::find_target(argv[1]);
    if (target == nullptr) return 64;
    run(*target, Paths(argv + 2, argv + argc));
    return 0;
  }
  ::alarm(kSecondsForAll);
  unsigned passed = 0;
  unsigned failed = 0;
  for (const Target& target : caronte::fuzz::all_targets()) {
    const Paths paths = files_of(target);
    const bool is_good = !paths.empty() && is_passed(target, paths);
    ++(is_good ? passed : failed);
    std::printf("%-16s %zu inputs%s\n", std::string(target.name).c_str(), paths.size(), is_good ? "" : " FAILED");
    std::fflush(stdout);
  }
  std::printf("%u passed, %u failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
