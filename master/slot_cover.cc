#include "master/slot_cover.h"

#include <algorithm>

namespace caronte::master {

std::vector<SlotCover::Order> SlotCover::update(const std::vector<bool>& is_serving) {
  std::vector<Order> orders;
  cover_.resize(is_serving.size(), -1);
  const auto serves = [&](int process) { return process >= 0 && is_serving[static_cast<std::size_t>(process)]; };
  for (std::size_t slot = 0; slot < cover_.size(); ++slot) {
    int& cover = cover_[slot];
    if (!serves(cover)) cover = -1;
    if (!is_serving[slot] || cover < 0) continue;
    orders.push_back({static_cast<std::uint16_t>(cover), static_cast<std::uint16_t>(slot), false});
    cover = -1;
  }
  for (std::size_t slot = 0; slot < cover_.size(); ++slot) {
    if (is_serving[slot] || cover_[slot] >= 0) continue;
    int best = -1;
    std::ptrdiff_t fewest = 0;
    for (int process = 0; process < static_cast<int>(cover_.size()); ++process) {
      if (!serves(process)) continue;
      const std::ptrdiff_t load = std::count(cover_.begin(), cover_.end(), process);
      if (best >= 0 && load >= fewest) continue;
      best = process;
      fewest = load;
    }
    if (best < 0) continue;
    cover_[slot] = best;
    orders.push_back({static_cast<std::uint16_t>(best), static_cast<std::uint16_t>(slot), true});
  }
  return orders;
}

}  // namespace caronte::master
