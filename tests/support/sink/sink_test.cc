// The sink judges the gateway, so the sink itself is tested first: protocol, decoder, folder, options.
#include <cppunit/extensions/HelperMacros.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "folder.h"
#include "options.h"
#include "protocol.h"

namespace {

using namespace caronte::sink;
using caronte::base::Done;
using caronte::base::Result;
using caronte::base::Status;

class MemoryStorage final : public Storage {
 public:
  Status begin() override { return text.clear(), Done{}; }
  Status append(std::string_view octets) override { return text += octets, Done{}; }
  Result<std::string> commit(const Envelope& kept) override { return envelope = kept, ++commits, std::string("001"); }
  void abandon() noexcept override { ++abandoned; }
  std::string text;
  Envelope envelope;
  int commits = 0;
  int abandoned = 0;
};

struct Client {
  Options options;
  MemoryStorage storage;
  Protocol protocol{options, storage, "127.0.0.1:1"};
  // One segment; the replies to it.
  std::string say(std::string_view segment) {
    std::string out;
    protocol.feed(segment, out);
    return out;
  }
  void open_transaction() {
    say("EHLO c.example\r\n");
    say("MAIL FROM:<a@c.example>\r\nRCPT TO:<b@d.example>\r\n");
  }
};

}  // namespace

class SinkTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SinkTest);
  CPPUNIT_TEST(data_is_decoded_whatever_the_segments);
  CPPUNIT_TEST(a_message_is_kept_with_its_envelope);
  CPPUNIT_TEST(what_was_not_offered_is_refused);
  CPPUNIT_TEST(order_is_enforced);
  CPPUNIT_TEST(rejections_are_word_for_word);
  CPPUNIT_TEST(limits_hold);
  CPPUNIT_TEST(an_unfinished_message_is_abandoned);
  CPPUNIT_TEST(the_folder_has_both_files);
  CPPUNIT_TEST(options_are_strict);
  CPPUNIT_TEST_SUITE_END();

 public:
  void data_is_decoded_whatever_the_segments() {
    struct Case {
      std::string_view input, expected, rest;
      unsigned bare;
    };
    const Case cases[] = {
        {".\r\nQUIT", "", "QUIT", 0},
        {"a\r\n..b\r\n...\r\n.\r\n", "a\r\n.b\r\n..\r\n", "", 0},
        {"a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", "", 1},
        {"a\n.\nb\r\n.\r\nx", "a\n.\nb\r\n", "x", 2},
        {"a\r.\r\r\n.\r\n", "a\r.\r\r\n", "", 2},
        {"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", "", 1},
        {"\r\n\r\n.\r\n", "\r\n\r\n", "", 0},
    };
    for (const Case& one : cases) {
      for (const std::size_t segment : {1U, 2U, 3U, 100U}) {
        DataDecoder decoder;
        std::string out;
        std::string_view rest = one.input;
        while (!rest.empty() && !decoder.is_over()) rest.remove_prefix(decoder.feed(rest.substr(0, segment), out));
        CPPUNIT_ASSERT(decoder.is_over());
        CPPUNIT_ASSERT_EQUAL(std::string(one.expected), out);
        CPPUNIT_ASSERT_EQUAL(std::string(one.rest), std::string(rest));
        CPPUNIT_ASSERT_EQUAL(one.bare, decoder.bare_line_ends());
      }
    }
  }

  void a_message_is_kept_with_its_envelope() {
    Client client;
    CPPUNIT_ASSERT(client.say("EHLO c.example\r\n").ends_with("250 ENHANCEDSTATUSCODES\r\n"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n"),
        client.say("MAIL FROM:<\"a >\"@c.example> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<b@d.example> NOTIFY=NEVER\r\nDATA\r\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("250 2.0.0 Ok: kept as 001\r\n221 2.0.0 Bye\r\n"), client.say("hello\r\n.\r\nQUIT\r\n"));
    CPPUNIT_ASSERT(client.protocol.is_over());
    CPPUNIT_ASSERT_EQUAL(std::string("hello\r\n"), client.storage.text);
    const Envelope& envelope = client.storage.envelope;
    CPPUNIT_ASSERT_EQUAL(std::string("\"a >\"@c.example"), envelope.sender);
    CPPUNIT_ASSERT_EQUAL(std::string("SIZE=10 BODY=8BITMIME"), envelope.sender_parameters);
    CPPUNIT_ASSERT_EQUAL(std::string("NOTIFY=NEVER"), envelope.recipients.at(0).parameters);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{7}, envelope.size);
    CPPUNIT_ASSERT_EQUAL(
        std::string("{\n  \"client\": \"127.0.0.1:1\",\n  \"protocol\": \"ESMTP\",\n  \"helo\": \"c.example\",\n  \"sender\": "
                    "\"\\\"a >\\\"@c.example\",\n  \"sender_parameters\": \"SIZE=10 BODY=8BITMIME\",\n  \"recipients\": [\n    "
                    "{\"address\": \"b@d.example\", \"parameters\": \"NOTIFY=NEVER\"}],\n  \"size\": 7,\n  "
                    "\"bare_line_ends\": 0\n}\n"),
        envelope_json(envelope));
  }

  void what_was_not_offered_is_refused() {
    struct Case {
      bool Options::*offer;
      std::string_view command, reply;
    };
    const Case cases[] = {
        {&Options::size, "MAIL FROM:<a@c.example> SIZE=1\r\n", "555 5.5.4"},
        {&Options::eight_bit_mime, "MAIL FROM:<a@c.example> BODY=8BITMIME\r\n", "555 5.5.4"},
        {&Options::smtputf8, "MAIL FROM:<a@c.example> SMTPUTF8\r\n", "555 5.5.4"},
        {&Options::dsn, "MAIL FROM:<a@c.example> RET=HDRS\r\n", "555 5.5.4"},
        {&Options::pipelining, "MAIL FROM:<a@c.example>\r\nRCPT TO:<b@d.example>\r\n", "503 5.5.1 pipelining"},
        {&Options::ehlo, "EHLO c.example\r\n", "500 command"},
    };
    for (const Case& one : cases) {
      Client offering;
      offering.say("EHLO c.example\r\n");
      CPPUNIT_ASSERT(offering.say(one.command).starts_with("250"));
      Client client;
      client.options.*one.offer = false;
      client.say(client.options.ehlo ? "EHLO c.example\r\n" : "HELO c.example\r\n");
      const std::string reply = client.say(one.command);
      CPPUNIT_ASSERT_MESSAGE(reply, reply.starts_with(one.reply.substr(0, 3)));
    }
    Client plain;
    plain.say("HELO c.example\r\n");
    CPPUNIT_ASSERT(plain.say("MAIL FROM:<a@c.example> SIZE=1\r\n").starts_with("555 "));
    CPPUNIT_ASSERT_EQUAL(std::string("250 Ok\r\n"), plain.say("MAIL FROM:<a@c.example>\r\n"));
    Client utf8;
    utf8.say("EHLO c.example\r\n");
    CPPUNIT_ASSERT(utf8.say("MAIL FROM:<\xC3\xA9@c.example>\r\n").starts_with("553 5.6.7"));
    CPPUNIT_ASSERT(utf8.say("MAIL FROM:<\xC3\xA9@c.example> SMTPUTF8\r\n").starts_with("250"));
    CPPUNIT_ASSERT(utf8.say("RCPT TO:<\xFF@d.example>\r\n").starts_with("500"));
  }

  void order_is_enforced() {
    Client client;
    CPPUNIT_ASSERT(client.say("MAIL FROM:<a@c.example>\r\n").starts_with("503"));
    client.say("EHLO c.example\r\n");
    CPPUNIT_ASSERT(client.say("RCPT TO:<b@d.example>\r\n").starts_with("503"));
    CPPUNIT_ASSERT(client.say("DATA\r\n").starts_with("503"));
    CPPUNIT_ASSERT(client.say("MAIL FROM:<>\r\n").starts_with("250"));
    CPPUNIT_ASSERT(client.say("MAIL FROM:<>\r\n").starts_with("503"));
    CPPUNIT_ASSERT(client.say("DATA\r\n").starts_with("554"));
    CPPUNIT_ASSERT(client.say("RCPT TO:<>\r\n").starts_with("501"));
    CPPUNIT_ASSERT(client.say("RCPT TO:<b@d.example>\r\n").starts_with("250"));
    CPPUNIT_ASSERT(client.say("RSET\r\n").starts_with("250"));
    CPPUNIT_ASSERT(client.say("DATA\r\n").starts_with("503"));
    client.say("MAIL FROM:<>\r\nRCPT TO:<b@d.example>\r\n");
    CPPUNIT_ASSERT(client.say("DATA\r\ntoo early\r\n").starts_with("503"));
    CPPUNIT_ASSERT(client.protocol.is_over());
  }

  void rejections_are_word_for_word() {
    Client client;
    client.options.rejected_senders["x@c.example"] = "550 5.7.1 Not you";
    client.options.rejected_recipients["x@d.example"] = "450 4.2.1 Later = better";
    client.options.message_reply = "554 5.6.0 Not this";
    client.say("EHLO c.example\r\n");
    CPPUNIT_ASSERT_EQUAL(std::string("550 5.7.1 Not you\r\n"), client.say("MAIL FROM:<x@c.example>\r\n"));
    client.say("MAIL FROM:<>\r\n");
    CPPUNIT_ASSERT_EQUAL(std::string("450 4.2.1 Later = better\r\n"), client.say("RCPT TO:<x@d.example>\r\n"));
    client.say("RCPT TO:<y@d.example>\r\nDATA\r\n");
    CPPUNIT_ASSERT_EQUAL(std::string("554 5.6.0 Not this\r\n"), client.say("a\r\n.\r\n"));
    CPPUNIT_ASSERT_EQUAL(0, client.storage.commits);
    CPPUNIT_ASSERT_EQUAL(1, client.storage.abandoned);
    client.options.data_reply = "451 4.3.0 No data";
    client.say("MAIL FROM:<>\r\nRCPT TO:<y@d.example>\r\n");
    CPPUNIT_ASSERT_EQUAL(std::string("451 4.3.0 No data\r\n"), client.say("DATA\r\n"));
  }

  void limits_hold() {
    Client client;
    client.options.size_limit = 10;
    client.options.recipient_limit = 2;
    client.say("EHLO c.example\r\n");
    CPPUNIT_ASSERT(client.say("MAIL FROM:<> SIZE=11\r\n").starts_with("552 5.3.4"));
    client.say("MAIL FROM:<> SIZE=10\r\nRCPT TO:<a@d.example>\r\nRCPT TO:<b@d.example>\r\n");
    CPPUNIT_ASSERT(client.say("RCPT TO:<c@d.example>\r\n").starts_with("452 4.5.3"));
    client.say("DATA\r\n");
    CPPUNIT_ASSERT(client.say("123456789\r\n.\r\n").starts_with("552 5.3.4"));
    client.say("MAIL FROM:<>\r\nRCPT TO:<a@d.example>\r\nDATA\r\n");
    CPPUNIT_ASSERT(client.say("12345678\r\n.\r\n").starts_with("250"));
    CPPUNIT_ASSERT(client.say(std::string(5000, 'a')).starts_with("500"));
    CPPUNIT_ASSERT(client.protocol.is_over());
  }

  void an_unfinished_message_is_abandoned() {
    MemoryStorage storage;
    const Options options;
    {
      Protocol protocol(options, storage, "127.0.0.1:1");
      std::string out;
      protocol.feed("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@d.example>\r\nDATA\r\n", out);
      protocol.feed("half a mess", out);
      CPPUNIT_ASSERT_EQUAL(0, storage.abandoned);
    }
    CPPUNIT_ASSERT_EQUAL(1, storage.abandoned);
    CPPUNIT_ASSERT_EQUAL(0, storage.commits);
  }

  void the_folder_has_both_files() {
    char path[] = "/tmp/caronte-sink-test.XXXXXX";
    CPPUNIT_ASSERT(::mkdtemp(path) != nullptr);
    for (const std::string expected : {"001", "002"}) {
      // Opened anew each time: numbers go on where the folder ends.
      Result<Folder> folder = Folder::open(path, true);
      CPPUNIT_ASSERT(folder.is_ok());
      FolderStorage storage(folder.value());
      CPPUNIT_ASSERT(storage.begin().is_ok());
      CPPUNIT_ASSERT(storage.append("hello\r\n").is_ok());
      Envelope envelope;
      envelope.sender = "a@c.example";
      const Result<std::string> name = storage.commit(envelope);
      CPPUNIT_ASSERT(name.is_ok());
      CPPUNIT_ASSERT_EQUAL(expected, name.value());
      CPPUNIT_ASSERT(storage.begin().is_ok());
      storage.abandon();
    }
    CPPUNIT_ASSERT_EQUAL(std::string("hello\r\n"), content(std::string(path) + "/002.eml"));
    Envelope expected;
    expected.sender = "a@c.example";
    CPPUNIT_ASSERT_EQUAL(envelope_json(expected), content(std::string(path) + "/002.json"));
    const std::filesystem::directory_iterator files(path);
    CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{4}, std::distance(begin(files), end(files)));
    std::filesystem::remove_all(path);
    CPPUNIT_ASSERT(!Folder::open(path, true).is_ok());
  }

  void options_are_strict() {
    const auto parse = [](std::vector<const char*> words) {
      words.insert(words.begin(), "caronte-sink");
      return parse_options(static_cast<int>(words.size()), const_cast<char**>(words.data()));
    };
    const auto good = parse({"--listen", "[::1]:0", "--listen", "127.0.0.1:2525", "--folder", "f", "--no-dsn", "--reject-recipient",
                             "a=b@c.example=550 5.1.1 a=b"});
    CPPUNIT_ASSERT(good.is_ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, good.value().listens.size());
    CPPUNIT_ASSERT_EQUAL(std::string("[::1]:0"), good.value().listens[0].text());
    CPPUNIT_ASSERT(!good.value().dsn && good.value().size);
    CPPUNIT_ASSERT_EQUAL(std::string("550 5.1.1 a=b"), good.value().rejected_recipients.at("a=b@c.example"));
    CPPUNIT_ASSERT(!parse({"--folder", "f"}).is_ok());
    CPPUNIT_ASSERT(!parse({"--listen", "127.0.0.1:1"}).is_ok());
    CPPUNIT_ASSERT(!parse({"--listen", "127.0.0.1:65536", "--folder", "f"}).is_ok());
    CPPUNIT_ASSERT(!parse({"--listen", "127.0.0.1:1", "--folder", "f", "--no-thing"}).is_ok());
    CPPUNIT_ASSERT(!parse({"--listen", "127.0.0.1:1", "--folder", "f", "--reject-message", "no"}).is_ok());
    CPPUNIT_ASSERT_EQUAL(std::string("help"), parse({"--help"}).error().text);
  }

 private:
  static std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SinkTest);
