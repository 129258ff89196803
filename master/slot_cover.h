// Who polls the listening sockets of a smtpd-proxy that does not serve. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace caronte::master {

class SlotCover {
 public:
  struct Order {  // becomes a TakeOver to process `to`
    std::uint16_t to;
    std::uint16_t slot;
    bool on;
    bool operator==(const Order&) const = default;
  };

  // After every change of who serves. `is_serving[k]`: smtpd-proxy k is ready and not being ended. What a process covered
  // ends with it.
  [[nodiscard]] std::vector<Order> update(const std::vector<bool>& is_serving);

 private:
  std::vector<int> cover_;  // of each slot: process number, -1 none
};

}  // namespace caronte::master
