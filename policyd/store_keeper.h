// Keeps policyd's store and its clock going on the loop of the process: turns them, says in the log what happens to them,
// and tells the others when entries have come into sight that could not be seen before.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "policyd/bdb_store.h"
#include "policyd/store_clock.h"
#include "wrap/event.h"

namespace caronte::policyd {

class StoreKeeper {
 public:
  using Say = std::function<void(const std::string&)>;
  // Serves from memory until open(). `on_return`: the store is on disk, for the first time or again.
  StoreKeeper(wrap::EventLoop& loop, Say say, std::function<void()> on_return);
  ~StoreKeeper();
  StoreKeeper(const StoreKeeper&) = delete;
  StoreKeeper& operator=(const StoreKeeper&) = delete;

  // Inside the sandbox, whose root is the state folder; at most once.
  void open();

  [[nodiscard]] Store& store() noexcept { return store_; }
  [[nodiscard]] StoreTime now() const;

  struct Item {
    std::string_view name;
    std::string value;
  };
  [[nodiscard]] std::vector<Item> status() const;
  // Not while the disk does not take what it should.
  [[nodiscard]] bool is_healthy() const noexcept { return !clock_ || store_.state() == StoreState::durable; }

 private:
  void on_turn(short);
  void look_for_return();

  Say say_;
  std::function<void()> on_return_;
  BdbStore store_;
  std::optional<StoreClock> clock_;  // from open() on: it begins with what is stored
  wrap::Event turn_;
  base::MonotonicTime next_clock_turn_{};
  bool was_durable_ = false;
};

}  // namespace caronte::policyd
