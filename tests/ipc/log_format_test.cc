// Lines of the log by their ends.
#include "ipc/log_format.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

using namespace caronte::ipc;

class LogFormatTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LogFormatTest);
  CPPUNIT_TEST(whole_lines);
  CPPUNIT_TEST(torn_lines);
  CPPUNIT_TEST(any_cut_is_seen);
  CPPUNIT_TEST_SUITE_END();

 public:
  void whole_lines() {
    for (const char* line :
         {"<event/>", "<event text=\"x\"/>", "<session a=\"1\"></session>", "<session a=\"1\"><message/></session>",
          "<session-2 a=\"/&gt;\"><message b=\"&lt;/x&gt;\"/><message/></session-2>"}) {
      CPPUNIT_ASSERT_MESSAGE(line, is_log_record(line));
    }
  }

  void torn_lines() {
    for (const char* line : {"", "<", "<a>", "</caronte-log>", "<?xml version=\"1.0\"?>", "<caronte-log format=\"1\">", "event/>",
                             "<event text=\"x\"", "<event text=\"x\">", "<session><message/></sess", "<session><message/>",
                             "<session><message/></message>", "<eventronte-log>", "<Event/>", " <event/>", "<event/> "}) {
      CPPUNIT_ASSERT_MESSAGE(line, !is_log_record(line));
    }
  }

  // Cut anywhere, with what is left of the old end tag behind it: as a crash, or a reader without the lock, sees a write.
  void any_cut_is_seen() {
    const std::string line = "<session a=\"1\"><message b=\"2\"><recipient/></message></session>";
    for (std::size_t cut = 1; cut < line.size(); ++cut) {
      CPPUNIT_ASSERT(!is_log_record(line.substr(0, cut)));
      if (cut >= kLogEnd.size() - 1) continue;
      const std::string mixed = line.substr(0, cut) + std::string(kLogEnd.substr(cut, kLogEnd.size() - 1 - cut));
      CPPUNIT_ASSERT_MESSAGE(mixed, !is_log_record(mixed));
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(LogFormatTest);
