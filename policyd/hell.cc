#include "policyd/hell.h"

#include <algorithm>

#include "ipc/codec.h"
#include "policyd/prefix_key.h"

namespace caronte::policyd {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kLoadSlice = 10'000;
constexpr unsigned kV4Bits = 96;  // an IPv4 prefix is at least as long

std::size_t family_of(const base::Prefix& prefix) noexcept {
  return prefix.bits >= kV4Bits && prefix.address.is_v4() ? 1 : 0;
}

bool is_within(const base::Prefix& inner, const base::Prefix& outer) noexcept {
  return inner.bits >= outer.bits && outer.contains(inner.address) && family_of(inner) == family_of(outer);
}

struct Stored {
  ipc::HellEntry entry;
  StoreTime written = 0;  // by the clock of then
};

std::string encode_entry(const ipc::HellEntry& entry, StoreTime now) {
  std::string value;
  ipc::Encoder(value).visit(kVersion, now, entry);
  return value;
}

// nullopt: none of ours, or of another version.
std::optional<Stored> decode_entry(std::string_view key, std::string_view value) {
  std::uint8_t version = 0;
  Stored stored;
  ipc::Decoder decoder(value);
  decoder.visit(version);
  if (version != kVersion) return std::nullopt;
  decoder.visit(stored.written, stored.entry);
  if (!decoder.is_complete() || prefix_of(key) != stored.entry.prefix) return std::nullopt;
  return stored;
}

// A stamp of the future is one of now (F57): what was left of the time when it was written is left now.
void bring_back(ipc::HellEntry& entry, std::int64_t ahead, StoreTime now) {
  if (entry.expires != 0) entry.expires = std::max<std::int64_t>(entry.expires - ahead, 1);
  entry.since = std::min<std::int64_t>(entry.since, now);
}

}  // namespace

bool ProtectedAddresses::overlaps(const base::Prefix& prefix) const {
  const auto hits_list = [&](const config::MappedList* list) { return list->overlaps(prefix); };
  const auto hits_range = [&](const config::Range& range) {
    return prefix.contains(range.first) || prefix.contains(range.last) || range.contains(prefix.address);
  };
  const auto hits_listen = [&](const config::Listen& listen) {
    return std::any_of(listen.proxy_protocol.begin(), listen.proxy_protocol.end(), hits_range);
  };
  return std::any_of(lists.begin(), lists.end(), hits_list) || std::any_of(listens.begin(), listens.end(), hits_listen) ||
         std::any_of(named.begin(), named.end(), [&](const base::Address& address) { return prefix.contains(address); });
}

// ---------------------------------------------------------------------------------------------------------------- entries

void Hell::load(StoreTime now) {
  std::vector<ipc::HellEntry> of_the_future;
  std::string from;
  for (bool is_more = true; is_more;) {
    const auto next = store_.scan(Table::hell, from, kLoadSlice, [&](std::string_view key, std::string_view value) {
      auto stored = decode_entry(key, value);
      if (!stored || entries_.size() >= kMaxEntries) return;
      ipc::HellEntry& entry = stored->entry;
      if (stored->written > now) {
        bring_back(entry, stored->written - now, now);
        of_the_future.push_back(entry);
      }
      // The keys come in order, as a rule behind all that is there.
      const std::size_t before = entries_.size();
      entries_.emplace_hint(entries_.end(), entry.prefix, Entry{entry.expires, entry.offences, entry.source});
      if (entries_.size() != before) count(entry.prefix, 1);
    });
    is_more = next.has_value();
    if (is_more) from = *next;
  }
  for (const ipc::HellEntry& entry : of_the_future) store_.put(Table::hell, key_of(entry.prefix), encode_entry(entry, now));
}

void Hell::count(const base::Prefix& prefix, int change) {
  std::uint32_t& length = lengths_[family_of(prefix)][prefix.bits];
  length = change > 0 ? length + 1 : length - 1;
}

void Hell::remember(const ipc::HellEntry& entry, StoreTime now) {
  if (entries_.insert_or_assign(entry.prefix, Entry{entry.expires, entry.offences, entry.source}).second) count(entry.prefix, 1);
  store_.put(Table::hell, key_of(entry.prefix), encode_entry(entry, now));
}

// Nothing: there is none, or the store has lost it.
ipc::HellEntry Hell::read(const base::Prefix& prefix) const {
  const auto value = store_.get(Table::hell, key_of(prefix));
  const auto stored = value ? decode_entry(key_of(prefix), *value) : std::nullopt;
  return stored ? stored->entry : ipc::HellEntry{.prefix = prefix, .reason = {}};
}

Hell::Entries::iterator Hell::erase(Entries::iterator entry) {
  store_.erase(Table::hell, key_of(entry->first));
  count(entry->first, -1);
  return entries_.erase(entry);
}

// ---------------------------------------------------------------------------------------------------------------- look-up

const Hell::Entries::value_type* Hell::find_longest(const base::Address& address, unsigned longest, StoreTime now) const {
  const auto& lengths = lengths_[address.is_v4() ? 1 : 0];
  const unsigned shortest = address.is_v4() ? kV4Bits : 0;
  for (unsigned bits = longest + 1; bits-- > shortest;) {
    if (lengths[bits] == 0) continue;
    const auto found = entries_.find(base::Prefix{address.masked(bits), static_cast<std::uint8_t>(bits)});
    if (found != entries_.end() && !found->second.is_over(now)) return &*found;
  }
  return nullptr;
}

std::optional<Hell::Match> Hell::find(const base::Address& address, const config::MappedList& list, StoreTime now) const {
  if (const auto* entry = find_longest(address, 128, now)) {
    const auto& [prefix, known] = *entry;
    return Match{prefix, known.source, known.expires == 0 ? 0 : known.expires - now, known.offences, 0};
  }
  if (const auto line = list.find(address)) return Match{{}, ipc::HellSource::list, 0, 0, *line};
  return std::nullopt;
}

std::optional<base::Prefix> Hell::find_around(const base::Prefix& prefix, StoreTime now) const {
  if (prefix.bits == 0 || (family_of(prefix) == 1 && prefix.bits == kV4Bits)) return std::nullopt;
  const auto* entry = find_longest(prefix.address, prefix.bits - 1U, now);
  return entry == nullptr || family_of(entry->first) != family_of(prefix) ? std::nullopt : std::optional(entry->first);
}

std::optional<base::Prefix> Hell::visit(const base::Prefix& from, std::size_t count, StoreTime now,
                                        const std::function<void(const ipc::HellEntry&)>& visit) const {
  const auto next = store_.scan(Table::hell, key_of(from), count, [&](std::string_view key, std::string_view value) {
    const auto stored = decode_entry(key, value);
    if (stored && (stored->entry.expires == 0 || stored->entry.expires > now)) visit(stored->entry);
  });
  return next ? prefix_of(*next) : std::nullopt;
}

// ----------------------------------------------------------------------------------------------------------------- changes

bool Hell::add(const base::Prefix& prefix, std::string_view reason, std::int64_t seconds, StoreTime now) {
  const auto found = entries_.find(prefix);
  if (found == entries_.end() && entries_.size() >= kMaxEntries) return false;
  ipc::HellEntry entry{.prefix = prefix, .reason = {}, .since = now};
  if (found != entries_.end() && !found->second.is_over(now)) entry = read(prefix);
  entry.source = ipc::HellSource::hand;
  entry.reason = reason;
  entry.expires = seconds == 0 ? 0 : now + std::min(seconds, kLongest);
  remember(entry, now);
  return true;
}

std::size_t Hell::remove(const base::Prefix& prefix) {
  std::size_t removed = 0;
  for (auto entry = entries_.lower_bound(prefix); entry != entries_.end() && prefix.contains(entry->first.address);) {
    if (!is_within(entry->first, prefix)) {
      ++entry;
      continue;
    }
    entry = erase(entry);
    ++removed;
  }
  return removed;
}

std::size_t Hell::clear() {
  const std::size_t count = entries_.size();
  entries_.clear();
  lengths_ = {};
  store_.clear(Table::hell);
  return count;
}

std::optional<base::Prefix> Hell::ban(const Ban& ban, const ProtectedAddresses& protected_addresses, StoreTime now) {
  if (ban.seconds <= 0) return std::nullopt;
  for (const base::Prefix& prefix : {ban.range, base::client_prefix(ban.client), base::Prefix{ban.client, 128}}) {
    if (!prefix.contains(ban.client) || protected_addresses.overlaps(prefix)) continue;
    const auto found = entries_.find(prefix);
    if (found == entries_.end() && entries_.size() >= kMaxEntries / 2) return std::nullopt;
    ipc::HellEntry entry{.prefix = prefix, .source = ipc::HellSource::ban, .reason = {}, .expires = 1, .since = now};
    if (found != entries_.end() && !found->second.is_over(now)) entry = read(prefix);
    if (entry.source == ipc::HellSource::ban) entry.reason = ban.reason;
    if (entry.expires != 0) entry.expires = std::max<std::int64_t>(entry.expires, now + std::min(ban.seconds, kLongest));
    if (entry.offences != ~std::uint32_t{0}) ++entry.offences;
    remember(entry, now);
    return prefix;
  }
  return std::nullopt;
}

std::optional<std::int64_t> Hell::worth(std::string_view key, std::string_view value) {
  const auto stored = decode_entry(key, value);
  if (!stored) return 0;
  return stored->entry.source == ipc::HellSource::hand ? std::nullopt : std::optional(stored->entry.expires);
}

std::size_t Hell::expire_some(StoreTime now) {
  std::size_t removed = 0;
  auto entry = entries_.lower_bound(next_);
  for (std::size_t i = 0; i < kSlice && entry != entries_.end(); ++i) {
    if (entry->second.is_over(now)) {
      entry = erase(entry);
      ++removed;
    } else {
      ++entry;
    }
  }
  next_ = entry == entries_.end() ? base::Prefix{{}, 0} : entry->first;
  return removed;
}

}  // namespace caronte::policyd
