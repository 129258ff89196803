// The whole program: no record is lost or doubled by kill -9 under load, a stuck logd delays nobody, a full disk costs
// exactly what is reported (F26, F55, F77), and a sender that breaks a rule is cut off.
#include <cppunit/extensions/HelperMacros.h>
#include <sys/wait.h>

#include <csignal>
#include <functional>
#include <iostream>
#include <map>

#include "base/address_parser.h"
#include "ipc/log_format.h"
#include "tests/logd/logd_process.h"
#include "worker/log_client.h"
#include "wrap/xml.h"

using namespace caronte;
using tests::LogdProcess;
using tests::TemporaryFolder;
using worker::LogClient;
using worker::RecordBuilder;

namespace {

constexpr ipc::Peer kProxy{ipc::Role::smtpd_proxy, 0};

struct Found {
  std::map<std::uint64_t, int> numbers;  // how often each is there
  std::uint64_t lost = 0;
  std::uint64_t files = 0;
};

std::uint64_t number_in(const wrap::XmlElement& element, std::string_view name) {
  for (const auto& attribute : element.attributes()) {
    if (attribute.name == name) return base::parse_number(attribute.value, ~0ULL).value();
  }
  return 0;
}

std::string text_in(const wrap::XmlElement& element, std::string_view name) {
  for (const auto& attribute : element.attributes()) {
    if (attribute.name == name) return std::string(attribute.value);
  }
  return {};
}

// The files, by name and inode: a rotation in the middle of reading changes it.
std::vector<std::pair<std::string, ino_t>> files_of(const TemporaryFolder& folder) {
  std::vector<std::pair<std::string, ino_t>> files;
  for (const std::string& name : folder.names()) {
    struct stat found {};
    files.emplace_back(name, ::stat(folder.path(name).c_str(), &found) == 0 ? found.st_ino : 0);
  }
  return files;
}

// Everything that the files of the folder say of one sender; each file must be well-formed.
Found find_records(const TemporaryFolder& folder, const std::string& sender) {
  Found found;
  const auto files = files_of(folder);
  for (const auto& [name, inode] : files) {
    wrap::XmlDocument document;
    const std::string text = folder.read(name);
    if (text.empty() && files != files_of(folder)) return find_records(folder, sender);
    const bool is_good = document.parse(text);
    CPPUNIT_ASSERT_MESSAGE(name + ": " + document.problem().text, is_good);
    ++found.files;
    for (const wrap::XmlElement& element : document.root().children()) {
      if (text_in(element, "from") != sender || element.name() == ipc::kLogContinued) continue;
      if (element.name() == ipc::kLogLost) {
        found.lost += number_in(element, "count");
        CPPUNIT_ASSERT_EQUAL(number_in(element, "count"), number_in(element, "last") - number_in(element, "first") + 1);
      } else {
        ++found.numbers[number_in(element, "n")];
      }
    }
  }
  if (files != files_of(folder)) return find_records(folder, sender);
  return found;
}

}  // namespace

class LogdProcessTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LogdProcessTest);
  CPPUNIT_TEST(kill_9_under_load_loses_and_doubles_nothing);
  CPPUNIT_TEST(stuck_logd_delays_nobody_F55);
  CPPUNIT_TEST(full_disk_loss_is_exact_F26);
  CPPUNIT_TEST(other_hands_in_the_folder_F77);
  CPPUNIT_TEST(removed_folder_ends_the_process_and_loses_nothing);
  CPPUNIT_TEST(sender_that_breaks_a_rule_is_cut_off);
  CPPUNIT_TEST(graceful_stop_takes_the_last_words);
  CPPUNIT_TEST(stops_within_its_patience);
  CPPUNIT_TEST_SUITE_END();

  wrap::EventLoop loop_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::unique_ptr<LogdProcess> logd_;
  std::unique_ptr<LogClient> client_;
  std::uint64_t sent_ = 0;

  static bool may_run() {
    if (::getuid() == 0) return true;
    static bool is_told = false;
    if (!is_told) std::cerr << "\nSKIPPED LogdProcessTest: the real logd can only be started by root\n";
    is_told = true;
    return false;
  }
  void begin(std::uint64_t rotate_size = 0) {
    config::Log settings;
    settings.is_present = true;
    settings.level = ipc::LogLevel::level3;
    settings.folder = folder_->path();
    settings.rotate_size = rotate_size;
    logd_ = std::make_unique<LogdProcess>(loop_, *folder_, settings);
    client_ = std::make_unique<LogClient>(loop_, kProxy.role, kProxy.index, 4711U);
    client_->set_level(ipc::LogLevel::level1);
    sent_ = 0;
    connect();
  }
  void connect() {
    logd_->start();
    client_->attach(logd_->connect(kProxy));
  }
  void write(int count, std::size_t bytes = 300) {
    for (int i = 0; i < count; ++i) {
      RecordBuilder record("session");
      record.attribute("reference", static_cast<std::int64_t>(++sent_));
      for (; bytes > 2000; bytes -= 2000) record.child("message").attribute("sender", std::string(2000, 'x')).end();
      record.child("message").attribute("sender", std::string(bytes, 'x')).end();
      client_->write(record);
    }
  }
  void turn(int times = 1) {
    for (int i = 0; i < times; ++i) loop_.turn(false);
  }
  bool settle(base::Duration patience = std::chrono::seconds(20)) {
    client_->drain(patience);
    return client_->is_settled();
  }
  // Every number once, in a file or in a reported gap.
  Found check_exact(std::uint64_t lost) const {
    const Found found = find_records(*folder_, "smtpd-proxy.0");
    for (const auto& [number, times] : found.numbers) CPPUNIT_ASSERT_EQUAL_MESSAGE(std::to_string(number), 1, times);
    CPPUNIT_ASSERT_EQUAL(lost, found.lost);
    CPPUNIT_ASSERT_EQUAL(sent_, static_cast<std::uint64_t>(found.numbers.size()) + found.lost);
    return found;
  }

 public:
  void setUp() override { folder_ = std::make_unique<TemporaryFolder>(); }
  void tearDown() override {
    client_.reset();
    logd_.reset();
    folder_.reset();
  }

  void kill_9_under_load_loses_and_doubles_nothing() {
    if (!may_run()) return;
    begin(40'000);
    for (int round = 0; round < 40; ++round) {
      for (int i = 0; i < 5; ++i) {
        write(10 + round % 7, 200 + 97 * static_cast<std::size_t>(round));
        turn(3);
        ::usleep(static_cast<useconds_t>(300 * (round % 11)));  // so that the axe falls at another place each time
      }
      logd_->kill(SIGKILL);
      CPPUNIT_ASSERT_EQUAL(SIGKILL, WTERMSIG(logd_->wait()));
      connect();
      if (round % 4 == 0) CPPUNIT_ASSERT(settle());
    }
    CPPUNIT_ASSERT(settle());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, client_->lost());
    CPPUNIT_ASSERT(check_exact(0).files > 10);
  }

  void stuck_logd_delays_nobody_F55() {
    if (!may_run()) return;
    begin();
    CPPUNIT_ASSERT(settle());
    logd_->kill(SIGSTOP);
    auto worst = std::chrono::steady_clock::duration::zero();
    for (int i = 0; i < 2000; ++i) {
      const auto before = std::chrono::steady_clock::now();
      write(1, 4000);
      turn();
      worst = std::max(worst, std::chrono::steady_clock::now() - before);
    }
    // 10 ms, and some for a machine that is busy otherwise.
    CPPUNIT_ASSERT(worst < std::chrono::milliseconds(100));
    CPPUNIT_ASSERT(client_->lost() > 1000);
    logd_->kill(SIGCONT);
    CPPUNIT_ASSERT(settle());
    write(1);
    CPPUNIT_ASSERT(settle());
    (void)check_exact(client_->lost());
  }

  void full_disk_loss_is_exact_F26() {
    if (!may_run()) return;
    if (!folder_->mount_tmpfs("size=128k")) {
      std::cerr << "\nSKIPPED full_disk_loss_is_exact_F26: a tmpfs cannot be mounted here\n";
      return;
    }
    begin();
    write(40, 1000);
    CPPUNIT_ASSERT(settle());
    for (int i = 0; i < 400; ++i) {
      write(10, 1000);
      turn(2);
    }
    CPPUNIT_ASSERT(!settle(std::chrono::milliseconds(300)));
    const std::uint64_t lost = client_->lost();
    CPPUNIT_ASSERT(lost > 1000);
    const std::uint64_t in_file = find_records(*folder_, "smtpd-proxy.0").numbers.size();
    CPPUNIT_ASSERT(in_file >= 40 && in_file < 140);
    // Not even a crash changes the account.
    logd_->kill(SIGKILL);
    (void)logd_->wait();
    connect();
    CPPUNIT_ASSERT(!settle(std::chrono::milliseconds(300)));
    CPPUNIT_ASSERT(folder_->mount_tmpfs("size=16m"));
    CPPUNIT_ASSERT(settle());
    write(5);
    CPPUNIT_ASSERT(settle());
    CPPUNIT_ASSERT_EQUAL(lost, client_->lost());
    (void)check_exact(lost);
  }

  void other_hands_in_the_folder_F77() {
    if (!may_run()) return;
    begin();
    for (int i = 0; i < 10; ++i) {
      write(20);
      CPPUNIT_ASSERT(settle());
      // As logrotate does without copytruncate; nobody tells logd.
      CPPUNIT_ASSERT_EQUAL(0, ::rename(folder_->path(std::string(ipc::kLogFile)).c_str(),
                                       folder_->path("moved-" + std::to_string(i) + ".xml").c_str()));
    }
    write(1);
    CPPUNIT_ASSERT(settle());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{11}, check_exact(0).files);
    // A file with its records is removed, and logd dies before it can look: what was acknowledged is no gap.
    CPPUNIT_ASSERT_EQUAL(0, ::unlink(folder_->path(std::string(ipc::kLogFile)).c_str()));
    logd_->kill(SIGKILL);
    (void)logd_->wait();
    connect();
    write(1);
    CPPUNIT_ASSERT(settle());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, find_records(*folder_, "smtpd-proxy.0").lost);
  }

  void removed_folder_ends_the_process_and_loses_nothing() {
    if (!may_run()) return;
    begin();
    write(1);
    CPPUNIT_ASSERT(settle());
    sent_ = 0;  // that one goes with the folder
    CPPUNIT_ASSERT_EQUAL(0, ::unlink(folder_->path(std::string(ipc::kLogFile)).c_str()));
    CPPUNIT_ASSERT_EQUAL(0, ::rmdir(folder_->path().c_str()));
    write(5);
    turn(5);
    const int status = logd_->wait();
    CPPUNIT_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 75);
    CPPUNIT_ASSERT_EQUAL(0, ::mkdir(folder_->path().c_str(), 0750));
    CPPUNIT_ASSERT_EQUAL(0, ::chown(folder_->path().c_str(), LogdProcess::kUser, LogdProcess::kUser));
    connect();
    CPPUNIT_ASSERT(settle());
    (void)check_exact(0);
  }

  void sender_that_breaks_a_rule_is_cut_off() {
    if (!may_run()) return;
    begin();
    const ipc::Peer hostile{ipc::Role::smtpd_proxy, 1};
    const std::vector<std::pair<std::string, std::function<void(int)>>> cases{
        {"record before LogOpen", [](int fd) { (void)ipc::send_blocking(fd, ipc::LogRecord{}); }},
        {"another's name",
         [](int fd) {
           (void)ipc::send_blocking(fd, ipc::LogOpen{ipc::Role::smtpd_proxy, 0, 1, 0, 1});
         }},
        {"another's role",
         [](int fd) {
           (void)ipc::send_blocking(fd, ipc::LogOpen{ipc::Role::policyd, 1, 1, 0, 1});
         }},
        {"second life",
         [](int fd) {
           (void)ipc::send_blocking(fd, ipc::LogOpen{ipc::Role::smtpd_proxy, 1, 1, 0, 1});
           (void)ipc::send_blocking(fd, ipc::LogOpen{ipc::Role::smtpd_proxy, 1, 2, 0, 1});
         }},
        {"markup for a name",
         [](int fd) {
           (void)ipc::send_blocking(fd, ipc::LogOpen{ipc::Role::smtpd_proxy, 1, 1, 0, 1});
           RecordBuilder builder("a></caronte-log>");
           ipc::LogRecord record = builder.take();
           record.sequence = 1;
           (void)ipc::send_blocking(fd, record);
         }},
    };
    for (const auto& [name, break_rule] : cases) {
      const std::size_t before = logd_->blames.size();
      const base::Fd socket = logd_->connect(hostile);
      break_rule(socket.get());
      for (int i = 0; i < 2000 && logd_->blames.size() == before; ++i) {
        turn();
        ::usleep(1000);
      }
      CPPUNIT_ASSERT_EQUAL_MESSAGE(name, before + 1, logd_->blames.size());
      CPPUNIT_ASSERT(logd_->blames.back().role == hostile.role && logd_->blames.back().index == hostile.index);
      write(1);
      CPPUNIT_ASSERT_MESSAGE(name, settle());
    }
    (void)check_exact(0);
    const Found own = find_records(*folder_, "logd.0");
    CPPUNIT_ASSERT_EQUAL(cases.size(), own.numbers.size());  // each was told in the log
  }

  void graceful_stop_takes_the_last_words() {
    if (!may_run()) return;
    begin();
    write(50);
    turn();
    logd_->stop_gracefully();
    write(50);
    turn();
    CPPUNIT_ASSERT(settle());
    client_.reset();  // the last sender goes
    CPPUNIT_ASSERT_EQUAL(0, logd_->wait());
    (void)check_exact(0);
  }

  void stops_within_its_patience() {
    if (!may_run()) return;
    begin();
    CPPUNIT_ASSERT(settle());
    const auto before = std::chrono::steady_clock::now();
    logd_->stop_gracefully();  // and the sender stays
    CPPUNIT_ASSERT_EQUAL(0, logd_->wait());
    CPPUNIT_ASSERT(std::chrono::steady_clock::now() - before < std::chrono::seconds(10));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(LogdProcessTest);
