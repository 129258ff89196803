// dnsd: asks the DNS on behalf of policyd. It knows addresses and names, and neither sessions nor files; what it hands on
// is typed and checked here, at the edge to the DNS. Whatever happens to a question, an answer follows within the
// configured time, be it "unknown".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "dnsd/dns_asker.h"
#include "dnsd/resolver_health.h"
#include "worker/worker.h"
#include "wrap/unbound.h"

namespace caronte::dnsd {

class Dnsd final : public worker::Worker, private wrap::ResolverOwner {
 public:
  // Look-ups at once; what comes beyond is answered "unknown". Questions that the resolver library still owes an end.
  static constexpr std::size_t kMaxLookups = 1000;
  static constexpr std::size_t kMaxOutstanding = 3000;

  explicit Dnsd(worker::Startup startup);
  ~Dnsd() override;

 private:
  // What is looked up: the name of an address, or the addresses of a name.
  using Subject = std::variant<base::Address, std::string>;
  // Equal questions share a look-up: one subject, the questions of policyd that wait for it, one deadline.
  struct Pending final : DnsAsker {
    Pending(Dnsd& owner, Subject what);
    [[nodiscard]] std::uint64_t ask(std::string_view name, wrap::RecordType type) override;
    void forget(std::uint64_t id) override;
    void on_deadline(short what);
    Dnsd& dnsd;
    Subject subject;
    std::vector<std::uint64_t> questions;
    std::unique_ptr<DnsLookup> lookup;
    wrap::Event deadline;
  };
  struct SubjectHash {
    std::size_t operator()(const Subject& subject) const noexcept;
  };

  void on_peer(const ipc::Peer& peer, base::Fd socket) override;
  [[nodiscard]] base::Status on_prepare(const worker::Generation& generation) override;
  void on_commit() override;
  [[nodiscard]] bool on_peer_message(ipc::Channel& channel, ipc::Incoming& message) override;
  void on_peer_closed(ipc::Channel& channel) override;
  void on_channel_drained(ipc::Channel& channel) override;

  template <class... Messages, class Owner>
  friend bool ipc::dispatch(Owner&, ipc::Channel&, ipc::Incoming&);
  void on(ipc::Channel&, const ipc::ReverseQuestion& question);
  void on(ipc::Channel&, const ipc::NameQuestion& question);
  void on(ipc::Channel&, const ipc::CancelQuestion& cancel);

  void on_dns_reply(std::uint64_t id, const wrap::DnsReply& reply) override;

  void take(std::uint64_t question, Subject subject);
  void begin(Pending& pending);
  void answer_if_done(Pending& pending);
  // With what is known by now. Destroys `pending`.
  void answer(Pending& pending);
  void send_answer(std::uint64_t question, const Subject& subject, const DnsLookup* lookup);
  [[nodiscard]] std::uint32_t bounded(std::uint32_t ttl) const;
  void drop_all();
  void note(ResolverHealth::Change change);

  std::optional<wrap::Resolver> resolver_;  // none: no server is configured, and everything is unknown
  std::set<std::uint16_t> ports_;           // of the servers at the start: the sandbox allows TCP to these and no others
  ResolverHealth health_;
  bool is_rule_broken_ = false;  // by the message in hand
  std::unique_ptr<ipc::Channel> policyd_;
  std::unordered_map<std::uint64_t, Pending*> pending_of_id_;  // the resolver's questions
  std::unordered_map<Subject, std::unique_ptr<Pending>, SubjectHash> pending_;
  std::unordered_map<std::uint64_t, Subject> subject_of_question_;  // policyd's questions
};

}  // namespace caronte::dnsd
