#include "options.h"

#include <array>
#include <optional>
#include <string_view>

#include "base/address_parser.h"

namespace caronte::sink {

const char* const kUsage =
    "usage: caronte-sink --listen ADDRESS:PORT --folder FOLDER [options]\n"
    "  An SMTP server that keeps each message in FOLDER: NNN.eml byte for byte, NNN.json its envelope.\n"
    "  --listen ADDRESS:PORT          [ADDRESS]:PORT for IPv6; several are taken; port 0: any, printed\n"
    "  --folder FOLDER                must exist\n"
    "  --user NAME                    run as this user (root only)\n"
    "  --name HOST                    own host name [sink.example]\n"
    "  --no-pipelining --no-size --no-8bitmime --no-smtputf8 --no-dsn --no-enhancedstatuscodes --no-ehlo\n"
    "  --size-limit OCTETS            [67108864]\n"
    "  --recipient-limit COUNT        [1000]\n"
    "  --idle-timeout SECONDS         [300]\n"
    "  --no-sync                      do not wait for the disk before the 250\n"
    "  --reject-sender ADDRESS=REPLY  reply to MAIL with this address, such as a@b='550 5.7.1 No'\n"
    "  --reject-recipient ADDRESS=REPLY\n"
    "  --reject-data REPLY            instead of 354\n"
    "  --reject-message REPLY         behind the dot; the message is not kept\n";

namespace {

std::optional<base::Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const auto address = base::parse_address(host);
  const auto port = base::parse_number(text.substr(colon + 1), 65535);
  if (!address || !port) return std::nullopt;
  return base::Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

bool is_reply(std::string_view text) {
  if (text.size() < 4 || text[3] != ' ' || text.find_first_of("\r\n") != std::string_view::npos) return false;
  return base::parse_number(text.substr(0, 3), 599).value_or(0) >= 200;
}

bool add_rejection(std::map<std::string, std::string>& table, std::string_view value) {
  // The reply may hold '=' too: an address ends at the first one that a reply follows.
  for (std::size_t i = value.find('='); i != std::string_view::npos; i = value.find('=', i + 1)) {
    if (!is_reply(value.substr(i + 1))) continue;
    table.emplace(value.substr(0, i), value.substr(i + 1));
    return true;
  }
  return false;
}

struct Switch {
  std::string_view name;
  bool Options::*member;
};
constexpr std::array kSwitches = {
    Switch{"--no-pipelining", &Options::pipelining},
    Switch{"--no-size", &Options::size},
    Switch{"--no-8bitmime", &Options::eight_bit_mime},
    Switch{"--no-smtputf8", &Options::smtputf8},
    Switch{"--no-dsn", &Options::dsn},
    Switch{"--no-enhancedstatuscodes", &Options::enhanced_status_codes},
    Switch{"--no-ehlo", &Options::ehlo},
    Switch{"--no-sync", &Options::sync},
};

bool take_switch(Options& options, std::string_view name) {
  for (const Switch& row : kSwitches) {
    if (row.name != name) continue;
    options.*row.member = false;
    return true;
  }
  return false;
}

template <class Number>
bool take_number(Number& out, std::string_view value, std::uint64_t maximum) {
  const auto number = base::parse_number(value, maximum);
  if (number) out = Number(*number);
  return number.has_value();
}

bool take_value(Options& options, std::string_view name, std::string_view value) {
  if (name == "--listen") {
    const auto endpoint = parse_endpoint(value);
    if (endpoint) options.listens.push_back(*endpoint);
    return endpoint.has_value();
  }
  if (name == "--size-limit") return take_number(options.size_limit, value, 1ULL << 40U);
  if (name == "--recipient-limit") return take_number(options.recipient_limit, value, 1000000);
  if (name == "--idle-timeout") return take_number(options.idle_timeout, value, 86400);
  if (name == "--reject-sender") return add_rejection(options.rejected_senders, value);
  if (name == "--reject-recipient") return add_rejection(options.rejected_recipients, value);
  std::string* const text = name == "--folder"           ? &options.folder
                            : name == "--user"           ? &options.user
                            : name == "--name"           ? &options.name
                            : name == "--reject-data"    ? &options.data_reply
                            : name == "--reject-message" ? &options.message_reply
                                                         : nullptr;
  if (text == nullptr || value.empty() || (name.starts_with("--reject-") && !is_reply(value))) return false;
  *text = value;
  return true;
}

}  // namespace

base::Result<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help") return base::Error{0, "help"};
    if (take_switch(options, name)) continue;
    if (i + 1 == argc) return base::Error{0, std::string(name) + ": unknown, or its value is missing"};
    const std::string_view value = argv[++i];
    if (!take_value(options, name, value)) return base::Error{0, std::string(name) + " " + std::string(value) + ": not understood"};
  }
  if (options.listens.empty()) return base::Error{0, "--listen ADDRESS:PORT is missing"};
  if (options.folder.empty()) return base::Error{0, "--folder FOLDER is missing"};
  return options;
}

}  // namespace caronte::sink
