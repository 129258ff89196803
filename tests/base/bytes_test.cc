// Buffer: what goes in comes out, memory is held only while there is data.
#include "base/bytes.h"

#include <cppunit/extensions/HelperMacros.h>

#include <random>
#include <string>

namespace caronte::base {
namespace {

class BufferTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(BufferTest);
  CPPUNIT_TEST(empty_buffer_costs_nothing);
  CPPUNIT_TEST(memory_goes_back_with_the_last_octet);
  CPPUNIT_TEST(reserve_keeps_what_is_there);
  CPPUNIT_TEST(consuming_more_than_there_is_empties);
  CPPUNIT_TEST(front_is_used_again);
  CPPUNIT_TEST(any_sequence_equals_a_string);
  CPPUNIT_TEST_SUITE_END();

  void empty_buffer_costs_nothing() {
    Buffer buffer;
    buffer.append("");
    CPPUNIT_ASSERT(buffer.is_empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, buffer.capacity());
    CPPUNIT_ASSERT(buffer.view().empty());
  }

  void memory_goes_back_with_the_last_octet() {
    Buffer buffer;
    buffer.append("abc");
    CPPUNIT_ASSERT(buffer.capacity() >= 3);
    buffer.consume(2);
    CPPUNIT_ASSERT(buffer.view() == "c");
    buffer.consume(1);
    CPPUNIT_ASSERT(buffer.is_empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, buffer.capacity());
  }

  void reserve_keeps_what_is_there() {
    Buffer buffer;
    buffer.append("abc");
    const auto room = buffer.reserve(100'000);
    CPPUNIT_ASSERT(room.size() >= 100'000);
    CPPUNIT_ASSERT(buffer.view() == "abc");
    room[0] = 'd';
    buffer.commit(1);
    CPPUNIT_ASSERT(buffer.view() == "abcd");
  }

  void consuming_more_than_there_is_empties() {
    Buffer buffer;
    buffer.append("abc");
    buffer.consume(100);
    CPPUNIT_ASSERT(buffer.is_empty());
    buffer.append("x");
    CPPUNIT_ASSERT(buffer.view() == "x");
  }

  void front_is_used_again() {
    Buffer buffer;
    buffer.append(std::string(1000, 'a'));
    const std::size_t capacity = buffer.capacity();
    // However much goes through, a buffer that never holds more than its capacity does not grow.
    for (int i = 0; i < 10'000; ++i) {
      buffer.consume(400);
      buffer.append(std::string(std::min<std::size_t>(400, capacity - buffer.size()), 'b'));
    }
    CPPUNIT_ASSERT_EQUAL(capacity, buffer.capacity());
  }

  void any_sequence_equals_a_string() {
    std::mt19937 random(11);  // NOLINT: the same in every run
    Buffer buffer;
    std::string model;
    for (int i = 0; i < 20'000; ++i) {
      if (random() % 2 == 0) {
        const std::string part(random() % 3000, static_cast<char>('a' + random() % 26));
        buffer.append(part);
        model += part;
      } else {
        const std::size_t count = random() % 4000;
        buffer.consume(count);
        model.erase(0, count);
      }
      CPPUNIT_ASSERT(buffer.view() == model);
      CPPUNIT_ASSERT_EQUAL(model.empty(), buffer.is_empty());
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(BufferTest);

}  // namespace
}  // namespace caronte::base
