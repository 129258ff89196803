#include "policyd/policyd.h"

#include <string>
#include <utility>

#include "base/address_parser.h"
#include "base/reference.h"

namespace caronte::policyd {

namespace {

// When master has died: what the smtpd-proxies take to finish, and a little more.
constexpr base::Duration kStopPatience{35'000};
constexpr base::Duration kTick{1'000};
constexpr base::Duration kNextLoad{2};

std::string proxy_name(std::uint16_t index) {
  return std::string(ipc::name_of(ipc::Role::smtpd_proxy)) + '.' + std::to_string(index);
}

base::MonotonicTime now() {
  return base::system_clock().monotonic();
}

}  // namespace

Policyd::Policyd(worker::Startup startup)
    : Worker(std::move(startup)),
      started_(now()),
      hell_control_(loop(), hell_, hell_surroundings()),
      control_(loop(), take_resource(ipc::ResourceKind::control_socket), ipc::Role::policyd, start().control_gid, *this) {
  stop_deadline_.assign_timer<&Policyd::on_stop_deadline>(loop(), this);
  tick_.assign_timer<&Policyd::on_tick>(loop(), this);
  tick_.enable(kTick);
  load_.assign_timer<&Policyd::on_load>(loop(), this);
  use_host_names(nullptr);
}

void Policyd::begin_loading() {
  hell_.begin_load(store_now());
  load_.enable(base::Duration{0});
}

void Policyd::on_load(short) {
  if (hell_.load_some(store_now())) load_.enable(kNextLoad);
}

// Without a sandbox the root is not the state folder, and nothing is kept.
void Policyd::on_sandboxed() {
  if (start().sandbox && take_resource(ipc::ResourceKind::state_folder)) keeper_.open();
}

// What is over is forgotten in slices.
void Policyd::on_tick(short) {
  tick_.enable(kTick);
  hell_.expire_some(store_now());
  senders_.expire_some(store_now());
  ask_host_names();
}

base::Status Policyd::on_prepare(const worker::Generation& generation) {
  use_host_names(&generation);
  return base::Done{};
}

void Policyd::on_commit() {
  use_host_names(nullptr);
}

// ------------------------------------------------------------------------------------------------------------- neighbours

void Policyd::on_peer(const ipc::Peer& peer, base::Fd socket) {
  if (peer.role == ipc::Role::smtpd_proxy) {
    lose_sessions_of(peer.index);  // of the process before, if its end was not seen yet
    proxies_[peer.index] = {open_channel(peer, std::move(socket)), false, {}};
  } else if (peer.role == ipc::Role::dnsd) {
    dnsd_ = open_channel(peer, std::move(socket));
    for (const ipc::ReverseQuestion& question : reverse_questions_.ask_again()) dnsd_->send(question);
    host_names_.all_lost();
    ask_host_names();
  }
}

void Policyd::on_peer_closed(ipc::Channel& channel) {
  if (channel.peer() == ipc::Role::dnsd) {
    dnsd_.reset();
    return;
  }
  const std::uint16_t index = channel.peer_index();
  lose_sessions_of(index);
  proxies_.erase(index);
  finish_if_alone();
}

void Policyd::lose_sessions_of(std::uint16_t proxy) {
  const auto lost = admission_.sessions().close_all_of(proxy);
  if (lost.empty()) return;
  counters_.add_lost(lost.size());
  log().event(proxy_name(proxy) + " has ended: " + std::to_string(lost.size()) + " sessions lost");
  for (const auto& [id, session] : lost) {
    cancel_reverse(id);
    rulings_.close(id);
    worker::RecordBuilder record("session");
    record.attribute("reference", base::reference_text(id));
    record.attribute("client", session.client.address.text());
    record.attribute("port", session.client.port);
    if (session.classes != 0) record.attribute("classes", config::class_names(session.classes));
    record.attribute("outcome", ipc::name_of(ipc::Outcome::lost));
    log().write(record);
  }
  look_at_load();
}

void Policyd::on_stop() {
  is_stopping_ = true;
  stop_deadline_.enable(kStopPatience);
  finish_if_alone();
}

// The smtpd-proxies go first: they still close sessions, which count.
void Policyd::finish_if_alone() {
  if (is_stopping_ && proxies_.empty()) finish(0);
}

bool Policyd::on_master_message(ipc::Channel& channel, ipc::Incoming& message) {
  return ipc::dispatch<ipc::Penalty>(*this, channel, message);
}

bool Policyd::on_peer_message(ipc::Channel& channel, ipc::Incoming& message) {
  is_rule_broken_ = false;
  return ipc::dispatch<ipc::SessionQuestion, ipc::StageQuestion, ipc::SessionClosed, ipc::ReverseAnswer, ipc::NameAnswer,
                       ipc::SessionLive, ipc::SyncDone>(*this, channel, message) &&
         !is_rule_broken_;
}

void Policyd::on(ipc::Channel&, const ipc::Penalty& penalty) {
  const auto left = admission_.punish(penalty.client).left;
  log().event("a process crashed at a session of " + penalty.client.text() + ": refused for " + std::to_string(left.count()) +
              " s");
}

// --------------------------------------------------------------------------------------------------------------- sessions

void Policyd::on(ipc::Channel& channel, const ipc::SessionLive& live) {
  if (proxies_[channel.peer_index()].is_synced || admission_.sessions().size() >= kMaxSessions) return break_rule();
  const bool is_address_known = live.is_counted || config::is_exempt(config::Check::session_cap, live.classes);
  if (!admission_.sessions().open(
          live.session, {live.client, live.classes, live.is_counted, is_address_known, channel.peer_index(), {.is_resumed = true}}))
    return break_rule();
  look_at_load();
}

void Policyd::on(ipc::Channel& channel, const ipc::SyncDone&) {
  Proxy& proxy = proxies_[channel.peer_index()];
  if (proxy.is_synced) return break_rule();
  proxy.is_synced = true;
}

void Policyd::on(ipc::Channel& channel, const ipc::SessionQuestion& question) {
  Proxy& proxy = proxies_[channel.peer_index()];
  if (!proxy.is_synced || admission_.sessions().find(question.session) != nullptr || admission_.sessions().size() >= kMaxSessions)
    return break_rule();
  if (question.is_address_known) black_box().note(question.client.address);
  send_decision(proxy, decide(question, channel.peer_index()));
  black_box().clear();
}

void Policyd::on(ipc::Channel& channel, const ipc::StageQuestion& question) {
  Proxy& proxy = proxies_[channel.peer_index()];
  const Session* session = admission_.sessions().find(question.session);
  if (!proxy.is_synced || session == nullptr || session->proxy != channel.peer_index()) return break_rule();
  const worker::GenerationPtr settings = generation(session->state.generation);
  if (session->is_address_known) black_box().note(session->client.address);
  if (auto decision = rulings_.ask(question, *settings, moment(*settings))) {
    send_decision(proxy, std::move(*decision));
  } else {
    break_rule();
  }
  black_box().clear();
}

Rulings::Moment Policyd::moment(const worker::Generation& settings) const {
  const auto protect = [this, &settings] {
    return ProtectedAddresses{
        {&settings.list(config::ListId::relay), &settings.list(config::ListId::trusted), &settings.list(config::ListId::white)},
        settings.configuration.listens,
        host_names_.addresses_of({&settings.list(config::ListId::trusted), &settings.list(config::ListId::white)})};
  };
  return {{store_now(), now()}, admission_.overload().is_stressed(), protect};
}

Decision Policyd::decide(const ipc::SessionQuestion& question, std::uint16_t proxy) {
  const worker::GenerationPtr settings = generation(question.generation);
  const config::Configuration& configuration = settings->configuration;
  Admission::Decision admitted =
      admission_.decide(question, proxy,
                        {configuration.limits, configuration.replies, configuration.hell, configuration.server.observe,
                         settings->list(config::ListId::relay), settings->list(config::ListId::trusted),
                         settings->list(config::ListId::white), settings->list(config::ListId::hell)},
                        store_now(), named_classes(*settings, question));
  admitted.answer.is_trust_awaited =
      configuration.dns.is_present && host_names_.is_awaited(settings->list(config::ListId::trusted));
  Decision decision{admitted.answer, {}, {}};
  if (admitted.answer.verdict == ipc::Verdict::proceed) decision = rulings_.connect(admitted.answer, *settings, moment(*settings));
  if (admitted.note) decision.notes.insert(decision.notes.begin(), *admitted.note);
  if (decision.answer.verdict != ipc::Verdict::proceed) {
    counters_.add_refused(decision.answer.reason);
    return decision;
  }
  look_at_load();
  if (configuration.dns.is_present && configuration.dns.reverse && question.is_address_known) ask_reverse(question);
  return decision;
}

void Policyd::look_at_load() {
  if (!admission_.update_load(current()->configuration.limits)) return;
  const std::string sessions = std::to_string(admission_.sessions().size()) + " sessions";
  log().event(admission_.overload().is_stressed() ? "under stress: " + sessions + ", deadlines are short and nobody is held"
                                                  : "no longer under stress: " + sessions);
}

worker::GenerationPtr Policyd::generation(std::uint32_t number) const {
  for (const worker::GenerationPtr& candidate : {previous(), prepared()}) {
    if (candidate != nullptr && candidate->number == number) return candidate;
  }
  return current();
}

void Policyd::send_decision(Proxy& proxy, Decision decision) {
  for (ipc::CheckNote& note : decision.notes) {
    if (note.is_hit) counters_.add_hit(note.check, note.is_observed);
    send_in_order(proxy, std::move(note));
  }
  send_in_order(proxy, std::move(decision.answer));
}

void Policyd::send_in_order(Proxy& proxy, Outgoing message) {
  const auto send = [&](const auto& one) { return proxy.channel->send(one); };
  if (proxy.backlog.empty() && std::visit(send, message)) return;
  proxy.backlog.push_back(std::move(message));
  proxy.channel->pause();
}

void Policyd::on_channel_drained(ipc::Channel& channel) {
  if (channel.peer() != ipc::Role::smtpd_proxy) return;
  Proxy& proxy = proxies_[channel.peer_index()];
  const auto send = [&](const auto& one) { return channel.send(one); };
  while (!proxy.backlog.empty() && std::visit(send, proxy.backlog.front())) proxy.backlog.pop_front();
  if (proxy.backlog.empty()) channel.resume();
}

void Policyd::on(ipc::Channel& channel, const ipc::SessionClosed& closed) {
  const Session* session = admission_.sessions().find(closed.session);
  if (!proxies_[channel.peer_index()].is_synced) return break_rule();
  if (session != nullptr && session->proxy != channel.peer_index()) return break_rule();
  counters_.add(closed);  // also of those that were refused and hold no slot
  if (session == nullptr) return;
  learn(*session, closed);
  cancel_reverse(closed.session);
  rulings_.close(closed.session);
  admission_.sessions().close(closed.session);
  look_at_load();
}

void Policyd::learn(const Session& session, const ipc::SessionClosed& closed) {
  if (!session.is_address_known) return;
  const base::Address& client = session.client.address;
  const config::Configuration& configuration = current()->configuration;
  if (closed.outcome == ipc::Outcome::delivered && closed.delivered > 0 && configuration.limits.reserved != 0) {
    senders_.add_good(client, closed.delivered, store_now());
  }
  if (closed.hung_up && configuration.tarpit.hang_ups != 0) {
    senders_.add_hang_up(client, std::chrono::duration_cast<std::chrono::seconds>(configuration.tarpit.within), store_now());
  }
}

// ------------------------------------------------------------------------------------------------------------------- dnsd

void Policyd::ask_reverse(const ipc::SessionQuestion& question) {
  const ipc::ReverseQuestion reverse = reverse_questions_.open(question.session, question.client.address);
  // No dnsd: asked when it is back. A dnsd that does not read: the session goes without the fact.
  if (dnsd_ != nullptr && !dnsd_->send(reverse)) (void)reverse_questions_.answered(reverse.question);
}

void Policyd::cancel_reverse(std::uint64_t session) {
  const auto question = reverse_questions_.session_closed(session);
  if (question && dnsd_ != nullptr) dnsd_->send(ipc::CancelQuestion{.question = *question});
}

void Policyd::use_host_names(const worker::Generation* next) {
  std::vector<const config::MappedList*> lists;
  for (const worker::Generation* one : {current().get(), previous().get(), next}) {
    if (one == nullptr || !one->configuration.dns.is_present) continue;
    lists.push_back(&one->list(config::ListId::trusted));
    lists.push_back(&one->list(config::ListId::white));
  }
  host_names_.use(lists);
  ask_host_names();
}

void Policyd::ask_host_names() {
  if (dnsd_ == nullptr) return;
  for (const ipc::NameQuestion& question : host_names_.due(now())) {
    if (!dnsd_->send(question)) host_names_.lost(question.question);
  }
}

ipc::ClientClasses Policyd::named_classes(const worker::Generation& settings, const ipc::SessionQuestion& question) const {
  ipc::ClientClasses classes = 0;
  if (!question.is_address_known) return classes;
  const auto add = [&](config::ListId list, config::ClientClass client_class) {
    if (host_names_.is_one_of(settings.list(list), question.client.address)) classes |= config::bit_of(client_class);
  };
  add(config::ListId::trusted, config::ClientClass::trusted);
  add(config::ListId::white, config::ClientClass::white);
  return classes;
}

void Policyd::on(ipc::Channel&, const ipc::NameAnswer& answer) {
  const auto change = host_names_.answered(answer, now());
  ask_host_names();
  if (!change) return;
  // By its place: what stands in a list is nobody's business.
  for (const config::ListId list : {config::ListId::trusted, config::ListId::white}) {
    const auto line = current()->list(list).names().find(change->name);
    if (!line) continue;
    log().event("list " + std::string(config::name_of(list)) + ", line " + std::to_string(*line) + ": the host name " +
                (change->resolves   ? "resolves again"
                 : change->is_known ? "has no address and matches nothing"
                                    : "could not be looked up and matches nothing"));
  }
}

void Policyd::on(ipc::Channel&, const ipc::ReverseAnswer& answer) {
  const bool has_name = answer.status == ipc::ReverseStatus::verified || answer.status == ipc::ReverseStatus::unverified;
  if (has_name ? !base::is_host_name(answer.name) : !answer.name.empty()) return break_rule();
  const auto id = reverse_questions_.answered(answer.question);
  if (!id) return;  // the session was faster
  const Session* session = admission_.sessions().find(*id);
  const auto proxy = session == nullptr ? proxies_.end() : proxies_.find(session->proxy);
  if (proxy == proxies_.end()) return;
  proxy->second.channel->send(ipc::SessionFact{.session = *id, .status = answer.status, .name = answer.name});
}

// ---------------------------------------------------------------------------------------------------------------- control

bool Policyd::on_control_message(ipc::Channel& channel, ipc::Incoming& message) {
  is_rule_broken_ = false;
  return ipc::dispatch<ipc::StatusRequest, ipc::HellItem, ipc::HellRequest>(*this, channel, message) && !is_rule_broken_;
}

HellControl::Surroundings Policyd::hell_surroundings() {
  const auto wall = [] { return std::chrono::system_clock::to_time_t(base::system_clock().wall()); };
  return {[this] { return store_now(); }, [this, wall] { return StoreTime{wall()} - store_now(); },
          [this] { return current()->configuration.hell; }, [this](const std::string& text) { log().event(text); }};
}

void Policyd::on(ipc::Channel& channel, const ipc::HellItem& item) {
  if (!hell_control_.take(channel, item)) break_rule();
}

void Policyd::on(ipc::Channel& channel, const ipc::HellRequest& request) {
  if (!hell_control_.take(channel, request)) break_rule();
}

void Policyd::on(ipc::Channel& channel, const ipc::StatusRequest&) {
  const std::string subject = std::string(ipc::name_of(ipc::Role::policyd)) + '.' + std::to_string(start().index);
  const auto text = [&](std::string_view section, std::string_view name, std::string_view value) {
    channel.send(ipc::StatusItem{.section = section, .subject = subject, .name = name, .value = value});
  };
  const auto item = [&](std::string_view section, std::string_view name, std::uint64_t value) {
    text(section, name, std::to_string(value));
  };
  item("sessions", "open", admission_.sessions().size());
  item("sessions", "clients", admission_.sessions().clients());
  for (std::size_t i = 0; i < static_cast<std::size_t>(config::ClientClass::kCount); ++i) {
    const auto client_class = static_cast<config::ClientClass>(i);
    item("sessions", config::name_of(client_class), admission_.sessions().count_with(config::bit_of(client_class)));
  }
  item("sessions", "dns-questions", reverse_questions_.size());
  item("memory", "host-names", host_names_.size());
  item("memory", "host-names-resolved", host_names_.resolved());
  item("sessions", "held", rulings_.held(now()));
  text("sessions", "stressed", admission_.overload().is_stressed() ? "yes" : "no");
  item("memory", "hell", hell_.size());
  item("memory", "hell-list", current()->list(config::ListId::hell).entries());
  item("memory", "senders", senders_.size());
  for (const auto& [name, value] : keeper_.status()) {
    channel.send(ipc::StatusItem{.section = "store", .subject = subject, .name = name, .value = value});
  }
  item("counter", "seconds",
       static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now() - started_).count()));
  for (const auto& [name, value] : counters_.all()) item("counter", name, value);
  item("counter", "stress", admission_.overload().times());

  std::size_t synced = 0;
  for (const auto& [index, proxy] : proxies_) synced += proxy.is_synced ? 1 : 0;
  channel.send(ipc::StatusEnd{.is_healthy = synced >= start().peers && keeper_.is_healthy()});
}

}  // namespace caronte::policyd
