#include "master/worker_table.h"

#include <cppunit/extensions/HelperMacros.h>

#include <set>

#include "master/generation.h"

namespace caronte::master {

class WorkerTableTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(WorkerTableTest);
  CPPUNIT_TEST(every_worker_role_has_one_row);
  CPPUNIT_TEST(edges_are_the_routes_of_the_schema);
  CPPUNIT_TEST(only_smtpd_proxy_and_policyd_note_clients);
  CPPUNIT_TEST(counts_follow_the_configuration);
  CPPUNIT_TEST(descriptors_and_sessions);
  CPPUNIT_TEST(frozen_settings);
  CPPUNIT_TEST_SUITE_END();

  void every_worker_role_has_one_row() {
    std::set<ipc::Role> roles;
    std::set<std::string_view> users{kConfigReaderUser};
    for (const WorkerRow& row : kWorkers) {
      CPPUNIT_ASSERT((ipc::mask_of(row.role) & ipc::kWorkers) != 0);
      CPPUNIT_ASSERT(roles.insert(row.role).second);
      CPPUNIT_ASSERT(users.insert(row.user).second);  // an own uid each
      CPPUNIT_ASSERT_EQUAL(ipc::name_of(row.role), row.program);
      CPPUNIT_ASSERT(row.stop_patience.count() > 0);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, roles.size());
    // They stop from the last to the first: who asks goes before who answers, logd last of all.
    CPPUNIT_ASSERT(kWorkers.front().role == ipc::Role::logd);
    CPPUNIT_ASSERT(kWorkers.back().role == ipc::Role::smtpd_proxy);
  }

  // Two workers have a channel exactly when the schema has a message (but Hello) for them.
  void edges_are_the_routes_of_the_schema() {
    for (const WorkerRow& one : kWorkers) {
      for (const WorkerRow& other : kWorkers) {
        bool has_route = false;
        for (std::uint8_t i = 0; i < static_cast<std::uint8_t>(ipc::MessageType::kCount); ++i) {
          const auto type = static_cast<ipc::MessageType>(i);
          if (type == ipc::MessageType::Hello) continue;
          has_route = has_route || ipc::may_send(type, one.role, other.role) || ipc::may_send(type, other.role, one.role);
        }
        if (one.role == other.role) has_route = false;
        CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(one.program) + " and " + std::string(other.program), has_route,
                                     has_edge(one.role, other.role));
      }
    }
  }

  void only_smtpd_proxy_and_policyd_note_clients() {
    for (const WorkerRow& row : kWorkers) {
      const bool handles_clients = row.role == ipc::Role::smtpd_proxy || row.role == ipc::Role::policyd;
      CPPUNIT_ASSERT_EQUAL(handles_clients, row.handles_clients);
    }
  }

  void counts_follow_the_configuration() {
    config::Configuration configuration;
    struct Case {
      std::uint32_t workers;
      unsigned cores;
      std::uint16_t expected;
    };
    for (const Case& c : {Case{0, 1, 1}, Case{0, 8, 8}, Case{3, 8, 3}, Case{0, 0, 1}, Case{100'000, 1, 256}}) {
      configuration.server.workers = c.workers;
      CPPUNIT_ASSERT_EQUAL(c.expected, count_of(ipc::Role::smtpd_proxy, configuration, c.cores));
    }
    CPPUNIT_ASSERT_EQUAL(std::uint16_t{0}, count_of(ipc::Role::dnsd, configuration, 8));
    configuration.dns.is_present = true;
    CPPUNIT_ASSERT_EQUAL(std::uint16_t{1}, count_of(ipc::Role::dnsd, configuration, 8));
    CPPUNIT_ASSERT_EQUAL(std::uint16_t{1}, count_of(ipc::Role::policyd, configuration, 8));
  }

  void descriptors_and_sessions() {
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{0}, descriptors_for_sessions(0, 10));
    for (const std::uint32_t sessions : {1U, 500U, 10'000U, 1'000'000U}) {
      CPPUNIT_ASSERT_EQUAL(sessions, sessions_for_descriptors(descriptors_for_sessions(sessions, 10), 10));
    }
    CPPUNIT_ASSERT(descriptors_for_sessions(0xFFFFFFFF, 0) >= 1U << 30U);  // no wrap
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{0}, sessions_for_descriptors(64, 10));
  }

  void frozen_settings() {
    const config::Configuration running;
    const auto refused = [&](auto change) {
      config::Configuration wanted;
      wanted.file = "caronte.xml";
      change(wanted);
      return frozen_changes(running, wanted);
    };
    CPPUNIT_ASSERT(refused([](auto& c) {
                     c.limits.sessions = 7;
                     c.server.name = "x";
                     c.log.level = ipc::LogLevel::debug;
                   }).empty());
    CPPUNIT_ASSERT_EQUAL(std::string("caronte.xml: server state: cannot change by a reload; restart caronted"),
                         refused([](auto& c) { c.server.state_folder = "/x"; }).at(0));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, refused([](auto& c) { c.server.run_folder = "/x"; }).size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, refused([](auto& c) { c.server.workers = 9; }).size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, refused([](auto& c) { c.server.control_group = "x"; }).size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, refused([](auto& c) {
                                           c.log.folder = "/x";
                                           c.log.is_present = true;
                                         }).size());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(WorkerTableTest);

}  // namespace caronte::master
