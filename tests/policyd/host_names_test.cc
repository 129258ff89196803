// Host names in lists (IW-7, Q27): asked for at load and by TTL, matched while their answers hold.
#include "policyd/host_names.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/address_parser.h"

namespace caronte::policyd {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

base::Address address(std::string_view text) {
  return base::parse_address(text).value();
}

config::MappedList list_of(const std::vector<std::string>& names) {
  std::vector<config::Name> table;
  for (const std::string& name : names) table.push_back({name, static_cast<std::uint32_t>(table.size() + 1)});
  const std::string encoded = config::encode_names(table, static_cast<std::uint32_t>(names.size()));
  return config::MappedList::map(config::seal_list(base::PrefixTree{}, 1, encoded).value().get()).value();
}

class HostNamesTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(HostNamesTest);
  CPPUNIT_TEST(names_are_asked_for_at_once_and_match_when_answered);
  CPPUNIT_TEST(names_are_asked_again_by_their_ttl);
  CPPUNIT_TEST(a_name_that_does_not_resolve_matches_nothing);
  CPPUNIT_TEST(an_old_answer_holds_for_a_bounded_time);
  CPPUNIT_TEST(lists_do_not_share_their_names);
  CPPUNIT_TEST(names_of_no_list_are_forgotten);
  CPPUNIT_TEST(names_are_awaited_until_their_first_answer);
  CPPUNIT_TEST(questions_are_bounded_and_lost_ones_asked_again);
  CPPUNIT_TEST(changes_are_told_once);
  CPPUNIT_TEST_SUITE_END();

  const base::MonotonicTime start_{hours(1000)};
  const config::MappedList list_ = list_of({"a.example.org"});
  HostNames names_;

  std::uint64_t only_question(base::MonotonicTime now) {
    const auto questions = names_.due(now);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, questions.size());
    return questions[0].question;
  }
  std::optional<HostNames::Change> answer(std::uint64_t question, base::MonotonicTime now,
                                          const std::vector<std::string>& addresses, std::uint32_t ttl = 60, bool is_known = true) {
    ipc::NameAnswer made{.question = question, .is_known = is_known, .addresses = {}, .ttl = ttl};
    for (const std::string& text : addresses) made.addresses.push(address(text));
    return names_.answered(made, now);
  }
  [[nodiscard]] bool matches(const char* text) const { return names_.is_one_of(list_, address(text)); }

  void names_are_asked_for_at_once_and_match_when_answered() {
    CPPUNIT_ASSERT(names_.due(start_).empty());
    names_.use({&list_});
    const auto questions = names_.due(start_);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, questions.size());
    CPPUNIT_ASSERT_EQUAL(std::string("a.example.org"), questions[0].name.str());
    CPPUNIT_ASSERT(questions[0].question > HostNames::kFirstQuestion);
    CPPUNIT_ASSERT(names_.due(start_).empty());
    CPPUNIT_ASSERT(!matches("192.0.2.1"));
    CPPUNIT_ASSERT(!answer(questions[0].question, start_, {"192.0.2.1", "2001:db8::1"}));
    CPPUNIT_ASSERT(matches("192.0.2.1") && matches("2001:db8::1") && !matches("192.0.2.2"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, names_.resolved());
    CPPUNIT_ASSERT(names_.addresses_of({&list_}) == (std::vector{address("192.0.2.1"), address("2001:db8::1")}) ||
                   names_.addresses_of({&list_}).size() == 2);
  }

  void names_are_asked_again_by_their_ttl() {
    names_.use({&list_});
    (void)answer(only_question(start_), start_, {"192.0.2.1"}, 60);
    CPPUNIT_ASSERT(names_.due(start_ + seconds(59)).empty());
    const auto second = only_question(start_ + seconds(60));
    CPPUNIT_ASSERT(matches("192.0.2.1"));  // while the answer is on its way
    (void)answer(second, start_ + seconds(60), {"192.0.2.7"}, 0);
    CPPUNIT_ASSERT(!matches("192.0.2.1") && matches("192.0.2.7"));
    CPPUNIT_ASSERT(names_.due(start_ + seconds(89)).empty());  // never more often than kLeast
    (void)only_question(start_ + seconds(90));
  }

  void a_name_that_does_not_resolve_matches_nothing() {
    names_.use({&list_});
    (void)answer(only_question(start_), start_, {"192.0.2.1"});
    (void)answer(only_question(start_ + seconds(60)), start_ + seconds(60), {});
    CPPUNIT_ASSERT(!matches("192.0.2.1"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, names_.resolved());
  }

  void an_old_answer_holds_for_a_bounded_time() {
    names_.use({&list_});
    (void)answer(only_question(start_), start_, {"192.0.2.1"}, 60);
    base::MonotonicTime now = start_ + seconds(60);
    for (; now < start_ + seconds(60) + HostNames::kPatience; now += seconds(30)) {
      (void)answer(only_question(now), now, {}, 0, false);
      CPPUNIT_ASSERT(matches("192.0.2.1"));
    }
    (void)names_.due(now);
    CPPUNIT_ASSERT(!matches("192.0.2.1"));
    names_.all_lost();
    (void)answer(only_question(now), now, {"192.0.2.1"});
    CPPUNIT_ASSERT(matches("192.0.2.1"));
  }

  void lists_do_not_share_their_names() {
    const config::MappedList other = list_of({"b.example.org", "both.example.org"});
    const config::MappedList both = list_of({"both.example.org"});
    names_.use({&list_, &other, &both});
    for (const auto& question : names_.due(start_)) {
      const std::string text = question.name.str() == "a.example.org"   ? "192.0.2.1"
                               : question.name.str() == "b.example.org" ? "192.0.2.2"
                                                                        : "192.0.2.3";
      (void)answer(question.question, start_, {text, "192.0.2.9"});
    }
    CPPUNIT_ASSERT(matches("192.0.2.1") && !matches("192.0.2.2") && !matches("192.0.2.3") && matches("192.0.2.9"));
    CPPUNIT_ASSERT(names_.is_one_of(other, address("192.0.2.2")) && names_.is_one_of(other, address("192.0.2.3")));
    CPPUNIT_ASSERT(!names_.is_one_of(both, address("192.0.2.2")) && names_.is_one_of(both, address("192.0.2.3")));
    CPPUNIT_ASSERT(!names_.is_one_of(config::MappedList(), address("192.0.2.9")));
  }

  void names_of_no_list_are_forgotten() {
    const config::MappedList other = list_of({"b.example.org"});
    names_.use({&list_, &other});
    const auto questions = names_.due(start_);
    (void)answer(questions[0].question, start_, {"192.0.2.1"});
    names_.use({&other});
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, names_.size());
    CPPUNIT_ASSERT(!matches("192.0.2.1"));
    names_.use({});
    CPPUNIT_ASSERT(!answer(questions[1].question, start_, {"192.0.2.2"}));  // too late
    CPPUNIT_ASSERT(!names_.is_one_of(other, address("192.0.2.2")));
    names_.use({&list_});
    (void)only_question(start_);  // anew
  }

  void names_are_awaited_until_their_first_answer() {
    CPPUNIT_ASSERT(!names_.is_awaited(config::MappedList()));
    const config::MappedList other = list_of({"b.example.org"});
    names_.use({&list_, &other});
    CPPUNIT_ASSERT(names_.is_awaited(list_) && names_.is_awaited(other));
    const auto questions = names_.due(start_);
    (void)answer(questions[0].question, start_, {}, 0, false);
    CPPUNIT_ASSERT(!names_.is_awaited(list_) && names_.is_awaited(other));
    (void)answer(questions[1].question, start_, {"192.0.2.1"});
    CPPUNIT_ASSERT(!names_.is_awaited(other));
    names_.use({&list_, &other});
    CPPUNIT_ASSERT(!names_.is_awaited(list_) && !names_.is_awaited(other));
  }

  void questions_are_bounded_and_lost_ones_asked_again() {
    std::vector<std::string> many;
    for (int i = 0; i < 120; ++i) many.push_back("h" + std::to_string(i) + ".example.org");
    const config::MappedList list = list_of(many);
    names_.use({&list});
    const auto first = names_.due(start_);
    CPPUNIT_ASSERT_EQUAL(HostNames::kMaxOpen, first.size());
    CPPUNIT_ASSERT(names_.due(start_).empty());
    names_.lost(first[3].question);
    CPPUNIT_ASSERT_EQUAL(first[3].name.str(), names_.due(start_).at(0).name.str());
    names_.all_lost();
    std::size_t asked = 0;
    for (auto questions = names_.due(start_); !questions.empty(); questions = names_.due(start_)) {
      asked += questions.size();
      for (const auto& question : questions) (void)answer(question.question, start_, {"192.0.2.1"});
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{120}, asked);
    CPPUNIT_ASSERT_EQUAL(std::size_t{120}, names_.resolved());
  }

  void changes_are_told_once() {
    names_.use({&list_});
    base::MonotonicTime now = start_;
    const auto told = [&](const std::vector<std::string>& addresses, bool is_known) -> std::string {
      const auto change = answer(only_question(now), now, addresses, 30, is_known);
      now += seconds(30);
      return !change ? "nothing" : change->resolves ? "resolves" : change->is_known ? "none" : "unknown";
    };
    CPPUNIT_ASSERT_EQUAL(std::string("unknown"), told({}, false));
    CPPUNIT_ASSERT_EQUAL(std::string("nothing"), told({}, false));
    CPPUNIT_ASSERT_EQUAL(std::string("nothing"), told({}, true));
    CPPUNIT_ASSERT_EQUAL(std::string("resolves"), told({"192.0.2.1"}, true));
    CPPUNIT_ASSERT_EQUAL(std::string("nothing"), told({"192.0.2.2"}, true));
    CPPUNIT_ASSERT_EQUAL(std::string("nothing"), told({}, false));
    CPPUNIT_ASSERT_EQUAL(std::string("none"), told({}, true));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(HostNamesTest);

}  // namespace
}  // namespace caronte::policyd
