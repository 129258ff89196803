// policyd before smtpd-proxies and a dnsd that were taken over: the real process on socket pairs, against a small model of
// who holds which session. Each question has one answer, which the caps decide; who breaks a rule loses its channel and its
// sessions, and nobody else's are touched.
#include "policyd/policyd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <set>

#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

namespace {

using namespace ipc;

constexpr std::uint32_t kSessions = 6;
constexpr std::uint32_t kSessionsPerAddress = 2;
constexpr std::uint32_t kInvalidRecipients = 3;

worker::Startup startup_of(base::Fd master) {
  worker::Startup startup;
  startup.start.role = Role::policyd;
  startup.start.peers = 2;
  startup.master = std::move(master);
  startup.generation = std::make_shared<worker::Generation>();
  config::Configuration& configuration = startup.generation->configuration;
  configuration.limits.sessions = kSessions;
  configuration.limits.sessions_per_address = kSessionsPerAddress;
  configuration.replies.busy = "421 BUSY";
  configuration.dns.is_present = configuration.dns.reverse = true;
  configuration.sender.null = config::Action::refuse;
  configuration.recipients.invalid = kInvalidRecipients;
  configuration.recipients.action = config::Action::refuse;
  configuration.replies.refused = "550 Refused";
  const std::string names = config::encode_names({{"a.example.org", 1}, {"b.example.org", 2}}, 2);
  const auto list = config::seal_list(base::PrefixTree{}, 2, names);
  const auto id = static_cast<std::uint16_t>(config::ListId::white);
  CARONTE_EXPECT(startup.generation->adopt(id, list.value().get()).is_ok());
  configuration.log.level = LogLevel::level2;  // a note of each check that ran
  return startup;
}

class Game {
 public:
  Game() {
    auto pair = make_channel_pair();
    policy_.emplace(startup_of(master_.attach(std::move(pair.value().first), std::move(pair.value().second))));
    for (std::uint16_t i = 0; i < kProxies; ++i) connect(i);
    connect_dnsd();
  }

  void step(Input& input) {
    const unsigned op = input.octet();
    const std::uint16_t p = op >> 4U & 1U;
    const std::uint64_t id = op >> 5U;
    const base::Endpoint client{base::Address::v4(192, 0, 2, static_cast<std::uint8_t>(id % 3U)), 1000};
    switch (op & 15U) {
      case 0:
      case 1:
      case 2: ask(p, id, client, (op & 15U) != 2); break;
      case 3:
      case 4: close(p, id); break;
      case 5: live(p, id, client); break;
      case 6:
        proxies_[p].send(SyncDone{});
        if (is_synced_[p]) broken_.insert(p);
        is_synced_[p] = true;
        break;
      case 7: name_answer(input); break;
      case 8: {
        const std::string_view name = input.take(input.octet() % 32U);
        dnsd_.send(ReverseAnswer{.question = id, .status = static_cast<ReverseStatus>(op % 4U), .name = name});
        is_dnsd_wild_ = true;
        break;
      }
      case 9:
        master_.send(Penalty{client.address});
        penalised_.insert(client.address);
        break;
      case 10:
        send_frame_of(input, proxies_[p].socket());
        is_wild_ = true;
        break;
      case 11:
        send_frame_of(input, dnsd_.socket());
        is_dnsd_wild_ = true;
        break;
      case 12:
        proxies_[p].hang_up();
        turn();
        lose(p);
        connect(p);
        break;
      case 13: connect_dnsd(); break;
      case 14: ask_stage(p, id, input); break;
      default: connect(p); break;
    }
    turn();
    check();
  }

 private:
  static constexpr std::uint16_t kProxies = 2;

  // To a question of policyd's, or to none. No client has these addresses, so that the model need not know of them.
  void name_answer(Input& input) {
    const std::uint64_t question = policyd::HostNames::kFirstQuestion + input.octet() % 8U;
    NameAnswer answer{.question = question, .is_known = (input.octet() & 1U) != 0, .addresses = {}, .ttl = input.two_octets()};
    for (unsigned i = input.octet() % 8U; i > 0; --i) answer.addresses.push(base::Address::v4(198, 51, 100, input.octet()));
    dnsd_.send(answer);
  }

  void turn() {
    for (int i = 0; i < 2; ++i) policy_->loop().turn(false);
  }
  void connect(std::uint16_t p) {
    auto pair = make_channel_pair();
    lose(p);
    const base::Fd its = proxies_[p].attach(std::move(pair.value().first), std::move(pair.value().second));
    master_.send(Peer{Role::smtpd_proxy, p}, its.get());
    turn();
  }
  void connect_dnsd() {
    auto pair = make_channel_pair();
    const base::Fd its = dnsd_.attach(std::move(pair.value().first), std::move(pair.value().second));
    master_.send(Peer{Role::dnsd, 0}, its.get());
    turn();
  }
  void lose(std::uint16_t p) {
    std::erase_if(open_, [&](const auto& entry) { return entry.second.first == p; });
    is_synced_[p] = false;
    broken_.erase(p);
  }

  void ask(std::uint16_t p, std::uint64_t id, const base::Endpoint& client, bool is_known) {
    proxies_[p].send(SessionQuestion{.session = id, .client = client, .listener = {}, .is_address_known = is_known});
    if (!proxies_[p].is_open()) return;
    if (!is_synced_[p] || open_.contains(id)) {
      broken_.insert(p);
      return;
    }
    const auto of_client = static_cast<std::uint32_t>(
        std::count_if(open_.begin(), open_.end(), [&](const auto& entry) { return entry.second.second == client.address; }));
    const bool is_refused =
        open_.size() >= kSessions || (is_known && (penalised_.contains(client.address) || of_client >= kSessionsPerAddress));
    expected_ = Expected{p, id, is_refused ? Verdict::refuse : Verdict::proceed};
    if (is_refused) return;
    open_[id] = {p, is_known ? client.address : base::Address{}};
    resumed_.erase(id);
    begun_.erase(id);
  }
  void ask_stage(std::uint16_t p, std::uint64_t id, Input& input) {
    const unsigned octet = input.octet();
    StageQuestion question;
    question.session = id;
    question.stage = static_cast<Stage>(octet % 8U);
    question.sender = (octet & 8U) != 0 ? "a@b" : "";
    question.recipient = (octet & 16U) != 0 ? "c@d" : "";
    question.code = (octet & 32U) != 0 ? 550 : 250;
    question.recipients_invalid = octet >> 6U;
    proxies_[p].send(question);
    if (!proxies_[p].is_open()) return;
    const auto found = open_.find(id);
    if (!is_synced_[p] || found == open_.end() || found->second.first != p || !may_ask(question)) {
      broken_.insert(p);
      return;
    }
    if (question.stage != Stage::early_talker) begun_.insert(id);
    const bool is_refused = (question.stage == Stage::mail && question.sender.empty()) ||
                            (question.stage == Stage::recipient_refused && question.recipients_invalid + 1 >= kInvalidRecipients);
    expected_ = Expected{p, id, is_refused ? Verdict::refuse : Verdict::proceed, question.stage};
  }
  // The configuration has checks at `mail` and `recipient_refused`.
  [[nodiscard]] bool may_ask(const StageQuestion& question) const {
    const bool is_resumed = resumed_.contains(question.session);
    switch (question.stage) {
      case Stage::early_talker: return is_resumed && !begun_.contains(question.session);
      case Stage::mail: return true;
      case Stage::rcpt: return is_resumed && !question.recipient.empty();
      case Stage::recipient_accepted: return is_resumed && !question.recipient.empty() && question.code == 250;
      case Stage::recipient_refused: return question.code == 550;
      default: return false;
    }
  }
  void close(std::uint16_t p, std::uint64_t id) {
    proxies_[p].send(SessionClosed{.session = id});
    if (!proxies_[p].is_open()) return;
    const auto found = open_.find(id);
    if (!is_synced_[p] || (found != open_.end() && found->second.first != p)) {
      broken_.insert(p);
    } else if (found != open_.end()) {
      open_.erase(found);
    }
  }
  void live(std::uint16_t p, std::uint64_t id, const base::Endpoint& client) {
    proxies_[p].send(SessionLive{.session = id, .client = client});
    if (!proxies_[p].is_open()) return;
    if (is_synced_[p] || open_.contains(id)) {
      broken_.insert(p);
    } else {
      open_[id] = {p, client.address};
      resumed_.insert(id);
      begun_.erase(id);
    }
  }

  void check() {
    master_.read(
        [](MessageType type, std::string_view) { CARONTE_EXPECT(type == MessageType::Blame || type == MessageType::Hello); });
    CARONTE_EXPECT(master_.is_open());
    dnsd_.read([](MessageType type, std::string_view) {
      CARONTE_EXPECT(type == MessageType::Hello || type == MessageType::ReverseQuestion || type == MessageType::NameQuestion ||
                     type == MessageType::CancelQuestion);
    });
    CARONTE_EXPECT(is_dnsd_wild_ || dnsd_.is_open());
    for (std::uint16_t p = 0; p < kProxies; ++p) {
      proxies_[p].read([&](MessageType type, std::string_view body) { take(p, type, body); });
      if (is_wild_) continue;
      CARONTE_EXPECT(proxies_[p].is_open() == !broken_.contains(p));
      if (broken_.contains(p)) {
        lose(p);
        connect(p);
      }
    }
    CARONTE_EXPECT(is_wild_ || !expected_);
    expected_.reset();
  }
  void take(std::uint16_t p, MessageType type, std::string_view body) {
    if (type == MessageType::Hello) return;
    if (type == MessageType::SessionFact) {
      SessionFact fact;
      CARONTE_EXPECT(decode(body, fact) && (is_wild_ || (open_.contains(fact.session) && open_[fact.session].first == p)));
      return;
    }
    if (type == MessageType::CheckNote) {
      CheckNote note;
      CARONTE_EXPECT(decode(body, note));
      CARONTE_EXPECT(is_wild_ || (expected_ && expected_->proxy == p && expected_->session == note.session));
      return;
    }
    SessionAnswer answer;
    CARONTE_EXPECT(type == MessageType::SessionAnswer && decode(body, answer));
    if (is_wild_) return;
    CARONTE_EXPECT(expected_ && expected_->proxy == p && expected_->session == answer.session && expected_->stage == answer.stage);
    CARONTE_EXPECT(expected_->verdict == answer.verdict && answer.reply.empty() == (answer.verdict == Verdict::proceed));
    expected_.reset();
  }

  struct Expected {
    std::uint16_t proxy;
    std::uint64_t session;
    Verdict verdict;
    Stage stage = Stage::connect;
  };
  Neighbour master_{Role::master};
  Neighbour dnsd_{Role::dnsd};
  std::array<Neighbour, kProxies> proxies_{Neighbour(Role::smtpd_proxy), Neighbour(Role::smtpd_proxy)};
  std::optional<policyd::Policyd> policy_;
  std::map<std::uint64_t, std::pair<std::uint16_t, base::Address>> open_;
  std::set<std::uint64_t> resumed_;  // told by SessionLive: any stage may be asked
  std::set<std::uint64_t> begun_;    // asked a stage behind the greeting
  std::set<std::uint16_t> broken_;
  std::set<base::Address> penalised_;
  std::array<bool, kProxies> is_synced_{};
  std::optional<Expected> expected_;
  bool is_wild_ = false;  // a frame of any octets has gone to policyd from a smtpd-proxy: the model knows no more
  bool is_dnsd_wild_ = false;
};

}  // namespace

void run_policyd(std::string_view bytes) {
  Input input(bytes);
  Game game;
  for (int steps = 0; !input.is_empty() && steps < 200; ++steps) game.step(input);
}

}  // namespace caronte::fuzz
