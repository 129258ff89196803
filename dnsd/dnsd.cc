#include "dnsd/dnsd.h"

#include <algorithm>
#include <string>
#include <utility>

namespace caronte::dnsd {

using ipc::ReverseStatus;

namespace {

constexpr base::Duration kDefaultTimeout{5000};

wrap::ResolverOptions options_of(const config::Dns& dns, std::uint32_t descriptors) {
  return {
      .servers = dns.servers, .descriptors = descriptors, .cache_minimum = dns.cache_minimum, .cache_maximum = dns.cache_maximum};
}

std::set<std::uint16_t> ports_of(const config::Dns& dns) {
  std::set<std::uint16_t> ports;
  for (const base::Endpoint& server : dns.servers) ports.insert(server.port);
  return ports;
}

bool is_same_resolver(const config::Dns& a, const config::Dns& b) {
  return a.servers == b.servers && a.cache_minimum == b.cache_minimum && a.cache_maximum == b.cache_maximum;
}

}  // namespace

Dnsd::Pending::Pending(Dnsd& owner, const base::Address& client) : dnsd(owner), address(client) {
  deadline.assign_timer<&Pending::on_deadline>(owner.loop(), this);
}

void Dnsd::Pending::on_deadline(short) {
  dnsd.note(dnsd.health_.on_failure(base::system_clock().monotonic()));
  dnsd.answer(*this, {});  // destroys this
}

Dnsd::Dnsd(worker::Startup startup) : Worker(std::move(startup)), ports_(ports_of(current()->configuration.dns)) {
  const config::Dns& dns = current()->configuration.dns;
  if (dns.servers.empty()) return;
  auto resolver = wrap::Resolver::create(loop(), options_of(dns, start().descriptors), *this);
  if (resolver) {
    resolver_ = std::move(resolver).value();
  } else {
    log().event("no resolver: " + resolver.error().text);
  }
}

Dnsd::~Dnsd() {
  drop_all();
}

void Dnsd::on_peer(const ipc::Peer& peer, base::Fd socket) {
  if (peer.role != ipc::Role::policyd) return;
  drop_all();  // the one who asked has gone
  policyd_ = open_channel(peer, std::move(socket));
}

void Dnsd::on_peer_closed(ipc::Channel&) {
  drop_all();
  policyd_.reset();
}

void Dnsd::on_channel_drained(ipc::Channel& channel) {
  channel.resume();
}

base::Status Dnsd::on_prepare(const worker::Generation& generation) {
  const config::Dns& dns = generation.configuration.dns;
  if (dns.servers.empty() || is_same_resolver(dns, current()->configuration.dns)) return base::Done{};
  auto resolver = wrap::Resolver::create(loop(), options_of(dns, start().descriptors), *this);
  if (!resolver) return resolver.error();
  return base::Done{};
}

void Dnsd::on_commit() {
  const config::Dns& dns = current()->configuration.dns;
  if (is_same_resolver(dns, previous()->configuration.dns)) return;
  const std::set<std::uint16_t> ports = ports_of(dns);
  if (!std::includes(ports_.begin(), ports_.end(), ports.begin(), ports.end())) {
    log().event("the DNS servers have another port, which the sandbox allows only to a process that is started anew");
    return finish(0);  // policyd asks the next dnsd again
  }
  for (auto& [address, pending] : pending_) pending->lookup.reset();
  resolver_.reset();
  health_ = {};
  if (!dns.servers.empty()) {
    auto resolver = wrap::Resolver::create(loop(), options_of(dns, start().descriptors), *this);
    if (resolver) {
      resolver_ = std::move(resolver).value();
    } else {
      log().event("no resolver: " + resolver.error().text);
    }
  }
  // What is open is asked anew, within its old time.
  std::vector<Pending*> open;
  for (auto& [address, pending] : pending_) open.push_back(pending.get());
  for (Pending* pending : open) begin(*pending);
}

bool Dnsd::on_peer_message(ipc::Channel& channel, ipc::Incoming& message) {
  return ipc::dispatch<ipc::ReverseQuestion, ipc::CancelQuestion>(*this, channel, message);
}

void Dnsd::on(ipc::Channel&, const ipc::ReverseQuestion& question) {
  if (!address_of_question_.emplace(question.question, question.address).second) return;  // asked twice, answered once
  auto& slot = pending_[question.address];
  if (slot != nullptr) {
    slot->questions.push_back(question.question);
    return;
  }
  if (pending_.size() > kMaxLookups) {
    pending_.erase(question.address);
    address_of_question_.erase(question.question);
    send_answer(question.question, {});
    return;
  }
  slot = std::make_unique<Pending>(*this, question.address);
  slot->questions.push_back(question.question);
  const base::Duration timeout = current()->configuration.dns.timeout;
  slot->deadline.enable(timeout > base::Duration::zero() ? timeout : kDefaultTimeout);
  begin(*slot);
}

void Dnsd::on(ipc::Channel&, const ipc::CancelQuestion& cancel) {
  const auto found = address_of_question_.find(cancel.question);
  if (found == address_of_question_.end()) return;  // answered meanwhile
  const auto pending = pending_.find(found->second);
  address_of_question_.erase(found);
  if (pending == pending_.end()) return;
  std::erase(pending->second->questions, cancel.question);
  if (pending->second->questions.empty()) pending_.erase(pending);
}

void Dnsd::begin(Pending& pending) {
  pending.lookup = std::make_unique<ReverseLookup>(pending.address, static_cast<DnsAsker&>(*this));
  answer_if_done(pending);
}

void Dnsd::on_dns_reply(std::uint64_t id, const wrap::DnsReply& reply) {
  note(reply.is_failure ? health_.on_failure(base::system_clock().monotonic()) : health_.on_answer());
  const auto found = lookup_of_id_.find(id);
  if (found == lookup_of_id_.end()) return;  // nobody waits for it any more
  ReverseLookup* lookup = found->second;
  lookup_of_id_.erase(found);
  const auto pending = pending_.find(lookup->address());
  if (pending == pending_.end()) return;
  lookup->on_reply(id, reply.packet);
  answer_if_done(*pending->second);
}

std::uint64_t Dnsd::ask(ReverseLookup& lookup, std::string_view name, wrap::RecordType type) {
  if (!resolver_ || resolver_->outstanding() >= kMaxOutstanding) return 0;
  const auto id = resolver_->ask(name, type);
  if (!id) return 0;
  lookup_of_id_[id.value()] = &lookup;
  return id.value();
}

void Dnsd::forget(std::uint64_t id) {
  lookup_of_id_.erase(id);
}

void Dnsd::answer_if_done(Pending& pending) {
  if (pending.lookup->result()) answer(pending, ReverseResult(*pending.lookup->result()));
}

void Dnsd::answer(Pending& pending, const ReverseResult& result) {
  const auto found = pending_.find(pending.address);
  const std::unique_ptr<Pending> done = std::move(found->second);
  pending_.erase(found);
  for (const std::uint64_t question : done->questions) {
    address_of_question_.erase(question);
    send_answer(question, result);
  }
}

void Dnsd::send_answer(std::uint64_t question, const ReverseResult& result) {
  if (!policyd_ || !policyd_->is_open()) return;
  const bool is_sent = policyd_->send(ipc::ReverseAnswer{.question = question, .status = result.status, .name = result.name});
  // A policyd that does not read gets no more answers, and is asked for no more questions until it does.
  if (!is_sent) policyd_->pause();
}

void Dnsd::drop_all() {
  pending_.clear();
  address_of_question_.clear();
}

void Dnsd::note(ResolverHealth::Change change) {
  if (change == ResolverHealth::Change::failed) {
    std::string text = "no answer from the DNS servers:";
    for (const base::Endpoint& server : current()->configuration.dns.servers) text += ' ' + server.text();
    log().event(text);
  } else if (change == ResolverHealth::Change::recovered) {
    log().event("the DNS servers answer again");
  }
}

}  // namespace caronte::dnsd
