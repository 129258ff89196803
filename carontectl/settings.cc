#include "carontectl/settings.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/fd.h"
#include "wrap/xml.h"

namespace caronte::carontectl {

namespace {

constexpr std::size_t kMaxConfigurationBytes = 16 * 1024 * 1024;

// Paths of the configuration are absolute or beneath its folder.
std::string resolved(const std::string& file, std::string_view path) {
  const std::size_t slash = file.rfind('/');
  if (path.starts_with('/') || slash == std::string::npos) return std::string(path);
  return file.substr(0, slash + 1) + std::string(path);
}

}  // namespace

base::Result<std::string> read_file(const std::string& file, std::size_t max_bytes) {
  const base::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return base::system_error(errno, file);
  std::string text;
  std::array<char, 65536> piece{};
  while (true) {
    const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::system_error(errno, file);
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > max_bytes) return base::system_error(EFBIG, file);
  }
}

base::Result<Settings> read_settings(const std::string& file) {
  const auto text = read_file(file, kMaxConfigurationBytes);
  if (!text) return text.error();
  wrap::XmlDocument document;
  if (!document.parse(text.value())) {
    return base::Error{0, file + ":" + std::to_string(document.problem().line) + ": " + document.problem().text};
  }
  Settings settings;
  for (const wrap::XmlElement& element : document.root().children()) {
    for (const wrap::XmlAttribute& attribute : element.attributes()) {
      if (element.name() == "server" && attribute.name == "run") settings.run_folder = resolved(file, attribute.value);
      if (element.name() == "log" && attribute.name == "folder") settings.log_folder = resolved(file, attribute.value);
    }
  }
  return settings;
}

}  // namespace caronte::carontectl
