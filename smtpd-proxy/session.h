// One client's session (design.md section 4): reads its commands, asks policyd, calls the destination late, streams what
// passes, and ends in one record. It trusts nobody: the client's bytes and the destination's go through the parsers only.
// Every acceptance of a message is the destination's own. Lives in smtpd-proxy, owned by Proxy.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/fd.h"
#include "config/client_class.h"
#include "ipc/schema.h"
#include "smtpd-proxy/command_parser.h"
#include "smtpd-proxy/data_parser.h"
#include "smtpd-proxy/destination.h"
#include "smtpd-proxy/session_record.h"
#include "smtpd-proxy/session_states.h"
#include "worker/worker.h"
#include "wrap/event.h"

namespace caronte::smtpd_proxy {

class Proxy;

class Session final : public DestinationOwner {
 public:
  // `generation` holds for the whole session; `listen` is an element of it.
  Session(Proxy& proxy, base::Fd socket, base::Endpoint client, const config::Listen& listen, worker::GenerationPtr generation,
          std::uint64_t id);
  ~Session() override;

  void open();
  // policyd's answer to the open question; any other is ignored.
  void on_answer(const ipc::SessionAnswer& answer);
  void on_note(const ipc::CheckNote& note);
  void on_fact(const ipc::SessionFact& fact);
  // No answer from policyd in time, or no policyd at all.
  void on_policy_away();
  // Another policyd has begun: nothing of the one before is to be expected.
  void on_new_policy() noexcept { is_answer_owed_ = false; }
  // The gateway stops: 421 unless a message is under way.
  void stop();

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }
  // Questions to policyd, numbered from 1; one at most is open.
  [[nodiscard]] std::uint32_t question_number() const noexcept { return questions_; }
  [[nodiscard]] bool awaits_policy() const noexcept { return asked_ != kNothingAsked; }
  // policyd has decided on it: to a new one it is a live session.
  [[nodiscard]] bool is_admitted() const noexcept { return state_ != State::header && asked_ != ipc::Stage::connect; }
  // Sends the open question. False: the queue is full, nothing was sent.
  bool put_question(ipc::Channel& policy) const;
  [[nodiscard]] ipc::SessionLive live() const;
  [[nodiscard]] Destination* destination() const noexcept { return destination_.get(); }

  void on_destination_ready() override;
  void on_destination_reply(Ask ask, const Reply& reply) override;
  void on_destination_failed(Failure failure, std::string_view why, std::string_view reply) override;
  void on_destination_drained() override;

 private:
  static constexpr ipc::Stage kNothingAsked = ipc::Stage::kCount;

  // A recipient of which the client awaits the answer, in its order.
  struct PendingRecipient {
    std::string address;
    std::string command;  // to the destination
    std::string reply;    // to the client, without the last CRLF; empty: not known yet
    std::string reason;   // policyd's, if the reply is
    bool is_forwarded = false;
    bool is_destinations = false;  // the reply is the destination's own
    bool is_judged = false;        // the reply is not to be put before policyd, or was
    bool is_counted = true;        // as valid or invalid; not when the reply says nothing of the recipient
    bool closes = false;           // the session ends with the reply
    [[nodiscard]] bool is_awaited() const noexcept { return is_forwarded && reply.empty(); }
    // With a refusal that is not about this recipient.
    void refuse(std::string_view text) {
      reply = text;
      is_judged = true;
      is_counted = is_destinations = false;
    }
  };
  // What policyd wants to be done, when its hold is over. Verdict::proceed has none.
  struct Ruling {
    ipc::Verdict verdict = ipc::Verdict::refuse;
    bool closes = false;
    std::string reply;  // checked
    std::string reason;
  };
  struct Transaction {
    std::optional<std::uint64_t> size;  // SIZE=
    std::string ret;                    // DSN parameters of MAIL
    std::string envelope_id;
    std::string refusal;  // answers every RCPT: the destination's to MAIL, or policyd's to the transaction
    MessageRecord record;
    std::list<PendingRecipient> pending;
    std::uint32_t accepted = 0;
    std::uint32_t tried = 0;
    Body body = Body::unspecified;
    bool smtputf8 = false;
    bool uses_dsn = false;
    bool is_begun = false;      // MAIL has been sent to the destination
    bool is_answered = false;   // and answered
    bool is_lost = false;       // the destination closed in the middle of it
    bool is_blocked = false;    // the refusal is policyd's: recipients that were accepted before are not any more
    std::string trace;          // waits for the first bytes of the message
    std::string message_reply;  // discard: what the client gets at the end of its data
    std::unique_ptr<DataParser> parser;
    std::unique_ptr<ReceivedCounter> hops;
    base::MonotonicTime data_since;
  };

  // The state machine.
  void fire(Event event);
  [[nodiscard]] bool holds(Guard guard) const noexcept;
  Event perform(Action action);

  // Actions.
  Event ask_policy();
  Event ask_early();
  Event start_hold();
  Event greet();
  Event take_helo(bool is_ehlo);
  Event answer_helo();
  Event take_mail();
  Event accept_mail();
  Event refuse_mail();
  Event take_rcpt();
  Event forward_rcpt();
  Event refuse_rcpt();
  Event pass_answer();
  Event replace_answer();
  Event take_data();
  Event take_rset();
  Event take_noop();
  Event take_quit();
  Event take_help();
  Event refuse_order();
  Event refuse_no_recipients();
  Event open_stream();
  Event end_message();
  Event answer_discarded();
  void begin_close();

  // policyd (session_policy.cc).
  [[nodiscard]] ipc::SessionQuestion session_question() const;
  [[nodiscard]] ipc::StageQuestion stage_question() const;
  void ask(ipc::Stage stage);
  [[nodiscard]] bool has_policy() const noexcept;
  // policyd wants to be asked, and is there.
  [[nodiscard]] bool is_to_ask(ipc::Stage stage) const noexcept { return (stages_ & ipc::mask_of(stage)) != 0 && has_policy(); }
  [[nodiscard]] bool has_early_talk() const noexcept;
  void take_answer(const ipc::SessionAnswer& answer);
  void take_admission(const ipc::SessionAnswer& answer);
  void rule(const ipc::SessionAnswer& answer);
  void carry_out();
  void on_held(short what);
  void leave_hold();
  [[nodiscard]] bool has_hung_up() const noexcept;
  void hang_up();

  // Recipients (session_recipients.cc).
  void decide_recipient(const RcptCommand& command, PendingRecipient& recipient);
  void send_recipient(const PendingRecipient& recipient);
  void begin_transaction_at_destination();
  void call_destination();
  Event answer_pending();
  void answer_first();
  [[nodiscard]] bool is_destination_awaited() const noexcept;
  void lose_recipients(Failure kind, std::string_view last_words);
  void take_recipient_reply(const Reply& answer);
  void take_data_reply(const Reply& answer);
  void take_message_reply(const Reply& answer);
  void end_transaction(std::string_view reply, bool is_delivered);
  [[nodiscard]] bool lacks_promised() const noexcept;

  // Bytes of the client (session.cc).
  void on_readable(short what);
  void on_writable(short what);
  void take_bytes(std::string_view bytes);
  std::size_t take_header(std::string_view bytes);
  std::size_t take_line(std::string_view bytes);
  void take_command(std::string_view line);
  std::size_t take_message(std::string_view bytes);
  void refuse_message(std::string_view text, std::string_view reason, std::int64_t value, std::int64_t limit);
  void resume_input();
  void update_reading();
  void on_idle();
  [[nodiscard]] bool is_too_slow();
  void linger();

  void reply(std::string_view text);           // ours, or a whole reply of the destination; without the last CRLF
  void pass_on(std::string_view reply_bytes);  // a whole reply of the destination
  void note_reply(std::string_view reply_bytes);
  void count_reply(std::uint16_t code);
  void shut(ipc::Outcome outcome, std::string_view last_reply = {});
  void flush();
  void finish();
  void leave_destination();
  void note_dialogue(DialogueLine::From from, std::string_view text);
  [[nodiscard]] ipc::Outcome outcome() const noexcept;
  [[nodiscard]] bool waits_for_client() const noexcept;
  [[nodiscard]] bool is_exempt(config::Check check) const noexcept;
  [[nodiscard]] base::Duration in_stress(base::Duration time) const noexcept;  // what is left of a deadline
  [[nodiscard]] SessionRecord& record();                                       // made when there is something to keep
  void note_reason(std::string_view reason, std::int64_t value = 0, std::int64_t limit = 0, std::uint32_t line = 0);
  [[nodiscard]] const config::Configuration& configuration() const noexcept { return generation_->configuration; }

  Proxy& proxy_;
  base::Fd socket_;
  worker::GenerationPtr generation_;
  const config::Listen& listen_;
  std::uint64_t id_;
  base::Endpoint client_;
  base::Endpoint balancer_;
  wrap::Event readable_;  // during a hold: its time, and whether the client is still there
  std::unique_ptr<wrap::Event> writable_;
  base::Buffer in_;   // read, not yet taken: part of a line, or commands behind one that waits
  base::Buffer out_;  // replies on their way
  std::unique_ptr<Transaction> transaction_;
  std::unique_ptr<Destination> destination_;
  std::unique_ptr<SessionRecord> record_;
  std::vector<ipc::CheckNote> checks_;  // for the record; here, so that a session that is held need not have one for them
  std::unique_ptr<Ruling> ruling_;
  std::string helo_;
  std::string name_;
  std::string_view argument_;  // of the command being carried out
  base::MonotonicTime opened_;
  base::MonotonicTime waiting_since_;  // for the client: start of FW-12
  base::MonotonicTime linger_since_;
  base::MonotonicTime command_since_;  // first byte of the command under way
  base::MonotonicTime hold_until_;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_before_linger_ = 0;
  std::uint32_t errors_ = 0;
  std::uint32_t noops_ = 0;
  std::uint32_t recipients_valid_ = 0;
  std::uint32_t recipients_invalid_ = 0;
  std::uint32_t questions_ = 0;
  std::uint32_t helo_hold_ms_ = 0;
  std::uint16_t server_ = 0;
  ipc::ClientClasses classes_ = 0;
  ipc::ReverseStatus name_status_ = ipc::ReverseStatus::unknown;
  std::optional<ipc::Outcome> forced_outcome_;
  State state_ = State::header;
  ipc::Stage asked_ = kNothingAsked;  // the open question
  ipc::StageMask stages_ = 0;         // that policyd wants to be asked about
  Offered offered_;
  Verb verb_ = Verb::unknown;
  bool is_esmtp_ = false;
  bool is_smtputf8_ = false;
  bool is_address_known_ = true;
  bool is_reused_ = false;       // the connection to the destination has served a transaction before
  bool needs_reset_ = false;     // the destination holds a transaction that we do not want
  bool skips_line_ = false;      // the rest of a line that was too long
  bool client_closed_ = false;   // half-close: nothing more to read
  bool is_paused_ = false;       // the destination takes no more data at the moment
  bool is_timer_short_ = false;  // the idle timer runs for the rest of its time only
  bool is_stopping_ = false;
  bool is_lingering_ = false;
  bool is_over_ = false;
  bool is_taking_ = false;  // in take_bytes(): no recursion
  bool is_question_sent_ = false;
  bool is_answer_owed_ = false;  // to a question that was given up; until it has come policyd is away for this session
  bool is_early_asked_ = false;
  bool is_stressed_ = false;
  bool is_trust_awaited_ = false;  // a trusted host name is being looked up for the first time
  bool is_held_ = false;
  bool has_left_hold_ = false;  // the client went while it was held (AG-16)
};

}  // namespace caronte::smtpd_proxy
