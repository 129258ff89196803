#include "logd/senders.h"

#include <algorithm>

namespace caronte::logd {

void Senders::restore(const Positions& written) {
  for (const auto& [sender, last] : written) {
    Book& book = books_[sender];
    book.accepted = std::max(book.accepted, last);
    book.written = std::max(book.written, last);
  }
}

Gap Senders::open(const Sender& sender, std::uint64_t acknowledged, std::uint64_t next) {
  Book& book = books_[sender];
  book.is_open = true;
  book.accepted = std::max(book.accepted, acknowledged);
  book.written = std::max(book.written, acknowledged);
  if (next == 0 || next - 1 <= book.accepted) return {};
  const Gap gap{sender, book.accepted + 1, next - 1};
  book.accepted = next - 1;
  return gap;
}

Senders::Decision Senders::take(const Sender& sender, std::uint64_t sequence) {
  Book& book = books_[sender];
  if (sequence <= book.accepted) return {};
  const Gap gap{sender, book.accepted + 1, sequence - 1};
  book.accepted = sequence;
  return {true, gap};
}

void Senders::commit() noexcept {
  for (auto& [sender, book] : books_) book.written = book.accepted;
}

std::uint64_t Senders::written(const Sender& sender) const noexcept {
  const auto found = books_.find(sender);
  return found == books_.end() ? 0 : found->second.written;
}

Positions Senders::positions() const {
  Positions result;
  for (const auto& [sender, book] : books_) {
    if (book.written != 0) result[sender] = book.written;
  }
  return result;
}

void Senders::close(const Sender& sender) {
  const auto found = books_.find(sender);
  if (found == books_.end()) return;
  found->second.is_open = false;
  // Earlier lives of the same process: their channels are closed, nothing of them can come any more. The last life stays,
  // for it may only have lost its channel.
  for (auto it = books_.begin(); it != books_.end();) {
    const auto next = std::next(it);
    const bool has_successor = next != books_.end() && next->first.role == it->first.role && next->first.index == it->first.index;
    it = has_successor && !it->second.is_open && it->second.written == it->second.accepted ? books_.erase(it) : next;
  }
}

}  // namespace caronte::logd
