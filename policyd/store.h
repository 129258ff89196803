// What policyd remembers beyond its own life: tables of keys and values behind one interface, so that a shared store can
// stand beside the Berkeley DB one (design.md section 7). No call blocks on a disk's sync, none fails: a store that cannot
// write goes on in memory and says so by state() and in the log. Values are versioned by who writes them. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace caronte::policyd {

enum class Table : std::uint8_t {
  hell,      // prefix -> policyd/hell.h
  senders,   // client prefix -> policyd/sender_history.h: good deliveries, hang-ups, offences, messages of the rate window
  counters,  // name -> number
  meta,      // of the store itself: layout version, last time seen
  kCount
};

enum class StoreState : std::uint8_t {
  durable,   // on disk: a kill -9 loses nothing, a power cut at most a second
  in_memory  // disk full, read-only, damaged or held by another process: bounded, lost at the end; tried again by itself
};

class Store {
 public:
  static constexpr std::size_t kMaxKeyBytes = 512;
  static constexpr std::size_t kMaxValueBytes = 64 * 1024;

  virtual ~Store() = default;

  [[nodiscard]] virtual std::optional<std::string> get(Table table, std::string_view key) = 0;
  // Preconditions: the sizes above.
  virtual void put(Table table, std::string_view key, std::string_view value) = 0;
  virtual void erase(Table table, std::string_view key) = 0;
  virtual void clear(Table table) = 0;

  // Visits up to `count` entries in the order of their keys, from the first that is not less than `from`. `visit` must not
  // write. Returns the key to go on from; nullopt: the end was reached. For expiry in slices (a few hundred a turn).
  using Visit = std::function<void(std::string_view key, std::string_view value)>;
  virtual std::optional<std::string> scan(Table table, std::string_view from, std::size_t count, const Visit& visit) = 0;

  [[nodiscard]] virtual StoreState state() const noexcept = 0;
  // Entries and octets, as good as they are known; for status.
  [[nodiscard]] virtual std::uint64_t entries(Table table) const noexcept = 0;
};

// The time that records are stamped with: seconds since 1970, from the wall clock at start, then carried on by the
// monotonic clock, so that a jump of the wall clock makes nothing expire and pardons nobody (F57, F58). A stamp that lies
// ahead of it counts as now.
using StoreTime = std::int64_t;

}  // namespace caronte::policyd
