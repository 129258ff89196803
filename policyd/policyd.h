// policyd: decides. It knows every open session of every smtpd-proxy, answers at once, and hands on what dnsd finds out
// later. It never sees a byte of a client; what the smtpd-proxies and dnsd say is checked, for they may have been taken
// over: one of them can spoil its own sessions, and no other's.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string_view>
#include <variant>

#include "policyd/admission.h"
#include "policyd/counters.h"
#include "policyd/hell.h"
#include "policyd/hell_control.h"
#include "policyd/host_names.h"
#include "policyd/reverse_questions.h"
#include "policyd/rulings.h"
#include "policyd/sender_history.h"
#include "policyd/store_keeper.h"
#include "worker/control_server.h"
#include "worker/worker.h"

namespace caronte::policyd {

class Policyd final : public worker::Worker, private worker::ControlHandler {
 public:
  // More than any smtpd-proxy can have descriptors for.
  static constexpr std::size_t kMaxSessions = 1U << 20U;

  explicit Policyd(worker::Startup startup);

  // For who turns it himself, without run().
  using Worker::loop;

 private:
  using Outgoing = std::variant<ipc::CheckNote, ipc::SessionAnswer>;
  struct Proxy {
    std::unique_ptr<ipc::Channel> channel;
    bool is_synced = false;        // has told its live sessions; only then it may ask
    std::deque<Outgoing> backlog;  // while it does not read; it is not read meanwhile
  };

  void on_sandboxed() override;
  void on_peer(const ipc::Peer& peer, base::Fd socket) override;
  [[nodiscard]] base::Status on_prepare(const worker::Generation& generation) override;
  void on_commit() override;
  void on_stop() override;
  [[nodiscard]] bool on_master_message(ipc::Channel& channel, ipc::Incoming& message) override;
  [[nodiscard]] bool on_peer_message(ipc::Channel& channel, ipc::Incoming& message) override;
  void on_peer_closed(ipc::Channel& channel) override;
  void on_channel_drained(ipc::Channel& channel) override;
  [[nodiscard]] bool on_control_message(ipc::Channel& channel, ipc::Incoming& message) override;

  void on_control_closed(ipc::Channel& channel) override { hell_control_.forget(channel); }

  template <class... Messages, class Owner>
  friend bool ipc::dispatch(Owner&, ipc::Channel&, ipc::Incoming&);
  void on(ipc::Channel&, const ipc::Penalty& penalty);
  void on(ipc::Channel& channel, const ipc::SessionLive& live);
  void on(ipc::Channel& channel, const ipc::SyncDone&);
  void on(ipc::Channel& channel, const ipc::SessionQuestion& question);
  void on(ipc::Channel& channel, const ipc::StageQuestion& question);
  void on(ipc::Channel& channel, const ipc::SessionClosed& closed);
  void on(ipc::Channel&, const ipc::ReverseAnswer& answer);
  void on(ipc::Channel&, const ipc::NameAnswer& answer);
  void on(ipc::Channel& channel, const ipc::StatusRequest&);
  void on(ipc::Channel& channel, const ipc::HellItem& item);
  void on(ipc::Channel& channel, const ipc::HellRequest& request);

  [[nodiscard]] Decision decide(const ipc::SessionQuestion& question, std::uint16_t proxy);
  // For the checks of a session with these settings, which must outlive it.
  [[nodiscard]] Rulings::Moment moment(const worker::Generation& settings) const;
  // The settings that the session began with.
  [[nodiscard]] worker::GenerationPtr generation(std::uint32_t number) const;
  void ask_reverse(const ipc::SessionQuestion& question);
  // The host names of all generations in use, and of the one that is to come.
  void use_host_names(const worker::Generation* next);
  void ask_host_names();
  // What host names of the lists make of this client.
  [[nodiscard]] ipc::ClientClasses named_classes(const worker::Generation& settings, const ipc::SessionQuestion& question) const;
  // For what is remembered; see policyd/store_clock.h.
  [[nodiscard]] StoreTime store_now() const { return keeper_.now(); }
  void learn(const Session& session, const ipc::SessionClosed& closed);
  // After sessions have begun or ended: is the gateway under stress?
  void look_at_load();
  void on_tick(short);
  // The entries of hell come in slices, with verdicts in between.
  void begin_loading();
  void on_load(short);
  [[nodiscard]] HellControl::Surroundings hell_surroundings();
  void cancel_reverse(std::uint64_t session);
  // Notes first, then the answer.
  void send_decision(Proxy& proxy, Decision decision);
  void send_in_order(Proxy& proxy, Outgoing message);
  void lose_sessions_of(std::uint16_t proxy);
  void break_rule() noexcept { is_rule_broken_ = true; }  // by the sender of the message in hand
  void finish_if_alone();
  void on_stop_deadline(short) { finish(0); }

  StoreKeeper keeper_{loop(), [this](const std::string& text) { log().event(text); }, [this] { begin_loading(); }};
  Hell hell_{keeper_.store()};
  SenderHistory senders_{keeper_.store()};
  Admission admission_{base::system_clock(), hell_, senders_};
  Rulings rulings_{admission_.sessions(), senders_, hell_};
  ReverseQuestions reverse_questions_;
  HostNames host_names_;
  Counters counters_;
  base::MonotonicTime started_;
  std::map<std::uint16_t, Proxy> proxies_;
  std::unique_ptr<ipc::Channel> dnsd_;
  HellControl hell_control_;
  worker::ControlServer control_;
  wrap::Event tick_;
  wrap::Event load_;
  wrap::Event stop_deadline_;
  bool is_stopping_ = false;
  bool is_rule_broken_ = false;
};

}  // namespace caronte::policyd
