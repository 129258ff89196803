#include "policyd/reverse_questions.h"

#include <cppunit/extensions/HelperMacros.h>

namespace caronte::policyd {

class ReverseQuestionsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ReverseQuestionsTest);
  CPPUNIT_TEST(an_answer_finds_its_session_once);
  CPPUNIT_TEST(a_closed_session_has_no_question);
  CPPUNIT_TEST(a_new_dnsd_is_asked_again_once);
  CPPUNIT_TEST_SUITE_END();

  ReverseQuestions questions_;
  const base::Address client_ = base::Address::v4(192, 0, 2, 1);

  void an_answer_finds_its_session_once() {
    const auto first = questions_.open(7, client_);
    const auto second = questions_.open(8, client_);
    CPPUNIT_ASSERT(first.question != second.question);
    CPPUNIT_ASSERT(first.address == client_);
    CPPUNIT_ASSERT(questions_.answered(second.question) == std::uint64_t{8});
    CPPUNIT_ASSERT(questions_.answered(first.question) == std::uint64_t{7});
    CPPUNIT_ASSERT(!questions_.answered(first.question));
    CPPUNIT_ASSERT(!questions_.session_closed(7));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, questions_.size());
  }
  void a_closed_session_has_no_question() {
    const auto question = questions_.open(7, client_);
    CPPUNIT_ASSERT(questions_.session_closed(7) == question.question);
    CPPUNIT_ASSERT(!questions_.session_closed(7));
    CPPUNIT_ASSERT(!questions_.answered(question.question));
    CPPUNIT_ASSERT(questions_.ask_again().empty());
  }
  void a_new_dnsd_is_asked_again_once() {
    const auto first = questions_.open(7, client_);
    const auto again = questions_.ask_again();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, again.size());
    CPPUNIT_ASSERT(again[0].question == first.question && again[0].address == client_);
    const auto young = questions_.open(8, client_);
    const auto third = questions_.ask_again();  // 7 has had two: given up
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, third.size());
    CPPUNIT_ASSERT_EQUAL(young.question, third[0].question);
    CPPUNIT_ASSERT(!questions_.answered(first.question));
    CPPUNIT_ASSERT(!questions_.session_closed(7));
    CPPUNIT_ASSERT(questions_.answered(young.question) == std::uint64_t{8});
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ReverseQuestionsTest);

}  // namespace caronte::policyd
