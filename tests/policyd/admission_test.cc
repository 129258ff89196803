// Who may have a session: FW-5 to FW-9, Q10, FW-1, crash penalty. Each row also with its setting off.
#include "policyd/admission.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/address_parser.h"
#include "base/prefix_tree.h"
#include "policyd/memory_store.h"

namespace caronte::policyd {

using ipc::Verdict;

namespace {

class FakeClock final : public base::Clock {
 public:
  base::MonotonicTime now{std::chrono::hours(100)};
  [[nodiscard]] base::MonotonicTime monotonic() const override { return now; }
  [[nodiscard]] base::WallTime wall() const override { return {}; }
};

config::MappedList list_of(std::initializer_list<const char*> entries) {
  base::PrefixTree tree;
  for (const char* entry : entries) tree.insert(base::parse_address_range(entry).value(), 1);
  auto sealed = config::seal_list(tree, static_cast<std::uint32_t>(entries.size()));
  CPPUNIT_ASSERT(sealed.is_ok());
  auto mapped = config::MappedList::map(sealed.value().get());
  CPPUNIT_ASSERT(mapped.is_ok());
  return std::move(mapped).value();
}

// One generation of the settings.
struct Settings {
  config::Limits limits;
  config::Replies replies;
  config::Hell hell;
  bool observe = false;
  config::MappedList relay;
  config::MappedList trusted;
  config::MappedList white;
  config::MappedList in_hell;
  Settings() {
    replies.busy = "421 BUSY";
    hell.is_present = true;
    hell.reply = "554 5.7.1 Refused";
  }
  [[nodiscard]] AdmissionSettings view() const { return {limits, replies, hell, observe, relay, trusted, white, in_hell}; }
};

constexpr StoreTime kNow = 1'800'000'000;

}  // namespace

class AdmissionTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(AdmissionTest);
  CPPUNIT_TEST(FW_5_third_session_of_a_client_is_busy);
  CPPUNIT_TEST(FW_5_off);
  CPPUNIT_TEST(FW_6_busy_leaves_no_trace);
  CPPUNIT_TEST(FW_8_every_slot_comes_back);
  CPPUNIT_TEST(FW_9_relay_clients_are_exempt);
  CPPUNIT_TEST(FW_9_off);
  CPPUNIT_TEST(Q10_exact_count);
  CPPUNIT_TEST(Q10_ipv6_by_64);
  CPPUNIT_TEST(unknown_addresses_have_no_cap_class_or_penalty);
  CPPUNIT_TEST(limit_of_all_sessions_holds_for_everybody);
  CPPUNIT_TEST(each_session_has_its_generation);
  CPPUNIT_TEST(live_sessions_of_before_count);
  CPPUNIT_TEST(lost_proxies_give_their_slots_back);
  CPPUNIT_TEST(crash_penalty);
  CPPUNIT_TEST(crash_penalty_never_for_relay);
  CPPUNIT_TEST(FW_13_hell_is_refused_before_anything_else);
  CPPUNIT_TEST(FW_13_off);
  CPPUNIT_TEST(FW_13_observed);
  CPPUNIT_TEST(Q8_mute_closes_without_a_word);
  CPPUNIT_TEST(Q9_hell_comes_before_relay_trusted_and_white);
  CPPUNIT_TEST(classes_of_the_lists);
  CPPUNIT_TEST(reserved_share_is_for_the_known);
  CPPUNIT_TEST(reserved_share_off);
  CPPUNIT_TEST(stress_is_told);
  CPPUNIT_TEST_SUITE_END();

  FakeClock clock_;
  MemoryStore store_;
  Hell hell_{store_};
  SenderHistory senders_{store_};
  Admission admission_{clock_, hell_, senders_};
  Settings settings_;
  std::uint64_t last_ = 0;

  ipc::SessionAnswer connect(const char* client, const Settings& settings, bool is_known = true, std::uint16_t proxy = 0) {
    ipc::SessionQuestion question;
    question.session = ++last_;
    question.client = {base::parse_address(client).value(), 40000};
    question.is_address_known = is_known;
    return admission_.decide(question, proxy, settings.view(), kNow).answer;
  }
  ipc::SessionAnswer connect(const char* client) { return connect(client, settings_); }
  [[nodiscard]] bool passes(const char* client) { return connect(client).verdict == Verdict::proceed; }
  static void expect_refusal(const ipc::SessionAnswer& answer, std::string_view reply, std::string_view reason, std::int64_t value,
                             std::int64_t limit) {
    CPPUNIT_ASSERT(answer.verdict == Verdict::refuse);
    CPPUNIT_ASSERT_EQUAL(std::string(reply), answer.reply.str());
    CPPUNIT_ASSERT_EQUAL(std::string(reason), answer.reason.str());
    CPPUNIT_ASSERT_EQUAL(value, answer.value);
    CPPUNIT_ASSERT_EQUAL(limit, answer.limit);
  }

  void FW_5_third_session_of_a_client_is_busy() {
    settings_.limits.sessions_per_address = 2;
    CPPUNIT_ASSERT(passes("192.0.2.1"));
    CPPUNIT_ASSERT(passes("192.0.2.1"));
    expect_refusal(connect("192.0.2.1"), "421 BUSY", "session-cap", 3, 2);
    CPPUNIT_ASSERT(passes("192.0.2.2"));
    settings_.replies.busy = "421 4.7.0 Slowly";  // as configured
    expect_refusal(connect("192.0.2.1"), "421 4.7.0 Slowly", "session-cap", 3, 2);
  }
  void FW_5_off() {
    settings_.limits.sessions_per_address = 0;
    for (int i = 0; i < 1000; ++i) CPPUNIT_ASSERT(passes("192.0.2.1"));
  }
  void FW_6_busy_leaves_no_trace() {
    settings_.limits.sessions_per_address = 1;
    CPPUNIT_ASSERT(passes("192.0.2.1"));
    const std::uint64_t first = last_;
    for (int i = 0; i < 1000; ++i) CPPUNIT_ASSERT(!passes("192.0.2.1"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, admission_.sessions().size());
    admission_.sessions().close(first);
    CPPUNIT_ASSERT(passes("192.0.2.1"));  // at once: no score, no list, no wait
  }
  void FW_8_every_slot_comes_back() {
    settings_.limits.sessions_per_address = 1;
    for (int i = 0; i < 100; ++i) {
      CPPUNIT_ASSERT(passes("192.0.2.1"));
      admission_.sessions().close(last_);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, admission_.sessions().size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, admission_.sessions().count_of(base::Address::v4(192, 0, 2, 1)));
  }
  void FW_9_relay_clients_are_exempt() {
    settings_.limits.sessions_per_address = 2;
    settings_.relay = list_of({"192.0.2.0/24"});
    for (int i = 0; i < 50; ++i) {
      const auto answer = connect("192.0.2.1");
      CPPUNIT_ASSERT(answer.verdict == Verdict::proceed);
      CPPUNIT_ASSERT(answer.classes == config::bit_of(config::ClientClass::relay));
    }
    CPPUNIT_ASSERT(passes("198.51.100.1") && passes("198.51.100.1") && !passes("198.51.100.1"));
  }
  void FW_9_off() {
    settings_.limits.sessions_per_address = 2;
    const auto answer = connect("192.0.2.1");
    CPPUNIT_ASSERT(answer.classes == 0);
    CPPUNIT_ASSERT(passes("192.0.2.1") && !passes("192.0.2.1"));
  }
  void Q10_exact_count() {
    for (const std::uint32_t limit : {1U, 2U, 5U, 100U}) {
      Admission admission(clock_, hell_, senders_);
      Settings settings;
      settings.limits.sessions_per_address = limit;
      for (std::uint32_t i = 0; i <= limit + 3; ++i) {
        ipc::SessionQuestion question;
        question.session = i;
        question.client = {base::Address::v4(192, 0, 2, 1), 40000};
        const bool is_refused = admission.decide(question, 0, settings.view(), kNow).answer.verdict == Verdict::refuse;
        CPPUNIT_ASSERT_EQUAL(i >= limit, is_refused);
      }
    }
  }
  void Q10_ipv6_by_64() {
    settings_.limits.sessions_per_address = 2;
    CPPUNIT_ASSERT(passes("2001:db8:0:1::1") && passes("2001:db8:0:1::2"));
    expect_refusal(connect("2001:db8:0:1:ffff::3"), "421 BUSY", "session-cap", 3, 2);
    CPPUNIT_ASSERT(passes("2001:db8:0:2::1"));
  }
  void unknown_addresses_have_no_cap_class_or_penalty() {
    settings_.limits.sessions_per_address = 1;
    settings_.relay = list_of({"192.0.2.1"});
    admission_.punish(base::Address::v4(198, 51, 100, 1));
    for (const char* balancer : {"192.0.2.1", "198.51.100.1"}) {
      for (int i = 0; i < 10; ++i) {
        const auto answer = connect(balancer, settings_, false);
        CPPUNIT_ASSERT(answer.verdict == Verdict::proceed);
        CPPUNIT_ASSERT(answer.classes == 0);
      }
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{20}, admission_.sessions().size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, admission_.sessions().clients());
  }
  void limit_of_all_sessions_holds_for_everybody() {
    settings_.limits.sessions = 3;
    settings_.relay = list_of({"192.0.2.9"});
    CPPUNIT_ASSERT(passes("192.0.2.1") && passes("192.0.2.2") && passes("192.0.2.9"));
    constexpr std::string_view kReply = "421 4.3.2 Too many sessions, try again later";
    expect_refusal(connect("192.0.2.3"), kReply, "session-limit", 4, 3);
    expect_refusal(connect("192.0.2.9"), kReply, "session-limit", 4, 3);
    expect_refusal(connect("192.0.2.3", settings_, false), kReply, "session-limit", 4, 3);
    settings_.limits.sessions = 0;  // off
    CPPUNIT_ASSERT(passes("192.0.2.3"));
  }
  void each_session_has_its_generation() {
    Settings older;
    Settings newer;
    newer.limits.sessions_per_address = 1;
    newer.relay = list_of({"192.0.2.1"});
    CPPUNIT_ASSERT(connect("192.0.2.1", older).classes == 0);
    CPPUNIT_ASSERT(connect("192.0.2.1", newer).classes != 0);
    CPPUNIT_ASSERT(connect("192.0.2.1", older).verdict == Verdict::proceed);
    CPPUNIT_ASSERT(connect("192.0.2.2", older).verdict == Verdict::proceed);
    CPPUNIT_ASSERT(connect("192.0.2.2", older).verdict == Verdict::proceed);
    CPPUNIT_ASSERT(connect("192.0.2.2", newer).verdict == Verdict::refuse);  // those of before count
  }
  void live_sessions_of_before_count() {
    settings_.limits.sessions_per_address = 2;
    Session live;
    live.client = {base::Address::v4(192, 0, 2, 1), 1};
    CPPUNIT_ASSERT(admission_.sessions().open(1000, live));
    live.is_counted = false;
    CPPUNIT_ASSERT(admission_.sessions().open(1001, live));
    CPPUNIT_ASSERT(passes("192.0.2.1") && !passes("192.0.2.1"));
  }
  void lost_proxies_give_their_slots_back() {
    settings_.limits.sessions_per_address = 1;
    CPPUNIT_ASSERT(connect("192.0.2.1", settings_, true, 1).verdict == Verdict::proceed);
    CPPUNIT_ASSERT(connect("192.0.2.1", settings_, true, 0).verdict == Verdict::refuse);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, admission_.sessions().close_all_of(1).size());
    CPPUNIT_ASSERT(connect("192.0.2.1", settings_, true, 0).verdict == Verdict::proceed);
  }
  void crash_penalty() {
    CPPUNIT_ASSERT_EQUAL(std::chrono::seconds::rep{90}, admission_.punish(base::Address::v4(192, 0, 2, 1)).left.count());
    expect_refusal(connect("192.0.2.1"), "421 4.3.2 Service not available, try again later", "crash-penalty", 1, 90);
    CPPUNIT_ASSERT(passes("192.0.2.2"));
    clock_.now += std::chrono::seconds(89);
    CPPUNIT_ASSERT(!passes("192.0.2.1"));
    clock_.now += std::chrono::seconds(1);
    CPPUNIT_ASSERT(passes("192.0.2.1"));
    CPPUNIT_ASSERT_EQUAL(std::chrono::seconds::rep{180}, admission_.punish(base::Address::v4(192, 0, 2, 1)).left.count());
  }
  void crash_penalty_never_for_relay() {
    settings_.relay = list_of({"192.0.2.1"});
    admission_.punish(base::Address::v4(192, 0, 2, 1));
    CPPUNIT_ASSERT(passes("192.0.2.1"));
    settings_.relay = {};
    CPPUNIT_ASSERT(!passes("192.0.2.1"));
  }
  void FW_13_hell_is_refused_before_anything_else() {
    CPPUNIT_ASSERT(hell_.add({base::Address::v4(192, 0, 2, 1), 128}, "spam", 10, kNow));
    settings_.limits.sessions = 1;
    settings_.limits.sessions_per_address = 1;
    CPPUNIT_ASSERT(passes("192.0.2.2"));
    admission_.punish(base::Address::v4(192, 0, 2, 1));
    expect_refusal(connect("192.0.2.1"), "554 5.7.1 Refused", "hell", 0, 10);
    expect_refusal(connect("192.0.2.3"), "421 4.3.2 Too many sessions, try again later", "session-limit", 2, 1);
    settings_.hell.reply = "554 5.7.0 Go away";
    settings_.in_hell = list_of({"192.0.2.128/25"});
    expect_refusal(connect("192.0.2.200"), "554 5.7.0 Go away", "hell", 0, 1);        // of the list file: its line
    CPPUNIT_ASSERT(connect("192.0.2.200", settings_, false).reason.str() != "hell");  // a balancer's own address
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, admission_.sessions().size());
  }
  void FW_13_off() {
    CPPUNIT_ASSERT(hell_.add({base::Address::v4(192, 0, 2, 1), 128}, "spam", 0, kNow));
    settings_.in_hell = list_of({"192.0.2.2"});
    CPPUNIT_ASSERT(!passes("192.0.2.1") && !passes("192.0.2.2"));
    settings_.hell.is_present = false;
    CPPUNIT_ASSERT(passes("192.0.2.1") && passes("192.0.2.2"));
  }
  void FW_13_observed() {
    CPPUNIT_ASSERT(hell_.add({base::Address::v4(192, 0, 2, 1), 128}, "spam", 60, kNow));
    settings_.observe = true;
    ipc::SessionQuestion question{.session = 7, .client = {base::Address::v4(192, 0, 2, 1), 40000}, .listener = {}};
    const auto decision = admission_.decide(question, 0, settings_.view(), kNow);
    CPPUNIT_ASSERT(decision.answer.verdict == Verdict::proceed);
    CPPUNIT_ASSERT(decision.note && decision.note->is_observed && decision.note->is_hit);
    CPPUNIT_ASSERT_EQUAL(std::string("hell"), decision.note->check.str());
    CPPUNIT_ASSERT_EQUAL(std::int64_t{60}, decision.note->limit);
    CPPUNIT_ASSERT(admission_.sessions().find(7) != nullptr);
  }
  void Q8_mute_closes_without_a_word() {
    CPPUNIT_ASSERT(hell_.add({base::Address::v4(192, 0, 2, 1), 128}, "spam", 0, kNow));
    settings_.hell.mute = true;
    const auto answer = connect("192.0.2.1");
    CPPUNIT_ASSERT(answer.verdict == Verdict::drop);
    CPPUNIT_ASSERT(answer.reply.empty());
    CPPUNIT_ASSERT_EQUAL(std::string("hell"), answer.reason.str());
    settings_.hell.mute = false;
    CPPUNIT_ASSERT(connect("192.0.2.1").verdict == Verdict::refuse);
  }
  void Q9_hell_comes_before_relay_trusted_and_white() {
    CPPUNIT_ASSERT(hell_.add({base::Address::v4(192, 0, 2, 0), 120}, "by hand", 0, kNow));
    settings_.relay = list_of({"192.0.2.1"});
    settings_.trusted = list_of({"192.0.2.2"});
    settings_.white = list_of({"192.0.2.3"});
    for (const char* client : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
      expect_refusal(connect(client), "554 5.7.1 Refused", "hell", 0, 0);
    }
    (void)hell_.clear();
    CPPUNIT_ASSERT(passes("192.0.2.1") && passes("192.0.2.2") && passes("192.0.2.3"));
  }
  void classes_of_the_lists() {
    settings_.relay = list_of({"192.0.2.0/24"});
    settings_.trusted = list_of({"192.0.2.2"});
    settings_.white = list_of({"192.0.2.2", "198.51.100.1"});
    const auto classes = [&](const char* client) { return config::class_names(connect(client).classes); };
    CPPUNIT_ASSERT_EQUAL(std::string("relay"), classes("192.0.2.1"));
    CPPUNIT_ASSERT_EQUAL(std::string("relay trusted white"), classes("192.0.2.2"));
    CPPUNIT_ASSERT_EQUAL(std::string("white"), classes("198.51.100.1"));
    CPPUNIT_ASSERT_EQUAL(std::string(), classes("198.51.100.2"));
  }
  // The first 8 of 10 are for everybody.
  void fill_for_strangers() {
    settings_.limits.sessions = 10;
    settings_.relay = list_of({"192.0.2.1"});
    settings_.trusted = list_of({"192.0.2.2"});
    settings_.white = list_of({"192.0.2.3"});
    senders_.add_good(base::Address::v4(192, 0, 2, 4), 1, kNow);
    for (int i = 0; i < 8; ++i) CPPUNIT_ASSERT(passes("198.51.100.1"));
  }
  void reserved_share_is_for_the_known() {
    settings_.limits.reserved = 20;
    fill_for_strangers();
    for (const char* stranger : {"198.51.100.1", "203.0.113.1", "192.0.2.3"}) {
      expect_refusal(connect(stranger), "421 4.3.2 Too many sessions, try again later", "session-limit", 9, 8);
    }
    CPPUNIT_ASSERT(connect("192.0.2.4", settings_, false).verdict == Verdict::refuse);  // not its own address
    CPPUNIT_ASSERT(passes("192.0.2.4"));
    CPPUNIT_ASSERT(passes("192.0.2.1"));
    expect_refusal(connect("192.0.2.2"), "421 4.3.2 Too many sessions, try again later", "session-limit", 11, 10);
  }
  void reserved_share_off() {
    settings_.limits.reserved = 0;
    fill_for_strangers();
    CPPUNIT_ASSERT(passes("203.0.113.1") && passes("203.0.113.1"));
    CPPUNIT_ASSERT(!passes("192.0.2.4") && !passes("192.0.2.1"));
  }
  void stress_is_told() {
    settings_.limits.sessions = 10;
    for (int i = 0; i < 7; ++i) {
      CPPUNIT_ASSERT(!connect("192.0.2.1").is_stressed);
      CPPUNIT_ASSERT_EQUAL(i == 6, admission_.update_load(settings_.limits));
    }
    CPPUNIT_ASSERT(connect("192.0.2.1").is_stressed);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(AdmissionTest);

}  // namespace caronte::policyd
