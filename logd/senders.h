// The book of numbers: how far each sender has come, in what was accepted and in what is in the file. Tells duplicates
// from news and finds the gaps, each once. No I/O.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "logd/sender.h"

namespace caronte::logd {

using Positions = std::map<Sender, std::uint64_t>;

class Senders {
 public:
  // What the live file says: everything up to there is in it. Never moves a sender back.
  void restore(const Positions& written);

  // A LogOpen: all below `next` that were neither acknowledged nor seen are lost.
  [[nodiscard]] Gap open(const Sender& sender, std::uint64_t acknowledged, std::uint64_t next);

  struct Decision {
    bool is_new = false;  // else it is a duplicate: drop it
    Gap gap;              // lost in front of it
  };
  [[nodiscard]] Decision take(const Sender& sender, std::uint64_t sequence);

  // All that was accepted so far is now in the file.
  void commit() noexcept;

  // Highest number that may be acknowledged: 0 when the sender is unknown.
  [[nodiscard]] std::uint64_t written(const Sender& sender) const noexcept;
  // What a new file must say so that nothing is written twice: earlier lives are left out once their successor has begun
  // and their channel is closed.
  [[nodiscard]] Positions positions() const;
  void close(const Sender& sender);

 private:
  struct Book {
    std::uint64_t accepted = 0;
    std::uint64_t written = 0;
    bool is_open = false;
  };
  std::map<Sender, Book> books_;
};

}  // namespace caronte::logd
