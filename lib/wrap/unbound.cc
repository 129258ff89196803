#include "wrap/unbound.h"

#include <unbound-event.h>
#include <unbound.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <unordered_map>
#include <utility>

namespace caronte::wrap {

namespace {

constexpr int kClassIn = 1;
constexpr std::uint32_t kMostSockets = 4096;
constexpr std::uint32_t kReservedDescriptors = 64;  // channels, epoll, TCP
// Answered by the library itself: asking for it once makes the library set up all that it needs for questions.
constexpr const char* kWarmUpZone = "warm-up.caronte.invalid.";

using Context = std::unique_ptr<ub_ctx, decltype(&ub_ctx_delete)>;

struct Option {
  const char* name;
  std::string value;
};

// The library answers some zones itself. What is unknown in these networks is for the configured server to say.
constexpr std::array kNoLocalZones{
    "127.in-addr.arpa.",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
    "test.",
};

bool is_query_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!is_plain || ++label > 63) return false;
  }
  return label != 0;
}

std::vector<Option> options_of(const ResolverOptions& options) {
  const std::uint32_t spare =
      options.descriptors > 2 * kReservedDescriptors ? options.descriptors - kReservedDescriptors : kReservedDescriptors;
  const std::string sockets = std::to_string(std::min(spare, kMostSockets));
  const auto seconds = [](std::chrono::milliseconds time) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count());
  };
  const bool has_v4 = std::any_of(options.servers.begin(), options.servers.end(), [](const auto& s) { return s.address.is_v4(); });
  const bool has_v6 = std::any_of(options.servers.begin(), options.servers.end(), [](const auto& s) { return !s.address.is_v4(); });
  return {
      {"use-syslog:", "no"},
      {"module-config:", "iterator"},
      {"do-ip4:", has_v4 ? "yes" : "no"},
      {"do-ip6:", has_v6 ? "yes" : "no"},
      {"do-not-query-localhost:", "no"},
      {"unblock-lan-zones:", "yes"},
      {"edns-buffer-size:", "1232"},
      // One socket a question; the library's own 16 would make a queue of a busy minute.
      {"outgoing-range:", sockets},
      {"num-queries-per-thread:", sockets},
      {"outgoing-num-tcp:", "8"},
      // The library gives up a socket after its first guess of 50 ms and then misses the late answer.
      {"infra-cache-min-rtt:", "1500"},
      {"outbound-msg-retry:", "2"},
      // The fastest of the servers, mostly (CX-3).
      {"fast-server-num:", "1"},
      {"fast-server-permil:", "900"},
      {"msg-cache-size:", "16m"},
      {"rrset-cache-size:", "32m"},
      {"cache-min-ttl:", seconds(options.cache_minimum)},
      {"cache-max-ttl:", seconds(options.cache_maximum)},
      {"cache-max-negative-ttl:", seconds(std::min(options.cache_maximum, std::chrono::milliseconds(std::chrono::hours(1))))},
  };
}

base::Error library_error(std::string_view what, int code) {
  return {0, std::string(what) + ": " + ub_strerror(code)};
}

}  // namespace

struct Resolver::Core {
  struct Question {
    Core* core = nullptr;
    std::uint64_t id = 0;
  };
  struct Reply {
    std::uint64_t id = 0;
    bool is_failure = false;
    std::string packet;
  };

  Core(EventLoop& loop, ResolverOwner& resolver_owner)
      : owner(resolver_owner), context(ub_ctx_create_event(loop.native()), &ub_ctx_delete), deliver(loop) {
    deliver.bind<&Core::on_turn_end>(this);
  }
  ~Core() { is_closing = true; }

  base::Status set_up(const ResolverOptions& options);
  base::Status warm_up();
  static void on_answer(void* question, int rcode, void* packet, int size, int, char*, int) noexcept;
  void finish(Question& question, bool is_failure, std::string_view packet);
  void on_turn_end();

  ResolverOwner& owner;
  std::unordered_map<std::uint64_t, std::unique_ptr<Question>> questions;  // outlives the context, which points into it
  Context context;
  std::vector<Reply> early;  // came while ask() still ran
  Deferred deliver;
  std::uint64_t last_id = 0;
  bool is_asking = false;
  bool is_closing = false;  // the library answers what is open when it goes
};

base::Status Resolver::Core::set_up(const ResolverOptions& options) {
  if (context == nullptr) return base::Error{ENOMEM, "libunbound: no context"};
  if (options.servers.empty()) return base::Error{EINVAL, "no DNS server"};
  ub_ctx_debugout(context.get(), nullptr);
  for (const Option& option : options_of(options)) {
    if (const int code = ub_ctx_set_option(context.get(), option.name, option.value.c_str()); code != 0) {
      return library_error(option.name, code);
    }
  }
  for (const base::Endpoint& server : options.servers) {
    const std::string text = server.address.text() + "@" + std::to_string(server.port);
    if (const int code = ub_ctx_set_fwd(context.get(), text.c_str()); code != 0) return library_error(text, code);
  }
  // Zones can be changed only in the finished context, so this finishes it; later options would be refused.
  for (const char* zone : kNoLocalZones) {
    if (const int code = ub_ctx_zone_remove(context.get(), zone); code != 0) return library_error(zone, code);
  }
  if (const int code = ub_ctx_zone_add(context.get(), kWarmUpZone, "static"); code != 0) return library_error(kWarmUpZone, code);
  return base::Done{};
}

base::Status Resolver::Core::warm_up() {
  int answered = 0;
  const auto note = [](void* flag, int, void*, int, int, char*, int) { *static_cast<int*>(flag) = 1; };
  int async_id = 0;
  const int code =
      ub_resolve_event(context.get(), kWarmUpZone, static_cast<int>(RecordType::a), kClassIn, &answered, note, &async_id);
  if (code != 0) return library_error("libunbound", code);
  if (answered == 0) return base::Error{EPROTO, "libunbound: a local name is not answered at once"};
  return base::Done{};
}

// The library says rcode 0 for NXDOMAIN too (the packet tells), and another rcode beside a packet that says 0 for a fresh
// failure: so a code other than 0 is a failure, and with 0 the packet's own RCODE counts.
void Resolver::Core::on_answer(void* arg, int rcode, void* packet, int size, int, char*, int) noexcept {
  auto& question = *static_cast<Question*>(arg);
  std::string_view bytes;
  if (rcode == 0 && packet != nullptr && size > 0) bytes = {static_cast<const char*>(packet), static_cast<std::size_t>(size)};
  constexpr std::size_t kHeaderBytes = 12;
  constexpr unsigned kNoError = 0;
  constexpr unsigned kNoSuchName = 3;
  bool is_failure = true;
  if (bytes.size() >= kHeaderBytes) {
    const unsigned packet_rcode = static_cast<unsigned char>(bytes[3]) & 0x0FU;
    is_failure = packet_rcode != kNoError && packet_rcode != kNoSuchName;
  }
  question.core->finish(question, is_failure, is_failure ? std::string_view() : bytes);
}

void Resolver::Core::finish(Question& question, bool is_failure, std::string_view packet) {
  if (is_closing) return;
  const std::uint64_t id = question.id;
  if (is_asking) {
    early.push_back({id, is_failure, std::string(packet)});
    deliver.schedule();
    return;
  }
  questions.erase(id);
  owner.on_dns_reply(id, {is_failure, packet});
}

void Resolver::Core::on_turn_end() {
  std::vector<Reply> replies;
  replies.swap(early);
  for (const Reply& reply : replies) {
    if (questions.erase(reply.id) != 0) owner.on_dns_reply(reply.id, {reply.is_failure, reply.packet});
  }
}

base::Result<Resolver> Resolver::create(EventLoop& loop, const ResolverOptions& options, ResolverOwner& owner) {
  auto core = std::make_unique<Core>(loop, owner);
  if (base::Status status = core->set_up(options); !status) return status.error();
  if (base::Status status = core->warm_up(); !status) return status.error();
  return Resolver(std::move(core));
}

Resolver::Resolver(std::unique_ptr<Core> core) noexcept : core_(std::move(core)) {}
Resolver::Resolver(Resolver&& other) noexcept = default;
Resolver& Resolver::operator=(Resolver&& other) noexcept = default;
Resolver::~Resolver() = default;

base::Result<std::uint64_t> Resolver::ask(std::string_view name, RecordType type) {
  // The library leaks memory at each name that it finds malformed: it never sees one.
  if (!is_query_name(name)) return base::Error{EINVAL, "not a name for the DNS"};
  const std::uint64_t id = ++core_->last_id;
  auto& question = core_->questions[id];
  question = std::make_unique<Core::Question>(Core::Question{core_.get(), id});
  int async_id = 0;
  core_->is_asking = true;
  const int code = ub_resolve_event(core_->context.get(), std::string(name).c_str(), static_cast<int>(type), kClassIn,
                                    question.get(), &Core::on_answer, &async_id);
  core_->is_asking = false;
  if (code != 0) {
    core_->questions.erase(id);
    return library_error("libunbound", code);
  }
  return id;
}

std::size_t Resolver::outstanding() const noexcept {
  return core_->questions.size();
}

}  // namespace caronte::wrap
