// Every cell of the exemption table (behaviour.md section 5, item 10), written down a second time as the manual has it.
#include "config/client_class.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <string>

namespace caronte::config {
namespace {

// a applies, E exempt, b exempt if IW-6 is on, x exempt if AG-10 is on; columns as in ClientClass.
struct Expected {
  Check check;
  const char* cells;
};
constexpr std::array kExpected{
    Expected{Check::hell, "aaaaa"},             // Q9
    Expected{Check::session_cap, "EEEaa"},      // FW-9
    Expected{Check::relay_guard, "EEEaa"},      // FW-2, BA-7, IW-5
    Expected{Check::dnsbl, "EabEa"},            // FW-1, Q34
    Expected{Check::helo_and_spf, "EEbEa"},     // IX-12, Q16
    Expected{Check::greylist, "EEbEE"},         // L1-6
    Expected{Check::envelope, "EbbEa"},         // IW-6, Q15
    Expected{Check::local_sender, "EEEaa"},     // IW-2
    Expected{Check::rate_and_tarpit, "ExEaa"},  // AG-10
    Expected{Check::recipient_caps_and_size, "Eaaaa"},
    Expected{Check::content, "EbbEa"},
    Expected{Check::antivirus, "Eaaaa"},
    Expected{Check::noops_and_errors, "Eaaaa"},  // Q1
    Expected{Check::idle_timeout, "aaaaa"},
    Expected{Check::crash_penalty, "EaEaa"},
};
static_assert(kExpected.size() == static_cast<std::size_t>(Check::kCount));
constexpr unsigned kClasses = static_cast<unsigned>(ClientClass::kCount);

bool expect(char cell, ExemptionSwitches switches) {
  return cell == 'E' || (cell == 'b' && switches.bypass_antispam) || (cell == 'x' && switches.exclude_authenticated);
}

class ClientClassTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ClientClassTest);
  CPPUNIT_TEST(every_cell_of_the_table);
  CPPUNIT_TEST(any_class_of_a_set_exempts);
  CPPUNIT_TEST(bits_without_a_class_exempt_from_nothing);
  CPPUNIT_TEST(names_are_distinct);
  CPPUNIT_TEST(class_names_lists_the_set);
  CPPUNIT_TEST_SUITE_END();

  void every_cell_of_the_table() {
    for (const Expected& row : kExpected) {
      for (unsigned c = 0; c < kClasses; ++c) {
        for (unsigned s = 0; s < 4; ++s) {
          const ExemptionSwitches switches{(s & 1U) != 0, (s & 2U) != 0};
          const std::string where = std::string(name_of(row.check)) + " / " + std::string(name_of(static_cast<ClientClass>(c)));
          CPPUNIT_ASSERT_EQUAL_MESSAGE(where, expect(row.cells[c], switches),
                                       is_exempt(row.check, bit_of(static_cast<ClientClass>(c)), switches));
        }
      }
      CPPUNIT_ASSERT(!is_exempt(row.check, 0));
    }
  }

  void any_class_of_a_set_exempts() {
    for (const Expected& row : kExpected) {
      for (unsigned set = 0; set < (1U << kClasses); ++set) {
        bool any = false;
        for (unsigned c = 0; c < kClasses; ++c) any = any || ((set >> c & 1U) != 0 && expect(row.cells[c], {}));
        CPPUNIT_ASSERT_EQUAL(any, is_exempt(row.check, static_cast<ipc::ClientClasses>(set)));
      }
    }
  }

  void bits_without_a_class_exempt_from_nothing() {
    for (const Expected& row : kExpected) CPPUNIT_ASSERT(!is_exempt(row.check, 0xE0));
    CPPUNIT_ASSERT(!is_exempt(Check::kCount, 0xFF));
  }

  void names_are_distinct() {
    for (unsigned i = 0; i < static_cast<unsigned>(Check::kCount); ++i) {
      for (unsigned j = 0; j < i; ++j) CPPUNIT_ASSERT(name_of(static_cast<Check>(i)) != name_of(static_cast<Check>(j)));
    }
  }

  void class_names_lists_the_set() {
    CPPUNIT_ASSERT_EQUAL(std::string(), class_names(0));
    CPPUNIT_ASSERT_EQUAL(std::string("relay trusted"),
                         class_names(static_cast<ipc::ClientClasses>(bit_of(ClientClass::relay) | bit_of(ClientClass::trusted))));
    CPPUNIT_ASSERT_EQUAL(std::string("no-grey"), class_names(bit_of(ClientClass::no_grey)));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ClientClassTest);

}  // namespace
}  // namespace caronte::config
