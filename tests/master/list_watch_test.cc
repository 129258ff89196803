#include "master/list_watch.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>

namespace caronte::master {

class ListWatchTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ListWatchTest);
  CPPUNIT_TEST(quiet_file_is_no_news);
  CPPUNIT_TEST(change_is_loaded_once_it_rests);
  CPPUNIT_TEST(change_during_reading_is_seen);
  CPPUNIT_TEST(refused_change_is_not_tried_again);
  CPPUNIT_TEST(halved_list_waits);
  CPPUNIT_TEST(vanished_list_waits_and_may_come_back);
  CPPUNIT_TEST(shrunk_list_holds_the_others_back);
  CPPUNIT_TEST(more_than_half_is_loaded);
  CPPUNIT_TEST_SUITE_END();

  std::map<std::string, FileLook> files_;
  ListWatch watch_{[this](const std::string& path) { return files_[path]; }};
  const base::WallTime read_at_{std::chrono::seconds(1000)};

 public:
  void setUp() override {
    files_ = {{"a", {true, 5, 100, 1}}, {"b", {true, 5, 100, 2}}};
    watch_.watch({"a", "b"}, read_at_);
  }

 private:
  bool is_due() { return watch_.check().is_reload_due; }

  void quiet_file_is_no_news() {
    for (int i = 0; i < 3; ++i) CPPUNIT_ASSERT(!is_due());
  }

  void change_is_loaded_once_it_rests() {
    files_["a"] = {true, 6, 110, 1};
    CPPUNIT_ASSERT(!is_due());
    files_["a"].size = 120;  // still being written
    CPPUNIT_ASSERT(!is_due());
    CPPUNIT_ASSERT(is_due());
    watch_.watch({"a", "b"}, read_at_);
    CPPUNIT_ASSERT(!is_due());
  }

  void change_during_reading_is_seen() {
    files_["a"].modified_ns = 1'000'500'000'000;  // half a second after reading began
    watch_.watch({"a", "b"}, read_at_);
    CPPUNIT_ASSERT(is_due());
  }

  void refused_change_is_not_tried_again() {
    files_["a"] = {true, 6, 110, 1};
    (void)watch_.check();
    CPPUNIT_ASSERT(is_due());
    for (int i = 0; i < 3; ++i) CPPUNIT_ASSERT(!is_due());
    files_["a"] = {true, 7, 111, 1};
    (void)watch_.check();
    CPPUNIT_ASSERT(is_due());
  }

  void halved_list_waits() {
    files_["a"] = {true, 6, 50, 1};
    (void)watch_.check();
    const ListWatch::Finding finding = watch_.check();
    CPPUNIT_ASSERT(!finding.is_reload_due);
    CPPUNIT_ASSERT(finding.shrunk == std::vector<std::string>{"a"});
    CPPUNIT_ASSERT(watch_.check().shrunk.empty());  // said once
  }

  void vanished_list_waits_and_may_come_back() {
    const FileLook before = files_["a"];
    files_["a"] = {};
    (void)watch_.check();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, watch_.check().shrunk.size());
    files_["a"] = before;
    for (int i = 0; i < 3; ++i) CPPUNIT_ASSERT(!is_due());
  }

  void shrunk_list_holds_the_others_back() {
    const FileLook before = files_["a"];
    files_["a"].size = 0;
    files_["b"].size = 200;
    (void)watch_.check();
    CPPUNIT_ASSERT(!is_due());
    files_["a"] = before;
    (void)watch_.check();
    CPPUNIT_ASSERT(is_due());
  }

  void more_than_half_is_loaded() {
    files_["a"] = {true, 6, 51, 1};
    (void)watch_.check();
    CPPUNIT_ASSERT(is_due());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ListWatchTest);

}  // namespace caronte::master
