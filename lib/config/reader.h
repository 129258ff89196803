// caronte.xml to the typed configuration, by the settings table. Runs in config-reader only; the file and the lists are
// bytes here, whoever opened them. Nothing is guessed: every error is collected (up to kMaxDiagnostics) and names file,
// line, element, attribute and what is allowed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/configuration.h"
#include "config/list_parser.h"
#include "config/recipients_parser.h"
#include "ipc/schema.h"

namespace caronte::config {

inline constexpr std::size_t kMaxXmlBytes = 1024 * 1024;
inline constexpr std::size_t kMaxListBytes = 64 * 1024 * 1024;
inline constexpr std::size_t kMaxDiagnostics = 40;

// Where the lists come from.
class ListSource {
 public:
  virtual ~ListSource() = default;
  // The content of a file beneath the folder of the configuration file, at most kMaxListBytes; the path is checked already.
  [[nodiscard]] virtual base::Result<std::string> read(std::string_view path) = 0;
};

// What the reader is told of its surroundings.
struct Surroundings {
  std::string file;       // as given to caronted, for messages
  std::string folder;     // absolute, of the configuration file
  std::string host_name;  // of the machine
  std::optional<std::string> resolv_conf;
};

struct ReadList {
  ListId id = ListId::kCount;
  ipc::RoleMask receivers = 0;
  std::string path;  // beneath the folder of the configuration file
  ParsedList content;
};

struct ReadRecipients {
  std::size_t domain = 0;  // place in Configuration::domains
  ipc::RoleMask receivers = 0;
  std::string path;
  ParsedRecipients content;
};

struct ReadResult {
  bool is_ok = false;  // no error among the diagnostics
  Configuration configuration;
  std::vector<ReadList> lists;
  std::vector<ReadRecipients> recipients;
  std::vector<ipc::Diagnostic> diagnostics;
};

[[nodiscard]] ReadResult read_configuration(std::string_view xml, const Surroundings& surroundings, ListSource& lists);

}  // namespace caronte::config
