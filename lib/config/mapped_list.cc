#include "config/mapped_list.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace caronte::config {

base::Result<base::Fd> seal_list(const base::PrefixTree& tree, std::uint32_t entries, std::string_view names) {
  const auto nodes = tree.nodes();
  ListHeader header;
  header.nodes = static_cast<std::uint32_t>(nodes.size());
  header.entries = entries;
  header.names_size = static_cast<std::uint32_t>(names.size());
  std::string bytes;
  bytes.reserve(sizeof header + nodes.size_bytes() + names.size());
  bytes.append(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(reinterpret_cast<const char*>(nodes.data()), nodes.size_bytes());
  bytes.append(names);
  return seal_bytes("caronte-list", bytes);
}

base::Result<MappedList> MappedList::map(int descriptor) {
  auto bytes = SealedBytes::map(descriptor);
  if (!bytes) return bytes.error();
  std::string_view left = bytes.value().view();
  ListHeader header;
  if (left.size() < sizeof header) return base::Error{EBADMSG, "list file too short"};
  std::memcpy(&header, left.data(), sizeof header);
  if (header.magic != ListHeader::kMagic || header.node_size != sizeof(base::PrefixNode)) {
    return base::Error{EBADMSG, "list file of another layout"};
  }
  left.remove_prefix(sizeof header);
  if (header.nodes > left.size() / sizeof(base::PrefixNode) ||
      left.size() - header.nodes * sizeof(base::PrefixNode) != header.names_size) {
    return base::Error{EBADMSG, "list file of another length than its header says"};
  }
  MappedList list;
  if (header.names_size != 0) {
    const auto names = NameListView::over(left.substr(header.nodes * sizeof(base::PrefixNode)));
    if (!names) return names.error();
    list.names_ = names.value();
  }
  list.memory_ = std::move(bytes).value();
  list.entries_ = header.entries;
  // The mapping begins on a page and the header keeps the alignment of the nodes.
  static_assert(sizeof(ListHeader) % alignof(base::PrefixNode) == 0);
  list.view_ = base::PrefixTreeView({reinterpret_cast<const base::PrefixNode*>(left.data()), header.nodes});
  return list;
}

}  // namespace caronte::config
