#include "master/slot_cover.h"

#include <cppunit/extensions/HelperMacros.h>

namespace caronte::master {

class SlotCoverTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SlotCoverTest);
  CPPUNIT_TEST(nothing_to_do_while_all_serve);
  CPPUNIT_TEST(orphan_is_taken_over_and_given_back);
  CPPUNIT_TEST(nobody_serves);
  CPPUNIT_TEST(death_of_the_cover_moves_what_it_covered);
  CPPUNIT_TEST(orphans_are_spread);
  CPPUNIT_TEST(every_orphan_is_polled_by_exactly_one);
  CPPUNIT_TEST_SUITE_END();

  using Orders = std::vector<SlotCover::Order>;
  SlotCover cover_;

  void nothing_to_do_while_all_serve() { CPPUNIT_ASSERT(cover_.update({true, true}).empty()); }

  void orphan_is_taken_over_and_given_back() {
    CPPUNIT_ASSERT((cover_.update({true, false}) == Orders{{0, 1, true}}));
    CPPUNIT_ASSERT(cover_.update({true, false}).empty());
    CPPUNIT_ASSERT((cover_.update({true, true}) == Orders{{0, 1, false}}));
    CPPUNIT_ASSERT(cover_.update({true, true}).empty());
  }

  void nobody_serves() {
    CPPUNIT_ASSERT(cover_.update({false, false}).empty());
    CPPUNIT_ASSERT((cover_.update({false, true}) == Orders{{1, 0, true}}));
  }

  void death_of_the_cover_moves_what_it_covered() {
    (void)cover_.update({false, true, true});
    CPPUNIT_ASSERT((cover_.update({false, false, true}) == Orders{{2, 0, true}, {2, 1, true}}));
    CPPUNIT_ASSERT((cover_.update({false, true, true}) == Orders{{2, 1, false}}));
    // The one that covered slot 0 before it died polls only its own now.
    CPPUNIT_ASSERT((cover_.update({true, true, true}) == Orders{{2, 0, false}}));
  }

  void orphans_are_spread() { CPPUNIT_ASSERT((cover_.update({true, false, true, false}) == Orders{{0, 1, true}, {2, 3, true}})); }

  // All histories of three processes over four changes, against a model that only obeys orders.
  void every_orphan_is_polled_by_exactly_one() {
    for (unsigned history = 0; history < 4096; ++history) {
      SlotCover cover;
      std::vector<std::vector<bool>> polls(3, std::vector<bool>(3, false));  // [process][slot]
      std::vector<bool> before(3, false);
      for (unsigned step = 0; step < 4; ++step) {
        std::vector<bool> serving(3);
        for (std::size_t k = 0; k < 3; ++k) {
          serving[k] = ((history >> (3 * step + k)) & 1U) != 0;
          if (!before[k] || !serving[k]) polls[k].assign(3, false);
          polls[k][k] = serving[k];
        }
        for (const SlotCover::Order& order : cover.update(serving)) {
          CPPUNIT_ASSERT(serving[order.to]);
          CPPUNIT_ASSERT(polls[order.to][order.slot] != order.on);
          polls[order.to][order.slot] = order.on;
        }
        for (std::size_t slot = 0; slot < 3; ++slot) {
          const int pollers = polls[0][slot] + polls[1][slot] + polls[2][slot];
          CPPUNIT_ASSERT_EQUAL(serving[0] || serving[1] || serving[2] ? 1 : 0, pollers);
        }
        before = serving;
      }
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SlotCoverTest);

}  // namespace caronte::master
