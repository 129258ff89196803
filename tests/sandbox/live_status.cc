#include "tests/sandbox/live_status.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace caronte::tests {

namespace {

std::string slurp(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// "Name:\tvalue" lines, blanks of the value made single.
std::map<std::string, std::string> status_of(const std::string& process) {
  std::map<std::string, std::string> fields;
  std::istringstream lines(slurp(process + "/status"));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::istringstream words(line.substr(colon + 1));
    std::string value;
    for (std::string word; words >> word;) value += (value.empty() ? "" : " ") + word;
    fields[line.substr(0, colon)] = value;
  }
  return fields;
}

bool has_limit(const std::string& limits, const std::string& name, const std::string& value) {
  const std::size_t start = limits.find(name);
  if (start == std::string::npos) return false;
  std::istringstream words(limits.substr(start + name.size()));
  std::string soft;
  std::string hard;
  return words >> soft >> hard && soft == value && hard == value;
}

bool is_expected(const Subject& subject, int descriptor, const std::string& target) {
  if (descriptor <= 2) return true;  // /dev/null twice, and stderr wherever the test has it
  // The pipe is libevent's own.
  for (const char* start : {"socket:[", "anon_inode:[eventpoll]", "pipe:[", "/memfd:caronte"}) {
    if (target.starts_with(start)) return true;
  }
  return (subject.role() == ipc::Role::logd && target.starts_with(subject.grounds().log_folder())) ||
         (subject.role() == ipc::Role::policyd && target.starts_with(subject.grounds().state_folder()));
}

}  // namespace

void check_live_status(Tally& tally, const Subject& subject) {
  const std::string name(ipc::name_of(subject.role()));
  const std::string process = "/proc/" + std::to_string(subject.pid());
  const bool is_logd = subject.role() == ipc::Role::logd;
  const bool is_policyd = subject.role() == ipc::Role::policyd;
  const bool has_files = is_logd || is_policyd;

  const std::string uid = std::to_string(Subject::kUid);
  const std::string gid = std::to_string(Subject::kGid);
  const std::string none(16, '0');
  const std::map<std::string, std::string> expected{{"Uid", uid + " " + uid + " " + uid + " " + uid},
                                                    {"Gid", gid + " " + gid + " " + gid + " " + gid},
                                                    {"Groups", ""},
                                                    {"CapInh", none},
                                                    {"CapPrm", none},
                                                    {"CapEff", none},
                                                    {"CapBnd", none},
                                                    {"CapAmb", none},
                                                    {"Seccomp", "2"},
                                                    {"NoNewPrivs", "1"},
                                                    {"Umask", has_files ? "0027" : "0077"},
                                                    {"Threads", is_policyd ? "2" : "1"}};
  const auto status = status_of(process);
  for (const auto& [field, value] : expected) {
    const auto found = status.find(field);
    const std::string is = found == status.end() ? "missing" : found->second;
    tally.check(is == value, name + ": " + field + " is " + is + ", not " + value);
  }

  std::error_code error;
  const std::string root = is_logd      ? subject.grounds().log_folder()
                           : is_policyd ? subject.grounds().state_folder()
                                        : subject.grounds().empty_folder();
  for (const char* link : {"/root", "/cwd"}) {
    const std::string is = std::filesystem::read_symlink(process + link, error).string();
    tally.check(is == root, name + ": " + link + " is " + is);
  }
  tally.check(has_files || std::filesystem::is_empty(root, error), name + ": its root is not empty");

  const std::string limits = slurp(process + "/limits");
  tally.check(has_limit(limits, "Max core file size", "0"), name + ": core files are possible");
  tally.check(has_limit(limits, "Max processes", is_policyd ? "4" : "0"), name + ": further processes are possible");
  tally.check(has_files || has_limit(limits, "Max file size", "0"), name + ": files may grow");
  tally.check(has_limit(limits, "Max open files", "256"), name + ": limit of descriptors");

  std::istringstream maps(slurp(process + "/maps"));
  std::string writable_code;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(" rwx") != std::string::npos) writable_code = line;
  }
  tally.check(writable_code.empty(), name + ": " + writable_code);

  struct stat owner {};
  const bool is_hidden = ::stat((process + "/maps").c_str(), &owner) == 0 && owner.st_uid == 0;
  tally.check(is_hidden, name + ": dumpable");
  tally.check(slurp(process + "/environ").empty(), name + ": has an environment");

  for (const auto& [descriptor, target] : subject.descriptors()) {
    tally.check(is_expected(subject, descriptor, target), name + ": descriptor " + std::to_string(descriptor) + " is " + target);
  }
}

}  // namespace caronte::tests
