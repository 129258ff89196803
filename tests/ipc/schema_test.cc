// The rows of the schema: names, routes, and the edges between processes that design.md section 2 allows and no others.
#include "ipc/schema.h"

#include <cppunit/extensions/HelperMacros.h>

#include <set>
#include <string>

namespace caronte::ipc {
namespace {

constexpr unsigned kRoles = static_cast<unsigned>(Role::kCount);
constexpr unsigned kTypes = static_cast<unsigned>(MessageType::kCount);

bool is_edge(Role a, Role b) {
  if (a == b) return false;
  const auto is = [&](Role x, Role y) { return (a == x && b == y) || (a == y && b == x); };
  if (a == Role::master || b == Role::master) return true;
  if (is(Role::smtpd_proxy, Role::policyd) || is(Role::policyd, Role::dnsd)) return true;
  if (is(Role::control, Role::policyd) || is(Role::control, Role::logd)) return true;
  const auto is_worker = [](Role r) { return (mask_of(r) & kWorkers) != 0; };
  return (a == Role::logd && is_worker(b)) || (b == Role::logd && is_worker(a));
}

class SchemaTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SchemaTest);
  CPPUNIT_TEST(names_are_distinct);
  CPPUNIT_TEST(only_the_edges_of_the_design_carry_messages);
  CPPUNIT_TEST(every_message_has_a_route);
  CPPUNIT_TEST(descriptors_come_from_master_or_config_reader);
  CPPUNIT_TEST(nothing_beyond_the_enums_is_allowed);
  CPPUNIT_TEST_SUITE_END();

  void names_are_distinct() {
    std::set<std::string_view> names;
    for (unsigned i = 0; i < kTypes; ++i) CPPUNIT_ASSERT(names.insert(row_of(static_cast<MessageType>(i)).name).second);
    std::set<std::string_view> roles;
    for (unsigned i = 0; i < kRoles; ++i) CPPUNIT_ASSERT(roles.insert(name_of(static_cast<Role>(i))).second);
    CPPUNIT_ASSERT(name_of(Role::kCount) == "?");
    std::set<std::string_view> outcomes;
    for (unsigned i = 0; i < static_cast<unsigned>(Outcome::kCount); ++i)
      CPPUNIT_ASSERT(outcomes.insert(name_of(static_cast<Outcome>(i))).second);
  }

  void only_the_edges_of_the_design_carry_messages() {
    for (unsigned t = 0; t < kTypes; ++t) {
      const auto type = static_cast<MessageType>(t);
      if (type == MessageType::Hello) continue;  // the first on any channel; a channel exists only where there is an edge
      for (unsigned a = 0; a < kRoles; ++a) {
        for (unsigned b = 0; b < kRoles; ++b) {
          const auto from = static_cast<Role>(a);
          const auto to = static_cast<Role>(b);
          if (!may_send(type, from, to)) continue;
          const std::string what =
              std::string(row_of(type).name) + " from " + std::string(name_of(from)) + " to " + std::string(name_of(to));
          // logd is itself a worker, so the rows of the log name it on both sides; it has no channel to itself.
          if (from == Role::logd && to == Role::logd) continue;
          CPPUNIT_ASSERT_MESSAGE(what, is_edge(from, to));
        }
      }
    }
  }

  void every_message_has_a_route() {
    for (unsigned t = 0; t < kTypes; ++t) {
      bool has_route = false;
      for (unsigned a = 0; a < kRoles; ++a) {
        for (unsigned b = 0; b < kRoles; ++b) {
          has_route = has_route || (a != b && may_send(static_cast<MessageType>(t), static_cast<Role>(a), static_cast<Role>(b)));
        }
      }
      CPPUNIT_ASSERT(has_route);
    }
  }

  // No worker hands another one a descriptor: what it could be is master's alone to decide.
  void descriptors_come_from_master_or_config_reader() {
    for (unsigned t = 0; t < kTypes; ++t) {
      const MessageRow& row = row_of(static_cast<MessageType>(t));
      if (row.carries_descriptor)
        CPPUNIT_ASSERT_MESSAGE(std::string(row.name), row.from == kMaster || (row.from == kConfigReader && row.to == kMaster));
    }
  }

  void nothing_beyond_the_enums_is_allowed() {
    CPPUNIT_ASSERT(!may_send(MessageType::kCount, Role::master, Role::policyd));
    CPPUNIT_ASSERT(!may_send(MessageType::Ping, Role::kCount, Role::policyd));
    CPPUNIT_ASSERT(!may_send(MessageType::Ping, Role::master, Role::kCount));
    CPPUNIT_ASSERT(may_send(MessageType::Ping, Role::master, Role::policyd));
    CPPUNIT_ASSERT(!may_send(MessageType::Ping, Role::policyd, Role::master));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SchemaTest);

}  // namespace
}  // namespace caronte::ipc
