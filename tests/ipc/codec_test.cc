// Every message of the schema through the codec and back, and hostile bytes: truncated, trailing, oversized, out of range.
#include "ipc/codec.h"

#include <cppunit/extensions/HelperMacros.h>

#include <optional>
#include <random>
#include <vector>

#include "ipc/channel.h"
#include "ipc/schema.h"
#include "sample_values.h"

namespace caronte::ipc {
namespace {

enum class Colour : std::uint8_t { red, green, kCount };
struct Example {
  bool flag = false;
  Colour colour = Colour::red;
  std::int16_t number = 0;
  Text<5> text;
  List<std::uint8_t, 3> list;
  std::chrono::milliseconds time{0};
  base::Prefix prefix;
  CARONTE_FIELDS(flag, colour, number, text, list, time, prefix)
};

struct Lists {
  List<std::uint64_t, 0xFFFFFFFF> list;
  CARONTE_FIELDS(list)
};
struct Unbounded {
  std::string text;
  std::vector<std::uint8_t> list;
  CARONTE_FIELDS(text, list)
};

template <class Message>
std::string encoded(const Message& message) {
  std::string bytes;
  encode(message, bytes);
  return bytes;
}

// One message type, its struct forgotten: so each is compiled once and not once a test.
struct AnyMessage {
  const char* name;
  MessageType type;
  std::string (*initial)();
  std::string (*sample)();
  std::string (*largest)();
  std::optional<std::string> (*recoded)(std::string_view bytes);  // decoded and encoded again
};

template <class Message>
AnyMessage any_message(const char* name) {
  return {name,
          Message::kType,
          [] { return encoded(Message{}); },
          [] {
            Message message;
            SampleValues values;
            message.fields(values);
            return encoded(message);
          },
          [] {
            Message message;
            LargestValues values;
            message.fields(values);
            return encoded(message);
          },
          [](std::string_view bytes) -> std::optional<std::string> {
            Message message;
            if (!decode(bytes, message)) return std::nullopt;
            return encoded(message);
          }};
}

const std::vector<AnyMessage>& all_messages() {
  static const std::vector<AnyMessage> all{
#define CARONTE_ANY_ROW(Struct, from, to, descriptor) any_message<Struct>(#Struct),
      CARONTE_MESSAGE_ROWS(CARONTE_ANY_ROW)
#undef CARONTE_ANY_ROW
  };
  return all;
}

std::string example_bytes() {
  Example example;
  example.flag = true;
  example.colour = Colour::green;
  example.number = -2;
  example.text = "abc";
  example.list.push(7);
  example.time = std::chrono::milliseconds(258);
  example.prefix = {base::Address::v4(192, 0, 2, 0), 120};
  return encoded(example);
}

bool is_taken(std::string_view bytes) {
  Example example;
  return decode(bytes, example);
}

class CodecTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CodecTest);
  CPPUNIT_TEST(every_message_comes_back);
  CPPUNIT_TEST(every_truncation_of_every_message_is_refused);
  CPPUNIT_TEST(trailing_octets_of_every_message_are_refused);
  CPPUNIT_TEST(every_message_fits_a_frame);
  CPPUNIT_TEST(random_bytes_of_every_message_end);
  CPPUNIT_TEST(layout_is_little_endian);
  CPPUNIT_TEST(values_out_of_range_are_refused);
  CPPUNIT_TEST(senders_cut_and_receivers_refuse);
  CPPUNIT_TEST(huge_counts_cost_nothing);
  CPPUNIT_TEST(unbounded_members_have_the_bound_that_is_given);
  CPPUNIT_TEST_SUITE_END();

  void every_message_comes_back() {
    CPPUNIT_ASSERT_EQUAL(static_cast<std::size_t>(MessageType::kCount), all_messages().size());
    for (const AnyMessage& message : all_messages()) {
      const std::string bytes = message.sample();
      CPPUNIT_ASSERT_MESSAGE(message.name, message.recoded(bytes) == bytes);
      if (!bytes.empty()) CPPUNIT_ASSERT_MESSAGE(message.name, message.initial() != bytes);
    }
  }

  void every_truncation_of_every_message_is_refused() {
    for (const AnyMessage& message : all_messages()) {
      const std::string bytes = message.sample();
      for (std::size_t length = 0; length < bytes.size(); ++length) {
        CPPUNIT_ASSERT_MESSAGE(message.name, !message.recoded(std::string_view(bytes).substr(0, length)));
      }
    }
  }

  void trailing_octets_of_every_message_are_refused() {
    for (const AnyMessage& message : all_messages())
      CPPUNIT_ASSERT_MESSAGE(message.name, !message.recoded(message.sample() + '\0'));
  }

  // Whatever a sender puts into a message, Channel::send() may take it. A LogRecord is bounded by who composes it.
  void every_message_fits_a_frame() {
    for (const AnyMessage& message : all_messages()) {
      if (message.type == MessageType::LogRecord) continue;
      CPPUNIT_ASSERT_MESSAGE(message.name, message.largest().size() <= kMaxFrameBytes - kMessageHeaderBytes);
    }
  }

  void random_bytes_of_every_message_end() {
    std::mt19937 random(17);  // NOLINT: the same in every run
    for (const AnyMessage& message : all_messages()) {
      const std::string good = message.sample();
      for (int i = 0; i < 200; ++i) {
        std::string bytes = good;
        if (!bytes.empty() && i % 2 == 0) {
          bytes[random() % bytes.size()] = static_cast<char>(random());
        } else {
          bytes.resize(random() % 300);
          for (char& byte : bytes) byte = random() % 2 == 0 ? static_cast<char>(random()) : '\0';
        }
        // What is taken has one form only.
        const auto recoded = message.recoded(bytes);
        CPPUNIT_ASSERT_MESSAGE(message.name, !recoded || *recoded == bytes);
      }
    }
  }

  void layout_is_little_endian() {
    const std::string expected = std::string("\x01\x01\xfe\xff\x03\0\0\0abc\x01\0\0\0\x07\x02\x01\0\0\0\0\0\0", 24) +
                                 std::string("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\0\x78", 17);
    CPPUNIT_ASSERT(example_bytes() == expected);
  }

  void values_out_of_range_are_refused() {
    const std::string good = example_bytes();
    CPPUNIT_ASSERT(is_taken(good));
    const auto changed = [&](std::size_t at, char value) {
      std::string bytes = good;
      bytes.at(at) = value;
      return bytes;
    };
    CPPUNIT_ASSERT(is_taken(changed(0, 0)));
    CPPUNIT_ASSERT(!is_taken(changed(0, 2)));  // a bool that is neither
    CPPUNIT_ASSERT(!is_taken(changed(1, 2)));  // an enum's kCount
    CPPUNIT_ASSERT(!is_taken(changed(1, static_cast<char>(0xFF))));
    CPPUNIT_ASSERT(!is_taken(changed(4, 6)));                                     // text beyond its maximum
    CPPUNIT_ASSERT(!is_taken(changed(4, 5)));                                     // text that takes what belongs to the list
    CPPUNIT_ASSERT(!is_taken(changed(11, 4)));                                    // list beyond its maximum
    CPPUNIT_ASSERT(!is_taken(changed(good.size() - 1, static_cast<char>(129))));  // prefix longer than an address
    CPPUNIT_ASSERT(is_taken(changed(good.size() - 1, static_cast<char>(128))));
  }

  void senders_cut_and_receivers_refuse() {
    const Text<5> text("abcdefgh");
    CPPUNIT_ASSERT_EQUAL(std::string("abcde"), text.str());
    List<std::uint8_t, 3> list;
    for (std::uint8_t i = 0; i < 3; ++i) CPPUNIT_ASSERT(list.push(i));
    CPPUNIT_ASSERT(!list.push(3));
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, list.size());
  }

  void huge_counts_cost_nothing() {
    // Four thousand million elements announced, two there.
    Lists lists;
    CPPUNIT_ASSERT(!decode(std::string("\xff\xff\xff\xff", 4) + std::string(16, 'x'), lists));
    CPPUNIT_ASSERT(lists.list.items().capacity() < 100);
    CPPUNIT_ASSERT(!decode(std::string("\x10\0\0\0", 4) + std::string(16, 'x'), lists));
  }

  void unbounded_members_have_the_bound_that_is_given() {
    Unbounded value;
    value.text = "abcd";
    value.list = {1, 2, 3, 4};
    const std::string bytes = encoded(value);
    CPPUNIT_ASSERT(decode(bytes, value, 4));
    CPPUNIT_ASSERT(!decode(bytes, value, 3));
    CPPUNIT_ASSERT(!decode(bytes, value));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(CodecTest);

}  // namespace
}  // namespace caronte::ipc
