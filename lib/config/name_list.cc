#include "config/name_list.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace caronte::config {

std::string encode_names(std::vector<Name> names, std::uint32_t entries) {
  const auto by_text = [](const Name& a, const Name& b) { return a.text < b.text; };
  const auto is_same = [](const Name& a, const Name& b) { return a.text == b.text; };
  std::stable_sort(names.begin(), names.end(), by_text);
  names.erase(std::unique(names.begin(), names.end(), is_same), names.end());
  std::vector<NameSlot> slots;
  slots.reserve(names.size());
  std::size_t text_size = 0;
  for (const Name& name : names) {
    slots.push_back({static_cast<std::uint32_t>(text_size), static_cast<std::uint32_t>(name.text.size()), name.line});
    text_size += name.text.size();
  }
  NamesHeader header;
  header.names = static_cast<std::uint32_t>(slots.size());
  header.text_size = static_cast<std::uint32_t>(text_size);
  header.entries = entries;
  std::string bytes;
  bytes.reserve(encoded_names_size(slots.size(), text_size));
  bytes.append(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(reinterpret_cast<const char*>(slots.data()), slots.size() * sizeof(NameSlot));
  for (const Name& name : names) bytes.append(name.text);
  return bytes;
}

std::string join_tables(const std::vector<JoinedTable>& tables) {
  const std::uint64_t count = tables.size();
  std::size_t size = sizeof count + tables.size() * sizeof(TableSlot);
  for (const JoinedTable& one : tables) size += one.table.size();
  std::string bytes;
  bytes.reserve(size);
  bytes.append(reinterpret_cast<const char*>(&count), sizeof count);
  for (const JoinedTable& one : tables) {
    const TableSlot slot{one.place, static_cast<std::uint32_t>(one.table.size())};
    bytes.append(reinterpret_cast<const char*>(&slot), sizeof slot);
  }
  for (const JoinedTable& one : tables) bytes.append(one.table);
  return bytes;
}

base::Result<NameListView> NameListView::over(std::string_view bytes) {
  NamesHeader header;
  if (bytes.size() < sizeof header) return base::Error{EBADMSG, "table of names too short"};
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != NamesHeader::kMagic) return base::Error{EBADMSG, "table of names of another layout"};
  bytes.remove_prefix(sizeof header);
  if (header.names > bytes.size() / sizeof(NameSlot) || bytes.size() - header.names * sizeof(NameSlot) != header.text_size) {
    return base::Error{EBADMSG, "table of names of another length than its header says"};
  }
  NameListView view;
  view.slots_ = bytes.substr(0, header.names * sizeof(NameSlot));
  view.text_ = bytes.substr(view.slots_.size());
  view.entries_ = header.entries;
  return view;
}

Name NameListView::at(std::size_t i) const noexcept {
  NameSlot slot;
  std::memcpy(&slot, slots_.data() + i * sizeof slot, sizeof slot);
  if (slot.offset > text_.size() || slot.size > text_.size() - slot.offset) return {{}, slot.line};
  return {text_.substr(slot.offset, slot.size), slot.line};
}

std::optional<std::uint32_t> NameListView::find(std::string_view text) const noexcept {
  std::size_t low = 0;
  std::size_t high = size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const Name name = at(middle);
    if (name.text == text) return name.line;
    if (name.text < text) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::nullopt;
}

base::Result<MappedNames> MappedNames::map(int descriptor) {
  auto bytes = SealedBytes::map(descriptor);
  if (!bytes) return bytes.error();
  const auto view = NameListView::over(bytes.value().view());
  if (!view) return view.error();
  MappedNames mapped;
  mapped.memory_ = std::move(bytes).value();
  mapped.view_ = view.value();
  return mapped;
}

base::Result<std::vector<MappedNames>> MappedNames::map_joined(int descriptor) {
  auto bytes = SealedBytes::map(descriptor);
  if (!bytes) return bytes.error();
  const base::Error damaged{EBADMSG, "tables of names of another layout"};
  std::string_view left = bytes.value().view();
  std::uint64_t count = 0;
  if (left.size() < sizeof count) return damaged;
  std::memcpy(&count, left.data(), sizeof count);
  left.remove_prefix(sizeof count);
  if (count > left.size() / sizeof(TableSlot)) return damaged;
  std::string_view slots = left.substr(0, count * sizeof(TableSlot));
  left.remove_prefix(slots.size());
  std::vector<MappedNames> tables;
  for (; !slots.empty(); slots.remove_prefix(sizeof(TableSlot))) {
    TableSlot slot;
    std::memcpy(&slot, slots.data(), sizeof slot);
    if (slot.size > left.size() || slot.place >= kMostTables) return damaged;
    const auto view = NameListView::over(left.substr(0, slot.size));
    if (!view) return view.error();
    if (tables.size() <= slot.place) tables.resize(slot.place + 1);
    MappedNames& table = tables[slot.place];
    if (table.memory_.owner() != nullptr) return damaged;
    table.memory_ = bytes.value();
    table.view_ = view.value();
    left.remove_prefix(slot.size);
  }
  if (!left.empty()) return damaged;
  return tables;
}

}  // namespace caronte::config
