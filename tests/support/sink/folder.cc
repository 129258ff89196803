#include "folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/address_parser.h"

namespace caronte::sink {

namespace {

void append_string(std::string& out, std::string_view name, std::string_view value) {
  out.append("\"").append(name).append("\": \"");
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

base::Status write_all(int fd, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t count = ::write(fd, octets.data(), octets.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::system_error(errno, "write");
    octets.remove_prefix(static_cast<std::size_t>(count));
  }
  return base::Done{};
}

void announce(const std::string& name, const Envelope& envelope) {
  std::printf("%s from <%s> to", name.c_str(), envelope.sender.c_str());
  for (const Recipient& recipient : envelope.recipients) std::printf(" <%s>", recipient.address.c_str());
  std::printf(", %llu octets\n", static_cast<unsigned long long>(envelope.size));
  std::fflush(stdout);
}

base::Result<base::Fd> create(int folder, const std::string& name) {
  base::Fd file(::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file) return base::system_error(errno, name);
  return file;
}

}  // namespace

std::string envelope_json(const Envelope& envelope) {
  std::string out = "{\n  ";
  append_string(out, "client", envelope.client);
  append_string(out.append(",\n  "), "protocol", envelope.protocol);
  append_string(out.append(",\n  "), "helo", envelope.helo);
  append_string(out.append(",\n  "), "sender", envelope.sender);
  append_string(out.append(",\n  "), "sender_parameters", envelope.sender_parameters);
  out.append(",\n  \"recipients\": [");
  for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
    append_string(out.append(i == 0 ? "\n    {" : ",\n    {"), "address", envelope.recipients[i].address);
    append_string(out.append(", "), "parameters", envelope.recipients[i].parameters);
    out += '}';
  }
  out.append("],\n  \"size\": ").append(std::to_string(envelope.size));
  out.append(",\n  \"bare_line_ends\": ").append(std::to_string(envelope.bare_line_ends));
  return out.append("\n}\n");
}

base::Result<Folder> Folder::open(const std::string& path, bool sync) {
  Folder folder;
  folder.sync_ = sync;
  folder.fd_.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.fd_) return base::system_error(errno, path);
  DIR* const list = ::opendir(path.c_str());
  if (list == nullptr) return base::system_error(errno, path);
  while (const dirent* const entry = ::readdir(list)) {
    const std::string_view name = entry->d_name;
    if (!name.ends_with(".eml")) continue;
    const std::uint32_t number = static_cast<std::uint32_t>(std::strtoul(entry->d_name, nullptr, 10));
    folder.last_number_ = std::max(folder.last_number_, number);
  }
  ::closedir(list);
  return folder;
}

base::Status FolderStorage::begin() {
  part_ = "part-" + std::to_string(folder_.next_part());
  base::Result<base::Fd> file = create(folder_.descriptor(), part_);
  if (!file) return file.error();
  file_ = std::move(file).value();
  return base::Done{};
}

base::Status FolderStorage::append(std::string_view octets) {
  return write_all(file_.get(), octets);
}

base::Result<std::string> FolderStorage::commit(const Envelope& envelope) {
  std::array<char, 16> digits{};
  std::snprintf(digits.data(), digits.size(), "%03u", folder_.next_number());
  const std::string name = digits.data();
  if (folder_.is_synced() && ::fsync(file_.get()) != 0) {
    abandon();
    return base::system_error(errno, "fsync");
  }
  file_.reset();
  if (::renameat(folder_.descriptor(), part_.c_str(), folder_.descriptor(), (name + ".eml").c_str()) != 0) {
    abandon();
    return base::system_error(errno, "rename");
  }
  if (const base::Status status = write_envelope(name, envelope); !status) {
    ::unlinkat(folder_.descriptor(), (name + ".eml").c_str(), 0);
    abandon();
    return status.error();
  }
  announce(name, envelope);
  return name;
}

base::Status FolderStorage::write_envelope(const std::string& name, const Envelope& envelope) {
  base::Result<base::Fd> file = create(folder_.descriptor(), part_);
  if (!file) return file.error();
  if (base::Status status = write_all(file.value().get(), envelope_json(envelope)); !status) return status;
  if (folder_.is_synced() && ::fsync(file.value().get()) != 0) return base::system_error(errno, "fsync");
  if (::renameat(folder_.descriptor(), part_.c_str(), folder_.descriptor(), (name + ".json").c_str()) != 0) {
    return base::system_error(errno, "rename");
  }
  if (folder_.is_synced() && ::fsync(folder_.descriptor()) != 0) return base::system_error(errno, "fsync");
  return base::Done{};
}

void FolderStorage::abandon() noexcept {
  if (part_.empty()) return;
  file_.reset();
  ::unlinkat(folder_.descriptor(), part_.c_str(), 0);
}

}  // namespace caronte::sink
