// smtpd-proxy as a whole: listeners, sessions, the channel to policyd, connections from master, probes of the
// destination. Trusts master and its configuration; the client, the destination and policyd's texts it does not.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "smtpd-proxy/probe.h"
#include "smtpd-proxy/relay_guard.h"
#include "smtpd-proxy/session.h"
#include "worker/worker.h"

namespace caronte::smtpd_proxy {

class Proxy final : public worker::Worker {
 public:
  explicit Proxy(worker::Startup startup);
  ~Proxy() override;

  // For sessions.
  using Worker::black_box;
  using Worker::log;
  using Worker::loop;
  // Puts the session's open question; it is answered, or policyd is away, in time. False: it was not sent.
  bool ask_policy(Session& session);
  void close_session(Session& session, const ipc::SessionClosed& closed);  // destroys it at the end of the turn
  // Asks master for the connection that `destination` waits for; the request number is filled in.
  void call(Destination& destination, ipc::ConnectRequest request);
  void forget(std::unique_ptr<Destination> destination);  // destroys it at the end of the turn
  [[nodiscard]] bool is_policy_present() const noexcept { return policy_ != nullptr && is_policy_answering_; }
  [[nodiscard]] const DomainSet& local_domains(const worker::Generation& generation);
  [[nodiscard]] std::string_view own_name() const noexcept;
  // What every server of the destination offers.
  [[nodiscard]] const Capabilities& offered() const noexcept { return probes_.offered(); }
  void learn(std::uint16_t server, const Capabilities& capabilities) { probes_.learn(server, capabilities); }
  void probe_again(std::uint16_t server) { probes_.probe(server); }

 private:
  // One listening socket; `is_polled` while it is this process's turn to accept there.
  struct Listening {
    Proxy* proxy;
    ipc::Listener listener;
    base::Fd socket;
    wrap::Event readable;
    void on_readable(short what);
  };

  void on_peer(const ipc::Peer& peer, base::Fd socket) override;
  void on_commit() override;
  void on_stop() override;
  bool on_master_message(ipc::Channel& channel, ipc::Incoming& message) override;
  bool on_peer_message(ipc::Channel& channel, ipc::Incoming& message) override;
  void on_peer_closed(ipc::Channel& channel) override;
  template <class... Messages, class Owner>
  friend bool ipc::dispatch(Owner&, ipc::Channel&, ipc::Incoming&);
  void on(ipc::Channel&, const ipc::Connected& connected, base::Fd socket);
  void on(ipc::Channel&, const ipc::ConnectFailed& failed);
  void on(ipc::Channel&, const ipc::TakeOver& take_over);
  void on(ipc::Channel&, const ipc::Listener& listener, base::Fd socket);
  void on(ipc::Channel&, const ipc::SessionAnswer& answer);
  void on(ipc::Channel&, const ipc::CheckNote& note);
  void on(ipc::Channel&, const ipc::SessionFact& fact);

  void add_listener(const ipc::Listener& listener, base::Fd socket);
  void accept_from(Listening& listening);
  void open_session(base::Fd socket, const base::Endpoint& client, const config::Listen& listen);
  void update_polling();
  [[nodiscard]] bool may_accept() const noexcept;
  void on_question_deadline(short what);
  void on_policy_absent(short what);
  void on_stop_deadline(short what);
  void bury();
  void finish_if_idle();
  [[nodiscard]] Session* find(std::uint64_t id);

  std::vector<std::unique_ptr<Listening>> listenings_;
  std::vector<bool> polled_slots_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::vector<std::unique_ptr<Session>> closed_sessions_;
  std::vector<std::unique_ptr<Destination>> closed_destinations_;
  wrap::Deferred burial_;
  std::unique_ptr<ipc::Channel> policy_;
  bool is_policy_answering_ = false;
  bool is_policy_absence_over_ = false;  // 2 s without policyd: accept again, to say 421
  wrap::Event policy_absent_;
  // Questions in the order in which they were asked, each with its deadline.
  struct Question {
    std::uint64_t session;
    std::uint32_t number;
    base::MonotonicTime deadline;
  };
  std::deque<Question> questions_;
  wrap::Event question_deadline_;
  std::unordered_map<std::uint64_t, Destination*> connect_requests_;
  std::uint64_t next_request_ = 1;
  std::uint32_t next_serial_ = 0;
  std::size_t max_sessions_ = 0;
  std::map<std::uint32_t, DomainSet> domains_;  // by generation; the present and the one before
  std::string host_name_;
  Probes probes_;
  wrap::Event stop_deadline_;
  bool is_stopping_ = false;
};

}  // namespace caronte::smtpd_proxy
