// Addresses and networks that have done real harm (FW-13): refused when they connect, before anything else is looked at,
// relay addresses included (Q9). Entries come by hand, by a check's action `ban`, and from the list file of the
// configuration, which is not kept here. They live in Table::hell; prefixes and times are in memory too, so that a client
// costs a few look-ups in a map, whatever the number of entries. A million of them take a while to be read at the start: they
// come in slices, and until the last one the store is asked as well. Times are StoreTime, passed in by the caller.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "config/configuration.h"
#include "config/mapped_list.h"
#include "ipc/schema.h"
#include "policyd/store.h"

namespace caronte::policyd {

// Addresses that no automatic entry may hit (Q9): of the lists, and load balancers.
struct ProtectedAddresses {
  std::vector<const config::MappedList*> lists;  // relay, trusted, white; of the generation, which outlives this
  std::vector<config::Listen> listens;           // their proxy_protocol ranges
  std::vector<base::Address> named;              // that host names of the lists stand for (IW-7)
  // An address of these lies in the prefix.
  [[nodiscard]] bool overlaps(const base::Prefix& prefix) const;
};

class Hell {
 public:
  static constexpr std::size_t kMaxEntries = 2'000'000;  // by hand; beyond half of it nothing is banned automatically
  static constexpr std::size_t kLoadSlice = 1000;
  static constexpr std::size_t kSlice = 300;                      // entries looked at by expire_some()
  static constexpr std::int64_t kLongest = 200LL * 366 * 86'400;  // an entry's time in seconds

  explicit Hell(Store& store) : store_(store) {}

  // Begins to take in what the store holds: at the start, and when the store has come back.
  void begin_load(StoreTime now);
  // The next kLoadSlice entries. False: all are in memory.
  bool load_some(StoreTime now);

  struct Match {
    base::Prefix prefix;  // unspecified for HellSource::list
    ipc::HellSource source = ipc::HellSource::hand;
    std::int64_t left = 0;  // seconds; 0: for ever
    std::uint32_t offences = 0;
    std::uint32_t line = 0;  // HellSource::list: of the file
  };
  // The longest entry that holds the address and is not over. `list`: the list file.
  [[nodiscard]] std::optional<Match> find(const base::Address& address, const config::MappedList& list, StoreTime now);

  // By hand: replaces an entry of this prefix. `seconds` from now, at most kLongest; 0: for ever. False: full.
  [[nodiscard]] bool add(const base::Prefix& prefix, std::string_view reason, std::int64_t seconds, StoreTime now);
  // Takes out the entry of this prefix and all that lie within it. Returns how many.
  std::size_t remove(const base::Prefix& prefix, StoreTime now);
  // A wider entry that holds the prefix and is not over.
  [[nodiscard]] std::optional<base::Prefix> find_around(const base::Prefix& prefix, StoreTime now);
  // Returns how many there were.
  std::size_t clear();

  struct Ban {
    base::Address client;
    base::Prefix range;  // that holds the client (AX-7)
    std::string_view reason;
    std::int64_t seconds = 0;  // 0: nothing is done, for ever is by hand only
  };
  // Automatically: a new entry, or the old one is prolonged and never shortened (Q8). Where the range holds a protected
  // address only the client's own prefix is banned, then only its address; nullopt: not even that, or full.
  std::optional<base::Prefix> ban(const Ban& ban, const ProtectedAddresses& protected_addresses, StoreTime now);

  // Visits up to `count` entries that are not over, in order of their prefixes, from `from` on. Returns where to go on.
  std::optional<base::Prefix> visit(const base::Prefix& from, std::size_t count, StoreTime now,
                                    const std::function<void(const ipc::HellEntry&)>& visit) const;
  // Looks at the next kSlice entries and takes out those that are over. To be called once a second or so.
  std::size_t expire_some(StoreTime now);

  // For StoreBounds: what was made by hand stays, of bans the one that ends first goes first.
  [[nodiscard]] static std::optional<std::int64_t> worth(std::string_view key, std::string_view value);

  // As kept in the store.
  struct Stored {
    ipc::HellEntry entry;
    StoreTime written = 0;  // by the clock of then
  };

  // Those that are over and not yet taken out included.
  [[nodiscard]] std::size_t size() const noexcept;

 private:
  struct Entry {
    std::int64_t expires = 0;  // 0: never
    std::uint32_t offences = 0;
    ipc::HellSource source = ipc::HellSource::hand;
    [[nodiscard]] bool is_over(StoreTime now) const noexcept { return expires != 0 && expires <= now; }
  };
  using Entries = std::map<base::Prefix, Entry>;

  using Lengths = std::array<std::array<std::uint32_t, 129>, 2>;  // of IPv6 and of IPv4 prefixes

  // The entry of this prefix, from the store when that has not been read so far.
  Entries::iterator known(const base::Prefix& prefix, StoreTime now);
  Entries::iterator take_in(const ipc::HellEntry& entry, Entries::iterator hint);
  [[nodiscard]] bool has_length(std::size_t family, unsigned bits) const noexcept;
  void refresh(Stored& stored, StoreTime now);
  void write_lengths(const Lengths& lengths);
  void remember(const ipc::HellEntry& entry, StoreTime now);
  [[nodiscard]] ipc::HellEntry read(const base::Prefix& prefix) const;
  Entries::iterator erase(Entries::iterator entry);
  void count(const base::Prefix& prefix, int change);
  // The longest entry of at most `longest` bits that holds the address and is not over.
  [[nodiscard]] const Entries::value_type* find_longest(const base::Address& address, unsigned longest, StoreTime now);

  Store& store_;
  Entries entries_;
  Lengths lengths_{};                     // how many entries in memory have each length
  Lengths stored_lengths_{};              // not 0: the store may have some; kept in Table::meta
  std::optional<std::string> next_load_;  // key; nullopt: all that the store holds is in memory
  base::Prefix next_{{}, 0};              // of expire_some()
};

}  // namespace caronte::policyd
