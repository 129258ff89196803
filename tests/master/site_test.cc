#include "master/site.h"

#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cppunit/extensions/HelperMacros.h>

#include <cstdlib>
#include <filesystem>

namespace caronte::master {

// As whoever runs the tests; folders that change hands are the integration test's.
class FolderTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(FolderTest);
  CPPUNIT_TEST(missing_folder_is_made);
  CPPUNIT_TEST(wide_mode_is_refused);
  CPPUNIT_TEST(narrower_mode_is_taken);
  CPPUNIT_TEST(foreign_owner_is_refused);
  CPPUNIT_TEST(link_is_not_followed);
  CPPUNIT_TEST(file_is_refused);
  CPPUNIT_TEST_SUITE_END();

  std::string base_;
  const Identity me_{::getuid(), ::getgid()};

 public:
  void setUp() override {
    char name[] = "/tmp/caronte-site.XXXXXX";
    base_ = ::mkdtemp(name);
  }
  void tearDown() override { std::filesystem::remove_all(base_); }

 private:
  std::string refusal(const FolderWish& wish) {
    const auto folder = open_folder(wish);
    CPPUNIT_ASSERT(!folder);
    CPPUNIT_ASSERT_EQUAL(EX_CONFIG, folder.error().code);
    return folder.error().text;
  }

  void missing_folder_is_made() {
    const std::string path = base_ + "/a/b/c";
    CPPUNIT_ASSERT(open_folder({path, me_, 0750}).is_ok());
    struct stat found {};
    CPPUNIT_ASSERT_EQUAL(0, ::stat(path.c_str(), &found));
    CPPUNIT_ASSERT_EQUAL(mode_t{0750}, found.st_mode & 07777);
  }

  void wide_mode_is_refused() {
    ::chmod(base_.c_str(), 0777);
    CPPUNIT_ASSERT_EQUAL(base_ + ": its mode 0777 lets others in; chmod 0700 " + base_, refusal({base_, me_, 0700}));
  }

  void narrower_mode_is_taken() {
    ::chmod(base_.c_str(), 0700);
    CPPUNIT_ASSERT(open_folder({base_, me_, 0750}).is_ok());
  }

  void foreign_owner_is_refused() {
    std::filesystem::create_directory(base_ + "/content");  // an empty folder of root's would be handed over
    const std::string text = refusal({base_, Identity{me_.uid + 1, me_.gid}, 0700});
    CPPUNIT_ASSERT(text.find("belongs to uid " + std::to_string(me_.uid)) != std::string::npos);
    CPPUNIT_ASSERT(text.find("chown " + std::to_string(me_.uid + 1)) != std::string::npos);
  }

  void link_is_not_followed() {
    std::filesystem::create_directory(base_ + "/real");
    std::filesystem::create_symlink(base_ + "/real", base_ + "/link");
    (void)refusal({base_ + "/link", me_, 0755});
  }

  void file_is_refused() {
    std::filesystem::copy_file("/proc/self/comm", base_ + "/file");
    (void)refusal({base_ + "/file", me_, 0755});
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(FolderTest);

}  // namespace caronte::master
