// The reader of caronte.xml: what it makes of a whole file, what it refuses and with which words, and what it warns of.
#include "config/reader.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <array>
#include <random>

#include "reading.h"

namespace caronte::config {
namespace {

constexpr std::string_view kSmallest = R"(<?xml version="1.0"?>
<caronte>
  <server/>
  <listen address="0.0.0.0"/>
  <destination><server address="127.0.0.1" port="225"/></destination>
  <domains><domain name="Example.ORG."/></domains>
</caronte>
)";

// One replacement in kSmallest, and a part of the error that it must give: "line: element attribute: what".
struct Broken {
  std::string_view what;
  std::string_view with;
  std::string_view error;
};
constexpr std::array kBroken{
    Broken{"<server/>", "", "2: server: is missing; required once"},
    Broken{"<listen address=\"0.0.0.0\"/>", "", "2: listen: is missing; required at least once"},
    Broken{"<domain name=\"Example.ORG.\"/>", "", "6: domains/domain: is missing; required at least once"},
    Broken{"<server address=\"127.0.0.1\" port=\"225\"/>", "", "5: destination/server: is missing; required once"},
    Broken{"<server/>", "<server/><server/>", "3: server: is there twice; allowed once"},
    Broken{"<server/>", "<server/>\n<limits/>\n<limits/>", "5: limits: is there twice; allowed once"},
    Broken{"port=\"225\"/>", "port=\"225\"/><server address=\"127.0.0.2\"/>",
           "5: destination/server: is there twice; allowed once"},
    Broken{"<server/>", "<sever/>",
           "3: sever: unknown element; allowed here: server, listen, destination, domains, relay, trusted, white, limits,"},
    Broken{"<server/>", "<server/><tls/>", "3: tls: unknown element"},
    Broken{"<domain name", "<dom name", "6: domains/dom: unknown element; allowed here: domain"},
    Broken{"<server/>", "<server><x/></server>", "3: server/x: unknown element; allowed here: none"},
    Broken{"<server/>", "<server/>\n<limits\n  error=\"5\"/>",
           "5: limits error: unknown attribute; allowed here: sessions, sessions-per-address, errors,"},
    Broken{"<caronte>", "<caronte version=\"1\">", "2: caronte version: unknown attribute; none is allowed here"},
    Broken{"<domains>", "<domains name=\"x\">", "6: domains name: unknown attribute; allowed here: none"},
    Broken{"<server/>", "<server name=\"a\" name=\"b\"/>", "3: : malformed or repeated attribute"},
    Broken{"<server/>", "<server/>text", "3: caronte: text is not allowed between the elements"},
    Broken{"<server/>", "<server>text</server>", "3: server: text is not allowed between the elements"},
    Broken{" address=\"0.0.0.0\"", "", "4: listen address: is missing; allowed: an IPv4 or IPv6 address"},
    Broken{"0.0.0.0", "localhost", "4: listen address: \"localhost\" is not allowed; allowed: an IPv4 or IPv6 address"},
    Broken{"0.0.0.0", "0.0.0.0:25", "4: listen address: \"0.0.0.0:25\" is not allowed"},
    Broken{"0.0.0.0", "[::]", "4: listen address: \"[::]\" is not allowed"},
    Broken{"port=\"225\"", "port=\"0\"", "5: destination/server port: \"0\" is not allowed; allowed: a number from 1 to 65535"},
    Broken{"<destination>", "<destination mode=\"cluster\">", "5: destination mode: \"cluster\" is not allowed; allowed: single"},
    Broken{"<destination>", "<destination connect-timeout=\"10\">",
           "5: destination connect-timeout: \"10\" is not allowed; allowed: a time (ms, s, m, h, d) from 10ms to 5m"},
    Broken{"address=\"127.0.0.1\"", "address=\"0.0.0.0\"", "5: destination/server address: must be the address of one host"},
    Broken{"Example.ORG.", "ex ample.org", "6: domains/domain name: \"ex ample.org\" is not allowed; allowed: a domain name"},
    Broken{"Example.ORG.", "", "6: domains/domain name: \"\" is not allowed"},
    Broken{"<domains>", "<domains>\n<domain name=\"example.org\"/>", "this domain is in line 7 already"},
    Broken{"<listen", "<listen address=\"0.0.0.0\"/>\n  <listen", "5: listen: 0.0.0.0:25 is there twice"},
    Broken{"<server/>", "<server workers=\"65\"/>",
           "3: server workers: \"65\" is not allowed; allowed: auto, or a number from 1 to 64"},
    Broken{"<server/>", "<server name=\"mx\"/>", "3: server name: \"mx\" is not allowed; allowed: a full host name, or empty"},
    Broken{"<server/>", "<server state=\"../state\"/>", "3: server state: \"../state\" is not allowed; allowed: a folder"},
    Broken{"<server/>", "<server control-group=\"a b\"/>", "3: server control-group: \"a b\" is not allowed"},
    Broken{"<server/>", "<server/><limits message-size=\"50MB\"/>",
           "3: limits message-size: \"50MB\" is not allowed; allowed: a size (K, M, G) from 1 to 64G, or 0 (off)"},
    Broken{"<server/>", "<server/><replies busy=\"450 BUSY\"/>",
           "3: replies busy: \"450 BUSY\" is not allowed; allowed: a reply line"},
    Broken{"<server/>", "<server/><replies relaying-denied=\"550 4.7.1 x\"/>", "an enhanced code must be of the same class"},
    Broken{"<server/>", "<server/><data bare-line-endings=\"keep\"/>", "allowed: one of refuse, repair"},
    Broken{"<server/>", "<server/><log level=\"4\"/>", "3: log level: \"4\" is not allowed; allowed: one of none, 1, 2, 3, debug"},
    Broken{"<server/>", "<server/><dns servers=\"ns.example.org\"/>", "3: dns servers: \"ns.example.org\" is not allowed"},
    Broken{"<server/>", "<server/><dns cache-minimum=\"2h\"/>", "3: dns cache-minimum: must not be longer than cache-maximum"},
    Broken{"<server/>", "<server/><relay/>", "3: relay list: is missing"},
    Broken{"<server/>", "<server/><relay list=\"/etc/passwd\"/>",
           "3: relay list: \"/etc/passwd\" is not allowed; allowed: a file beneath"},
    Broken{"<server/>", "<server/><relay list=\"lists/none\"/>", "3: relay list: \"lists/none\" cannot be read: no such file"},
    Broken{"<listen ", "<listen proxy-protocol=\"127.0.0.1 lb\" ", "4: listen proxy-protocol: \"127.0.0.1 lb\" is not allowed"},
    Broken{"<caronte>", "<!DOCTYPE caronte>\n<caronte>", "2: : \"<!\" is allowed for comments only"},
    Broken{"</caronte>", "</caronte><caronte/>", "7: : a second root element"},
    Broken{"</caronte>", "", "2: : the element that begins here is not closed"},
    Broken{"Example",
           "Ex\xff"
           "ample",
           "6: : control character or invalid UTF-8"},
    Broken{"Example", "Ex&#0;ample", "6: : unknown entity"},
    Broken{"Example", "a & b", "6: : a bare &"},
};

struct Warned {
  std::string_view what;
  std::string_view with;
  std::string_view warning;
};
constexpr std::array kWarned{
    Warned{"<log/>", "", "warning 0: log: there is no <log>: nothing is recorded"},
    Warned{"<log/>", "<log level=\"none\"/>", "warning 7: log level: nothing is recorded"},
    Warned{"port=\"225\"", "", "warning 5: destination/server: 127.0.0.1:25 is where the gateway itself listens"},
    Warned{"address=\"0.0.0.0\"", "address=\"127.0.0.1\" port=\"225\"", "127.0.0.1:225 is where the gateway itself listens"},
    Warned{"<listen ", "<listen proxy-protocol=\"127.0.0.1 0.0.0.0/0\" ", "warning 4: listen proxy-protocol: everybody may claim"},
    Warned{"<listen ", "<listen proxy-protocol=\"::/0\" ", "warning 4: listen proxy-protocol: everybody may claim"},
    Warned{"<log/>", "<log/><limits sessions=\"0\"/>", "warning 7: limits sessions:"},
    Warned{"<log/>", "<log/><limits sessions-per-address=\"0\"/>", "warning 7: limits sessions-per-address:"},
    Warned{"<log/>", "<log/><limits client-timeout=\"0\"/>", "warning 7: limits client-timeout:"},
    Warned{"<log/>", "<log/><limits command-time=\"0\"/>", "warning 7: limits command-time:"},
    Warned{"<log/>", "<log/><limits message-size=\"0\"/>", "warning 7: limits message-size:"},
    Warned{"<log/>", "<log/><limits message-size=\"63K\"/>", "RFC 5321 asks for at least 64K"},
    Warned{"<log/>", "<log/><recipients maximum=\"99\"/>", "RFC 5321 asks for at least 100"},
    Warned{"<log/>", "<log/><trusted list=\"lists/wide\"/>",
           "warning /etc/caronte/lists/wide:2: trusted list: this entry covers a large part"},
    Warned{"<server/>", "<server observe=\"yes\"/>", "warning 3: server observe: every check only logs"},
    Warned{"<log/>", "<log/><sender null=\"refuse\"/>", "warning 7: sender null:"},
    Warned{"<log/>", "<log/><sender null=\"defer\"/>", "warning 7: sender null:"},
    Warned{"<log/>", "<log/><tarpit delay=\"301s\"/>", "warning 7: tarpit delay: honest mail servers wait for 5m"},
    Warned{"<log/>", "<log/><tarpit greeting=\"6m\"/>", "warning 7: tarpit greeting: honest mail servers wait for 5m"},
    Warned{"<log/>", "<log/><rate messages=\"1\"/>", "warning 0: rate action: without <tarpit> nobody is held"},
    Warned{"<log/>", "<log/><recipients action=\"ban\"/>", "warning 7: recipients action: without <hell> nobody is banned"},
    Warned{"<log/>", "<log/><characters action=\"tarpit\"/>", "warning 7: characters action: without <tarpit>"},
    Warned{"<log/>", "<log/><repeat-offenders/>", "warning 0: repeat-offenders offences: without <hell>"},
    Warned{"<log/>", "<log/><repeat-offenders tarpit=\"5s\"/>", "warning 7: repeat-offenders tarpit: without <tarpit>"},
    Warned{"<log/>", "<log/><hell/><repeat-offenders range4=\"23\"/>", "warning 7: repeat-offenders range4:"},
    Warned{"<log/>", "<log/><hell/><repeat-offenders range6=\"47\"/>", "warning 7: repeat-offenders range6:"},
    Warned{"<server/>", "<server trace=\"no\"/>", "warning 3: server trace:"},
    Warned{"<destination>", "<destination end-timeout=\"59s\">", "warning 5: destination end-timeout:"},
    Warned{"<log/>", "<log/><relay list=\"lists/wide\"/>",
           "warning /etc/caronte/lists/wide:2: relay list: this entry covers a large part"},
};

std::string replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string out(text);
  const std::size_t at = out.find(what);
  CPPUNIT_ASSERT(at != std::string::npos);
  out.replace(at, what.size(), with);
  return out;
}

void assert_contains(const std::string& text, std::string_view part) {
  CPPUNIT_ASSERT_MESSAGE("\"" + std::string(part) + "\" is not in \"" + text + "\"", text.find(part) != std::string::npos);
}

class ReaderTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ReaderTest);
  CPPUNIT_TEST(smallest_file_has_the_defaults);
  CPPUNIT_TEST(absent_elements_are_off);
  CPPUNIT_TEST(present_elements_have_their_defaults);
  CPPUNIT_TEST(present_policy_has_its_defaults);
  CPPUNIT_TEST(words_of_actions_are_their_names);
  CPPUNIT_TEST(broken_files_are_refused_in_place);
  CPPUNIT_TEST(dangerous_files_are_warned_of);
  CPPUNIT_TEST(all_errors_are_collected);
  CPPUNIT_TEST(errors_are_bounded);
  CPPUNIT_TEST(warnings_are_bounded_and_hide_no_error);
  CPPUNIT_TEST(listeners_are_bounded);
  CPPUNIT_TEST(random_changes_end_in_an_answer);
  CPPUNIT_TEST(size_of_the_file_is_bounded);
  CPPUNIT_TEST(bad_list_is_named_with_its_own_line);
  CPPUNIT_TEST(lists_are_asked_for_by_their_path);
  CPPUNIT_TEST(host_names_are_for_trusted_and_white_alone);
  CPPUNIT_TEST(recipients_belong_to_their_domain);
  CPPUNIT_TEST(resolvers_of_the_system_come_in_when_none_are_named);
  CPPUNIT_TEST(name_of_the_machine_comes_in_when_none_is_given);
  CPPUNIT_TEST(lines_of_repeated_elements);
  CPPUNIT_TEST_SUITE_END();

  void smallest_file_has_the_defaults() {
    const ReadResult result = read_text(kSmallest);
    CPPUNIT_ASSERT_MESSAGE(text_of(result), result.is_ok);
    const Configuration& c = result.configuration;
    CPPUNIT_ASSERT_EQUAL(std::string("caronte.xml"), c.file);
    CPPUNIT_ASSERT_EQUAL(std::string("0.0.0.0:25"), c.listens.at(0).endpoint.text());
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1:225"), c.destination.servers.at(0).endpoint.text());
    CPPUNIT_ASSERT_EQUAL(std::string("example.org"), c.domains.at(0).name);
    CPPUNIT_ASSERT(c.server.trace && c.server.workers == 0);
    CPPUNIT_ASSERT_EQUAL(std::string("/run/caronte"), c.server.run_folder);
    CPPUNIT_ASSERT(c.destination.connect_timeout == std::chrono::seconds(10) &&
                   c.destination.reply_timeout == std::chrono::minutes(5));
    CPPUNIT_ASSERT(c.destination.data_timeout == std::chrono::minutes(3) && c.destination.end_timeout == std::chrono::minutes(10));
  }

  void absent_elements_are_off() {
    const Configuration c = read_text(kSmallest).configuration;
    CPPUNIT_ASSERT(!c.dns.is_present && c.dns.servers.empty() && !c.dns.reverse);
    CPPUNIT_ASSERT(!c.log.is_present && c.log.level == ipc::LogLevel::none && c.log.folder.empty());
    CPPUNIT_ASSERT(read_text(kSmallest).lists.empty());
    // FW-5 to FW-12, AG-11: the limits are on without their element, with the numbers of behaviour.md section 4.
    CPPUNIT_ASSERT_EQUAL(10'000U, c.limits.sessions);
    CPPUNIT_ASSERT_EQUAL(5U, c.limits.sessions_per_address);
    CPPUNIT_ASSERT_EQUAL(10U, c.limits.errors);
    CPPUNIT_ASSERT_EQUAL(10U, c.limits.noops);
    CPPUNIT_ASSERT(c.limits.client_timeout == std::chrono::seconds(300) && c.limits.command_time == std::chrono::minutes(10));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{52'428'800}, c.limits.message_size);
    CPPUNIT_ASSERT_EQUAL(1000U, c.recipients.maximum);
    CPPUNIT_ASSERT_EQUAL(10U, c.limits.reserved);
    // AG-2 to AG-10, AX-5 to AX-25: nothing that judges is on without its element.
    CPPUNIT_ASSERT(c.recipients.invalid == 0 && c.recipients.valid == 0 && c.recipients.action == Action::off);
    CPPUNIT_ASSERT(c.rate.messages == 0 && c.backscatter.messages == 0 && c.repeat_offenders.offences == 0);
    CPPUNIT_ASSERT(c.sender.null == Action::off && c.sender.local_unauthorised == Action::off);
    CPPUNIT_ASSERT(c.characters.action == Action::off && !c.tarpit.is_present && !c.hell.is_present && !c.server.observe);
    CPPUNIT_ASSERT(c.data.bare_line_endings == BareLineEndings::refuse);
    CPPUNIT_ASSERT_EQUAL(std::string("550 5.7.1 Relaying denied."), c.replies.relaying_denied);
    CPPUNIT_ASSERT_EQUAL(std::string("421 BUSY"), c.replies.busy);
  }

  void present_elements_have_their_defaults() {
    const auto result = read_text(replaced(kSmallest, "<server/>", "<server/><log/><dns/><limits errors=\"3\"/>"));
    const Configuration& c = result.configuration;
    CPPUNIT_ASSERT_MESSAGE(text_of(result), result.is_ok);
    CPPUNIT_ASSERT(c.log.is_present && c.log.level == ipc::LogLevel::level1 && c.log.rotate_time == std::chrono::hours(24));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{104'857'600}, c.log.rotate_size);
    CPPUNIT_ASSERT(c.dns.is_present && c.dns.reverse && c.dns.timeout == std::chrono::seconds(5));
    CPPUNIT_ASSERT_EQUAL(3U, c.limits.errors);
    CPPUNIT_ASSERT_EQUAL(10U, c.limits.noops);
  }

  // AG-2 to AG-10, AG-16, AX-5 to AX-25, FW-13, IW-2, IW-6: the numbers that the manual promises.
  void present_policy_has_its_defaults() {
    const auto result = read_text(
        replaced(kSmallest, "<server/>",
                 "<server/><trusted list='lists/relay'/><rate/><recipients/><sender/><characters/><repeat-offenders/><backscatter/>"
                 "<tarpit/><hell/>"));
    CPPUNIT_ASSERT_MESSAGE(text_of(result), result.is_ok);
    const Configuration& c = result.configuration;
    CPPUNIT_ASSERT(c.trusted.bypass_antispam);
    CPPUNIT_ASSERT(c.rate.messages == 0 && c.rate.minutes == 10 && c.rate.action == Action::tarpit && c.rate.exclude_authenticated);
    CPPUNIT_ASSERT(c.recipients.invalid == 5 && c.recipients.valid == 0 && c.recipients.action == Action::refuse);
    CPPUNIT_ASSERT(c.sender.null == Action::off && c.sender.local_unauthorised == Action::log);
    CPPUNIT_ASSERT(c.characters.action == Action::refuse && c.characters.user.contains('+') && c.characters.user.contains('&'));
    CPPUNIT_ASSERT(!c.characters.user.contains('"') && !c.characters.domain.contains('_') && c.characters.helo.contains('['));
    CPPUNIT_ASSERT(c.repeat_offenders.offences == 3 && c.repeat_offenders.within == std::chrono::minutes(10));
    CPPUNIT_ASSERT(c.repeat_offenders.ban == std::chrono::hours(1) && c.repeat_offenders.tarpit.count() == 0);
    CPPUNIT_ASSERT(c.repeat_offenders.range4 == 32 && c.repeat_offenders.range6 == 64);
    CPPUNIT_ASSERT(c.backscatter.messages == 2 && c.backscatter.within == std::chrono::minutes(10));
    CPPUNIT_ASSERT(c.backscatter.action == Action::refuse);
    CPPUNIT_ASSERT(c.tarpit.is_present && c.tarpit.greeting.count() == 0 && c.tarpit.delay == std::chrono::seconds(60));
    CPPUNIT_ASSERT(c.tarpit.hang_ups == 3 && c.tarpit.early_talkers == Action::refuse && c.tarpit.maximum == 2000);
    CPPUNIT_ASSERT(c.hell.is_present && c.hell.time == std::chrono::hours(1) && !c.hell.mute);
    CPPUNIT_ASSERT_EQUAL(std::string("554 5.7.1 Refused"), c.hell.reply);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, result.lists.size());
  }

  // "accept" is the word for off of <sender null>.
  void words_of_actions_are_their_names() {
    for (unsigned i = 0; i < static_cast<unsigned>(Action::kCount); ++i) {
      const auto action = static_cast<Action>(i);
      const std::string word(name_of(action));
      const std::string null_word = action == Action::off ? "accept" : word;
      const auto result =
          read_text(replaced(kSmallest, "<server/>",
                             "<server/><sender null=\"" + null_word + "\" local-unauthorised=\"" + word + "\"/><hell/><tarpit/>"));
      CPPUNIT_ASSERT_MESSAGE(text_of(result), result.is_ok);
      CPPUNIT_ASSERT(result.configuration.sender.null == action);
      CPPUNIT_ASSERT(result.configuration.sender.local_unauthorised == action);
    }
  }

  void broken_files_are_refused_in_place() {
    for (const Broken& broken : kBroken) {
      const std::string text = replaced(kSmallest, broken.what, broken.with);
      const ReadResult result = read_text(text);
      CPPUNIT_ASSERT_MESSAGE(text, !result.is_ok);
      assert_contains(text_of(result), broken.error);
    }
    for (const std::string_view text : {"", "<caronte/>", "<Caronte/>", "not xml", "<caronte"}) {
      CPPUNIT_ASSERT(!read_text(text).is_ok);
    }
    assert_contains(text_of(read_text("<carontes/>")), "1: carontes: the root element must be caronte");
  }

  void dangerous_files_are_warned_of() {
    const std::string fine = replaced(kSmallest, "</caronte>", "<log/></caronte>");
    CPPUNIT_ASSERT_EQUAL(std::string(), text_of(read_text(fine)));
    for (const Warned& warned : kWarned) {
      ListsInMemory lists;
      lists.files["lists/wide"] = "192.0.2.1\n0.0.0.0/0\n";
      const ReadResult result = read_text(replaced(fine, warned.what, warned.with), lists);
      CPPUNIT_ASSERT_MESSAGE(text_of(result), result.is_ok);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(text_of(result), std::size_t{1}, result.diagnostics.size());
      assert_contains(text_of(result), warned.warning);
    }
  }

  void all_errors_are_collected() {
    const ReadResult result = read_text(
        "<caronte>\n<server workers=\"x\"/>\n<listen address=\"y\" port=\"z\"/>\n<nonsense/>\n<limits errors=\"-1\" "
        "noops=\"a\"/>\n</caronte>");
    const std::string text = text_of(result);
    for (const char* part : {"2: server workers:", "3: listen address:", "3: listen port:", "4: nonsense:", "5: limits errors:",
                             "5: limits noops:", "1: destination: is missing", "1: domains: is missing"}) {
      assert_contains(text, part);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{8}, result.diagnostics.size());
  }

  void errors_are_bounded() {
    std::string text = "<caronte>";
    for (int i = 0; i < 1000; ++i) text += "<x/>";
    const ReadResult result = read_text(text + "</caronte>");
    CPPUNIT_ASSERT(!result.is_ok);
    CPPUNIT_ASSERT_EQUAL(kMaxDiagnostics, result.diagnostics.size());
    assert_contains(text_of(result), "there is more");
  }

  static std::string with_listeners(int count, const std::string& more) {
    std::string listeners;
    for (int i = 1; i <= count; ++i) listeners += "<listen address=\"127.0.0." + std::to_string(i) + "\" " + more + "/>\n";
    return replaced(kSmallest, "<listen address=\"0.0.0.0\"/>", listeners);
  }

  void warnings_are_bounded_and_hide_no_error() {
    const std::string many = with_listeners(60, "proxy-protocol=\"*\"");
    const ReadResult result = read_text(many);
    CPPUNIT_ASSERT(result.is_ok);
    CPPUNIT_ASSERT_EQUAL(kMaxDiagnostics, result.diagnostics.size());
    // The check of the domains comes behind that of the listeners.
    const ReadResult refused = read_text(replaced(many, "<domains>", "<domains><domain name=\"example.org\"/>"));
    CPPUNIT_ASSERT(!refused.is_ok);
    CPPUNIT_ASSERT_EQUAL(kMaxDiagnostics, refused.diagnostics.size());
    assert_contains(text_of(refused), "this domain is in line");
  }

  void listeners_are_bounded() {
    CPPUNIT_ASSERT(read_text(with_listeners(64, "")).is_ok);
    assert_contains(text_of(read_text(with_listeners(65, ""))), "listen: is there too often; allowed: 64 times");
  }

  void random_changes_end_in_an_answer() {
    std::mt19937 random(19);  // NOLINT: the same in every run
    static constexpr std::string_view kPieces[] = {"<",   ">",   "/>",   "\"", "'",    "&",  "&amp;", "<!--",
                                                   "-->", "<x>", "</x>", "=",  "\xff", "\n", "0",     "list"};
    const std::string good =
        replaced(kSmallest, "<server/>", "<server/><log/><dns/><relay list=\"lists/relay\"/><limits errors=\"3\"/>");
    unsigned taken = 0;
    for (int i = 0; i < 5000; ++i) {
      std::string text = good;
      for (auto changes = 1 + random() % 3; changes > 0; --changes) {
        const std::size_t at = random() % text.size();
        const std::string_view piece = kPieces[random() % std::size(kPieces)];
        text.replace(at, random() % 2 == 0 ? 0 : random() % 8, piece);
      }
      const ReadResult result = read_text(text);
      const bool has_error = std::any_of(result.diagnostics.begin(), result.diagnostics.end(),
                                         [](const auto& d) { return d.severity == ipc::Severity::error; });
      CPPUNIT_ASSERT_EQUAL_MESSAGE(text, !result.is_ok, has_error);
      taken += result.is_ok ? 1 : 0;
    }
    CPPUNIT_ASSERT(taken > 0 && taken < 2500);
  }

  void size_of_the_file_is_bounded() {
    std::string text(kSmallest);
    text.resize(kMaxXmlBytes, ' ');
    CPPUNIT_ASSERT(read_text(text).is_ok);
    text += ' ';
    assert_contains(text_of(read_text(text)), "0: : larger than 1M");
  }

  void bad_list_is_named_with_its_own_line() {
    ListsInMemory lists;
    lists.files["lists/relay"] = "192.0.2.1\nprivate thing\nmail.example.org\n";
    const ReadResult result = read_text(replaced(kSmallest, "<server/>", "<server/><relay list=\"lists/relay\"/>"), lists);
    CPPUNIT_ASSERT(!result.is_ok);
    const std::string text = text_of(result);
    assert_contains(text, "/etc/caronte/lists/relay:2: relay list: not an address, network or range");
    assert_contains(text, "/etc/caronte/lists/relay:3: relay list: host names are not taken here");
    CPPUNIT_ASSERT(text.find("private") == std::string::npos && text.find("example.org") == std::string::npos);
  }

  void lists_are_asked_for_by_their_path() {
    ListsInMemory lists;
    lists.files["deep/er/list"] = "192.0.2.0/24\n";
    const ReadResult result =
        read_configuration(replaced(kSmallest, "<server/>", "<server/><relay list=\"deep/er/list\"/>"), surroundings(), lists);
    CPPUNIT_ASSERT(result.is_ok);
    CPPUNIT_ASSERT_EQUAL(std::string("deep/er/list"), lists.asked.at(0));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, result.lists.size());
    CPPUNIT_ASSERT(result.lists[0].id == ListId::relay);
    CPPUNIT_ASSERT(result.lists[0].receivers == (ipc::kSmtpdProxy | ipc::kPolicyd));
    CPPUNIT_ASSERT_EQUAL(1U, result.lists[0].content.entries);
  }

  // IW-7
  void host_names_are_for_trusted_and_white_alone() {
    ListsInMemory lists;
    lists.files["lists/names"] = "192.0.2.1\nmail.example.org\n";
    const auto with = [&](const std::string& element) {
      return read_text(replaced(kSmallest, "<server/>", "<server/><log/>" + element), lists);
    };
    for (const char* element : {"trusted", "white"}) {
      const ReadResult result = with("<dns/><" + std::string(element) + " list='lists/names'/>");
      CPPUNIT_ASSERT_EQUAL(std::string(), text_of(result));
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, result.lists.at(0).content.names.size());
      assert_contains(text_of(with("<" + std::string(element) + " list='lists/names'/>")),
                      "warning 0: " + std::string(element) + " list: without <dns> the host names in it match nothing");
    }
    for (const char* element : {"relay", "hell"}) {
      const ReadResult result = with("<dns/><" + std::string(element) + " list='lists/names'/>");
      CPPUNIT_ASSERT(!result.is_ok);
      assert_contains(text_of(result), "/lists/names:2: " + std::string(element) + " list: host names are not taken here");
    }
    CPPUNIT_ASSERT(with("<hell list=''/>").lists.empty());
  }

  // Q3
  void recipients_belong_to_their_domain() {
    ListsInMemory lists;
    lists.files["lists/r"] = "anna\nbea@b.org\n";
    const ReadResult result = read_text(replaced(kSmallest, "<domain name=\"Example.ORG.\"/>",
                                                 "<domain name='a.org'/><domain recipients='lists/r' name='B.org'/>"
                                                 "<domain name='c.org' recipients=''/>"),
                                        lists);
    CPPUNIT_ASSERT_MESSAGE(text_of(result), result.is_ok);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, result.recipients.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, result.recipients[0].domain);
    CPPUNIT_ASSERT(result.recipients[0].receivers == ipc::kPolicyd);
    CPPUNIT_ASSERT_EQUAL(2U, result.recipients[0].content.entries);
    CPPUNIT_ASSERT(result.configuration.domains[1].has_recipients && !result.configuration.domains[2].has_recipients);
    lists.files["lists/r"] = "anna\nbea bea\n";
    const ReadResult bad = read_text(replaced(kSmallest, "<domain name=", "<domain recipients='lists/r' name="), lists);
    CPPUNIT_ASSERT(!bad.is_ok);
    assert_contains(text_of(bad), "/etc/caronte/lists/r:2: domains/domain recipients: not one address");
  }

  // AG-3, CX-3
  void resolvers_of_the_system_come_in_when_none_are_named() {
    const auto servers = [](std::string_view dns, std::optional<std::string> resolv_conf) {
      Surroundings around = surroundings();
      around.resolv_conf = std::move(resolv_conf);
      ListsInMemory lists;
      const auto result = read_configuration(replaced(kSmallest, "<server/>", "<server/><log/>" + std::string(dns)), around, lists);
      std::string text = result.is_ok ? "" : "error ";
      for (const auto& server : result.configuration.dns.servers) text += server.text() + " ";
      return text + text_of(result);
    };
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.9:53 "), servers("<dns/>", "nameserver 192.0.2.9\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.8:5353 "), servers("<dns servers=\"192.0.2.8@5353\"/>", "nameserver 192.0.2.9\n"));
    CPPUNIT_ASSERT_EQUAL(std::string(), servers("", "nameserver 192.0.2.9\n"));
    assert_contains(servers("<dns/>", std::nullopt), "127.0.0.1:53 warning 0: dns servers: none is named");
  }

  void name_of_the_machine_comes_in_when_none_is_given() {
    CPPUNIT_ASSERT_EQUAL(std::string("host.example.org"), read_text(kSmallest).configuration.server.name);
    CPPUNIT_ASSERT_EQUAL(
        std::string("mx.example.com"),
        read_text(replaced(kSmallest, "<server/>", "<server name=\"MX.example.com\"/>")).configuration.server.name);
    Surroundings around = surroundings();
    around.host_name = "host";
    ListsInMemory lists;
    const auto result = read_configuration(kSmallest, around, lists);
    CPPUNIT_ASSERT(result.is_ok);
    assert_contains(text_of(result), "warning 0: server name: the machine has no full host name either");
  }

  void lines_of_repeated_elements() {
    const Configuration c =
        read_text(replaced(kSmallest, "<domain name=\"Example.ORG.\"/>", "\n<domain name=\"a.org\"/>\n<domain name=\"b.org\"/>"))
            .configuration;
    CPPUNIT_ASSERT_EQUAL(4U, c.listens.at(0).line);
    CPPUNIT_ASSERT_EQUAL(5U, c.destination.servers.at(0).line);
    CPPUNIT_ASSERT_EQUAL(7U, c.domains.at(0).line);
    CPPUNIT_ASSERT_EQUAL(8U, c.domains.at(1).line);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ReaderTest);

}  // namespace
}  // namespace caronte::config
