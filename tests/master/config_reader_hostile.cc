// A config-reader that has been taken over: what it does wrong is the word that it finds in the configuration file.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "config/configuration.h"
#include "config/mapped_list.h"
#include "ipc/channel.h"

using namespace caronte;

namespace {

config::Configuration plausible() {
  config::Configuration c;
  c.server.state_folder = "/state";
  c.server.run_folder = "/run/x";
  c.listens.push_back({{base::Address::v4(127, 0, 0, 1), 25}, {}, 1});
  c.destination.servers.push_back({{base::Address::v4(127, 0, 0, 1), 225}, 1});
  return c;
}

void send_results(const config::Configuration& configuration, unsigned leave_out) {
  for (unsigned role = 0; role < static_cast<unsigned>(ipc::Role::control); ++role) {
    if (role == static_cast<unsigned>(ipc::Role::config_reader) || role == leave_out) continue;
    auto memory = config::encode_configuration(configuration);
    (void)ipc::send_blocking(3, ipc::ConfigurationResult{static_cast<ipc::Role>(role)}, memory.value().get());
  }
}

void done() {
  (void)ipc::send_blocking(3, ipc::ParseDone{true});
}

base::Fd unsealed(std::string_view bytes) {
  base::Fd memory(::memfd_create("x", MFD_CLOEXEC));
  (void)!::write(memory.get(), bytes.data(), bytes.size());
  return memory;
}

}  // namespace

int main() {
  ipc::BlockingReader messages(3, ipc::Role::config_reader, ipc::Role::master);
  std::array<char, 64> text{};
  while (true) {
    auto next = messages.next();
    if (!next) return 1;
    if (next.value().type == ipc::MessageType::ParseRequest)
      (void)!::read(next.value().descriptor.get(), text.data(), text.size() - 1);
    if (next.value().type == ipc::MessageType::ParseBegin) break;
  }
  const std::string act = text.data();
  config::Configuration c = plausible();
  const auto control = static_cast<unsigned>(ipc::Role::control);
  if (act == "good") {
    send_results(c, control);
    done();
  } else if (act == "die") {
    std::abort();
  } else if (act == "exit") {
    return 7;
  } else if (act == "hang") {
    ::pause();
  } else if (act == "hang after done") {
    send_results(c, control);
    done();
    ::pause();
  } else if (act == "foreign message") {
    (void)ipc::send_blocking(3, ipc::ReloadRequest{});
    ::pause();
  } else if (act == "garbage") {
    (void)!::write(3, "garbage", 7);
    ::pause();
  } else if (act == "endless diagnostics") {
    for (int i = 0; i < 1000; ++i) (void)ipc::send_blocking(3, ipc::Diagnostic{ipc::Severity::warning, "f", 1, "e", "t"});
    done();
  } else if (act == "result missing") {
    send_results(c, static_cast<unsigned>(ipc::Role::dnsd));
    done();
  } else if (act == "result twice") {
    send_results(c, control);
    send_results(c, control);
    done();
  } else if (act == "result for control") {
    auto memory = config::encode_configuration(c);
    (void)ipc::send_blocking(3, ipc::ConfigurationResult{ipc::Role::control}, memory.value().get());
    ::pause();
  } else if (act == "unsealed result") {
    (void)ipc::send_blocking(3, ipc::ConfigurationResult{ipc::Role::policyd}, unsealed("x").get());
    ::pause();
  } else if (act == "unsealed list") {
    (void)ipc::send_blocking(3, ipc::OpenList{1, "lists/relay"});
    (void)ipc::send_blocking(3, ipc::ListResult{0, ipc::kPolicyd, "lists/relay"}, unsealed("x").get());
    ::pause();
  } else if (act == "list for master") {
    auto memory = config::seal_list(base::PrefixTree{}, 0);
    (void)ipc::send_blocking(3, ipc::OpenList{1, "lists/relay"});
    (void)ipc::send_blocking(3, ipc::ListResult{0, ipc::kMaster, "lists/relay"}, memory.value().get());
    ::pause();
  } else if (act == "addresses as recipients") {
    auto memory = config::seal_list(base::PrefixTree{}, 0);
    (void)ipc::send_blocking(3, ipc::OpenList{1, "lists/relay"});
    (void)ipc::send_blocking(3, ipc::ListResult{ipc::kRecipientLists, ipc::kPolicyd, "lists/relay"}, memory.value().get());
    ::pause();
  } else if (act == "list of no file") {
    auto memory = config::seal_list(base::PrefixTree{}, 0);
    (void)ipc::send_blocking(3, ipc::ListResult{0, ipc::kPolicyd, "lists/relay"}, memory.value().get());
    ::pause();
  } else if (act == "run folder with dots") {
    c.server.run_folder = "/run/../etc";
    send_results(c, control);
    done();
  } else if (act == "no listener") {
    c.listens.clear();
    send_results(c, control);
    done();
  } else if (act == "no server") {
    c.destination.servers.clear();
    send_results(c, control);
    done();
  } else if (act == "many workers") {
    c.server.workers = 1'000'000;
    send_results(c, control);
    done();
  } else if (act == "endless lists") {
    for (unsigned i = 0; i < 2000; ++i) (void)ipc::send_blocking(3, ipc::OpenList{i, "x"});
    ::pause();
  } else {
    // Any other word is a path: can it be had?
    (void)ipc::send_blocking(3, ipc::OpenList{1, act});
    auto answer = messages.next();
    const bool is_opened = answer && answer.value().type == ipc::MessageType::ListOpened;
    (void)ipc::send_blocking(3, ipc::Diagnostic{ipc::Severity::error, "f", 1, "e", is_opened ? "opened" : "missing"});
    (void)ipc::send_blocking(3, ipc::ParseDone{false});
  }
  return 0;
}
