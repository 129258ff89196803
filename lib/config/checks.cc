#include "config/checks.h"

#include <algorithm>
#include <iterator>

#include "base/address_parser.h"
#include "config/settings.h"

namespace caronte::config {

namespace {

using base::Address;

std::uint32_t line_of(const Configuration& configuration, std::string_view element, std::string_view attribute) {
  const Setting* setting = find_setting(element, attribute);
  const auto index = static_cast<std::size_t>(setting - settings().data());
  return setting != nullptr && index < configuration.setting_lines.size() ? configuration.setting_lines[index] : 0;
}

bool covers_everything(const Range& range) noexcept {
  const bool all_v4 = range.first == Address::v4(0, 0, 0, 0) && range.last == Address::v4(255, 255, 255, 255);
  return all_v4 || (range.first == Address{} && !range.last.next());
}

// A connection to the server would arrive at the listener.
bool is_loop(const base::Endpoint& server, const base::Endpoint& listener) noexcept {
  if (server.port != listener.port) return false;
  if (server.address == listener.address) return true;
  return listener.address.is_unspecified() && server.address.is_loopback() && server.address.is_v4() == listener.address.is_v4();
}

void check_listeners(const Configuration& configuration, Findings& findings) {
  if (configuration.listens.size() > kMaxListeners) {
    findings.error(configuration.listens[kMaxListeners].line, "listen",
                   "is there too often; allowed: " + std::to_string(kMaxListeners) + " times");
  }
  for (auto listen = configuration.listens.begin(); listen != configuration.listens.end(); ++listen) {
    const bool is_double =
        std::any_of(configuration.listens.begin(), listen, [&](const Listen& other) { return other.endpoint == listen->endpoint; });
    if (is_double) findings.error(listen->line, "listen", listen->endpoint.text() + " is there twice");
    if (std::any_of(listen->proxy_protocol.begin(), listen->proxy_protocol.end(), covers_everything)) {
      findings.warn(listen->line, "listen proxy-protocol",
                    "everybody may claim to be any address here, a relay one too: name the load balancers alone");
    }
  }
}

void check_destination(const Configuration& configuration, Findings& findings) {
  for (const DestinationServer& server : configuration.destination.servers) {
    if (server.endpoint.address.is_unspecified()) {
      findings.error(server.line, "destination/server address", "must be the address of one host");
    }
    const bool is_own = std::any_of(configuration.listens.begin(), configuration.listens.end(),
                                    [&](const Listen& listen) { return is_loop(server.endpoint, listen.endpoint); });
    if (is_own) {
      findings.warn(server.line, "destination/server",
                    server.endpoint.text() + " is where the gateway itself listens: mail would go round in a loop");
    }
  }
  if (configuration.destination.end_timeout < std::chrono::minutes(1)) {
    findings.warn(line_of(configuration, "destination", "end-timeout"), "destination end-timeout",
                  "a server that needs longer for its reply has the message, and gets it again (RFC 5321 asks for 10m)");
  }
}

void check_domains(const Configuration& configuration, Findings& findings) {
  std::vector<std::pair<std::string_view, std::uint32_t>> names;
  for (const Domain& domain : configuration.domains) names.emplace_back(domain.name, domain.line);
  std::sort(names.begin(), names.end());
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (names[i].first != names[i - 1].first) continue;
    findings.error(names[i].second, "domains/domain name",
                   "this domain is in line " + std::to_string(names[i - 1].second) + " already");
  }
}

void check_limits(const Configuration& configuration, Findings& findings) {
  const Limits& limits = configuration.limits;
  const auto warn = [&](std::string_view attribute, std::string_view text) {
    findings.warn(line_of(configuration, "limits", attribute), "limits " + std::string(attribute), text);
  };
  if (limits.sessions == 0) warn("sessions", "without it clients can use up all memory and descriptors");
  if (limits.sessions_per_address == 0) warn("sessions-per-address", "without it one client can take all sessions");
  if (limits.client_timeout.count() == 0) warn("client-timeout", "without it silent clients keep their sessions for ever");
  if (limits.command_time.count() == 0) warn("command-time", "without it a client can drip a command for ever");
  if (limits.message_size == 0) warn("message-size", "without it only the destination bounds a message");
  if (limits.message_size != 0 && limits.message_size < 64U * 1024) {
    warn("message-size", "RFC 5321 asks for at least 64K");
  }
  if (configuration.recipients.maximum < 100) {
    findings.warn(line_of(configuration, "recipients", "maximum"), "recipients maximum", "RFC 5321 asks for at least 100");
  }
}

// A setting that names an action.
struct ActionSetting {
  std::string_view element;
  std::string_view attribute;
  Action action = Action::off;
  bool is_in_use = true;
};

std::vector<ActionSetting> actions_of(const Configuration& c) {
  return {{"rate", "action", c.rate.action, c.rate.messages != 0},
          {"recipients", "action", c.recipients.action, c.recipients.invalid != 0 || c.recipients.valid != 0},
          {"sender", "null", c.sender.null},
          {"sender", "local-unauthorised", c.sender.local_unauthorised},
          {"characters", "action", c.characters.action},
          {"backscatter", "action", c.backscatter.action, c.backscatter.messages != 0},
          {"tarpit", "early-talkers", c.tarpit.early_talkers, c.tarpit.is_present}};
}

void check_actions(const Configuration& configuration, Findings& findings) {
  for (const ActionSetting& setting : actions_of(configuration)) {
    const bool lacks_tarpit = setting.action == Action::tarpit && !configuration.tarpit.is_present;
    const bool lacks_hell = setting.action == Action::ban && !configuration.hell.is_present;
    if (!setting.is_in_use || (!lacks_tarpit && !lacks_hell)) continue;
    findings.warn(
        line_of(configuration, setting.element, setting.attribute),
        std::string(setting.element) + " " + std::string(setting.attribute),
        lacks_tarpit ? "without <tarpit> nobody is held: it acts as refuse" : "without <hell> nobody is banned: it acts as refuse");
  }
}

void check_policy(const Configuration& configuration, Findings& findings) {
  const auto warn = [&](std::string_view element, std::string_view attribute, std::string_view text) {
    findings.warn(line_of(configuration, element, attribute), std::string(element) + " " + std::string(attribute), text);
  };
  static constexpr auto kLongHold = std::chrono::minutes(5);
  if (configuration.server.observe) warn("server", "observe", "every check only logs: nothing is refused by policy");
  if (configuration.sender.null >= Action::refuse) {
    warn("sender", "null", "mail servers without bounces lose sight of lost mail (RFC 5321 requires that they are accepted)");
  }
  const Tarpit& tarpit = configuration.tarpit;
  if (tarpit.greeting > kLongHold) warn("tarpit", "greeting", "honest mail servers wait for 5m and give up (RFC 5321)");
  if (tarpit.delay > kLongHold) warn("tarpit", "delay", "honest mail servers wait for 5m and give up (RFC 5321)");
  const RepeatOffenders& repeat = configuration.repeat_offenders;
  if (repeat.offences == 0) return;
  if (repeat.tarpit.count() == 0 && !configuration.hell.is_present) {
    warn("repeat-offenders", "offences", "without <hell> nobody is banned");
  }
  if (repeat.tarpit.count() != 0 && !tarpit.is_present) {
    warn("repeat-offenders", "tarpit", "without <tarpit> nobody is held");
  }
  if (repeat.range4 < 24) warn("repeat-offenders", "range4", "bans large networks for what one address did");
  if (repeat.range6 < 48) warn("repeat-offenders", "range6", "bans large networks for what one address did");
}

void check_dns(const Configuration& configuration, Findings& findings) {
  const Dns& dns = configuration.dns;
  if (!dns.is_present || dns.cache_minimum <= dns.cache_maximum) return;
  findings.error(line_of(configuration, "dns", "cache-minimum"), "dns cache-minimum", "must not be longer than cache-maximum");
}

}  // namespace

void check_configuration(const Configuration& configuration, Findings& findings) {
  if (!base::is_host_name(configuration.server.name)) {
    findings.warn(line_of(configuration, "server", "name"), "server name",
                  "the machine has no full host name either; other servers distrust a gateway without one");
  }
  if (!configuration.server.trace) {
    findings.warn(line_of(configuration, "server", "trace"), "server trace",
                  "without a Received: header mail loops and forgeries are hard to find (RFC 5321 requires it)");
  }
  check_listeners(configuration, findings);
  check_destination(configuration, findings);
  check_domains(configuration, findings);
  check_limits(configuration, findings);
  check_actions(configuration, findings);
  check_policy(configuration, findings);
  check_dns(configuration, findings);
  if (!configuration.log.is_present) findings.warn(0, "log", "there is no <log>: nothing is recorded");
  if (configuration.log.is_present && configuration.log.level == ipc::LogLevel::none) {
    findings.warn(line_of(configuration, "log", "level"), "log level", "nothing is recorded");
  }
}

}  // namespace caronte::config
