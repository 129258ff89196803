// How a look-up asks: dnsd implements it with the resolver, the tests without.
#pragma once

#include <cstdint>
#include <string_view>

#include "wrap/unbound.h"

namespace caronte::dnsd {

class DnsAsker {
 public:
  virtual ~DnsAsker() = default;
  // An id that is not 0; 0: it cannot be asked. The reply goes to the look-up that asks, later, never inside of this call.
  [[nodiscard]] virtual std::uint64_t ask(std::string_view name, wrap::RecordType type) = 0;
  virtual void forget(std::uint64_t id) = 0;
};

// Any look-up, while it waits.
class DnsLookup {
 public:
  virtual ~DnsLookup() = default;
  // The reply to question `id`; `packet` is empty when nobody could answer.
  virtual void on_reply(std::uint64_t id, std::string_view packet) = 0;
  [[nodiscard]] virtual bool is_done() const noexcept = 0;
};

}  // namespace caronte::dnsd
