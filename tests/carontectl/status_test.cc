// `carontectl status`: what is printed, how it is judged, and that nothing hangs it.
#include "carontectl/status.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>

#include "carontectl/settings.h"
#include "worker/control_server.h"

using namespace caronte;

namespace {

// A process of the gateway that answers on its socket, in a thread of its own.
class FakeProcess final : public worker::ControlHandler {
 public:
  using Items = std::vector<ipc::StatusItem>;
  FakeProcess(const std::string& folder, ipc::Role role, Items items, bool is_healthy)
      : path_(folder + '/' + (role == ipc::Role::master ? "master" : std::string(ipc::name_of(role))) + ".sock"),
        items_(std::move(items)),
        is_healthy_(is_healthy),
        server_(loop_, listener(path_), role, 0, *this),
        thread_([this] { serve(); }) {}
  ~FakeProcess() override {
    is_done_ = true;
    thread_.join();
    ::unlink(path_.c_str());
  }

  static base::Fd listener(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    base::Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    CPPUNIT_ASSERT_EQUAL(0, ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
    CPPUNIT_ASSERT_EQUAL(0, ::listen(fd.get(), 8));
    return fd;
  }

 private:
  void serve() {
    while (!is_done_) {
      loop_.turn(false);
      ::usleep(1000);
    }
  }
  bool on_control_message(ipc::Channel& channel, ipc::Incoming& message) override {
    if (message.type == ipc::MessageType::StatusRequest) {
      for (const auto& item : items_) channel.send(item);
      channel.send(ipc::StatusEnd{is_healthy_});
      return true;
    }
    ipc::ControlResult result;
    result.is_ok = is_healthy_;
    result.lines.push("caronte.xml:7: limits errors: 0 to 1000");
    channel.send(result);
    return message.type == ipc::MessageType::ReloadRequest;
  }

  std::string path_;
  Items items_;
  bool is_healthy_;
  std::atomic<bool> is_done_ = false;
  wrap::EventLoop loop_;
  worker::ControlServer server_;
  std::thread thread_;
};

}  // namespace

class StatusTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(StatusTest);
  CPPUNIT_TEST(exit_codes);
  CPPUNIT_TEST(hung_gateway_takes_no_two_seconds);
  CPPUNIT_TEST(reload_passes_the_verdict_on);
  CPPUNIT_TEST(items_are_rendered);
  CPPUNIT_TEST(durations);
  CPPUNIT_TEST(settings_come_from_the_configuration);
  CPPUNIT_TEST_SUITE_END();

  std::string folder_;

  // Runs `call` with stdout and stderr put aside; `printed_` is what it wrote.
  int quietly(const std::function<int()>& call) {
    std::fflush(stdout);
    const std::string name = folder_ + "/out";
    const base::Fd file(::open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const base::Fd out(::dup(1)), err(::dup(2));
    ::dup2(file.get(), 1);
    ::dup2(file.get(), 2);
    const int code = call();
    std::fflush(stdout);
    ::dup2(out.get(), 1);
    ::dup2(err.get(), 2);
    printed_ = carontectl::read_file(name, 1 << 20).value();
    ::unlink(name.c_str());
    return code;
  }
  int status(bool is_plain = false) {
    return quietly([&] { return carontectl::status(folder_, is_plain); });
  }
  std::string printed_;

  const FakeProcess::Items master_{{"gateway", "caronted", "state", "ready"},  {"process", "policyd.0", "state", "ready"},
                                   {"process", "policyd.0", "uptime", "3725"}, {"process", "policyd.0", "restarts", "0"},
                                   {"process", "logd.0", "state", "ready"},    {"listener", "127.0.0.1:25", "state", "open"}};
  const FakeProcess::Items policyd_{{"counter", "policyd.0", "delivered", "12"}};

 public:
  void setUp() override {
    char name[] = "/tmp/caronte-control-XXXXXX";
    CPPUNIT_ASSERT(::mkdtemp(name) != nullptr);
    folder_ = name;
  }
  void tearDown() override { CPPUNIT_ASSERT_EQUAL(0, ::rmdir(folder_.c_str())); }

  void exit_codes() {
    if (::getuid() != 0) return;  // the server answers root and the control group only; the tests of the whole cover this too
    CPPUNIT_ASSERT_EQUAL(2, status());
    {
      const FakeProcess master(folder_, ipc::Role::master, master_, true);
      CPPUNIT_ASSERT_EQUAL(1, status());
      CPPUNIT_ASSERT(printed_.find("policyd does not answer") != std::string::npos);
      const FakeProcess policyd(folder_, ipc::Role::policyd, policyd_, true);
      const FakeProcess logd(folder_, ipc::Role::logd, {}, true);
      CPPUNIT_ASSERT_EQUAL(0, status());
      CPPUNIT_ASSERT(printed_.find("delivered") != std::string::npos);
      CPPUNIT_ASSERT_EQUAL(0, status(true));
      CPPUNIT_ASSERT(printed_.find("counter\tpolicyd.0\tdelivered\t12\n") != std::string::npos);
    }
    {
      const FakeProcess master(folder_, ipc::Role::master, {master_[0]}, true);
      CPPUNIT_ASSERT_EQUAL(0, status());  // no logd and no policyd expected, none asked
    }
    {
      const FakeProcess master(folder_, ipc::Role::master, master_, true);
      const FakeProcess policyd(folder_, ipc::Role::policyd, policyd_, true);
      const FakeProcess logd(folder_, ipc::Role::logd, {}, false);
      CPPUNIT_ASSERT_EQUAL(1, status());
      CPPUNIT_ASSERT(printed_.find("logd reports a fault") != std::string::npos);
    }
    {
      const FakeProcess master(folder_, ipc::Role::master, {master_[0]}, false);
      CPPUNIT_ASSERT_EQUAL(1, status());
    }
    CPPUNIT_ASSERT_EQUAL(2, status());
  }

  void hung_gateway_takes_no_two_seconds() {
    const base::Fd deaf = FakeProcess::listener(folder_ + "/master.sock");
    const auto begin = std::chrono::steady_clock::now();
    CPPUNIT_ASSERT_EQUAL(1, status());
    CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
    CPPUNIT_ASSERT(printed_.find("does not answer") != std::string::npos);
    ::unlink((folder_ + "/master.sock").c_str());
  }

  void reload_passes_the_verdict_on() {
    CPPUNIT_ASSERT_EQUAL(2, quietly([&] { return carontectl::reload(folder_); }));
    if (::getuid() != 0) return;
    for (const bool is_ok : {true, false}) {
      const FakeProcess master(folder_, ipc::Role::master, {}, is_ok);
      CPPUNIT_ASSERT_EQUAL(is_ok ? 0 : 1, quietly([&] { return carontectl::reload(folder_); }));
      CPPUNIT_ASSERT_EQUAL(std::string("caronte.xml:7: limits errors: 0 to 1000\n"), printed_);
    }
  }

  void items_are_rendered() {
    const std::string text = carontectl::render_status({{"gateway", "caronted", "uptime", "90"},
                                                        {"process", "policyd.0", "state", "ready"},
                                                        {"process", "policyd.0", "uptime", "3725"},
                                                        {"process", "policyd.0", "restarts", "2"},
                                                        {"listener", "[::]:25", "state", "open"}});
    CPPUNIT_ASSERT_EQUAL(std::string("gateway\n"
                                     "  uptime                      1m 30s\n"
                                     "\n"
                                     "process           state       pid      uptime      restarts\n"
                                     "policyd.0         ready       -        1h 2m       2\n"
                                     "\n"
                                     "listener\n"
                                     "  [::]:25                     open\n"),
                         text);
  }

  void durations() {
    for (const auto& [seconds, text] : std::vector<std::pair<std::uint64_t, const char*>>{{0, "0s"},
                                                                                          {59, "59s"},
                                                                                          {60, "1m 0s"},
                                                                                          {3599, "59m 59s"},
                                                                                          {3600, "1h 0m"},
                                                                                          {86399, "23h 59m"},
                                                                                          {86400, "1d 0h"},
                                                                                          {270000, "3d 3h"}}) {
      CPPUNIT_ASSERT_EQUAL(std::string(text), carontectl::duration_text(seconds));
    }
  }

  void settings_come_from_the_configuration() {
    const std::string file = folder_ + "/caronte.xml";
    const auto write = [&](const char* text) {
      std::FILE* out = std::fopen(file.c_str(), "w");
      std::fputs(text, out);
      std::fclose(out);
    };
    write("<caronte><server run=\"/r\"/><log folder=\"/l\"/></caronte>");
    auto settings = carontectl::read_settings(file);
    CPPUNIT_ASSERT(settings.is_ok());
    CPPUNIT_ASSERT_EQUAL(std::string("/r"), settings.value().run_folder);
    CPPUNIT_ASSERT_EQUAL(std::string("/l"), settings.value().log_folder);
    write("<caronte><log folder=\"log\"/></caronte>");
    CPPUNIT_ASSERT_EQUAL(folder_ + "/log", carontectl::read_settings(file).value().log_folder);
    write("<caronte><server name=\"x\"/></caronte>");
    CPPUNIT_ASSERT_EQUAL(std::string("/run/caronte"), carontectl::read_settings(file).value().run_folder);
    write("<caronte>");
    CPPUNIT_ASSERT(!carontectl::read_settings(file).is_ok());
    ::unlink(file.c_str());
    CPPUNIT_ASSERT(!carontectl::read_settings(file).is_ok());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(StatusTest);
