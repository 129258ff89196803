// libunbound's event interface: a caching stub resolver on the loop of the process, without threads and files. The only
// pair of files that includes it. Used by dnsd alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "wrap/event.h"

namespace caronte::wrap {

// The values of RFC 1035 section 3.2.2 and RFC 3596.
enum class RecordType : std::uint16_t { a = 1, cname = 5, ptr = 12, aaaa = 28 };

struct ResolverOptions {
  std::vector<base::Endpoint> servers;         // recursive servers; at least one (CX-3)
  std::uint32_t descriptors = 1024;            // how many the process may hold: a question on its way takes one
  std::chrono::milliseconds cache_minimum{0};  // bounds of the time that an answer is kept (CX-4), whole seconds
  std::chrono::milliseconds cache_maximum{0};
};

struct DnsReply {
  bool is_failure = false;  // nobody answered, or nobody could: SERVFAIL and the like. RCODE 3 is no failure
  std::string_view packet;  // RFC 1035 section 4.1, from outside and unchecked; valid during the call; empty on failure
};

class ResolverOwner {
 public:
  virtual ~ResolverOwner() = default;
  // Never called from inside ask(). The resolver must not be destroyed in this call.
  virtual void on_dns_reply(std::uint64_t id, const DnsReply& reply) = 0;
};

class Resolver {
 public:
  // Ready to ask: everything that the library prepares once (random numbers, tables) is done here, so that it may be made
  // before and after a sandbox that knows no files. Error: no server, or what the library says.
  [[nodiscard]] static base::Result<Resolver> create(EventLoop& loop, const ResolverOptions& options, ResolverOwner& owner);
  Resolver(Resolver&& other) noexcept;
  Resolver& operator=(Resolver&& other) noexcept;
  ~Resolver();

  // The id of the question (never 0), which on_dns_reply() will name. Error: not a name of labels of letters, digits,
  // hyphens and underscores (at most 63 each, 253 in all), or out of memory. Equal questions are asked once. There is no
  // taking back: what nobody waits for any more runs on for the cache, costs what it costs, and has its reply.
  [[nodiscard]] base::Result<std::uint64_t> ask(std::string_view name, RecordType type);
  // Questions without a reply so far: each costs memory and a descriptor.
  [[nodiscard]] std::size_t outstanding() const noexcept;

 private:
  struct Core;
  explicit Resolver(std::unique_ptr<Core> core) noexcept;
  std::unique_ptr<Core> core_;
};

}  // namespace caronte::wrap
