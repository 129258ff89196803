#include "ipc/log_format.h"

#include <algorithm>

namespace caronte::ipc {

bool is_log_record(std::string_view line) noexcept {
  if (line.size() < 4 || line.front() != '<' || line.back() != '>' || line[1] < 'a' || line[1] > 'z') return false;
  // Values never hold a raw '>', so the first one ends the first tag.
  const std::size_t tag_end = line.find('>');
  if (tag_end == line.size() - 1) return line[tag_end - 1] == '/';
  const std::string_view name = line.substr(1, line.find_first_of(" />", 1) - 1);
  line.remove_suffix(1);
  return line.ends_with(name) && line.substr(0, line.size() - name.size()).ends_with("</");
}

}  // namespace caronte::ipc
