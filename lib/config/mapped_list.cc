#include "config/mapped_list.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace caronte::config {

base::Result<base::Fd> seal_list(const base::PrefixTree& tree, std::uint32_t entries) {
  const std::span<const base::PrefixNode> nodes = tree.nodes();
  if (nodes.size_bytes() > kMaxSealedBytes - sizeof(ListHeader)) return base::Error{EFBIG, "list needs more than 64 MiB of memory"};
  ListHeader header;
  header.nodes = static_cast<std::uint32_t>(nodes.size());
  header.entries = entries;
  std::string bytes(sizeof header + nodes.size_bytes(), '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, nodes.data(), nodes.size_bytes());
  return seal_bytes("caronte-list", bytes);
}

base::Result<MappedList> MappedList::map(int descriptor) {
  auto bytes = SealedBytes::map(descriptor);
  if (!bytes) return bytes.error();
  const std::string_view view = bytes.value().view();
  ListHeader header;
  if (view.size() < sizeof header) return base::Error{EBADMSG, "list file too short"};
  std::memcpy(&header, view.data(), sizeof header);
  if (header.magic != ListHeader::kMagic || header.node_size != sizeof(base::PrefixNode)) {
    return base::Error{EBADMSG, "list file of another layout"};
  }
  const std::size_t left = view.size() - sizeof header;
  if (left % sizeof(base::PrefixNode) != 0 || left / sizeof(base::PrefixNode) != header.nodes) {
    return base::Error{EBADMSG, "list file of another length than its header says"};
  }
  MappedList list;
  list.memory_ = std::move(bytes).value();
  list.entries_ = header.entries;
  // The mapping begins on a page and the header keeps the alignment of the nodes.
  static_assert(sizeof(ListHeader) % alignof(base::PrefixNode) == 0);
  list.view_ =
      base::PrefixTreeView({reinterpret_cast<const base::PrefixNode*>(list.memory_.view().data() + sizeof header), header.nodes});
  return list;
}

}  // namespace caronte::config
