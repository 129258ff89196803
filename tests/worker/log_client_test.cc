// The sender's side of the log: bounds of a record, numbering, resending, exact loss.
#include "worker/log_client.h"

#include <cppunit/extensions/HelperMacros.h>

#include "ipc/channel.h"

using namespace caronte;
using worker::LogClient;
using worker::RecordBuilder;

namespace {

// The other end: keeps what comes, acknowledges when told.
class FakeLogd final : public ipc::ChannelOwner {
 public:
  FakeLogd(wrap::EventLoop& loop, base::Fd socket, ipc::Role sender)
      : channel_(loop, std::move(socket), ipc::Role::logd, sender, 0, *this) {}

  void acknowledge(std::uint64_t sequence) {
    channel_.send(ipc::LogAck{sequence});
    channel_.flush();
  }
  ipc::Channel& channel() { return channel_; }

  std::vector<ipc::LogOpen> opens;
  std::vector<std::uint64_t> sequences;
  ipc::LogRecord last;
  std::string broken_rule;

  void on(ipc::Channel&, const ipc::LogOpen& open) { opens.push_back(open); }
  void on(ipc::Channel&, const ipc::LogRecord& record) {
    sequences.push_back(record.sequence);
    last = record;
  }

 private:
  bool on_message(ipc::Channel& channel, ipc::Incoming& message) override {
    return ipc::dispatch<ipc::LogOpen, ipc::LogRecord>(*this, channel, message);
  }
  void on_channel_closed(ipc::Channel&, std::string_view rule) override { broken_rule = rule; }
  ipc::Channel channel_;
};

std::size_t encoded_bytes(const ipc::LogRecord& record) {
  std::string bytes;
  ipc::encode(record, bytes);
  return bytes.size();
}

std::string_view value_of(const ipc::LogElement& element, std::string_view name) {
  for (const auto& attribute : element.attributes) {
    if (std::string_view(attribute.name) == name) return attribute.value;
  }
  return {};
}

}  // namespace

class RecordBuilderTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RecordBuilderTest);
  CPPUNIT_TEST(elements_nest);
  CPPUNIT_TEST(record_stays_below_a_frame);
  CPPUNIT_TEST(too_many_elements_are_left_out);
  CPPUNIT_TEST(too_many_attributes_are_left_out);
  CPPUNIT_TEST(cut_value_is_told);
  CPPUNIT_TEST_SUITE_END();

 public:
  void elements_nest() {
    RecordBuilder r("session", ipc::LogLevel::level2);
    r.attribute("client", "192.0.2.1").child("message").attribute("size", 17).child("recipient").end().end();
    r.attribute("outcome", "quiet").child("check").attribute("name", "busy").end();
    const ipc::LogRecord record = r.take();
    const auto& elements = record.elements.items();
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, elements.size());
    const std::vector<std::pair<std::string_view, int>> expected{{"session", 0}, {"message", 1}, {"recipient", 2}, {"check", 1}};
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CPPUNIT_ASSERT(expected[i].first == std::string_view(elements[i].name));
      CPPUNIT_ASSERT_EQUAL(expected[i].second, static_cast<int>(elements[i].depth));
    }
    CPPUNIT_ASSERT(value_of(elements[0], "outcome") == "quiet");
    CPPUNIT_ASSERT(value_of(elements[1], "size") == "17");
    CPPUNIT_ASSERT(value_of(elements[3], "name") == "busy");
    CPPUNIT_ASSERT(value_of(elements[0], "truncated").empty());
    CPPUNIT_ASSERT(record.level == ipc::LogLevel::level2);
  }

  void record_stays_below_a_frame() {
    const std::string value(2048, 'x');
    RecordBuilder r("session");
    for (int i = 0; i < 100; ++i) r.child("dialogue").attribute("text", value).end();
    const ipc::LogRecord record = r.take();
    CPPUNIT_ASSERT(encoded_bytes(record) + ipc::kMessageHeaderBytes <= ipc::kMaxFrameBytes);
    CPPUNIT_ASSERT(encoded_bytes(record) > ipc::kMaxFrameBytes - 4096);
    CPPUNIT_ASSERT(value_of(record.elements.items()[0], "truncated") == "yes");
  }

  void too_many_elements_are_left_out() {
    RecordBuilder r("session");
    for (int i = 0; i < 600; ++i) r.child("m").child("r").attribute("a", i).end().end();
    r.attribute("late", "x");
    const ipc::LogRecord record = r.take();
    CPPUNIT_ASSERT_EQUAL(std::size_t{512}, record.elements.size());
    CPPUNIT_ASSERT(value_of(record.elements.items()[0], "late") == "x");
    CPPUNIT_ASSERT(value_of(record.elements.items()[0], "truncated") == "yes");
    // The last "m" has no child, and the attributes of what was left out went nowhere.
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, record.elements.items()[511].attributes.size());
  }

  void too_many_attributes_are_left_out() {
    RecordBuilder r("session");
    for (int i = 0; i < 40; ++i) r.attribute("a" + std::to_string(i), i);
    r.child("check");
    for (int i = 0; i < 40; ++i) r.attribute("a" + std::to_string(i), i);
    const ipc::LogRecord record = r.take();
    CPPUNIT_ASSERT_EQUAL(std::size_t{32}, record.elements.items()[0].attributes.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{32}, record.elements.items()[1].attributes.size());
    CPPUNIT_ASSERT(value_of(record.elements.items()[0], "truncated") == "yes");
  }

  void cut_value_is_told() {
    RecordBuilder r("event");
    r.attribute("text", std::string(2049, 'x'));
    const ipc::LogRecord record = r.take();
    CPPUNIT_ASSERT_EQUAL(std::size_t{2048}, value_of(record.elements.items()[0], "text").size());
    CPPUNIT_ASSERT(value_of(record.elements.items()[0], "truncated") == "yes");
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RecordBuilderTest);

class LogClientTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LogClientTest);
  CPPUNIT_TEST(records_are_numbered_and_timed);
  CPPUNIT_TEST(records_above_the_level_have_no_number);
  CPPUNIT_TEST(unacknowledged_records_go_to_a_new_logd);
  CPPUNIT_TEST(ring_is_bounded_and_gap_is_exact);
  CPPUNIT_TEST(loss_of_the_newest_is_told);
  CPPUNIT_TEST(stuck_logd_never_blocks);
  CPPUNIT_TEST(drain_ends_with_the_last_acknowledgement);
  CPPUNIT_TEST(drain_gives_up);
  CPPUNIT_TEST(acknowledgement_of_what_was_not_sent_is_harmless);
  CPPUNIT_TEST(broken_rule_is_blamed);
  CPPUNIT_TEST(master_says_no_hello);
  CPPUNIT_TEST_SUITE_END();

  class FixedClock final : public base::Clock {
   public:
    [[nodiscard]] base::MonotonicTime monotonic() const override { return {}; }
    [[nodiscard]] base::WallTime wall() const override { return base::WallTime(std::chrono::milliseconds(1795294638123)); }
  };

  wrap::EventLoop loop_;
  FixedClock clock_;
  std::unique_ptr<LogClient> client_;
  std::unique_ptr<FakeLogd> logd_;

  void connect(ipc::Role role = ipc::Role::policyd) {
    auto ends = ipc::make_channel_pair();
    CPPUNIT_ASSERT(ends.is_ok());
    logd_ = std::make_unique<FakeLogd>(loop_, std::move(ends.value().second), role);
    client_->attach(std::move(ends.value().first));
  }
  void settle() {
    for (int i = 0; i < 50; ++i) loop_.turn(false);
  }
  // About 10 KB each.
  void write_large(int count) {
    const std::string value(2000, 'x');
    for (int i = 0; i < count; ++i) {
      RecordBuilder r("event");
      for (const char* name : {"a", "b", "c", "d", "e"}) r.attribute(name, value);
      client_->write(r);
    }
  }

 public:
  void setUp() override {
    client_ = std::make_unique<LogClient>(loop_, ipc::Role::policyd, std::uint16_t{0}, 4711U, clock_);
    client_->set_level(ipc::LogLevel::level1);
  }
  void tearDown() override {
    client_.reset();
    logd_.reset();
  }

  void records_are_numbered_and_timed() {
    client_->event("before the channel");
    connect();
    client_->event("after it");
    settle();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, logd_->opens.size());
    CPPUNIT_ASSERT_EQUAL(4711U, logd_->opens[0].instance);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, logd_->opens[0].next);
    CPPUNIT_ASSERT(logd_->sequences == (std::vector<std::uint64_t>{1, 2}));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{1795294638123}, logd_->last.time_ms);
    CPPUNIT_ASSERT(value_of(logd_->last.elements.items()[0], "text") == "after it");
  }

  void records_above_the_level_have_no_number() {
    connect();
    client_->event("too fine", ipc::LogLevel::level3);
    client_->event("right");
    client_->set_level(ipc::LogLevel::none);
    client_->event("off");
    client_->set_level(ipc::LogLevel::debug);
    client_->event("fine", ipc::LogLevel::debug);
    settle();
    CPPUNIT_ASSERT(logd_->sequences == (std::vector<std::uint64_t>{1, 2}));
    CPPUNIT_ASSERT(logd_->last.level == ipc::LogLevel::debug);
  }

  void unacknowledged_records_go_to_a_new_logd() {
    connect();
    for (int i = 0; i < 5; ++i) client_->event("x");
    settle();
    logd_->acknowledge(3);
    settle();
    logd_.reset();
    settle();
    client_->event("while it was away");
    connect();
    settle();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, logd_->opens[0].acknowledged);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, logd_->opens[0].next);
    CPPUNIT_ASSERT(logd_->sequences == (std::vector<std::uint64_t>{4, 5, 6}));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, client_->lost());
  }

  void ring_is_bounded_and_gap_is_exact() {
    write_large(300);  // 3 MB
    const std::uint64_t lost = client_->lost();
    CPPUNIT_ASSERT(lost > 150 && lost < 250);
    connect();
    settle();
    CPPUNIT_ASSERT_EQUAL(300 - lost, static_cast<std::uint64_t>(logd_->sequences.size()));
    logd_->acknowledge(logd_->sequences.back());
    settle();
    write_large(1);
    settle();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{301}, logd_->sequences.back());
    CPPUNIT_ASSERT_EQUAL(lost, client_->lost());
  }

  void loss_of_the_newest_is_told() {
    write_large(300);
    connect();
    settle();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{301}, logd_->opens.back().next);
    logd_->acknowledge(logd_->sequences.back());
    settle();
    CPPUNIT_ASSERT(!client_->is_settled());
    logd_->acknowledge(300);
    settle();
    CPPUNIT_ASSERT(client_->is_settled());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, logd_->opens.size());
  }

  void stuck_logd_never_blocks() {
    connect();
    logd_->channel().pause();
    write_large(50);
    settle();
    write_large(1000);
    settle();
    CPPUNIT_ASSERT(client_->lost() > 800);
    logd_->channel().resume();
    for (int i = 0; i < 50 && !client_->is_settled(); ++i) {
      settle();
      logd_->acknowledge(logd_->opens.back().next > logd_->sequences.back() ? logd_->opens.back().next - 1
                                                                            : logd_->sequences.back());
    }
    CPPUNIT_ASSERT(client_->is_settled());
    CPPUNIT_ASSERT_EQUAL(1050 - client_->lost(), static_cast<std::uint64_t>(logd_->sequences.size()));
  }

  void drain_ends_with_the_last_acknowledgement() {
    connect();
    client_->event("last words");
    logd_->acknowledge(0);
    settle();
    logd_->acknowledge(1);
    const auto begin = std::chrono::steady_clock::now();
    client_->drain(std::chrono::seconds(20));
    CPPUNIT_ASSERT(client_->is_settled());
    CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
  }

  void drain_gives_up() {
    connect();
    client_->event("nobody listens");
    client_->drain(std::chrono::milliseconds(20));
    CPPUNIT_ASSERT(!client_->is_settled());
    settle();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, logd_->sequences.size());
  }

  void acknowledgement_of_what_was_not_sent_is_harmless() {
    connect();
    client_->event("x");
    settle();
    logd_->acknowledge(1000);
    settle();
    client_->event("y");
    settle();
    CPPUNIT_ASSERT(logd_->sequences == (std::vector<std::uint64_t>{1, 2}));
    CPPUNIT_ASSERT(!client_->is_settled());
  }

  void broken_rule_is_blamed() {
    std::string blame;
    client_->set_blame([](void* owner, std::string_view rule) { *static_cast<std::string*>(owner) = rule; }, &blame);
    auto ends = ipc::make_channel_pair();
    client_->attach(std::move(ends.value().first));
    CPPUNIT_ASSERT(ipc::send_blocking(ends.value().second.get(), ipc::Ping{1}).is_ok());
    settle();
    CPPUNIT_ASSERT(!blame.empty());
    client_->event("goes on");
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, client_->lost());
  }

  void master_says_no_hello() {
    client_ = std::make_unique<LogClient>(loop_, ipc::Role::master, std::uint16_t{0}, 1U, clock_);
    client_->set_level(ipc::LogLevel::level1);
    connect(ipc::Role::master);
    client_->event("started");
    settle();
    CPPUNIT_ASSERT(logd_->broken_rule.empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, logd_->sequences.size());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(LogClientTest);
