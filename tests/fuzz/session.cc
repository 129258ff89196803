// A whole smtpd-proxy on sockets, with a client, a mail server, a policyd and a master that the input plays. What holds: the
// client gets replies of ours or of the mail server's and nothing else; the mail server gets commands and recipients that it
// may get, and messages that end at one place for every reader; nothing counts as delivered that it did not take;
// what policyd was to be asked about and did not let pass never reaches the mail server; and every session ends, with one
// report to policyd.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <set>

#include "base/quoting.h"
#include "smtpd-proxy/proxy.h"
#include "smtpd-proxy/replies.h"
#include "tests/fuzz/data_readers.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/local_address.h"

namespace caronte::fuzz {

namespace {

using namespace ipc;
using namespace smtpd_proxy;

const base::Endpoint kListen{base::Address::v4(127, 0, 0, 1), 25};

// Bits of the first octet of an input.
enum Option : unsigned {
  kRepair = 1,
  kTrace = 2,
  kPipelining = 4,
  kHeader = 8,
  kHostile = 16,
  kTight = 32,
  kHold = 64,
  kEightBit = 128
};

// The mail server's side of one connection: strict, and it says what it is told to, or "250 2.0.0 fine".
class Server {
 public:
  struct Shared {
    unsigned options = 0;
    std::list<std::string> scripted;  // replies to come
    std::set<std::string> said;       // whole replies
    unsigned taken = 0;               // messages
    bool is_strange = false;          // said something that is no reply
    ipc::StageMask stages = 0;        // that policyd wants to be asked about
    std::set<std::string> senders;    // that it let pass
    std::set<std::string> recipients;
    [[nodiscard]] bool lets_pass(Stage stage, const std::string& text) const {
      return (stages & mask_of(stage)) == 0 || (stage == Stage::mail ? senders : recipients).contains(text);
    }
  };
  Server(base::Fd socket, Shared& shared, bool is_probe) : socket_(std::move(socket)), shared_(shared), is_probe_(is_probe) {
    say("220 mail.example.org ESMTP");
  }
  [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }
  void close() { socket_.reset(); }
  void send(std::string_view bytes) {
    if (socket_) (void)!::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  bool serve() {
    if (!socket_) return false;
    bool is_closed = false;
    const std::string bytes = read_all(socket_.get(), is_closed);
    in_ += bytes;
    while (take_one()) {
    }
    if (is_closed) {
      if (in_data_) check_readers(in_, false);
      close();
    }
    return !bytes.empty() || is_closed;
  }

 private:
  void say(std::string reply, bool is_scriptable = false) {
    if (is_scriptable && !shared_.scripted.empty()) {
      reply = shared_.scripted.front();
      shared_.scripted.pop_front();
    }
    reply += "\r\n";
    last_code_ = parse_reply(reply).code;
    if (parse_reply(reply).parsed != Parsed::complete) shared_.is_strange = true;
    shared_.said.insert(reply);
    if ((shared_.options & kHostile) == 0 || is_probe_) send(reply);
  }
  bool take_one() {
    if (in_data_) {
      const std::size_t end = end_of_data(in_, kReaders[0]);
      if (end == std::string::npos) return false;
      check_readers(std::string_view(in_).substr(0, end), true);
      in_.erase(0, end);
      in_data_ = false;
      say("250 2.0.0 taken", true);
      if (last_code_ / 100 == 2) ++shared_.taken;
      return true;
    }
    const std::size_t end = in_.find("\r\n");
    if (end == std::string::npos) return false;
    const std::string line = in_.substr(0, end);
    in_.erase(0, end + 2);
    CARONTE_EXPECT(base::is_safe_line(line));
    if (line.starts_with("EHLO ")) {
      std::string offer = "250-mail.example.org\r\n250-SIZE 1000000";
      if ((shared_.options & kPipelining) != 0) offer += "\r\n250-PIPELINING";
      if ((shared_.options & kEightBit) != 0) offer += "\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN";
      say(offer + "\r\n250 HELP", !is_probe_);
    } else if (line.starts_with("RCPT TO:<")) {
      const std::size_t size = line.rfind('>') - 9;
      CARONTE_EXPECT(is_plainly_local(std::string_view(line).substr(9, size)));
      CARONTE_EXPECT(shared_.lets_pass(Stage::rcpt, line.substr(9, size)));
      say("250 2.1.5 fine", true);
    } else if (line == "DATA") {
      say("354 go on", true);
      in_data_ = last_code_ == 354;
    } else {
      const bool is_mail = line.starts_with("MAIL FROM:<");
      CARONTE_EXPECT(is_mail || line == "RSET" || line == "QUIT");
      if (is_mail) CARONTE_EXPECT(is_probe_ || shared_.lets_pass(Stage::mail, line.substr(11, line.find('>', 11) - 11)));
      say("250 2.0.0 fine", true);
    }
    return true;
  }

  base::Fd socket_;
  Shared& shared_;
  bool is_probe_;
  bool in_data_ = false;
  unsigned last_code_ = 0;
  std::string in_;
};

// One listening socket for all runs, for a client has to come from an Internet address.
struct Listening {
  base::Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  sockaddr_storage address{};
  socklen_t length = base::Endpoint{base::Address::v4(127, 0, 0, 1), 0}.to_sockaddr(address);
  Listening() {
    auto* name = reinterpret_cast<sockaddr*>(&address);
    CARONTE_EXPECT(::bind(socket.get(), name, length) == 0 && ::listen(socket.get(), 16) == 0);
    CARONTE_EXPECT(::getsockname(socket.get(), name, &length) == 0);
  }
};

class Gateway {
 public:
  explicit Gateway(unsigned options) {
    static const Listening listening;
    shared_.options = options;
    shared_.is_strange = has(kHostile);
    auto pair = make_channel_pair();
    worker::Startup startup = startup_of(master_.attach(std::move(pair.value().first), std::move(pair.value().second)));
    startup.listeners.push_back({Listener{kListen, 0}, base::Fd(::dup(listening.socket.get()))});
    proxy_ = std::make_unique<Proxy>(std::move(startup));
    give_policyd();
    turn();
    client_ = base::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const linger reset{1, 0};
    ::setsockopt(client_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    // Another address each time: ports are left in TIME-WAIT when the client closes first.
    static std::uint16_t runs = 0;
    ++runs;
    sockaddr_storage source{};
    const socklen_t size =
        base::Endpoint{base::Address::v4(127, 1, static_cast<std::uint8_t>(runs >> 8U), static_cast<std::uint8_t>(runs)), 0}
            .to_sockaddr(source);
    CARONTE_EXPECT(::bind(client_.get(), reinterpret_cast<const sockaddr*>(&source), size) == 0);
    CARONTE_EXPECT(::connect(client_.get(), reinterpret_cast<const sockaddr*>(&listening.address), listening.length) == 0);
    turn();
  }

  void step(Input& input) {
    switch (input.octet()) {
      case 'l': send(std::string(input.until('\n')) + "\r\n"); break;
      case 'c': send(input.take(input.octet())); break;
      case 'r': shared_.scripted.emplace_back(input.until('\n')); break;
      case 'd': {
        const std::string_view bytes = input.take(input.octet());
        shared_.is_strange = true;
        for (Server& server : servers_) server.send(bytes);
        break;
      }
      case 'u': refuses_connections_ = !refuses_connections_; break;
      case 'x': ::shutdown(client_.get(), SHUT_WR); break;
      case 'y':
        is_cut_ = true;
        for (Server& server : servers_) server.close();
        break;
      case 'p':
        policyd_.hang_up();
        turn();
        give_policyd();
        break;
      case 'f':
        policyd_.send(SessionFact{.session = session_, .status = ReverseStatus::verified, .name = input.until('\n')});
        break;
      case 'v': verdict_ = input.octet(); break;
      case 'm': asks_ = input.octet(); break;
      case 'h': mood_ = input.octet(); break;
      case 'a': judgement_ = input.octet(); break;
      case 'w': answer_uncalled(static_cast<Stage>(input.octet() % static_cast<unsigned>(Stage::kCount))); break;
      case 'n':
        policyd_.send(CheckNote{.session = session_, .check = input.until('\n'), .action = "log", .value = input.octet()});
        break;
      case 'q': master_.send(Stop{}); break;
      default: return;
    }
    turn();
  }

  void end() {
    turn();
    judgement_ = 0;
    if (asked_) judge();
    turn();
    for (Server& server : servers_) server.close();
    turn();
    check_replies();
    client_.reset();
    for (int i = 0; i < 8; ++i) turn();
    CARONTE_EXPECT(closed_ == 1);
    CARONTE_EXPECT(delivered_ <= shared_.taken || shared_.is_strange);
    CARONTE_EXPECT(delivered_ == shared_.taken || shared_.is_strange || is_cut_);
  }

 private:
  worker::Startup startup_of(base::Fd master) const {
    worker::Startup startup;
    startup.start.role = Role::smtpd_proxy;
    startup.start.peers = 1;
    startup.start.descriptors = 128;
    startup.master = std::move(master);
    startup.generation = std::make_shared<worker::Generation>();
    config::Configuration& configuration = startup.generation->configuration;
    configuration.server.name = "mx.example.org";
    configuration.server.trace = has(kTrace);
    configuration.listens.push_back({kListen, {}, 1});
    if (has(kHeader))
      configuration.listens[0].proxy_protocol = {{base::Address::v4(127, 0, 0, 0), base::Address::v4(127, 255, 255, 255)}};
    constexpr base::Duration kLong{600'000};
    configuration.destination = {kLong, kLong, kLong, kLong, {{{base::Address::v4(127, 0, 0, 1), 225}, 1}}};
    configuration.domains = {{"example.org", 1}, {"b.example", 2}};
    configuration.limits = {
        .sessions = 10, .errors = 10, .noops = 10, .client_timeout = kLong, .command_time = kLong, .message_size = 100'000};
    configuration.recipients.maximum = 100;
    if (has(kTight)) {
      configuration.limits.errors = configuration.limits.noops = 3;
      configuration.limits.message_size = 100;
      configuration.recipients.maximum = 2;
    }
    if (has(kRepair)) configuration.data.bare_line_endings = config::BareLineEndings::repair;
    configuration.replies.relaying_denied = "550 5.7.1 Relaying denied.";
    configuration.replies.busy = "421 BUSY";
    configuration.log.level = LogLevel::level3;
    return startup;
  }
  [[nodiscard]] bool has(Option option) const noexcept { return (shared_.options & option) != 0; }

  void give_policyd() {
    auto pair = make_channel_pair();
    const base::Fd its = policyd_.attach(std::move(pair.value().first), std::move(pair.value().second));
    master_.send(Peer{Role::policyd, 0}, its.get());
  }
  void send(std::string_view bytes) { (void)!::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT); }

  // Until nobody has anything more to do.
  void turn() {
    bool is_busy = true;
    for (int i = 0; (is_busy && i < 30) || i < 3; ++i) {
      is_busy = false;
      proxy_->loop().turn(false);
      master_.read([&](MessageType type, std::string_view body) {
        is_busy = true;
        if (type == MessageType::ConnectRequest) connect(body);
        CARONTE_EXPECT(type == MessageType::ConnectRequest || type == MessageType::Blame);
      });
      policyd_.read([&](MessageType type, std::string_view body) {
        is_busy = true;
        take(type, body);
      });
      for (Server& server : servers_) is_busy = server.serve() || is_busy;
      if (client_ && !is_client_closed_) {
        const std::string bytes = read_all(client_.get(), is_client_closed_);
        replies_ += bytes;
        is_busy = is_busy || !bytes.empty();
      }
    }
  }
  void connect(std::string_view body) {
    ConnectRequest request;
    CARONTE_EXPECT(decode(body, request));
    const bool is_probe = request.client.port == 0;
    if (refuses_connections_ && !is_probe) {
      master_.send(ConnectFailed{request.request, ECONNREFUSED});
      return;
    }
    std::array<int, 2> ends{};
    CARONTE_EXPECT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    const base::Fd its(ends[1]);
    master_.send(Connected{request.request}, its.get());
    servers_.emplace_back(base::Fd(ends[0]), shared_, is_probe);
  }
  void take(MessageType type, std::string_view body) {
    if (type == MessageType::SessionQuestion) {
      SessionQuestion question;
      CARONTE_EXPECT(decode(body, question));
      session_ = question.session;
      SessionAnswer answer;
      answer.session = question.session;
      answer.classes = verdict_;
      answer.stages = shared_.stages = asks_;
      if ((mood_ & 1U) != 0) answer.helo_hold = std::chrono::milliseconds::max();
      answer.is_stressed = (mood_ & 2U) != 0;
      if (has(kHold)) answer.verdict = static_cast<Verdict>(verdict_ % 3U);
      if ((verdict_ & 128U) != 0)
        answer.hold = (verdict_ & 64U) != 0 ? std::chrono::milliseconds::max() : std::chrono::milliseconds::min();
      if (answer.verdict == Verdict::refuse) answer.reply = "421 4.7.0 policy";
      policyd_.send(answer);
    } else if (type == MessageType::StageQuestion) {
      StageQuestion question;
      CARONTE_EXPECT(decode(body, question) && question.session == session_);
      CARONTE_EXPECT(question.stage != Stage::connect && (shared_.stages & mask_of(question.stage)) != 0);
      const bool is_about_answer = question.stage == Stage::recipient_accepted || question.stage == Stage::recipient_refused;
      CARONTE_EXPECT(is_about_answer == (question.code != 0) &&
                     (question.code / 100 == 2 || question.code / 100 == 5 || !is_about_answer));
      asked_ = question;
      if ((judgement_ & 128U) == 0) judge();
    } else if (type == MessageType::SessionClosed) {
      SessionClosed closed;
      CARONTE_EXPECT(decode(body, closed) && (session_ == 0 || closed.session == session_));
      ++closed_;
      delivered_ += closed.delivered;
    } else {
      CARONTE_EXPECT(type == MessageType::Hello || type == MessageType::SessionLive || type == MessageType::SyncDone);
    }
  }

  // The open question, as the input wants it.
  void judge() {
    constexpr std::array<std::string_view, 6> kTexts{"550 policy", "451 4.7.1 policy", "250 policy", "", "55", "550 a\r\n250 b"};
    SessionAnswer answer;
    answer.session = session_;
    answer.stage = asked_->stage;
    answer.verdict = static_cast<Verdict>((judgement_ & 7U) % 3U);
    answer.closes = (judgement_ & 8U) != 0;
    answer.reply = kTexts[(judgement_ >> 4U & 7U) % kTexts.size()];
    if ((judgement_ & 7U) >= 6) answer.hold = std::chrono::milliseconds::max();
    if (answer.verdict == Verdict::proceed && asked_->stage == Stage::mail) shared_.senders.insert(asked_->sender.str());
    if (answer.verdict == Verdict::proceed && asked_->stage == Stage::rcpt) shared_.recipients.insert(asked_->recipient.str());
    asked_.reset();
    policyd_.send(answer);
  }
  // To the question that it kept for itself, or to none.
  void answer_uncalled(Stage stage) {
    if (asked_ && asked_->stage == stage) {
      judge();
    } else {
      SessionAnswer answer;
      answer.session = session_;
      answer.stage = stage;
      answer.stages = 0xFF;
      answer.classes = 0xFF;
      policyd_.send(answer);
    }
  }

  // Each reply is one of ours or was said by the mail server, word for word.
  void check_replies() {
    std::string_view rest = replies_;
    while (!rest.empty()) {
      const Reply reply = parse_reply(rest);
      if (reply.parsed == Parsed::need_more) return;
      CARONTE_EXPECT(reply.parsed == Parsed::complete);
      if (!shared_.is_strange) CARONTE_EXPECT(shared_.said.contains(std::string(reply.bytes)) || is_own(reply.bytes));
      rest.remove_prefix(reply.size);
    }
  }
  static bool is_own(std::string_view bytes) {
    using namespace replies;
    const std::string_view text = bytes.substr(0, bytes.size() - 2);
    for (const std::string_view own : {kBye,
                                       kOk,
                                       kSenderOk,
                                       kCannotVerify,
                                       kHelp,
                                       kShuttingDown,
                                       kNoPolicy,
                                       kNoDestination,
                                       kDestinationBroken,
                                       kClientTimeout,
                                       kTooManyErrors,
                                       kPolicyAway,
                                       kDeliveryFailed,
                                       kCapabilityGone,
                                       kTooManyRecipients,
                                       kLineTooLong,
                                       kBareLineEnd,
                                       kUnknownCommand,
                                       kNotImplemented,
                                       kHeloFirst,
                                       kNestedMail,
                                       kMailFirst,
                                       kRcptFirst,
                                       kBadSequence,
                                       kTooBig,
                                       kNoValidRecipients,
                                       kMailLoop,
                                       kBareInData,
                                       kNulInData}) {
      if (text == own) return true;
    }
    for (unsigned syntax = 1; syntax < static_cast<unsigned>(Syntax::kCount); ++syntax) {
      for (const Verb verb : {Verb::helo, Verb::mail, Verb::rcpt, Verb::data}) {
        if (text == reply_of(static_cast<Syntax>(syntax), verb)) return true;
      }
    }
    return text == "550 5.7.1 Relaying denied." || text == "421 4.7.0 policy" || text == "550 policy" ||
           text == "451 4.7.1 policy" || text == "220 mx.example.org ESMTP Caronte" || text == "250 mx.example.org" ||
           text.starts_with("250-mx.example.org\r\n250");
  }

  Server::Shared shared_;
  Neighbour master_{Role::master};
  Neighbour policyd_{Role::policyd};
  std::unique_ptr<Proxy> proxy_;
  std::list<Server> servers_;
  base::Fd client_;
  std::string replies_;  // to the client
  std::uint64_t session_ = 0;
  unsigned closed_ = 0;
  unsigned delivered_ = 0;
  std::uint8_t verdict_ = 0;
  std::uint8_t asks_ = 0;       // stages
  std::uint8_t mood_ = 0;       // holds at HELO, stress
  std::uint8_t judgement_ = 0;  // of stage questions
  std::optional<StageQuestion> asked_;
  bool refuses_connections_ = false;
  bool is_client_closed_ = false;
  bool is_cut_ = false;  // the mail server has gone: what it took may not have been heard
};

}  // namespace

void run_session(std::string_view bytes) {
  Input input(bytes);
  Gateway gateway(input.octet());
  for (int steps = 0; !input.is_empty() && steps < 100; ++steps) gateway.step(input);
  gateway.end();
}

}  // namespace caronte::fuzz
