#include "dnsd/dnsd.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/address_parser.h"
#include "dnsd/name_lookup.h"
#include "dnsd/reverse_lookup.h"

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

std::size_t Dnsd::SubjectHash::operator()(const Subject& subject) const noexcept {
  if (const auto* name = std::get_if<std::string>(&subject)) return std::hash<std::string>{}(*name);
  const auto& octets = std::get<base::Address>(subject).octets();
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(octets.data()), octets.size()});
}

Dnsd::Pending::Pending(Dnsd& owner, Subject what) : dnsd(owner), subject(std::move(what)) {
  deadline.assign_timer<&Pending::on_deadline>(owner.loop(), this);
}

std::uint64_t Dnsd::Pending::ask(std::string_view name, wrap::RecordType type) {
  if (!dnsd.resolver_ || dnsd.resolver_->outstanding() >= kMaxOutstanding) return 0;
  const auto id = dnsd.resolver_->ask(name, type);
  if (!id) return 0;
  dnsd.pending_of_id_[id.value()] = this;
  return id.value();
}

void Dnsd::Pending::forget(std::uint64_t id) {
  dnsd.pending_of_id_.erase(id);
}

void Dnsd::Pending::on_deadline(short) {
  dnsd.note(dnsd.health_.on_failure(base::system_clock().monotonic()));
  dnsd.answer(*this);  // destroys this
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
  for (auto& [subject, pending] : pending_) pending->lookup.reset();
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
  for (auto& [subject, pending] : pending_) open.push_back(pending.get());
  for (Pending* pending : open) begin(*pending);
}

bool Dnsd::on_peer_message(ipc::Channel& channel, ipc::Incoming& message) {
  is_rule_broken_ = false;
  return ipc::dispatch<ipc::ReverseQuestion, ipc::NameQuestion, ipc::CancelQuestion>(*this, channel, message) && !is_rule_broken_;
}

void Dnsd::on(ipc::Channel&, const ipc::ReverseQuestion& question) {
  take(question.question, question.address);
}

void Dnsd::on(ipc::Channel&, const ipc::NameQuestion& question) {
  is_rule_broken_ = !base::is_host_name(question.name);
  if (!is_rule_broken_) take(question.question, question.name.str());
}

void Dnsd::take(std::uint64_t question, Subject subject) {
  if (!subject_of_question_.emplace(question, subject).second) return;  // asked twice, answered once
  auto& slot = pending_[subject];
  if (slot != nullptr) {
    slot->questions.push_back(question);
    return;
  }
  if (pending_.size() > kMaxLookups) {
    pending_.erase(subject);
    subject_of_question_.erase(question);
    send_answer(question, subject, nullptr);
    return;
  }
  slot = std::make_unique<Pending>(*this, std::move(subject));
  slot->questions.push_back(question);
  const base::Duration timeout = current()->configuration.dns.timeout;
  slot->deadline.enable(timeout > base::Duration::zero() ? timeout : kDefaultTimeout);
  begin(*slot);
}

void Dnsd::on(ipc::Channel&, const ipc::CancelQuestion& cancel) {
  const auto found = subject_of_question_.find(cancel.question);
  if (found == subject_of_question_.end()) return;  // answered meanwhile
  const auto pending = pending_.find(found->second);
  subject_of_question_.erase(found);
  if (pending == pending_.end()) return;
  std::erase(pending->second->questions, cancel.question);
  if (pending->second->questions.empty()) pending_.erase(pending);
}

void Dnsd::begin(Pending& pending) {
  if (const auto* name = std::get_if<std::string>(&pending.subject)) {
    pending.lookup = std::make_unique<NameLookup>(*name, pending);
  } else {
    pending.lookup = std::make_unique<ReverseLookup>(std::get<base::Address>(pending.subject), pending);
  }
  answer_if_done(pending);
}

void Dnsd::on_dns_reply(std::uint64_t id, const wrap::DnsReply& reply) {
  note(reply.is_failure ? health_.on_failure(base::system_clock().monotonic()) : health_.on_answer());
  const auto found = pending_of_id_.find(id);
  if (found == pending_of_id_.end()) return;  // nobody waits for it any more
  Pending& pending = *found->second;
  pending_of_id_.erase(found);
  pending.lookup->on_reply(id, reply.packet);
  answer_if_done(pending);
}

void Dnsd::answer_if_done(Pending& pending) {
  if (pending.lookup->is_done()) answer(pending);
}

void Dnsd::answer(Pending& pending) {
  const auto found = pending_.find(pending.subject);
  const std::unique_ptr<Pending> done = std::move(found->second);
  pending_.erase(found);
  for (const std::uint64_t question : done->questions) {
    subject_of_question_.erase(question);
    send_answer(question, done->subject, done->lookup.get());
  }
}

void Dnsd::send_answer(std::uint64_t question, const Subject& subject, const DnsLookup* lookup) {
  if (!policyd_ || !policyd_->is_open()) return;
  bool is_sent = false;
  if (std::holds_alternative<std::string>(subject)) {
    const auto* done = static_cast<const NameLookup*>(lookup);
    const NameResult result = done == nullptr ? NameResult{} : done->result();
    ipc::NameAnswer answer{.question = question, .is_known = result.is_known, .addresses = {}, .ttl = bounded(result.ttl)};
    for (const base::Address& address : result.addresses) answer.addresses.push(address);
    is_sent = policyd_->send(answer);
  } else {
    const auto* done = static_cast<const ReverseLookup*>(lookup);
    const ReverseResult result = done == nullptr ? ReverseResult{} : done->result().value_or(ReverseResult{});
    is_sent = policyd_->send(ipc::ReverseAnswer{.question = question, .status = result.status, .name = result.name});
  }
  // A policyd that does not read gets no more answers, and is asked for no more questions until it does.
  if (!is_sent) policyd_->pause();
}

// The library keeps its answers within these bounds too (CX-4).
std::uint32_t Dnsd::bounded(std::uint32_t ttl) const {
  const config::Dns& dns = current()->configuration.dns;
  const auto seconds = [](std::chrono::milliseconds time) {
    return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
  };
  return std::min(std::max(ttl, seconds(dns.cache_minimum)), seconds(dns.cache_maximum));
}

void Dnsd::drop_all() {
  pending_.clear();
  subject_of_question_.clear();
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
