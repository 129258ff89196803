// Reading the log: at record boundaries, in pieces, while it grows, over rotations.
#include "carontectl/log_reader.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "carontectl/log_filter.h"
#include "carontectl/log_printer.h"
#include "ipc/log_format.h"
#include "wrap/xml.h"

using namespace caronte;
using carontectl::LogReader;
using carontectl::LogSource;

namespace {

std::string line(int n, std::size_t bytes = 0) {
  return "<event n=\"" + std::to_string(n) + "\" text=\"" + std::string(bytes, 'x') + "\"/>";
}

std::string document(int first, int last, std::size_t bytes = 0) {
  std::string text(ipc::kLogHeader);
  text += "<continued from=\"policyd.0\" instance=\"1\" n=\"1\"/>\n";
  for (int n = first; n <= last; ++n) text += line(n, bytes) + '\n';
  return text + std::string(ipc::kLogEnd);
}

}  // namespace

class LogReaderTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LogReaderTest);
  CPPUNIT_TEST(records_are_cut_at_their_ends);
  CPPUNIT_TEST(large_file_in_pieces);
  CPPUNIT_TEST(growing_file_at_any_length);
  CPPUNIT_TEST(held_lock_does_not_stop_the_reader);
  CPPUNIT_TEST(archives_come_first);
  CPPUNIT_TEST(rotations_are_followed);
  CPPUNIT_TEST(removed_file_is_followed);
  CPPUNIT_TEST(log_amid_a_rotation_is_waited_for);
  CPPUNIT_TEST(no_log);
  CPPUNIT_TEST(records_as_people_read_them);
  CPPUNIT_TEST(terminal_sees_no_control_characters);
  CPPUNIT_TEST_SUITE_END();

  std::string folder_;

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + '/' + name; }
  [[nodiscard]] std::string live() const { return path(std::string(ipc::kLogFile)); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << text;
  }
  void rotate(const std::string& archive, const std::string& next) const {
    write("new", next);
    CPPUNIT_ASSERT_EQUAL(0, ::rename(live().c_str(), path(archive).c_str()));
    CPPUNIT_ASSERT_EQUAL(0, ::rename(path("new").c_str(), live().c_str()));
  }
  static void expect(LogSource& source, int first, int last, std::size_t bytes = 0) {
    for (int n = first; n <= last; ++n) {
      const auto found = source.next();
      CPPUNIT_ASSERT_MESSAGE(std::to_string(n), found.has_value());
      CPPUNIT_ASSERT_EQUAL(line(n, bytes), std::string(*found));
    }
    CPPUNIT_ASSERT(!source.next());
  }

 public:
  void setUp() override {
    char name[] = "/tmp/caronte-control-XXXXXX";
    CPPUNIT_ASSERT(::mkdtemp(name) != nullptr);
    folder_ = name;
  }
  void tearDown() override {
    for (const char* name : {"current.xml", "new", "caronte-1.xml", "caronte-2.xml", "caronte-3.xml", "damaged-1.xml"})
      ::unlink(path(name).c_str());
    ::rmdir(folder_.c_str());
  }

  void records_are_cut_at_their_ends() {
    write("current.xml", document(1, 3));
    LogSource source(folder_, false);
    CPPUNIT_ASSERT(source.open().is_ok());
    expect(source, 1, 3);
  }

  void large_file_in_pieces() {
    write("current.xml", document(1, 3000, 1000));
    LogSource source(folder_, false);
    CPPUNIT_ASSERT(source.open().is_ok());
    expect(source, 1, 3000, 1000);
  }

  void growing_file_at_any_length() {
    const std::string before = document(1, 1);
    const std::string after = document(1, 2);
    const std::size_t end = before.size() - ipc::kLogEnd.size();
    // Without a lock a write may be seen in part: the record comes once, and only whole.
    for (std::size_t cut = end; cut <= after.size(); ++cut) {
      write("current.xml", before);
      LogSource source(folder_, false);
      CPPUNIT_ASSERT(source.open().is_ok());
      expect(source, 1, 1);
      std::string torn = after.substr(0, cut);
      if (torn.size() < before.size()) torn += before.substr(torn.size());
      write("current.xml", torn);
      const bool is_whole = cut > end + line(2).size();
      if (is_whole)
        expect(source, 2, 2);
      else
        CPPUNIT_ASSERT(!source.next());
      write("current.xml", after);
      if (is_whole)
        CPPUNIT_ASSERT(!source.next());
      else
        expect(source, 2, 2);
    }
  }

  void held_lock_does_not_stop_the_reader() {
    write("current.xml", document(1, 1));
    const base::Fd writer(::open(live().c_str(), O_RDWR | O_CLOEXEC));
    CPPUNIT_ASSERT_EQUAL(0, ::flock(writer.get(), LOCK_EX));
    LogSource source(folder_, false);
    CPPUNIT_ASSERT(source.open().is_ok());
    expect(source, 1, 1);
  }

  void archives_come_first() {
    write("caronte-2.xml", document(3, 4));
    write("caronte-1.xml", document(1, 2));
    write("damaged-1.xml", document(100, 101));
    write("current.xml", document(5, 6));
    LogSource source(folder_, true);
    CPPUNIT_ASSERT(source.open().is_ok());
    expect(source, 1, 6);
    LogSource without(folder_, false);
    CPPUNIT_ASSERT(without.open().is_ok());
    expect(without, 5, 6);
  }

  void rotations_are_followed() {
    write("current.xml", document(1, 2));
    LogSource source(folder_, false);
    CPPUNIT_ASSERT(source.open().is_ok());
    expect(source, 1, 2);
    // Records that came between the last look and the rotation, and a second rotation in the same moment.
    write("current.xml", document(1, 3));
    rotate("caronte-1.xml", document(4, 5));
    rotate("caronte-2.xml", document(6, 6));
    expect(source, 3, 6);
    rotate("caronte-3.xml", document(7, 8));
    expect(source, 7, 8);
  }

  void removed_file_is_followed() {
    write("current.xml", document(1, 2));
    write("caronte-1.xml", document(90, 91));
    LogSource source(folder_, false);
    CPPUNIT_ASSERT(source.open().is_ok());
    expect(source, 1, 2);
    CPPUNIT_ASSERT_EQUAL(0, ::unlink(live().c_str()));
    CPPUNIT_ASSERT(!source.next());
    write("current.xml", document(3, 3));
    expect(source, 3, 3);
  }

  void log_amid_a_rotation_is_waited_for() {
    write("new", document(1, 3));
    std::thread logd([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      ::rename(path("new").c_str(), live().c_str());
    });
    LogSource source(folder_, false);
    const bool is_open = source.open().is_ok();
    logd.join();
    CPPUNIT_ASSERT(is_open);
    expect(source, 1, 3);
  }

  void no_log() {
    LogSource source(folder_, true);
    const auto status = source.open();
    CPPUNIT_ASSERT(!status.is_ok());
    CPPUNIT_ASSERT(status.error().text.find("current.xml") != std::string::npos);
  }

  void records_as_people_read_them() {
    struct Case {
      const char* line;
      const char* expected;
    };
    const std::vector<Case> cases{
        {"<session from=\"smtpd-proxy.0\" instance=\"5\" n=\"1\" time=\"2026-11-21T20:57:18.500Z\" reference=\"AB12\" "
         "client=\"192.0.2.7\" "
         "name=\"mail.example.org\" name-status=\"verified\" helo=\"mail.example.org\" outcome=\"delivered\" duration-ms=\"12\">"
         "<message sender=\"a@example.org\" size=\"10\" delivered=\"yes\" reply=\"250 2.0.0 Ok\"><recipient "
         "address=\"b@example.net\" "
         "outcome=\"accepted\" reply=\"250 2.1.5 Ok\"/></message><check name=\"busy\" result=\"pass\"/>"
         "<dialogue from=\"client\" text=\"EHLO mail.example.org\"/></session>",
         "2026-11-21 20:57:18 delivered  192.0.2.7        mail.example.org helo=mail.example.org duration-ms=12 reference=AB12\n"
         "    from <a@example.org> 10 octets, delivered: 250 2.0.0 Ok\n"
         "      to <b@example.net> accepted: 250 2.1.5 Ok\n"
         "    check name=busy result=pass\n"
         "    client>      EHLO mail.example.org\n"},
        {"<event from=\"policyd.0\" instance=\"5\" n=\"1\" time=\"2026-11-21T20:57:18.500Z\" text=\"a &lt;b&gt;\" count=\"2\"/>",
         "2026-11-21 20:57:18 event      policyd.0        a <b> count=2\n"},
        {"<lost from=\"smtpd-proxy.1\" instance=\"5\" first=\"18\" last=\"40\" count=\"23\" time=\"2026-11-21T20:57:18.500Z\"/>",
         "2026-11-21 20:57:18 LOST       smtpd-proxy.1    23 records, number 18 to 40\n"},
    };
    for (const Case& c : cases) {
      wrap::XmlDocument parsed;
      CPPUNIT_ASSERT(parsed.parse(c.line));
      CPPUNIT_ASSERT_EQUAL(std::string(c.expected), carontectl::render_record(parsed.root()));
    }
  }

  void terminal_sees_no_control_characters() {
    wrap::XmlDocument parsed;
    CPPUNIT_ASSERT(parsed.parse("<event time=\"a\tb\" from=\"c\td\" text=\"e\tf\" more=\"g\th\"/>"));
    const std::string text = carontectl::render_record(parsed.root());
    for (const char c : text.substr(0, text.size() - 1)) CPPUNIT_ASSERT(static_cast<unsigned char>(c) >= 0x20);
    CPPUNIT_ASSERT(text.find("e\\x09f") != std::string::npos);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(LogReaderTest);
