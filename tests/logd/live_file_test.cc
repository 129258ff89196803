// The file discipline: well-formed at every moment, over crashes at any byte, full disks, rotation and other people's hands.
#include "logd/live_file.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <csignal>
#include <iostream>

#include "ipc/log_format.h"
#include "logd/record_writer.h"
#include "tests/support/temporary_folder.h"
#include "wrap/xml.h"

using namespace caronte;
using logd::LiveFile;
using logd::Positions;
using logd::Sender;
using tests::TemporaryFolder;

namespace {

const std::string kLive(ipc::kLogFile);
const base::WallTime kNow{std::chrono::milliseconds(1795294638123)};  // 2026-11-21T20:57:18.123Z
const Sender kProxy{ipc::Role::smtpd_proxy, 0, 100};

std::string line(std::uint64_t n, const Sender& sender = kProxy) {
  logd::RecordWriter writer;
  ipc::LogRecord record;
  record.sequence = n;
  record.time_ms = kNow.time_since_epoch() / std::chrono::milliseconds(1) + static_cast<std::int64_t>(n);
  record.elements.push({"session", 0, {}});
  record.elements.items()[0].attributes.push({"helo", "mail <\xC3\xA8> & \"x\""});
  record.elements.push({"message", 1, {}});
  record.elements.items()[1].attributes.push({"sender", "<a@example.org>"});
  return std::string(writer.record(sender, record));
}

// Soft limit of the size of files: a full disk without a disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

class LiveFileTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LiveFileTest);
  CPPUNIT_TEST(new_file_is_well_formed);
  CPPUNIT_TEST(appended_records_are_well_formed);
  CPPUNIT_TEST(file_is_continued);
  CPPUNIT_TEST(crash_at_any_byte_of_a_write_is_repaired);
  CPPUNIT_TEST(crash_at_any_byte_of_a_new_file_is_repaired);
  CPPUNIT_TEST(zeros_of_a_power_cut_are_cut_off);
  CPPUNIT_TEST(bytes_behind_the_end_are_cut_off);
  CPPUNIT_TEST(foreign_file_is_set_aside);
  CPPUNIT_TEST(symbolic_link_is_not_followed);
  CPPUNIT_TEST(fifo_does_not_block);
  CPPUNIT_TEST(damage_far_from_the_end_is_set_aside);
  CPPUNIT_TEST(full_disk_leaves_the_file_as_it_was);
  CPPUNIT_TEST(full_tmpfs_leaves_the_file_as_it_was);
  CPPUNIT_TEST(rotation_keeps_positions);
  CPPUNIT_TEST(archives_have_names_of_their_own);
  CPPUNIT_TEST(crash_between_the_renames_is_made_good);
  CPPUNIT_TEST(rotation_without_room_keeps_the_file);
  CPPUNIT_TEST(moved_removed_and_cut_files_are_noticed);
  CPPUNIT_TEST(removed_folder_is_noticed);
  CPPUNIT_TEST(reader_holds_the_lock);
  CPPUNIT_TEST(rotation_is_due_by_size_and_time);
  CPPUNIT_TEST(last_number_of_each_sender_is_found);
  CPPUNIT_TEST_SUITE_END();

  std::unique_ptr<TemporaryFolder> folder_;

  static void check_well_formed(const std::string& text) {
    wrap::XmlDocument document;
    const bool is_good = document.parse(text);
    CPPUNIT_ASSERT_MESSAGE(document.problem().text + "\n" + text, is_good);
    CPPUNIT_ASSERT(document.root().name() == "caronte-log");
  }
  void check_live() const { check_well_formed(folder_->read(kLive)); }
  LiveFile opened(const Positions& known = {}) const {
    LiveFile file(folder_->fd());
    const auto result = file.open(known, kNow);
    CPPUNIT_ASSERT_MESSAGE(result.is_ok() ? "" : result.error().text, result.is_ok());
    return file;
  }
  static void append(LiveFile& file, const std::string& text, std::uint64_t records = 1) {
    const auto status = file.append(text, records, kNow);
    CPPUNIT_ASSERT_MESSAGE(status.is_ok() ? "" : status.error().text, status.is_ok());
  }

 public:
  void setUp() override { folder_ = std::make_unique<TemporaryFolder>(); }
  void tearDown() override { folder_.reset(); }

  void new_file_is_well_formed() {
    (void)opened({{kProxy, 7}});
    check_live();
    CPPUNIT_ASSERT(folder_->read(kLive).find("<continued from=\"smtpd-proxy.0\" instance=\"100\" n=\"7\"/>") != std::string::npos);
    CPPUNIT_ASSERT(folder_->names() == std::vector<std::string>{kLive});
  }

  void appended_records_are_well_formed() {
    LiveFile file = opened();
    for (std::uint64_t n = 1; n <= 20; ++n) {
      append(file, line(n));
      check_live();
      CPPUNIT_ASSERT(file.look() == LiveFile::State::same);
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{20}, file.records());
    CPPUNIT_ASSERT_EQUAL(static_cast<std::uint64_t>(folder_->read(kLive).size()), file.bytes());
  }

  void file_is_continued() {
    {
      LiveFile file = opened();
      append(file, line(1) + line(2), 2);
    }
    LiveFile file(folder_->fd());
    const auto result = file.open({}, kNow);
    CPPUNIT_ASSERT(result.is_ok());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, result.value().positions.at(kProxy));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, result.value().torn_bytes);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, file.records());
    CPPUNIT_ASSERT(file.begun() == kNow + std::chrono::milliseconds(1));
    append(file, line(3));
    check_live();
  }

  void crash_at_any_byte_of_a_write_is_repaired() {
    std::string before;
    {
      LiveFile file = opened();
      append(file, line(1));
      before = folder_->read(kLive);
    }
    const std::size_t end = before.size() - ipc::kLogEnd.size();
    const std::string batch = line(2) + line(3) + std::string(ipc::kLogEnd);
    for (std::size_t cut = 0; cut <= batch.size(); ++cut) {
      // What lies behind the cut is still the old file.
      std::string torn = before.substr(0, end) + batch.substr(0, cut);
      if (torn.size() < before.size()) torn += before.substr(torn.size());
      folder_->write(kLive, torn);
      LiveFile file(folder_->fd());
      const auto result = file.open({}, kNow);
      CPPUNIT_ASSERT(result.is_ok());
      check_live();
      const std::uint64_t expected = cut < line(2).size() ? 1 : cut < line(2).size() + line(3).size() ? 2 : 3;
      CPPUNIT_ASSERT_EQUAL(expected, result.value().positions.at(kProxy));
      CPPUNIT_ASSERT_EQUAL(expected, file.records());
      CPPUNIT_ASSERT(result.value().set_aside.empty());
      append(file, line(expected + 1));
      check_live();
    }
  }

  void crash_at_any_byte_of_a_new_file_is_repaired() {
    std::string text;
    {
      LiveFile file = opened({{kProxy, 4}});
      text = folder_->read(kLive);
    }
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      folder_->write(kLive, text.substr(0, cut));
      LiveFile file = opened();
      append(file, line(5));
      check_live();
    }
  }

  void zeros_of_a_power_cut_are_cut_off() {
    {
      LiveFile file = opened();
      append(file, line(1));
    }
    const std::string whole = folder_->read(kLive);
    folder_->write(kLive, whole.substr(0, whole.size() - ipc::kLogEnd.size()) + std::string(5000, '\0') + "\n" + line(3));
    LiveFile file(folder_->fd());
    const auto result = file.open({}, kNow);
    CPPUNIT_ASSERT(result.is_ok());
    CPPUNIT_ASSERT(result.value().torn_bytes > 5000);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, result.value().positions.at(kProxy));
    CPPUNIT_ASSERT_EQUAL(whole, folder_->read(kLive));
  }

  void bytes_behind_the_end_are_cut_off() {
    (void)opened();
    const std::string whole = folder_->read(kLive);
    folder_->write(kLive, whole + "\nsomebody's note\n");
    (void)opened();
    CPPUNIT_ASSERT_EQUAL(whole, folder_->read(kLive));
  }

  void foreign_file_is_set_aside() {
    folder_->write(kLive, "root:x:0:0\n");
    LiveFile file(folder_->fd());
    const auto result = file.open({}, kNow);
    CPPUNIT_ASSERT(result.is_ok());
    CPPUNIT_ASSERT_EQUAL(std::string("damaged-2026-11-21T20-57-18Z.xml"), result.value().set_aside);
    CPPUNIT_ASSERT_EQUAL(std::string("root:x:0:0\n"), folder_->read(result.value().set_aside));
    check_live();
  }

  void symbolic_link_is_not_followed() {
    folder_->write("victim", "precious\n");
    CPPUNIT_ASSERT_EQUAL(0, ::symlink("victim", folder_->path(kLive).c_str()));
    LiveFile file = opened();
    append(file, line(1));
    CPPUNIT_ASSERT_EQUAL(std::string("precious\n"), folder_->read("victim"));
    check_live();
  }

  void fifo_does_not_block() {
    CPPUNIT_ASSERT_EQUAL(0, ::mkfifo(folder_->path(kLive).c_str(), 0600));
    LiveFile file = opened();
    append(file, line(1));
    check_live();
  }

  void damage_far_from_the_end_is_set_aside() {
    std::string text(ipc::kLogHeader);
    text += line(1) + std::string("<torn\n");
    while (text.size() < LiveFile::kMaxTornBytes + 4096) text += line(2);
    folder_->write(kLive, text + std::string(ipc::kLogEnd));
    LiveFile file(folder_->fd());
    const auto result = file.open({}, kNow);
    CPPUNIT_ASSERT(result.is_ok());
    CPPUNIT_ASSERT(!result.value().set_aside.empty());
    CPPUNIT_ASSERT(folder_->read(result.value().set_aside).size() > LiveFile::kMaxTornBytes);
    check_live();
  }

  void full_disk_leaves_the_file_as_it_was() {
    LiveFile file = opened();
    append(file, line(1));
    const std::string before = folder_->read(kLive);
    const std::string more = line(2);
    for (std::size_t room = 0; room < more.size() + 1; room += 3) {
      const FileSizeLimit limit(before.size() + room);
      const auto status = file.append(more, 1, kNow);
      if (status.is_ok()) break;
      CPPUNIT_ASSERT_EQUAL(before, folder_->read(kLive));
      CPPUNIT_ASSERT(!file.is_torn());
    }
    CPPUNIT_ASSERT(file.look() == LiveFile::State::same);
    if (folder_->read(kLive) == before) append(file, more);
    append(file, line(3));
    check_live();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, file.records());
  }

  void full_tmpfs_leaves_the_file_as_it_was() {
    TemporaryFolder mount_point;
    if (!mount_point.mount_tmpfs("size=64k")) {
      std::cerr << "\nSKIPPED full_tmpfs_leaves_the_file_as_it_was: a tmpfs cannot be mounted here\n";
      return;
    }
    {
      const base::Fd folder(::open(mount_point.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      LiveFile file(folder.get());
      CPPUNIT_ASSERT(file.open({}, kNow).is_ok());
      std::uint64_t n = 0;
      int error = 0;
      for (; error == 0 && n < 10000; ++n) {
        const auto status = file.append(line(n + 1) + line(n + 2), 2, kNow);
        if (!status) error = status.error().code;
      }
      CPPUNIT_ASSERT_EQUAL(ENOSPC, error);
      check_well_formed(mount_point.read(kLive));
      CPPUNIT_ASSERT(!file.is_torn());
      CPPUNIT_ASSERT(!file.rotate({}, kNow).is_ok());  // no room for another file either
      CPPUNIT_ASSERT(file.is_open());
      check_well_formed(mount_point.read(kLive));
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, mount_point.names().size());
    }
  }

  void rotation_keeps_positions() {
    LiveFile file = opened();
    append(file, line(1) + line(2), 2);
    const std::string before = folder_->read(kLive);
    const auto name = file.rotate({{kProxy, 2}}, kNow);
    CPPUNIT_ASSERT(name.is_ok());
    CPPUNIT_ASSERT_EQUAL(std::string("caronte-2026-11-21T20-57-18Z.xml"), name.value());
    CPPUNIT_ASSERT_EQUAL(before, folder_->read(name.value()));
    CPPUNIT_ASSERT(file.look() == LiveFile::State::same);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, file.records());
    check_live();
    append(file, line(3));
    check_live();
    file.sync_archive();
    CPPUNIT_ASSERT(!file.has_archive_to_sync());
    LiveFile again(folder_->fd());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, again.open({}, kNow).value().positions.at(kProxy));
  }

  void archives_have_names_of_their_own() {
    LiveFile file = opened();
    std::vector<std::string> names;
    for (int i = 0; i < 12; ++i) {
      append(file, line(1));
      const auto name = file.rotate({}, kNow);
      CPPUNIT_ASSERT(name.is_ok());
      names.push_back(name.value());
    }
    CPPUNIT_ASSERT(std::is_sorted(names.begin(), names.end()));
    CPPUNIT_ASSERT_EQUAL(std::string("caronte-2026-11-21T20-57-18Z_012.xml"), names.back());
    CPPUNIT_ASSERT_EQUAL(std::size_t{13}, folder_->names().size());
  }

  void crash_between_the_renames_is_made_good() {
    { LiveFile file = opened({{kProxy, 9}}); }
    CPPUNIT_ASSERT_EQUAL(0, ::rename(folder_->path(kLive).c_str(), folder_->path(".new.xml").c_str()));
    LiveFile file(folder_->fd());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{9}, file.open({}, kNow).value().positions.at(kProxy));
    CPPUNIT_ASSERT(folder_->names() == std::vector<std::string>{kLive});
  }

  void rotation_without_room_keeps_the_file() {
    LiveFile file = opened();
    append(file, line(1));
    {
      const FileSizeLimit limit(10);
      CPPUNIT_ASSERT(!file.rotate({}, kNow).is_ok());
    }
    CPPUNIT_ASSERT(folder_->names() == std::vector<std::string>{kLive});
    append(file, line(2));
    check_live();
  }

  void moved_removed_and_cut_files_are_noticed() {
    LiveFile file = opened();
    append(file, line(1));
    CPPUNIT_ASSERT_EQUAL(0, ::rename(folder_->path(kLive).c_str(), folder_->path("moved.xml").c_str()));
    CPPUNIT_ASSERT(file.look() == LiveFile::State::replaced);
    CPPUNIT_ASSERT(file.open({{kProxy, 1}}, kNow).is_ok());
    check_live();
    check_well_formed(folder_->read("moved.xml"));
    CPPUNIT_ASSERT_EQUAL(0, ::unlink(folder_->path(kLive).c_str()));
    CPPUNIT_ASSERT(file.look() == LiveFile::State::replaced);
    CPPUNIT_ASSERT(file.open({{kProxy, 1}}, kNow).is_ok());
    CPPUNIT_ASSERT_EQUAL(0, ::truncate(folder_->path(kLive).c_str(), 0));  // copytruncate
    CPPUNIT_ASSERT(file.look() == LiveFile::State::resized);
    const auto again = file.open({{kProxy, 1}}, kNow);
    CPPUNIT_ASSERT(again.is_ok() && again.value().set_aside.empty());
    check_live();
    append(file, line(2));
    check_live();
  }

  void removed_folder_is_noticed() {
    LiveFile file = opened();
    CPPUNIT_ASSERT(!file.is_folder_gone());
    ::unlink(folder_->path(kLive).c_str());
    ::rmdir(folder_->path().c_str());
    CPPUNIT_ASSERT(file.is_folder_gone());
    CPPUNIT_ASSERT(!file.open({}, kNow).is_ok());
  }

  void reader_holds_the_lock() {
    LiveFile file = opened();
    const base::Fd reader(::open(folder_->path(kLive).c_str(), O_RDONLY | O_CLOEXEC));
    CPPUNIT_ASSERT_EQUAL(0, ::flock(reader.get(), LOCK_SH));
    CPPUNIT_ASSERT(!file.try_lock());
    CPPUNIT_ASSERT_EQUAL(0, ::flock(reader.get(), LOCK_UN));
    CPPUNIT_ASSERT(file.try_lock());
    CPPUNIT_ASSERT(::flock(reader.get(), LOCK_SH | LOCK_NB) != 0);
    file.unlock();
    CPPUNIT_ASSERT_EQUAL(0, ::flock(reader.get(), LOCK_SH | LOCK_NB));
  }

  void rotation_is_due_by_size_and_time() {
    LiveFile file = opened();
    const auto hour = std::chrono::hours(1);
    CPPUNIT_ASSERT(!logd::is_rotation_due({1, base::Duration(1)}, file, 1000, kNow + 100 * hour));  // no record yet
    append(file, line(1));
    CPPUNIT_ASSERT(!logd::is_rotation_due({0, base::Duration(0)}, file, 1000000, kNow + 100 * hour));
    CPPUNIT_ASSERT(logd::is_rotation_due({file.bytes(), base::Duration(0)}, file, 0, kNow));
    CPPUNIT_ASSERT(!logd::is_rotation_due({file.bytes() + 1, base::Duration(0)}, file, 0, kNow));
    CPPUNIT_ASSERT(!logd::is_rotation_due({file.bytes() + 1, base::Duration(0)}, file, 1, kNow));
    CPPUNIT_ASSERT(logd::is_rotation_due({file.bytes() + 1, base::Duration(0)}, file, 2, kNow));
    CPPUNIT_ASSERT(!logd::is_rotation_due({0, hour}, file, 0, kNow + hour - base::Duration(1)));
    CPPUNIT_ASSERT(logd::is_rotation_due({0, hour}, file, 0, kNow + hour));
  }

  void last_number_of_each_sender_is_found() {
    const Sender other{ipc::Role::policyd, 0, 101};
    logd::RecordWriter writer;
    LiveFile file = opened({{kProxy, 5}});
    append(file, line(6) + line(1, other) + std::string(writer.lost({other, 2, 40}, kNow)) + line(7), 4);
    LiveFile again(folder_->fd());
    const Positions positions = again.open({}, kNow).value().positions;
    CPPUNIT_ASSERT(positions == (Positions{{kProxy, 7}, {other, 40}}));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(LiveFileTest);
