#include "smtpd-proxy/proxy.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "smtpd-proxy/replies.h"

namespace caronte::smtpd_proxy {

namespace {

constexpr int kAcceptsPerWake = 16;
constexpr std::uint32_t kReservedDescriptors = 64;   // channels, listeners, probes
constexpr std::uint32_t kDescriptorsPerSession = 2;  // the client's and the destination's
constexpr base::Duration kPolicyPatience{2000};      // design.md section 4
constexpr base::Duration kStopPatience{30000};
constexpr std::size_t kPolicyQueueBytes = 4U * 1024 * 1024;

base::MonotonicTime now() noexcept {
  return std::chrono::steady_clock::now();
}

std::string machine_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

}  // namespace

Proxy::Proxy(worker::Startup startup) : Worker(std::move(startup)), burial_(loop()), host_name_(machine_name()), probes_(*this) {
  burial_.bind<&Proxy::bury>(this);
  policy_absent_.assign_timer<&Proxy::on_policy_absent>(loop(), this);
  policy_absent_.enable(kPolicyPatience);
  question_deadline_.assign_timer<&Proxy::on_question_deadline>(loop(), this);
  stop_deadline_.assign_timer<&Proxy::on_stop_deadline>(loop(), this);
  const std::uint32_t descriptors = std::max(start().descriptors, kReservedDescriptors + kDescriptorsPerSession);
  max_sessions_ = (descriptors - kReservedDescriptors) / kDescriptorsPerSession;
  polled_slots_.assign(std::max<std::size_t>(start().peers, start().index + 1U), false);
  polled_slots_[start().index] = true;
  for (auto& end : take_listeners()) add_listener(end.listener, std::move(end.socket));
  probes_.start(current());
}

Proxy::~Proxy() = default;

std::string_view Proxy::own_name() const noexcept {
  const std::string& name = current()->configuration.server.name;
  return name.empty() ? std::string_view(host_name_) : std::string_view(name);
}

const DomainSet& Proxy::local_domains(const worker::Generation& generation) {
  const auto found = domains_.find(generation.number);
  if (found != domains_.end()) return found->second;
  return domains_.emplace(generation.number, DomainSet(generation.configuration.domains)).first->second;
}

// --------------------------------------------------------------------------------------------------------------- listeners

void Proxy::add_listener(const ipc::Listener& listener, base::Fd socket) {
  auto listening = std::make_unique<Listening>();
  listening->proxy = this;
  listening->listener = listener;
  listening->socket = std::move(socket);
  listening->readable.assign_readable<&Listening::on_readable>(loop(), listening->socket.get(), listening.get());
  listenings_.push_back(std::move(listening));
  update_polling();
}

void Proxy::Listening::on_readable(short) {
  proxy->accept_from(*this);
}

bool Proxy::may_accept() const noexcept {
  const bool is_policy_settled = policy_ != nullptr || is_policy_absence_over_;
  return !is_stopping_ && is_policy_settled && sessions_.size() < max_sessions_;
}

void Proxy::update_polling() {
  for (const auto& listening : listenings_) {
    const std::size_t slot = listening->listener.slot;
    const bool wanted = may_accept() && slot < polled_slots_.size() && polled_slots_[slot];
    if (wanted && !listening->readable.is_enabled()) listening->readable.enable();
    if (!wanted) listening->readable.disable();
  }
}

void Proxy::accept_from(Listening& listening) {
  const auto& listens = current()->configuration.listens;
  const auto listen = std::find_if(listens.begin(), listens.end(),
                                   [&](const config::Listen& l) { return l.endpoint == listening.listener.endpoint; });
  for (int i = 0; i < kAcceptsPerWake && may_accept(); ++i) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    base::Fd socket(
        ::accept4(listening.socket.get(), reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        max_sessions_ = std::max<std::size_t>(sessions_.size(), 1);  // the limit is lower than we were told
        log().event("out of descriptors: at most " + std::to_string(max_sessions_) + " sessions from now on");
        break;
      }
      if (errno == EAGAIN) return;
      continue;  // this connection broke before it was accepted
    }
    const auto client = base::Endpoint::from_sockaddr(storage);
    if (client && listen != listens.end()) open_session(std::move(socket), *client, *listen);
  }
  if (!may_accept()) update_polling();
}

void Proxy::open_session(base::Fd socket, const base::Endpoint& client, const config::Listen& listen) {
  const std::uint64_t id = static_cast<std::uint64_t>(start().instance) << 32U | ++next_serial_;
  black_box().note(client.address);
  auto session = std::make_unique<Session>(*this, std::move(socket), client, listen, current(), id);
  Session& opened = *session;
  sessions_.emplace(id, std::move(session));
  opened.open();
  black_box().clear();
}

Session* Proxy::find(std::uint64_t id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void Proxy::close_session(Session& session, const ipc::SessionClosed& closed) {
  if (policy_) policy_->send(closed);
  const auto found = sessions_.find(session.id());
  if (found == sessions_.end()) return;
  closed_sessions_.push_back(std::move(found->second));
  sessions_.erase(found);
  burial_.schedule();
}

void Proxy::bury() {
  closed_destinations_.clear();
  closed_sessions_.clear();
  update_polling();
  finish_if_idle();
}

// ----------------------------------------------------------------------------------------------------------------- policyd

bool Proxy::ask_policy(Session& session) {
  const bool is_sent = policy_ && session.put_question(*policy_);
  if (is_sent) {
    questions_.push_back({session.id(), session.question_number(), now() + kPolicyPatience});
    if (!question_deadline_.is_enabled()) question_deadline_.enable(kPolicyPatience);
  } else {
    // 2 s without policyd have passed, or it went this moment: answered from the loop, not from inside the session.
    questions_.push_front({session.id(), session.question_number(), now()});
    question_deadline_.enable(base::Duration(0));
  }
  return is_sent;
}

void Proxy::on_question_deadline(short) {
  const base::MonotonicTime time = now();
  while (!questions_.empty() && questions_.front().deadline <= time) {
    const Question question = questions_.front();
    questions_.pop_front();
    Session* session = find(question.session);
    if (session == nullptr || !session->awaits_policy() || session->question_number() != question.number) continue;
    if (is_policy_answering_) log().event("policyd does not answer");
    is_policy_answering_ = false;
    session->on_policy_away();
  }
  if (questions_.empty()) {
    question_deadline_.disable();
  } else {
    question_deadline_.enable(std::chrono::duration_cast<base::Duration>(questions_.front().deadline - time) + base::Duration(1));
  }
}

void Proxy::on_policy_absent(short) {
  is_policy_absence_over_ = true;
  // Those that wait for an answer that no longer comes.
  std::vector<std::uint64_t> waiting;
  for (const auto& [id, session] : sessions_) {
    if (session->awaits_policy()) waiting.push_back(id);
  }
  for (const std::uint64_t id : waiting) {
    if (Session* session = find(id)) session->on_policy_away();
  }
  update_polling();
}

void Proxy::on_peer(const ipc::Peer& peer, base::Fd socket) {
  if (peer.role != ipc::Role::policyd) return;
  policy_ = open_channel(peer, std::move(socket), kPolicyQueueBytes);
  is_policy_answering_ = true;
  is_policy_absence_over_ = false;
  policy_absent_.disable();
  for (const auto& [id, session] : sessions_) {
    session->on_new_policy();
    if (session->is_admitted()) policy_->send(session->live());
  }
  policy_->send(ipc::SyncDone{});
  questions_.clear();
  for (const auto& [id, session] : sessions_) {
    if (session->awaits_policy()) ask_policy(*session);
  }
  update_polling();
}

bool Proxy::on_peer_message(ipc::Channel& channel, ipc::Incoming& message) {
  if (!is_policy_answering_) log().event("policyd answers again");
  is_policy_answering_ = true;
  return ipc::dispatch<ipc::SessionAnswer, ipc::CheckNote, ipc::SessionFact>(*this, channel, message);
}

void Proxy::on_peer_closed(ipc::Channel& channel) {
  if (&channel != policy_.get()) return;
  policy_.reset();
  is_policy_answering_ = false;
  policy_absent_.enable(kPolicyPatience);
  update_polling();
}

void Proxy::on(ipc::Channel&, const ipc::SessionAnswer& answer) {
  if (Session* session = find(answer.session)) session->on_answer(answer);
}

void Proxy::on(ipc::Channel&, const ipc::CheckNote& note) {
  if (Session* session = find(note.session)) session->on_note(note);
}

void Proxy::on(ipc::Channel&, const ipc::SessionFact& fact) {
  if (Session* session = find(fact.session)) session->on_fact(fact);
}

// ------------------------------------------------------------------------------------------------------------------ master

void Proxy::call(Destination& destination, ipc::ConnectRequest request) {
  request.request = next_request_++;
  connect_requests_.emplace(request.request, &destination);
  // A full queue: the destination's own deadline ends the wait.
  master().send(request);
}

void Proxy::forget(std::unique_ptr<Destination> destination) {
  std::erase_if(connect_requests_, [&](const auto& request) { return request.second == destination.get(); });
  closed_destinations_.push_back(std::move(destination));
  burial_.schedule();
}

bool Proxy::on_master_message(ipc::Channel& channel, ipc::Incoming& message) {
  return ipc::dispatch<ipc::Connected, ipc::ConnectFailed, ipc::TakeOver, ipc::Listener>(*this, channel, message);
}

void Proxy::on(ipc::Channel&, const ipc::Connected& connected, base::Fd socket) {
  const auto found = connect_requests_.find(connected.request);
  if (found == connect_requests_.end()) return;
  Destination* destination = found->second;
  connect_requests_.erase(found);
  destination->adopt(std::move(socket));
}

void Proxy::on(ipc::Channel&, const ipc::ConnectFailed& failed) {
  const auto found = connect_requests_.find(failed.request);
  if (found == connect_requests_.end()) return;
  Destination* destination = found->second;
  connect_requests_.erase(found);
  destination->abandon(base::system_error(failed.error, "connect").text);
}

void Proxy::on(ipc::Channel&, const ipc::TakeOver& take_over) {
  if (take_over.slot >= polled_slots_.size() || take_over.slot == start().index) return;
  polled_slots_[take_over.slot] = take_over.on;
  update_polling();
}

void Proxy::on(ipc::Channel&, const ipc::Listener& listener, base::Fd socket) {
  add_listener(listener, std::move(socket));
}

void Proxy::on_commit() {
  const auto& listens = current()->configuration.listens;
  std::erase_if(listenings_, [&](const auto& listening) {
    return std::none_of(listens.begin(), listens.end(),
                        [&](const config::Listen& listen) { return listen.endpoint == listening->listener.endpoint; });
  });
  // Sessions keep their generation; the table of its domains is made anew if it is asked for again.
  std::erase_if(domains_, [&](const auto& entry) {
    return entry.first != current()->number && (!previous() || entry.first != previous()->number);
  });
  probes_.start(current());
  update_polling();
}

void Proxy::on_stop() {
  is_stopping_ = true;
  listenings_.clear();
  probes_.stop();
  stop_deadline_.enable(kStopPatience);
  std::vector<std::uint64_t> open;
  for (const auto& [id, session] : sessions_) open.push_back(id);
  for (const std::uint64_t id : open) {
    if (Session* session = find(id)) session->stop();
  }
  burial_.schedule();
}

void Proxy::on_stop_deadline(short) {
  finish(0);
}

void Proxy::finish_if_idle() {
  if (is_stopping_ && sessions_.empty()) finish(0);
}

}  // namespace caronte::smtpd_proxy
