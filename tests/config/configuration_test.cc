// The typed configuration through its sealed memfd, and what a reader refuses of one.
#include "config/configuration.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace caronte::config {
namespace {

Configuration example() {
  Configuration c;
  c.file = "/etc/caronte/caronte.xml";
  c.server = {"mx.example.org", "/var/lib/caronte", "/run/caronte", 2, false, "caronte", true};
  Listen listen{{base::Address::v4(0, 0, 0, 0), 25}, {}, 7};
  listen.proxy_protocol.push_back({base::Address::v4(127, 0, 0, 0), base::Address::v4(127, 255, 255, 255)});
  c.listens = {listen, Listen{{base::Address{}, 2525}, {}, 8}};
  c.destination = {
      milliseconds(1), milliseconds(2), milliseconds(3), milliseconds(4), {{{base::Address::v4(127, 0, 0, 1), 225}, 9}}};
  c.domains = {{"example.org", 10, true}, {"example.net", 11, false}};
  c.limits = {1, 2, 3, 4, milliseconds(5), milliseconds(6), 50U << 20U, 10};
  c.recipients = {1000, 5, 20, 2, Action::defer, 3};
  c.trusted = {false};
  c.rate = {1, 2, Action::tarpit, 3, false};
  c.sender = {Action::log, Action::score, -4};
  c.characters = {{1, 2}, {3, 4}, {5, 6}, Action::refuse, 7};
  c.repeat_offenders = {1, milliseconds(2), milliseconds(3), 29, 48, milliseconds(4)};
  c.backscatter = {2, milliseconds(3), Action::refuse, 4};
  c.tarpit = {true, milliseconds(1), milliseconds(2), 3, milliseconds(4), Action::ban, 5, 6};
  c.hell = {true, milliseconds(1), "554 5.7.1 Refused", true};
  c.data = {BareLineEndings::repair};
  c.dns = {true, {{base::Address::v4(192, 0, 2, 53), 53}}, milliseconds(5000), true, milliseconds(1), milliseconds(2)};
  c.replies = {"550 5.7.1 Relaying denied.", "421 BUSY", "550 Refused", true, false};
  c.log = {true, ipc::LogLevel::level2, "/var/log/caronte", 100, milliseconds(24), true};
  c.setting_lines = {0, 3, 4};
  return c;
}

std::string bytes_of(const Configuration& configuration) {
  std::string bytes;
  ipc::encode(configuration, bytes);
  return bytes;
}

base::Fd memfd_with(std::string_view bytes, int seals) {
  base::Fd memory(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  CPPUNIT_ASSERT(memory.is_open());
  CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(bytes.size()), ::write(memory.get(), bytes.data(), bytes.size()));
  CPPUNIT_ASSERT_EQUAL(0, ::fcntl(memory.get(), F_ADD_SEALS, seals));
  return memory;
}

constexpr int kAllSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

class ConfigurationTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ConfigurationTest);
  CPPUNIT_TEST(every_member_survives);
  CPPUNIT_TEST(written_file_cannot_be_changed);
  CPPUNIT_TEST(unsealed_files_are_refused);
  CPPUNIT_TEST(other_descriptors_are_refused);
  CPPUNIT_TEST(every_truncation_is_refused);
  CPPUNIT_TEST(trailing_octets_are_refused);
  CPPUNIT_TEST(too_large_a_file_is_refused);
  CPPUNIT_TEST_SUITE_END();

  void every_member_survives() {
    auto memory = encode_configuration(example());
    CPPUNIT_ASSERT(memory.is_ok());
    const auto back = decode_configuration(memory.value().get());
    CPPUNIT_ASSERT(back.is_ok());
    CPPUNIT_ASSERT(bytes_of(example()) == bytes_of(back.value()));
    const Configuration& c = back.value();
    CPPUNIT_ASSERT_EQUAL(std::string("mx.example.org"), c.server.name);
    CPPUNIT_ASSERT(c.listens.at(0).proxy_protocol.at(0).contains(base::Address::v4(127, 1, 2, 3)));
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{11}, c.domains.at(1).line);
    CPPUNIT_ASSERT(c.data.bare_line_endings == BareLineEndings::repair);
    CPPUNIT_ASSERT(c.log.level == ipc::LogLevel::level2);
  }

  void written_file_cannot_be_changed() {
    auto memory = encode_configuration(example());
    const int fd = memory.value().get();
    CPPUNIT_ASSERT_EQUAL(ssize_t{-1}, ::pwrite(fd, "x", 1, 0));
    CPPUNIT_ASSERT_EQUAL(-1, ::ftruncate(fd, 0));
    CPPUNIT_ASSERT_EQUAL(-1, ::ftruncate(fd, 1 << 20));
    CPPUNIT_ASSERT(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    CPPUNIT_ASSERT_EQUAL(-1, ::fcntl(fd, F_ADD_SEALS, 0));
  }

  void unsealed_files_are_refused() {
    const std::string bytes = bytes_of(example());
    for (const int missing : {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, kAllSeals}) {
      const base::Fd memory = memfd_with(bytes, kAllSeals & ~missing);
      CPPUNIT_ASSERT(!decode_configuration(memory.get()).is_ok());
    }
    CPPUNIT_ASSERT(decode_configuration(memfd_with(bytes, kAllSeals).get()).is_ok());
  }

  void other_descriptors_are_refused() {
    const base::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    CPPUNIT_ASSERT(!decode_configuration(null.get()).is_ok());
    CPPUNIT_ASSERT(!decode_configuration(-1).is_ok());
  }

  void every_truncation_is_refused() {
    const std::string bytes = bytes_of(example());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const base::Fd memory = memfd_with(std::string_view(bytes).substr(0, length), kAllSeals);
      CPPUNIT_ASSERT(!decode_configuration(memory.get()).is_ok());
    }
  }

  void trailing_octets_are_refused() {
    CPPUNIT_ASSERT(!decode_configuration(memfd_with(bytes_of(example()) + '\0', kAllSeals).get()).is_ok());
  }

  void too_large_a_file_is_refused() {
    base::Fd memory(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    CPPUNIT_ASSERT_EQUAL(0, ::ftruncate(memory.get(), static_cast<off_t>(kMaxSealedBytes) + 1));
    CPPUNIT_ASSERT_EQUAL(0, ::fcntl(memory.get(), F_ADD_SEALS, kAllSeals));
    const auto result = decode_configuration(memory.get());
    CPPUNIT_ASSERT(!result.is_ok());
    CPPUNIT_ASSERT_EQUAL(EFBIG, result.error().code);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ConfigurationTest);

}  // namespace
}  // namespace caronte::config
