// Master's side of reading the configuration: starts config-reader (this program re-executed, without rights), hands it
// the files that it may read as descriptors, and collects what it makes of them. Asynchronous on the event loop; nothing
// here parses XML or a list. config-reader is not trusted: what it returns is bounded, sealed and range-checked, and the
// only paths opened on its word lie beneath the folder of the configuration file.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "config/configuration.h"
#include "ipc/channel.h"
#include "wrap/event.h"

namespace caronte::master {

struct LoadedList {
  std::uint16_t number = 0;     // config::ListId or ipc::kRecipientLists
  ipc::RoleMask receivers = 0;  // workers only
  base::Fd memory;              // sealed, maps as a config::MappedList or by config::MappedNames::map_joined()
  std::uint32_t entries = 0;    // lines that name something (design.md section 8: a list that shrank by half waits)
  std::string file;             // absolute; of the recipients: any one of them
};

struct LoadResult {
  bool is_ok = false;                            // otherwise only `diagnostics` counts: at least one error
  std::vector<ipc::Diagnostic> diagnostics;      // errors and warnings, in the order of the file
  config::Configuration configuration;           // master's own part
  std::map<ipc::Role, base::Fd> configurations;  // each worker's part: sealed, decoded by config::decode_configuration()
  std::vector<LoadedList> lists;
  std::vector<std::string> list_files;  // paths of the lists that were read, to be watched for changes
};

// "file:line: element: what is wrong", without the severity; "file: what is wrong" when there is no line. One line, quoted.
[[nodiscard]] std::string text_of(const ipc::Diagnostic& diagnostic);

struct LoaderSettings {
  int executable = -1;  // this program, opened at start (O_PATH|O_CLOEXEC of /proc/self/exe); not owned
  uid_t uid = 0;        // of _caronte-config; ignored unless this process is root
  gid_t gid = 0;
  base::Duration deadline{10'000};  // for the whole run
  std::string resolv_conf = "/etc/resolv.conf";
};

class ConfigLoader final : public ipc::ChannelOwner {
 public:
  using Callback = std::function<void(LoadResult)>;

  ConfigLoader(wrap::EventLoop& loop, LoaderSettings settings);
  ~ConfigLoader() override;  // as cancel()

  // Begins to read `path` (absolute, or relative to the working folder). The callback is made once, from the loop, never
  // from within start(); the loader is ready for the next start() by then. Precondition: !is_running().
  void start(const std::string& path, Callback callback);
  // Ends a run without its callback.
  void cancel() noexcept;
  [[nodiscard]] bool is_running() const noexcept { return run_ != nullptr; }

  // The child is reaped here, by its pidfd: a reaper of all children (waitpid(-1)) may find it first, and is to ignore it.

 private:
  struct Run;
  bool on_message(ipc::Channel& channel, ipc::Incoming& message) override;
  void on_channel_closed(ipc::Channel& channel, std::string_view broken_rule) override;
  template <class... Messages, class Owner>
  friend bool ipc::dispatch(Owner&, ipc::Channel&, ipc::Incoming&);
  void on(ipc::Channel&, const ipc::OpenList& request);
  void on(ipc::Channel&, const ipc::Diagnostic& diagnostic);
  void on(ipc::Channel&, const ipc::ConfigurationResult& result, base::Fd memory);
  void on(ipc::Channel&, const ipc::ListResult& result, base::Fd memory);
  void on(ipc::Channel&, const ipc::ParseDone& done);
  void on_deadline(short what);
  void on_child_exit(short what);
  void finish_if_over();
  void on_finish();

  base::Status open_files(const std::string& path);
  base::Status spawn();
  void fail(std::string_view text);

  wrap::EventLoop& loop_;
  LoaderSettings settings_;
  std::unique_ptr<Run> run_;
};

}  // namespace caronte::master
