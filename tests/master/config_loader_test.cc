// Master's side of reading the configuration, with the real config-reader in its sandbox and with one taken over.
#include "master/config_loader.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include "config/mapped_list.h"

namespace caronte::master {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGood = R"(<?xml version="1.0" encoding="UTF-8"?>
<caronte>
  <server name="mx.example.org" state="state" run="/run/caronte"/>
  <listen address="127.0.0.1" port="2525"/>
  <destination><server address="127.0.0.1" port="225"/></destination>
  <domains><domain name="example.org"/></domains>
  <relay list="lists/relay"/>
  <log/>
</caronte>
)";

// The folder of the test programs, found by the path of this one.
std::string program(const char* name) {
  std::array<char, PATH_MAX> path{};
  CPPUNIT_ASSERT(::readlink("/proc/self/exe", path.data(), path.size() - 1) > 0);
  return fs::path(path.data()).parent_path() / name;
}

class ConfigLoaderTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ConfigLoaderTest);
  CPPUNIT_TEST(good_file_comes_back_typed_and_cut_by_role);
  CPPUNIT_TEST(lists_come_back_by_number);
  CPPUNIT_TEST(relative_path_is_taken);
  CPPUNIT_TEST(errors_come_back_with_file_line_and_element);
  CPPUNIT_TEST(list_that_is_missing_is_an_error);
  CPPUNIT_TEST(lists_are_opened_beneath_the_folder_only);
  CPPUNIT_TEST(special_files_are_refused);
  CPPUNIT_TEST(files_that_others_may_write_are_refused);
  CPPUNIT_TEST(resolvers_are_those_of_the_system);
  CPPUNIT_TEST(hostile_reader_is_refused);
  CPPUNIT_TEST(deadline_holds);
  CPPUNIT_TEST(program_that_cannot_start_is_reported);
  CPPUNIT_TEST(no_child_and_no_descriptor_stays);
  CPPUNIT_TEST(cancel_ends_the_child);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    std::string pattern = fs::temp_directory_path() / "caronte-loader-XXXXXX";
    CPPUNIT_ASSERT(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    ::umask(022);
    fs::create_directory(folder_ / "lists");
    write("lists/relay", "# nobody yet\n192.0.2.0/24\n2001:db8::1\n");
    write("caronte.xml", kGood);
    use("config_reader_alone");
  }
  void tearDown() override {
    fs::remove_all(folder_);
    // Whatever happened, no child is left.
    CPPUNIT_ASSERT_EQUAL(-1, ::waitpid(-1, nullptr, WNOHANG));
  }

 private:
  void write(const char* name, std::string_view text) {
    std::ofstream(folder_ / name, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
  }
  void use(const char* name) {
    executable_.reset(::open(program(name).c_str(), O_PATH | O_CLOEXEC));
    CPPUNIT_ASSERT(executable_.is_open());
  }
  LoadResult load(const std::string& path, base::Duration deadline = base::Duration(10'000)) {
    LoaderSettings settings;
    settings.executable = executable_.get();
    settings.uid = settings.gid = 65534;
    settings.deadline = deadline;
    settings.resolv_conf = folder_ / "resolv.conf";
    wrap::EventLoop loop;
    ConfigLoader loader(loop, settings);
    std::optional<LoadResult> result;
    loader.start(path, [&](LoadResult r) { result = std::move(r); });
    CPPUNIT_ASSERT(!result && loader.is_running());
    while (!result) loop.turn(true);
    CPPUNIT_ASSERT(!loader.is_running());
    return std::move(*result);
  }
  LoadResult load() { return load(folder_ / "caronte.xml"); }
  static std::string first_text(const LoadResult& result) {
    return result.diagnostics.empty() ? "" : text_of(result.diagnostics.front());
  }
  static void assert_contains(const std::string& text, const std::string& part) {
    CPPUNIT_ASSERT_MESSAGE("\"" + part + "\" is not in \"" + text + "\"", text.find(part) != std::string::npos);
  }

  void good_file_comes_back_typed_and_cut_by_role() {
    const LoadResult result = load();
    CPPUNIT_ASSERT_EQUAL(std::string(), first_text(result));
    CPPUNIT_ASSERT(result.is_ok);
    CPPUNIT_ASSERT_EQUAL((folder_ / "state").string(), result.configuration.server.state_folder);
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1:225"), result.configuration.destination.servers.at(0).endpoint.text());
    CPPUNIT_ASSERT(result.configuration.domains.empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, result.configurations.size());
    const auto part = [&](ipc::Role role) { return config::decode_configuration(result.configurations.at(role).get()).value(); };
    CPPUNIT_ASSERT_EQUAL(std::string("example.org"), part(ipc::Role::smtpd_proxy).domains.at(0).name);
    CPPUNIT_ASSERT_EQUAL(std::string(), part(ipc::Role::smtpd_proxy).server.state_folder);
    CPPUNIT_ASSERT_EQUAL(5U, part(ipc::Role::policyd).limits.sessions_per_address);
    CPPUNIT_ASSERT(part(ipc::Role::dnsd).destination.servers.empty());
    CPPUNIT_ASSERT(part(ipc::Role::logd).listens.empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, result.lists.size());
    CPPUNIT_ASSERT_EQUAL(2U, result.lists[0].entries);
    CPPUNIT_ASSERT(result.lists[0].receivers == (ipc::kSmtpdProxy | ipc::kPolicyd));
    const auto list = config::MappedList::map(result.lists[0].memory.get());
    CPPUNIT_ASSERT(list.value().find(base::Address::v4(192, 0, 2, 9)) == 2U);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, result.list_files.size());
    CPPUNIT_ASSERT_EQUAL((folder_ / "lists/relay").string(), result.list_files[0]);
  }

  // IW-7, Q3
  void lists_come_back_by_number() {
    write("lists/trusted", "192.0.2.1\nmail.example.org\n");
    write("lists/recipients", "anna\nbea@example.net\n");
    std::string text = kGood;
    text.replace(text.find("<domain name=\"example.org\"/>"), 28,
                 "<domain name=\"example.org\" recipients=\"lists/recipients\"/>"
                 "<domain name=\"example.com\"/><domain name=\"example.net\" recipients=\"lists/recipients\"/>");
    text.replace(text.find("<log/>"), 6, "<log/><dns servers=\"192.0.2.53\"/><trusted list=\"lists/trusted\"/>");
    write("caronte.xml", text);
    const LoadResult result = load();
    CPPUNIT_ASSERT_EQUAL(std::string(), first_text(result));
    std::map<std::uint16_t, const LoadedList*> lists;
    for (const LoadedList& list : result.lists) lists[list.number] = &list;
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, lists.size());
    const LoadedList& trusted = *lists.at(static_cast<std::uint16_t>(config::ListId::trusted));
    CPPUNIT_ASSERT_EQUAL((folder_ / "lists/trusted").string(), trusted.file);
    CPPUNIT_ASSERT(config::MappedList::map(trusted.memory.get()).value().names().find("mail.example.org") == 2U);
    const LoadedList& recipients = *lists.at(ipc::kRecipientLists);
    const auto tables = config::MappedNames::map_joined(recipients.memory.get()).value();
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, tables.size());
    CPPUNIT_ASSERT(tables[0].names().find("anna") && !tables[0].names().find("bea"));
    CPPUNIT_ASSERT(tables[1].names().size() == 0 && tables[2].names().find("bea") == 2U);
    CPPUNIT_ASSERT(recipients.receivers == ipc::kPolicyd && recipients.entries == 4);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, result.list_files.size());
  }

  void relative_path_is_taken() {
    const fs::path before = fs::current_path();
    fs::current_path(folder_);
    const LoadResult result = load("caronte.xml");
    fs::current_path(before);
    CPPUNIT_ASSERT(result.is_ok);
    CPPUNIT_ASSERT_EQUAL((folder_ / "state").string(), result.configuration.server.state_folder);
  }

  void errors_come_back_with_file_line_and_element() {
    std::string text = kGood;
    text.replace(text.find("2525"), 4, "99999");
    write("caronte.xml", text);
    const LoadResult result = load();
    CPPUNIT_ASSERT(!result.is_ok);
    CPPUNIT_ASSERT_EQUAL(
        (folder_ / "caronte.xml").string() + ":4: listen port: \"99999\" is not allowed; allowed: a number from 1 to 65535",
        first_text(result));
  }

  void list_that_is_missing_is_an_error() {
    fs::remove(folder_ / "lists/relay");
    const LoadResult result = load();
    CPPUNIT_ASSERT(!result.is_ok);
    assert_contains(first_text(result), "caronte.xml:7: relay list: \"lists/relay\" cannot be read: open: No such file");
  }

  void lists_are_opened_beneath_the_folder_only() {
    fs::remove(folder_ / "lists/relay");
    fs::create_symlink("/etc/passwd", folder_ / "lists/relay");
    LoadResult result = load();
    CPPUNIT_ASSERT(!result.is_ok);
    assert_contains(first_text(result), "leads out of the folder");
    use("config_reader_hostile");
    for (const char* path :
         {"/etc/passwd", "../../../../etc/passwd", "lists/../../x", "lists", "", ".", "lists/relay", "/proc/self/fd/3"}) {
      write("caronte.xml", path);
      result = load();
      CPPUNIT_ASSERT(!result.is_ok);
      if (*path != '\0') assert_contains(first_text(result), "missing");
    }
    write("lists/fine", "");
    write("caronte.xml", "lists/fine");
    assert_contains(first_text(load()), "opened");
  }

  void special_files_are_refused() {
    assert_contains(first_text(load(folder_ / "nothing.xml")), "No such file");
    assert_contains(first_text(load(folder_ / "lists")), "is not a regular file");
    CPPUNIT_ASSERT_EQUAL(0, ::mkfifo((folder_ / "fifo").c_str(), 0600));
    assert_contains(first_text(load(folder_ / "fifo")), "is not a regular file");
    assert_contains(first_text(load("/dev/zero")), "is not a regular file");
    fs::remove(folder_ / "lists/relay");
    CPPUNIT_ASSERT_EQUAL(0, ::mkfifo((folder_ / "lists/relay").c_str(), 0600));
    assert_contains(first_text(load()), "not a regular file");
  }

  // F78 of the faults: nobody else decides what the gateway does.
  void files_that_others_may_write_are_refused() {
    for (const mode_t mode : {0666U, 0622U, 0664U, 0602U}) {
      CPPUNIT_ASSERT_EQUAL(0, ::chmod((folder_ / "caronte.xml").c_str(), mode));
      const LoadResult result = load();
      CPPUNIT_ASSERT(!result.is_ok);
      assert_contains(first_text(result), "caronte.xml: may be written by its group or by everybody");
    }
    CPPUNIT_ASSERT_EQUAL(0, ::chmod((folder_ / "caronte.xml").c_str(), 0640));
    CPPUNIT_ASSERT(load().is_ok);
    CPPUNIT_ASSERT_EQUAL(0, ::chmod((folder_ / "lists/relay").c_str(), 0666));
    assert_contains(first_text(load()), "everybody may write to it");
  }

  void resolvers_are_those_of_the_system() {
    std::string text = kGood;
    text.replace(text.find("<log/>"), 6, "<log/><dns/>");
    write("caronte.xml", text);
    write("resolv.conf", "search example.org\nnameserver 192.0.2.53\n");
    const LoadResult result = load();
    CPPUNIT_ASSERT(result.is_ok);
    const auto dnsd = config::decode_configuration(result.configurations.at(ipc::Role::dnsd).get()).value();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, dnsd.dns.servers.size());
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.53:53"), dnsd.dns.servers[0].text());
  }

  void hostile_reader_is_refused() {
    use("config_reader_hostile");
    write("caronte.xml", "good");
    CPPUNIT_ASSERT(load().is_ok);  // the test's own results are such that only the act makes the difference
    struct Act {
      const char* name;
      const char* answer;
    };
    for (const Act act : {Act{"die", "was killed by signal 6"}, Act{"exit", "ended with exit code 7"},
                          Act{"foreign message", "ReloadRequest is not this peer's to send"}, Act{"garbage", "malformed frame"},
                          Act{"endless diagnostics", "found more than it may tell"}, Act{"result missing", "forgot a worker"},
                          Act{"result twice", "made a result for nobody"}, Act{"result for control", "made a result for nobody"},
                          Act{"unsealed result", "not sealed"}, Act{"unsealed list", "not sealed"},
                          Act{"list for master", "made a list for nobody"}, Act{"list of no file", "made a list for nobody"},
                          Act{"addresses as recipients", "of another layout"}, Act{"run folder with dots", "cannot be"},
                          Act{"no listener", "cannot be"}, Act{"no server", "cannot be"}, Act{"many workers", "cannot be"},
                          Act{"endless lists", "asked for too much"}}) {
      write("caronte.xml", act.name);
      const LoadResult result = load();
      CPPUNIT_ASSERT_MESSAGE(act.name, !result.is_ok);
      CPPUNIT_ASSERT_MESSAGE(act.name, !result.diagnostics.empty());
      assert_contains(text_of(result.diagnostics.back()), act.answer);
    }
  }

  void deadline_holds() {
    use("config_reader_hostile");
    for (const char* act : {"hang", "hang after done"}) {
      write("caronte.xml", act);
      const LoadResult result = load(folder_ / "caronte.xml", base::Duration(100));
      CPPUNIT_ASSERT(!result.is_ok);
      assert_contains(first_text(result), "took too long");
    }
  }

  void program_that_cannot_start_is_reported() {
    executable_.reset(::open("/etc/passwd", O_PATH | O_CLOEXEC));
    assert_contains(first_text(load()), "ended with exit code 127");
    executable_.reset();
    assert_contains(first_text(load()), "ended with exit code 126");
  }

  static std::ptrdiff_t open_descriptors() {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  }

  void no_child_and_no_descriptor_stays() {
    (void)load();
    const auto before = open_descriptors();
    for (int i = 0; i < 5; ++i) (void)load();
    CPPUNIT_ASSERT_EQUAL(before, open_descriptors());
  }

  void cancel_ends_the_child() {
    use("config_reader_hostile");
    write("caronte.xml", "hang");
    wrap::EventLoop loop;
    LoaderSettings settings;
    settings.executable = executable_.get();
    ConfigLoader loader(loop, settings);
    bool is_called = false;
    loader.start(folder_ / "caronte.xml", [&](LoadResult) { is_called = true; });
    loop.turn(false);
    loader.cancel();
    CPPUNIT_ASSERT(!loader.is_running());
    loop.turn(false);
    CPPUNIT_ASSERT(!is_called);
  }

  fs::path folder_;
  base::Fd executable_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(ConfigLoaderTest);

}  // namespace
}  // namespace caronte::master
