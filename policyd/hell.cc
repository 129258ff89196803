#include "policyd/hell.h"

#include <algorithm>

#include "ipc/codec.h"
#include "policyd/prefix_key.h"

namespace caronte::policyd {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kLengthsKey = "hell-lengths";
constexpr unsigned kV4Bits = 96;  // an IPv4 prefix is at least as long

std::size_t family_of(const base::Prefix& prefix) noexcept {
  return prefix.bits >= kV4Bits && prefix.address.is_v4() ? 1 : 0;
}

bool is_within(const base::Prefix& inner, const base::Prefix& outer) noexcept {
  return inner.bits >= outer.bits && outer.contains(inner.address) && family_of(inner) == family_of(outer);
}

std::string encode_entry(const ipc::HellEntry& entry, StoreTime now) {
  std::string value;
  ipc::Encoder(value).visit(kVersion, now, entry);
  return value;
}

// nullopt: none of ours, or of another version.
std::optional<Hell::Stored> decode_entry(std::string_view key, std::string_view value) {
  std::uint8_t version = 0;
  Hell::Stored stored;
  ipc::Decoder decoder(value);
  decoder.visit(version);
  if (version != kVersion) return std::nullopt;
  decoder.visit(stored.written, stored.entry);
  if (!decoder.is_complete() || prefix_of(key) != stored.entry.prefix) return std::nullopt;
  if (!is_stamp(stored.written) || !is_stamp(stored.entry.since) || !is_stamp(stored.entry.expires)) return std::nullopt;
  return stored;
}

// A bit for each length that has entries, as characters.
template <class Lengths>
std::string encode_lengths(const Lengths& lengths) {
  std::string value(1, static_cast<char>(kVersion));
  for (const auto& family : lengths) {
    for (const std::uint32_t length : family) value += length == 0 ? '0' : '1';
  }
  return value;
}

template <class Lengths>
bool decode_lengths(std::string_view value, Lengths& lengths) {
  if (value.size() != encode_lengths(lengths).size() || value[0] != static_cast<char>(kVersion)) return false;
  value.remove_prefix(1);
  for (auto& family : lengths) {
    for (std::uint32_t& length : family) {
      length = value[0] == '0' ? 0 : 1;
      value.remove_prefix(1);
    }
  }
  return true;
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

void Hell::begin_load(StoreTime now) {
  next_load_.emplace();
  const auto value = store_.get(Table::meta, kLengthsKey);
  if (value && decode_lengths(*value, stored_lengths_)) return;
  while (load_some(now)) continue;  // written by nobody of ours
}

bool Hell::load_some(StoreTime now) {
  if (!next_load_) return false;
  std::vector<Stored> slice;
  next_load_ = store_.scan(Table::hell, *next_load_, kLoadSlice, [&](std::string_view key, std::string_view value) {
    if (auto stored = decode_entry(key, value)) slice.push_back(std::move(*stored));
  });
  for (Stored& stored : slice) {
    if (entries_.size() >= kMaxEntries) break;
    refresh(stored, now);
    take_in(stored.entry, entries_.end());  // the keys come in order, as a rule behind all that is there
  }
  if (!next_load_) write_lengths(lengths_);  // those of which there are none any more are forgotten
  return next_load_.has_value();
}

void Hell::write_lengths(const Lengths& lengths) {
  stored_lengths_ = lengths;
  store_.put(Table::meta, kLengthsKey, encode_lengths(lengths));
}

// A stamp of the future is one of now (F57): what was left of the time when it was written is left now.
void Hell::refresh(Stored& stored, StoreTime now) {
  if (stored.written <= now) return;
  const std::int64_t ahead = stored.written - now;
  ipc::HellEntry& entry = stored.entry;
  if (entry.expires != 0) entry.expires = std::max<std::int64_t>(entry.expires - ahead, 1);
  entry.since = std::min<std::int64_t>(entry.since, now);
  store_.put(Table::hell, key_of(entry.prefix), encode_entry(entry, now));
}

Hell::Entries::iterator Hell::take_in(const ipc::HellEntry& entry, Entries::iterator hint) {
  const std::size_t before = entries_.size();
  const auto place = entries_.emplace_hint(hint, entry.prefix, Entry{entry.expires, entry.offences, entry.source});
  if (entries_.size() != before) count(entry.prefix, 1);
  return place;
}

Hell::Entries::iterator Hell::known(const base::Prefix& prefix, StoreTime now) {
  const auto found = entries_.find(prefix);
  if (found != entries_.end() || !next_load_) return found;
  const auto value = store_.get(Table::hell, key_of(prefix));
  auto stored = value ? decode_entry(key_of(prefix), *value) : std::nullopt;
  if (!stored) return found;
  refresh(*stored, now);
  return take_in(stored->entry, entries_.end());
}

bool Hell::has_length(std::size_t family, unsigned bits) const noexcept {
  return lengths_[family][bits] != 0 || (next_load_ && stored_lengths_[family][bits] != 0);
}

void Hell::count(const base::Prefix& prefix, int change) {
  const std::size_t family = family_of(prefix);
  std::uint32_t& length = lengths_[family][prefix.bits];
  length = change > 0 ? length + 1 : length - 1;
  if (length == 0 || stored_lengths_[family][prefix.bits] != 0) return;
  Lengths lengths = stored_lengths_;
  lengths[family][prefix.bits] = 1;
  write_lengths(lengths);  // before its first entry
}

void Hell::remember(const ipc::HellEntry& entry, StoreTime now) {
  const auto [place, is_new] = entries_.insert_or_assign(entry.prefix, Entry{entry.expires, entry.offences, entry.source});
  if (is_new) count(entry.prefix, 1);
  store_.put(Table::hell, key_of(entry.prefix), encode_entry(entry, now));
}

std::size_t Hell::size() const noexcept {
  return next_load_ ? std::max<std::size_t>(entries_.size(), store_.entries(Table::hell)) : entries_.size();
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

const Hell::Entries::value_type* Hell::find_longest(const base::Address& address, unsigned longest, StoreTime now) {
  const std::size_t family = address.is_v4() ? 1 : 0;
  const unsigned shortest = address.is_v4() ? kV4Bits : 0;
  for (unsigned bits = longest + 1; bits-- > shortest;) {
    if (!has_length(family, bits)) continue;
    const auto found = known(base::Prefix{address.masked(bits), static_cast<std::uint8_t>(bits)}, now);
    if (found != entries_.end() && !found->second.is_over(now)) return &*found;
  }
  return nullptr;
}

std::optional<Hell::Match> Hell::find(const base::Address& address, const config::MappedList& list, StoreTime now) {
  if (const auto* entry = find_longest(address, 128, now)) {
    const auto& [prefix, known] = *entry;
    return Match{prefix, known.source, known.expires == 0 ? 0 : known.expires - now, known.offences, 0};
  }
  if (const auto line = list.find(address)) return Match{{}, ipc::HellSource::list, 0, 0, *line};
  return std::nullopt;
}

std::optional<base::Prefix> Hell::find_around(const base::Prefix& prefix, StoreTime now) {
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
  const auto found = known(prefix, now);
  if (found == entries_.end() && size() >= kMaxEntries) return false;
  ipc::HellEntry entry{.prefix = prefix, .reason = {}, .since = now};
  if (found != entries_.end() && !found->second.is_over(now)) entry = read(prefix);
  entry.source = ipc::HellSource::hand;
  entry.reason = reason;
  entry.expires = seconds == 0 ? 0 : now + std::min(seconds, kLongest);
  remember(entry, now);
  return true;
}

std::size_t Hell::remove(const base::Prefix& prefix, StoreTime now) {
  while (load_some(now)) continue;
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
  const std::size_t count = size();
  entries_.clear();
  lengths_ = {};
  next_load_.reset();
  store_.clear(Table::hell);
  return count;
}

std::optional<base::Prefix> Hell::ban(const Ban& ban, const ProtectedAddresses& protected_addresses, StoreTime now) {
  if (ban.seconds <= 0) return std::nullopt;
  for (const base::Prefix& prefix : {ban.range, base::client_prefix(ban.client), base::Prefix{ban.client, 128}}) {
    if (!prefix.contains(ban.client) || protected_addresses.overlaps(prefix)) continue;
    const auto found = known(prefix, now);
    if (found == entries_.end() && size() >= kMaxEntries / 2) return std::nullopt;
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
  if (next_load_) return 0;
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
