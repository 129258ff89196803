// A list's file on disk: saved in one step, with owner and mode kept, and nobody's work undone.
#include "carontectl/list_file.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "tests/support/temporary_folder.h"

namespace caronte::carontectl {
namespace {

namespace fs = std::filesystem;

class ListFileTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ListFileTest);
  CPPUNIT_TEST(content_changes_and_the_rest_stays);
  CPPUNIT_TEST(symbolic_links_are_followed);
  CPPUNIT_TEST(two_at_once_do_not_work);
  CPPUNIT_TEST(what_was_changed_meanwhile_is_not_overwritten);
  CPPUNIT_TEST(failure_leaves_the_old_file);
  CPPUNIT_TEST(odd_files_are_refused);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    folder_ = std::make_unique<tests::TemporaryFolder>();
    path_ = std::string(folder_->path()) + "/list";
    write(path_, "192.0.2.1\n");
  }
  void tearDown() override { folder_.reset(); }

 private:
  std::unique_ptr<tests::TemporaryFolder> folder_;
  std::string path_;

  static void write(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }
  static std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(std::string(folder_->path())), fs::directory_iterator()));
  }

  void content_changes_and_the_rest_stays() {
    CPPUNIT_ASSERT_EQUAL(0, ::chmod(path_.c_str(), 0640));
    const bool is_root = ::geteuid() == 0;
    if (is_root) CPPUNIT_ASSERT_EQUAL(0, ::chown(path_.c_str(), 65534, 65533));
    {
      const auto file = ListFile::open(path_);
      CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1\n"), file.value().text());
      CPPUNIT_ASSERT(file.value().save("192.0.2.2\n").is_ok());
    }
    struct stat status {};
    CPPUNIT_ASSERT_EQUAL(0, ::stat(path_.c_str(), &status));
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.2\n"), content(path_));
    CPPUNIT_ASSERT_EQUAL(0640U, status.st_mode & 07777U);
    if (is_root) CPPUNIT_ASSERT(status.st_uid == 65534 && status.st_gid == 65533);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, files());
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.2\n"), ListFile::open(path_).value().text());
  }

  void symbolic_links_are_followed() {
    const std::string link = path_ + "-link";
    fs::create_symlink("list", link);
    CPPUNIT_ASSERT(ListFile::open(link).value().save("192.0.2.2\n").is_ok());
    CPPUNIT_ASSERT(fs::is_symlink(link));
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.2\n"), content(path_));
  }

  void two_at_once_do_not_work() {
    const auto first = ListFile::open(path_);
    CPPUNIT_ASSERT(first.is_ok());
    CPPUNIT_ASSERT_EQUAL(EAGAIN, ListFile::open(path_).error().code);
  }

  void what_was_changed_meanwhile_is_not_overwritten() {
    const auto file = ListFile::open(path_);
    write(path_, "192.0.2.1\n192.0.2.3\n");  // an editor knows no lock
    CPPUNIT_ASSERT_EQUAL(ESTALE, file.value().save("192.0.2.2\n").error().code);
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1\n192.0.2.3\n"), content(path_));
    write(path_ + "2", "192.0.2.4\n");
    fs::rename(path_ + "2", path_);
    CPPUNIT_ASSERT_EQUAL(ESTALE, file.value().save("192.0.2.2\n").error().code);
    fs::remove(path_);
    CPPUNIT_ASSERT_EQUAL(ESTALE, file.value().save("192.0.2.2\n").error().code);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, files());
  }

  void failure_leaves_the_old_file() {
    const auto file = ListFile::open(path_);
    const std::string draft = folder_->path(".list.carontectl");
    fs::create_directory(draft);
    CPPUNIT_ASSERT_EQUAL(EEXIST, file.value().save("192.0.2.2\n").error().code);
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1\n"), content(path_));
    fs::remove(draft);
    write(draft, "left by a crash");
    CPPUNIT_ASSERT(file.value().save("192.0.2.2\n").is_ok());
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.2\n"), content(path_));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, files());
  }

  void odd_files_are_refused() {
    CPPUNIT_ASSERT_EQUAL(ENOENT, ListFile::open(path_ + "none").error().code);
    CPPUNIT_ASSERT(!ListFile::open(std::string(folder_->path())).is_ok());
    const std::string fifo = path_ + "-fifo";
    CPPUNIT_ASSERT_EQUAL(0, ::mkfifo(fifo.c_str(), 0600));
    CPPUNIT_ASSERT(!ListFile::open(fifo).is_ok());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ListFileTest);

}  // namespace
}  // namespace caronte::carontectl
