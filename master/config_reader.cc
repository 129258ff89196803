#include "master/config_reader.h"

#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>

#include "base/address_parser.h"
#include "config.h"
#include "config/mapped_list.h"
#include "config/reader.h"
#include "config/settings.h"
#include "ipc/channel.h"
#include "sandbox/privileges.h"

namespace caronte::master {

namespace {

constexpr int kChannel = 3;
constexpr std::size_t kMaxResolvConfBytes = 64 * 1024;

int die(int code, std::string_view text) {
  const std::string line = "caronted: config-reader: " + std::string(text) + "\n";
  (void)!::write(STDERR_FILENO, line.data(), line.size());
  return code;
}

// No reading of a sane configuration comes near these.
base::Status bound_resources() {
#ifndef CARONTE_SANITIZERS  // whose shadow memory is larger than any bound
  const rlimit memory{std::size_t{1} << 30U, std::size_t{1} << 30U};
  if (::setrlimit(RLIMIT_AS, &memory) != 0) return base::system_error(errno, "RLIMIT_AS");
#endif
  const rlimit seconds{20, 20};
  if (::setrlimit(RLIMIT_CPU, &seconds) != 0) return base::system_error(errno, "RLIMIT_CPU");
  return base::Done{};
}

base::Status drop_rights(std::uint32_t uid, std::uint32_t gid) {
  if (auto status = bound_resources(); !status) return status;
  if (::geteuid() == 0) {
    sandbox::Privileges privileges;
    privileges.uid = uid;
    privileges.gid = gid;
    // A folder in which nobody can make anything, there without anybody's care; and nothing here opens paths anyway.
    privileges.folder_path = "/proc/self/fdinfo";
    privileges.descriptors = 64;
    privileges.may_write_files = true;  // the limit counts sealed memory too
    if (auto status = sandbox::drop_privileges(privileges); !status) return status;
  }
  const sandbox::Policy policy = config_reader_policy();
  return sandbox::enter({&policy, -1});
}

// At most `maximum` octets; more is an error (EFBIG).
base::Result<std::string> read_all(int descriptor, std::size_t maximum) {
  std::string text;
  std::array<char, 64 * 1024> block{};
  while (true) {
    const ssize_t got = ::read(descriptor, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::system_error(errno, "read");
    if (got == 0) return text;
    if (static_cast<std::size_t>(got) > maximum - text.size()) return base::Error{EFBIG, "too large"};
    text.append(block.data(), static_cast<std::size_t>(got));
  }
}

std::string describe_missing(int error) {
  switch (error) {
    case EXDEV: return "it leads out of the folder of the configuration file";
    case EPERM: return "everybody may write to it (chmod o-w)";
    case EISDIR:
    case EINVAL: return "not a regular file";
    default: return base::system_error(error, "open").text;
  }
}

// Asks master for the lists, one by one.
class RemoteLists final : public config::ListSource {
 public:
  explicit RemoteLists(ipc::BlockingReader& messages) noexcept : messages_(messages) {}

  base::Result<std::string> read(std::string_view path) override {
    if (auto sent = ipc::send_blocking(kChannel, ipc::OpenList{++request_, path}); !sent) return sent.error();
    auto incoming = messages_.next();
    if (!incoming) return incoming.error();
    const ipc::Incoming& answer = incoming.value();
    ipc::ListOpened opened;
    ipc::ListMissing missing;
    if (answer.type == opened.kType && ipc::decode(answer.body, opened) && opened.request == request_) {
      return read_all(answer.descriptor.get(), config::kMaxListBytes);
    }
    if (answer.type == missing.kType && ipc::decode(answer.body, missing) && missing.request == request_) {
      return base::Error{missing.error, describe_missing(missing.error)};
    }
    return base::Error{EPROTO, "no answer to this request"};
  }

 private:
  ipc::BlockingReader& messages_;
  std::uint32_t request_ = 0;
};

struct Request {
  config::Surroundings surroundings;
  std::string xml;
};

// Everything up to ParseBegin.
base::Result<Request> receive_request(ipc::BlockingReader& messages, std::string host_name) {
  Request request;
  request.surroundings.host_name = std::move(host_name);
  while (true) {
    auto next = messages.next();
    if (!next) return next.error();
    const ipc::Incoming& incoming = next.value();
    ipc::ParseRequest parse;
    if (incoming.type == ipc::MessageType::ParseBegin) return request;
    if (incoming.type == ipc::MessageType::SystemResolvers) {
      auto text = read_all(incoming.descriptor.get(), kMaxResolvConfBytes);
      if (text) request.surroundings.resolv_conf = std::move(text).value();
    } else if (incoming.type == parse.kType && ipc::decode(incoming.body, parse)) {
      request.surroundings.file = parse.name.str();
      request.surroundings.folder = parse.folder.str();
      // One octet more than is allowed tells the reader that the file is too large.
      auto text = read_all(incoming.descriptor.get(), config::kMaxXmlBytes);
      if (!text && text.error().code != EFBIG) return text.error();
      request.xml = text ? std::move(text).value() : std::string(config::kMaxXmlBytes + 1, ' ');
    } else {
      return base::Error{EPROTO, "unexpected message of caronted"};
    }
  }
}

// The host names of a list as a table; empty: it has none.
std::string encoded(const config::ParsedList& list) {
  if (list.names.empty()) return {};
  std::vector<config::Name> names;
  for (const config::ListName& name : list.names) names.push_back({name.text, name.line});
  const auto count = static_cast<std::uint32_t>(names.size());
  return config::encode_names(std::move(names), count);
}

base::Status send_results(const config::ReadResult& result) {
  for (unsigned i = 0; i < static_cast<unsigned>(ipc::Role::kCount); ++i) {
    const auto role = static_cast<ipc::Role>(i);
    if ((ipc::mask_of(role) & (ipc::kMaster | ipc::kWorkers)) == 0) continue;
    auto memory = config::encode_configuration(config::part_for(role, result.configuration));
    if (!memory) return memory.error();
    if (auto sent = ipc::send_blocking(kChannel, ipc::ConfigurationResult{role}, memory.value().get()); !sent) return sent;
  }
  for (const config::ReadList& list : result.lists) {
    auto memory = config::seal_list(list.content.tree, list.content.entries, encoded(list.content));
    if (!memory) return memory.error();
    const ipc::ListResult message{static_cast<std::uint16_t>(list.id), list.receivers, list.path};
    if (auto sent = ipc::send_blocking(kChannel, message, memory.value().get()); !sent) return sent;
  }
  if (result.recipients.empty()) return base::Done{};
  std::vector<config::JoinedTable> tables;
  ipc::ListResult message{ipc::kRecipientLists, 0, result.recipients.front().path};
  for (const config::ReadRecipients& list : result.recipients) {
    tables.push_back({static_cast<std::uint32_t>(list.domain), list.content.table});
    message.receivers |= list.receivers;
  }
  auto memory = config::seal_bytes("caronte-recipients", config::join_tables(tables));
  if (!memory) return memory.error();
  if (auto sent = ipc::send_blocking(kChannel, message, memory.value().get()); !sent) return sent;
  return base::Done{};
}

base::Status serve(std::string host_name) {
  ipc::BlockingReader messages(kChannel, ipc::Role::config_reader, ipc::Role::master);
  auto request = receive_request(messages, std::move(host_name));
  if (!request) return request.error();
  RemoteLists lists(messages);
  const config::ReadResult result = config::read_configuration(request.value().xml, request.value().surroundings, lists);
  for (const ipc::Diagnostic& diagnostic : result.diagnostics) {
    if (auto sent = ipc::send_blocking(kChannel, diagnostic); !sent) return sent;
  }
  if (result.is_ok) {
    if (auto sent = send_results(result); !sent) return sent;
  }
  return ipc::send_blocking(kChannel, ipc::ParseDone{result.is_ok});
}

std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace

int run_config_reader(std::string_view uid, std::string_view gid) {
  const auto uid_number = base::parse_number(uid, 0xFFFF'FFFE);
  const auto gid_number = base::parse_number(gid, 0xFFFF'FFFE);
  if (!uid_number || !gid_number) return die(EX_USAGE, "started by caronted only");
  std::string host_name = machine_name();
  if (auto status = drop_rights(static_cast<std::uint32_t>(*uid_number), static_cast<std::uint32_t>(*gid_number)); !status) {
    return die(EX_OSERR, status.error().text);
  }
  if (auto status = serve(std::move(host_name)); !status) return die(EX_SOFTWARE, status.error().text);
  return EX_OK;
}

}  // namespace caronte::master
