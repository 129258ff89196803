// What policyd remembers of each client (IPv4 by address, IPv6 by /64): good deliveries, hang-ups in the tarpit (AG-16), broken
// rules (AX-5), messages of the rate window (AG-8), and until when the tarpit waits for it (AG-9, Q21). Kept in
// Table::senders behind a bounded front in memory: a read costs no disk as a rule, a write goes to the store at once and
// waits for no disk. Times are StoreTime, passed in by the caller; a stamp that lies ahead of it counts as now.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "policyd/store.h"

namespace caronte::policyd {

struct SenderRecord {
  struct Burst {
    StoreTime time = 0;  // of its first message
    std::uint32_t count = 0;
    auto operator<=>(const Burst&) const = default;
    template <class Codec>
    void fields(Codec& codec) {
      codec.visit(time, count);
    }
  };
  std::uint32_t good = 0;  // deliveries that the destination took; 0: none, and no times
  StoreTime good_first = 0;
  StoreTime good_last = 0;
  StoreTime tarpit_until = 0;  // has broken a rule: held at HELO until then; 0: no
  // Oldest first, bounded (kMaxTimes, kMaxBursts); older ones than the window of who wrote them may be gone.
  std::vector<StoreTime> hang_ups;
  std::vector<StoreTime> offences;
  std::vector<Burst> messages;

  // How many lie within the window that ends at `now`: at now - window they do not count any more.
  [[nodiscard]] std::uint32_t hang_ups_within(std::chrono::seconds window, StoreTime now) const noexcept;
  [[nodiscard]] std::uint32_t offences_within(std::chrono::seconds window, StoreTime now) const noexcept;
  [[nodiscard]] std::uint32_t messages_within(std::chrono::seconds window, StoreTime now) const noexcept;
  [[nodiscard]] bool is_in_tarpit(StoreTime now) const noexcept { return tarpit_until > now; }
  // Has delivered well before: the reserved share of the sessions is for these.
  [[nodiscard]] bool is_good() const noexcept { return good > 0; }

  auto operator<=>(const SenderRecord&) const = default;
  template <class Codec>
  void fields(Codec& codec) {
    codec.visit(good, good_first, good_last, tarpit_until, hang_ups, offences, messages);
  }
};

class SenderHistory {
 public:
  static constexpr std::size_t kMaxTimes = 128;        // hang-ups, offences: the largest limit that settings may have
  static constexpr std::size_t kMaxBursts = 256;       // messages: a window is known to 1/128 of its length, or to the second
  static constexpr std::size_t kMaxInMemory = 32'768;  // records of the front
  static constexpr std::size_t kMaxRecords = 1'000'000;
  static constexpr std::chrono::hours kLongestWindow{7 * 24};  // that settings may have
  static constexpr std::chrono::hours kGoodLifetime{36 * 24};  // a good sender that is silent for longer is forgotten
  static constexpr std::chrono::hours kGoodGrain{1};           // of good_last; a crash forgets the deliveries counted since
  static constexpr std::size_t kSlice = 300;                   // records looked at by expire_some()

  explicit SenderHistory(Store& store) : store_(store) {}

  // What is known of this client; nothing: an empty record. Valid until the next call of any member.
  [[nodiscard]] const SenderRecord& find(const base::Address& client, StoreTime now);

  void add_good(const base::Address& client, std::uint32_t messages, StoreTime now);
  void add_hang_up(const base::Address& client, std::chrono::seconds window, StoreTime now);
  void add_offence(const base::Address& client, std::chrono::seconds window, StoreTime now);
  // It has been banned or tarpitted for them: the next ones count anew.
  void forget_offences(const base::Address& client, StoreTime now);
  void add_message(const base::Address& client, std::chrono::seconds window, StoreTime now);
  // Never shortens.
  void remember_tarpit(const base::Address& client, StoreTime until, StoreTime now);

  // Looks at the next kSlice records of the table and forgets those that say nothing any more; beyond kMaxRecords also those
  // without a good delivery. To be called once a second or so. Returns how many were forgotten.
  std::size_t expire_some(StoreTime now);

  // For StoreBounds: the time of its last stamp, later by kGoodLifetime for who has delivered well.
  [[nodiscard]] static std::optional<std::int64_t> worth(std::string_view key, std::string_view value);

  [[nodiscard]] std::uint64_t size() const noexcept { return store_.entries(Table::senders); }

 private:
  using Front = std::list<std::pair<base::Prefix, SenderRecord>>;  // the one last used comes first

  SenderRecord& touch(const base::Address& client, StoreTime now);
  void write(const base::Address& client, const SenderRecord& record);

  Store& store_;
  Front front_;
  std::map<base::Prefix, Front::iterator> index_;
  std::string next_key_;  // of expire_some()
};

// Versioned. False: what is stored is none of ours, too long or of another version; it then counts as nothing known.
[[nodiscard]] std::string encode_sender(const SenderRecord& record);
[[nodiscard]] bool decode_sender(std::string_view value, SenderRecord& record);

}  // namespace caronte::policyd
