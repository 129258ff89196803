// What `carontectl hell` asks on the control socket (FW-13): HellItems are gathered until a HellRequest says what is to become
// of them; a list of any length is sent in slices, no faster than it is read, while verdicts go on in between.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ipc/channel.h"
#include "policyd/hell.h"
#include "wrap/event.h"

namespace caronte::policyd {

class HellControl {
 public:
  static constexpr std::size_t kMaxItems = 1000;  // of one request; longer lists come in several
  static constexpr std::size_t kSlice = 500;      // entries sent in one turn

  // What it needs of policyd.
  struct Surroundings {
    std::function<StoreTime()> now;
    std::function<StoreTime()> wall_ahead;  // seconds of the wall clock before `now`: people are told its time
    std::function<config::Hell()> settings;
    std::function<void(const std::string&)> log;
  };

  HellControl(wrap::EventLoop& loop, Hell& hell, Surroundings surroundings);

  // False: malformed or too many; the connection is to be closed.
  [[nodiscard]] bool take(ipc::Channel& channel, const ipc::HellItem& item);
  [[nodiscard]] bool take(ipc::Channel& channel, const ipc::HellRequest& request);
  // The connection has ended. What it has changed is logged, in one line.
  void forget(ipc::Channel& channel);

 private:
  struct Talk {
    std::vector<ipc::HellItem> items;
    bool is_listing = false;
    std::optional<base::Prefix> next;  // to be sent; nullopt: only the result is left
    std::size_t added = 0;
    std::size_t removed = 0;
  };
  [[nodiscard]] ipc::ControlResult add(Talk& talk);
  [[nodiscard]] ipc::ControlResult remove(Talk& talk);
  void on_timer(short what);
  // False: all is sent.
  [[nodiscard]] bool send_slice(ipc::Channel& channel, Talk& talk);

  Hell& hell_;
  Surroundings surroundings_;
  std::map<ipc::Channel*, Talk> talks_;
  wrap::Event timer_;  // while a list is being sent
};

}  // namespace caronte::policyd
