#include "dnsd/answer_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <random>

#include "dns_packet.h"

namespace caronte::dnsd {

using tests::DnsPacket;
using wrap::RecordType;

namespace {

constexpr const char* kReverse = "4.3.2.1.in-addr.arpa";

Answer parse_ptr(const DnsPacket& packet) {
  return parse_answer(packet.bytes(), kReverse, RecordType::ptr);
}

}  // namespace

class AnswerParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(AnswerParserTest);
  CPPUNIT_TEST(names_of_a_ptr_set);
  CPPUNIT_TEST(addresses);
  CPPUNIT_TEST(least_ttl_of_what_counts);
  CPPUNIT_TEST(aliases_are_followed_in_any_order);
  CPPUNIT_TEST(records_of_others_do_not_count);
  CPPUNIT_TEST(only_host_names_pass);
  CPPUNIT_TEST(no_records_is_no_error);
  CPPUNIT_TEST(compressed_names);
  CPPUNIT_TEST(pointers_lead_backwards_only);
  CPPUNIT_TEST(long_names);
  CPPUNIT_TEST(alias_loops_and_chains);
  CPPUNIT_TEST(wrong_headers);
  CPPUNIT_TEST(data_of_the_wrong_length);
  CPPUNIT_TEST(limits);
  CPPUNIT_TEST(every_cut_is_noticed);
  CPPUNIT_TEST(any_octets_are_survived);
  CPPUNIT_TEST_SUITE_END();

  static void expect(AnswerError error, const DnsPacket& packet) {
    const Answer answer = parse_ptr(packet);
    CPPUNIT_ASSERT_EQUAL(static_cast<int>(error), static_cast<int>(answer.error));
    if (error != AnswerError::none) CPPUNIT_ASSERT(answer.names.empty() && answer.addresses.empty());
  }

  void names_of_a_ptr_set() {
    DnsPacket packet(kReverse, RecordType::ptr);
    packet.ptr(kReverse, "Mail.Example.ORG").ptr("4.3.2.1.IN-ADDR.arpa", "mx-2.example.org");
    const Answer answer = parse_ptr(packet);
    CPPUNIT_ASSERT(answer.error == AnswerError::none);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, answer.names.size());
    CPPUNIT_ASSERT_EQUAL(std::string("mail.example.org"), answer.names[0]);
    CPPUNIT_ASSERT_EQUAL(std::string("mx-2.example.org"), answer.names[1]);
  }

  void addresses() {
    const auto v4 = base::Address::v4(192, 0, 2, 1);
    base::Address::Octets octets{0x20, 1, 0xd, 0xb8};
    octets[15] = 1;
    const base::Address v6(octets);
    DnsPacket a("h.example", RecordType::a);
    a.address("h.example", v4).address("h.example", v6);  // an AAAA is no answer to A
    Answer answer = parse_answer(a.bytes(), "H.example", RecordType::a);
    CPPUNIT_ASSERT(answer.addresses == std::vector{v4});
    DnsPacket aaaa("h.example", RecordType::aaaa);
    aaaa.address("h.example", v6).address("h.example", v4);
    answer = parse_answer(aaaa.bytes(), "h.example", RecordType::aaaa);
    CPPUNIT_ASSERT(answer.addresses == std::vector{v6});
  }

  void least_ttl_of_what_counts() {
    const auto v4 = base::Address::v4(192, 0, 2, 1);
    const auto ttl_of = [&](std::uint32_t alias, std::uint32_t first, std::uint32_t second, std::uint32_t other) {
      DnsPacket packet("h.example", RecordType::a);
      packet.alias("h.example", "g.example").address("g.example", v4).address("g.example", v4).address("f.example", v4);
      packet.set_ttl(0, alias).set_ttl(1, first).set_ttl(2, second).set_ttl(3, other);
      return parse_answer(packet.bytes(), "h.example", RecordType::a).ttl.value();
    };
    CPPUNIT_ASSERT_EQUAL(10U, ttl_of(20, 10, 30, 5));
    CPPUNIT_ASSERT_EQUAL(10U, ttl_of(10, 20, 30, 5));
    CPPUNIT_ASSERT_EQUAL(0x7FFFFFFFU, ttl_of(0x7FFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF, 1));
    CPPUNIT_ASSERT_EQUAL(0U, ttl_of(10, 0x80000000, 30, 5));  // RFC 2181 section 8
    CPPUNIT_ASSERT(!parse_answer(DnsPacket("h.example", RecordType::a).bytes(), "h.example", RecordType::a).ttl);
  }

  void aliases_are_followed_in_any_order() {
    // RFC 2317: the reverse zone of a small network stands elsewhere.
    DnsPacket packet(kReverse, RecordType::ptr);
    packet.ptr("4.0/26.3.2.1.in-addr.arpa", "a.example.org").alias(kReverse, "4.0/26.3.2.1.in-addr.arpa");
    CPPUNIT_ASSERT(parse_ptr(packet).names == std::vector<std::string>{"a.example.org"});
  }

  void records_of_others_do_not_count() {
    DnsPacket packet(kReverse, RecordType::ptr);
    packet.ptr("5.3.2.1.in-addr.arpa", "evil.example.org");
    packet.record(DnsPacket::name(kReverse), RecordType::ptr, DnsPacket::name("chaos.example.org"), 3);
    const Answer answer = parse_ptr(packet);
    CPPUNIT_ASSERT(answer.error == AnswerError::none);
    CPPUNIT_ASSERT(answer.names.empty());
  }

  void only_host_names_pass() {
    static const char* const kBad[] = {"a b.example", "x<script>.example", "localhost", "a_b.example", "1.2.3.4", "-a.example"};
    for (const char* bad : kBad) {
      DnsPacket packet(kReverse, RecordType::ptr);
      packet.ptr(kReverse, bad).ptr(kReverse, "good.example");
      CPPUNIT_ASSERT(parse_ptr(packet).names == std::vector<std::string>{"good.example"});
    }
    // A dot, a line end, a NUL inside of a label.
    for (const char c : {'.', '\n', '\0', '\xE9'}) {
      DnsPacket packet(kReverse, RecordType::ptr);
      const std::string label = {'\3', 'a', c, 'b'};
      packet.record(DnsPacket::name(kReverse), RecordType::ptr, label + DnsPacket::name("example.org"));
      const Answer answer = parse_ptr(packet);
      CPPUNIT_ASSERT(answer.error == AnswerError::none);
      CPPUNIT_ASSERT(answer.names.empty());
    }
  }

  void no_records_is_no_error() {
    expect(AnswerError::none, DnsPacket(kReverse, RecordType::ptr));
    expect(AnswerError::none, DnsPacket(kReverse, RecordType::ptr, 0x8183));  // NXDOMAIN
  }

  void compressed_names() {
    DnsPacket packet(kReverse, RecordType::ptr);
    packet.record(DnsPacket::pointer(12), RecordType::ptr, DnsPacket::name("a.example.org"));
    const unsigned first_target = packet.size() - 15;  // "a.example.org" of the record before
    packet.record(DnsPacket::pointer(12), RecordType::ptr, "\1b" + DnsPacket::pointer(first_target + 2));
    CPPUNIT_ASSERT((parse_ptr(packet).names == std::vector<std::string>{"a.example.org", "b.example.org"}));
  }

  void pointers_lead_backwards_only() {
    const DnsPacket start(kReverse, RecordType::ptr);
    const unsigned at = start.size();
    for (const unsigned target : {at, at + 2, at + 40, 0x3FFFU}) {  // itself, ahead, far ahead, outside
      DnsPacket packet = start;
      packet.record(DnsPacket::pointer(target), RecordType::ptr, DnsPacket::name("a.example.org"));
      expect(AnswerError::bad_name, packet);
    }
    // Two pointers at each other: one of them must lead ahead.
    DnsPacket packet = start;
    packet.record("\1a" + DnsPacket::pointer(at), RecordType::ptr, DnsPacket::name("a.example.org"));
    expect(AnswerError::bad_name, packet);
    // Label types 01 and 10 (RFC 1035, RFC 6891).
    for (const char type : {'\x41', '\x81'}) {
      DnsPacket odd = start;
      odd.record(std::string(1, type) + std::string(1, '\0'), RecordType::ptr, "");
      expect(AnswerError::bad_name, odd);
    }
  }

  void long_names() {
    const std::string label63 = '\x3F' + std::string(63, 'a');
    const std::string longest = label63 + label63 + label63 + '\x3D' + std::string(61, 'b') + '\0';  // 255 octets
    DnsPacket packet(kReverse, RecordType::ptr);
    packet.record(DnsPacket::name(kReverse), RecordType::ptr, longest);
    CPPUNIT_ASSERT_EQUAL(std::size_t{253}, parse_ptr(packet).names.at(0).size());
    DnsPacket longer(kReverse, RecordType::ptr);
    longer.record(DnsPacket::name(kReverse), RecordType::ptr, label63 + label63 + label63 + '\x3E' + std::string(62, 'b') + '\0');
    expect(AnswerError::bad_name, longer);
    // Long only by its pointers.
    DnsPacket packed(kReverse, RecordType::ptr);
    std::string previous = DnsPacket::name(kReverse);
    packed.record(previous, RecordType::ptr, label63 + label63 + '\0');
    const unsigned at = packed.size() - 129;
    packed.record(DnsPacket::name(kReverse), RecordType::ptr, label63 + label63 + DnsPacket::pointer(at));
    expect(AnswerError::bad_name, packed);
  }

  void alias_loops_and_chains() {
    DnsPacket self(kReverse, RecordType::ptr);
    self.alias(kReverse, kReverse);
    expect(AnswerError::alias_chain, self);
    DnsPacket pair(kReverse, RecordType::ptr);
    pair.alias(kReverse, "x.example").alias("x.example", kReverse);
    expect(AnswerError::alias_chain, pair);
    const auto chain = [](int length) {
      DnsPacket packet(kReverse, RecordType::ptr);
      std::string owner = kReverse;
      for (int i = 0; i < length; ++i) {
        const std::string target = "n" + std::to_string(i) + ".example";
        packet.alias(owner, target);
        owner = target;
      }
      packet.ptr(owner, "end.example.org");
      return packet;
    };
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, parse_ptr(chain(16)).names.size());
    expect(AnswerError::alias_chain, chain(17));
    expect(AnswerError::alias_chain, chain(100));
  }

  void wrong_headers() {
    for (const unsigned flags : {0x0180U, 0x9180U}) {  // a question; opcode 2
      expect(AnswerError::not_an_answer, DnsPacket(kReverse, RecordType::ptr, flags));
    }
    for (const unsigned questions : {0U, 2U, 0xFFFFU}) {
      DnsPacket packet(kReverse, RecordType::ptr);
      packet.set_u16(4, questions);
      expect(AnswerError::not_an_answer, packet);
    }
    expect(AnswerError::other_question, DnsPacket("5.3.2.1.in-addr.arpa", RecordType::ptr));
    expect(AnswerError::other_question, DnsPacket(kReverse, RecordType::a));
    DnsPacket chaos(kReverse, RecordType::ptr);
    chaos.set_u16(chaos.size() - 2, 3);
    expect(AnswerError::other_question, chaos);
  }

  void data_of_the_wrong_length() {
    DnsPacket packet(kReverse, RecordType::ptr);
    packet.record(DnsPacket::name(kReverse), RecordType::ptr, DnsPacket::name("a.example.org") + "x");
    expect(AnswerError::bad_data, packet);
    for (const std::size_t size : {0U, 3U, 5U, 16U}) {
      DnsPacket a("h.example", RecordType::a);
      a.record(DnsPacket::name("h.example"), RecordType::a, std::string(size, '\1'));
      CPPUNIT_ASSERT(parse_answer(a.bytes(), "h.example", RecordType::a).error == AnswerError::bad_data);
    }
    for (const std::size_t size : {4U, 15U, 17U}) {
      DnsPacket aaaa("h.example", RecordType::aaaa);
      aaaa.record(DnsPacket::name("h.example"), RecordType::aaaa, std::string(size, '\1'));
      CPPUNIT_ASSERT(parse_answer(aaaa.bytes(), "h.example", RecordType::aaaa).error == AnswerError::bad_data);
    }
  }

  void limits() {
    DnsPacket many(kReverse, RecordType::ptr);
    for (int i = 0; i < 256; ++i) many.ptr(kReverse, "h" + std::to_string(i) + ".example");
    CPPUNIT_ASSERT_EQUAL(std::size_t{10}, parse_ptr(many).names.size());
    many.ptr(kReverse, "one-more.example");
    expect(AnswerError::too_many_records, many);
    DnsPacket a("h.example", RecordType::a);
    for (std::uint8_t i = 0; i < 200; ++i) a.address("h.example", base::Address::v4(192, 0, 2, i));
    CPPUNIT_ASSERT_EQUAL(std::size_t{64}, parse_answer(a.bytes(), "h.example", RecordType::a).addresses.size());
  }

  void every_cut_is_noticed() {
    DnsPacket packet(kReverse, RecordType::ptr);
    packet.alias(kReverse, "x.example").record(DnsPacket::pointer(12), RecordType::ptr, DnsPacket::name("a.example.org"));
    const std::string& whole = packet.bytes();
    CPPUNIT_ASSERT(parse_answer(whole, kReverse, RecordType::ptr).error == AnswerError::none);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CPPUNIT_ASSERT(parse_answer(whole.substr(0, size), kReverse, RecordType::ptr).error == AnswerError::cut_short);
    }
  }

  // Mutations of a good packet: whatever comes, the result keeps its promises.
  void any_octets_are_survived() {
    DnsPacket packet(kReverse, RecordType::ptr);
    packet.alias(kReverse, "x.example").ptr("x.example", "a.example.org");
    packet.record(DnsPacket::pointer(12), RecordType::ptr, "\1b" + DnsPacket::pointer(20));
    std::mt19937 random(7);  // NOLINT: the same cases each time
    int good = 0;
    for (int i = 0; i < 200000; ++i) {
      std::string bytes = packet.bytes();
      for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; --changes) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      const Answer answer = parse_answer(bytes, kReverse, RecordType::ptr);
      if (answer.error == AnswerError::none) ++good;
      CPPUNIT_ASSERT(answer.names.size() <= 10);
      for (const std::string& name : answer.names) {
        CPPUNIT_ASSERT(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string::npos);
      }
    }
    CPPUNIT_ASSERT(good > 0 && good < 200000);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(AnswerParserTest);

}  // namespace caronte::dnsd
