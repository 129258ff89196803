// The black box: one page shared with master, in which a worker notes whose bytes it handles at the moment, and at the end the
// system call that the sandbox did not allow. After a crash master reads it and has that client refused for a while (design.md
// section 2). One store an event, no system call. Who has taken over a worker writes into it what he likes.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"

namespace caronte::worker {

class BlackBox {
 public:
  BlackBox() = default;  // notes go nowhere
  ~BlackBox();
  BlackBox(BlackBox&& other) noexcept;
  BlackBox& operator=(BlackBox&& other) noexcept;

  // A new page, sealed against changes of size (master).
  [[nodiscard]] static base::Result<base::Fd> create();
  [[nodiscard]] static base::Result<BlackBox> map(int descriptor);

  void note(const base::Address& client) noexcept;
  void clear() noexcept;
  void note_forbidden_call(int number) noexcept;  // may be called by a signal handler
  // The client noted when the worker died; nullopt: none was being handled, or the page is garbled.
  [[nodiscard]] std::optional<base::Address> read() const noexcept;
  [[nodiscard]] std::optional<int> forbidden_call() const noexcept;

 private:
  struct Page;
  Page* page_ = nullptr;
};

}  // namespace caronte::worker
