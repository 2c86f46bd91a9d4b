#include "reports/text.hh"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/golden.hh"
#include "reports/layout.hh"
#include "reports/sample_run.hh"

namespace tcpspec::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ConversationLine numbered(int number) {
  ConversationLine line;
  line.number = number;
  line.expected = "x";
  return line;
}

std::string all_failures(const Run& run, const Style& style) {
  std::string text;
  for (const TestResult& test : run.tests) text += failure_text(test, run, style) + "\n";
  return text;
}

TEST(FailureText, LooksLikeTheGoldenText) {
  expect_golden("failures.golden", all_failures(sample_run(), Style{}));
}

TEST(FailureText, LooksLikeTheGoldenTextWhenNarrow) {
  expect_golden("failures-narrow.golden", all_failures(sample_run(), Style{.width = 72}));
}

TEST(FailureText, LooksLikeTheGoldenTextInColourAndVerbose) {
  const auto run = sample_run();
  expect_golden("failure-colour.golden",
                failure_text(run.tests[0], run, Style{.colour = Colour::on, .detail = Detail::verbose}));
}

TEST(FailureText, KeepsToItsWidthExceptWhereTextIsThereToBeCopied) {
  std::string text = all_failures(sample_run(), Style{.width = 80});
  while (!text.empty()) {
    const std::string line = text.substr(0, text.find('\n'));
    text.erase(0, line.size() + 1);
    if (line.find("rerun:") != std::string::npos) continue;
    EXPECT_LE(display_width(line), 80U) << line;
  }
}

TEST(FailureText, LastWordsAreLines) {
  auto run = sample_run();
  run.tests[0].reason = "The target died. It said:\n  at line 7\n\nassertion `n > 0' failed";
  EXPECT_THAT(failure_text(run.tests[0], run, Style{}), HasSubstr("      The target died. It said:\n        at line 7\n"
                                                                  "      \n      assertion `n > 0' failed\n"));
  EXPECT_THAT(summary_text(run, Style{}), HasSubstr(" The target died. It said: assertion `n > 0' failed\n"));
}

TEST(FailureText, HasNoEscapeSequencesWithoutColour) {
  EXPECT_THAT(all_failures(hostile_run(), Style{}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(all_failures(hostile_run(), Style{}), HasSubstr("\\x1b[31m"));
}

TEST(FailureText, AFixtureInWhichSomethingWentWrongIsShown) {
  auto run = sample_run();
  TestResult& test = run.tests[0];
  EXPECT_THAT(failure_text(test, run, Style{}), Not(HasSubstr("accept()")));
  test.conversation[4].mark = Mark::missing;
  EXPECT_THAT(failure_text(test, run, Style{}), HasSubstr("accept()"));
}

TEST(FailureText, ShowsFortyLinesAndSaysHowManyItLeftOut) {
  TestResult test = sample_run().tests[0];
  test.conversation.clear();
  for (int i = 1; i <= 40; ++i) test.conversation.push_back(numbered(i));
  EXPECT_THAT(failure_text(test, sample_run(), Style{}), Not(HasSubstr("left out")));
  test.conversation.push_back(numbered(41));
  EXPECT_THAT(failure_text(test, sample_run(), Style{}), HasSubstr("1 line left out before"));
  test.conversation[0].first_divergence = true;
  EXPECT_THAT(failure_text(test, sample_run(), Style{}), HasSubstr("1 line left out after"));
  EXPECT_THAT(failure_text(test, sample_run(), Style{.detail = Detail::verbose}), Not(HasSubstr("left out")));
}

TEST(FailureText, SaysWhatCameBeforeLinesAboveIt) {
  TestResult test = sample_run().tests[0];
  test.conversation = {numbered(1), numbered(2), numbered(3)};
  for (auto& line : test.conversation) {
    line.lane = Lane::from_target;
    line.observed = fmt::format("segment {}", line.number);
  }
  test.conversation[1].lane = Lane::time;
  test.conversation[1].time_ns = 7'000'000;
  test.conversation[2].time_ns = 7'000'000;
  EXPECT_THAT(failure_text(test, sample_run(), Style{}), Not(HasSubstr("came earlier")));
  test.conversation[2].time_ns = 5'000'000;
  EXPECT_THAT(failure_text(test, sample_run(), Style{}), HasSubstr("segment 3  (came earlier)\n"));
}

TEST(DifferenceText, ShowsHexWhereItHelps) {
  EXPECT_EQ(difference_text({"seq", "1001", "999"}), "seq: expected 1001, observed 999");
  EXPECT_EQ(difference_text({"win", "32767", "1"}), "win: expected 32767, observed 1");
  EXPECT_EQ(difference_text({"win", "32768", "1"}), "win: expected 32768 (0x8000), observed 1 (0x1)");
  EXPECT_EQ(difference_text({"checksum", "255", "16"}), "checksum: expected 255 (0xff), observed 16 (0x10)");
  EXPECT_EQ(difference_text({"flags", "SA", "R"}), "flags: expected SA, observed R");
  EXPECT_EQ(difference_text({"mss", "1460", ""}), "mss: expected 1460, observed nothing");
}

TEST(SummaryText, LooksLikeTheGoldenText) {
  expect_golden("summary.golden", summary_text(sample_run(), Style{}));
}

TEST(SummaryText, OfOneTargetSaysWhatItDoesNotMeet) {
  auto run = sample_run();
  run.targets.resize(1);
  std::erase_if(run.tests, [&](const TestResult& test) { return test.target != run.targets.front().name; });
  expect_golden("summary-of-one.golden", summary_text(run, Style{}));
}

TEST(SummaryText, SaysWhatIsNotOffered) {
  auto run = sample_run();
  EXPECT_THAT(summary_text(run, Style{}), Not(HasSubstr("not offered")));
  run.tests[0].missing = {"timestamps"};
  run.tests[1].missing = {"ipv6", "timestamps"};
  EXPECT_THAT(summary_text(run, Style{}), HasSubstr("\nnot offered: timestamps (2), ipv6 (1)\n"));
}

TEST(SummaryText, SaysSoWhenNothingWasRunOrTheRunWasInterrupted) {
  reports::Run run;
  EXPECT_THAT(summary_text(run, Style{}), HasSubstr("Nothing was run"));
  run.interrupted = true;
  EXPECT_THAT(summary_text(run, Style{}), HasSubstr("interrupted"));
}

TEST(SummaryText, ARunWithoutUnexpectedResultsSaysSo) {
  auto run = sample_run();
  std::erase_if(run.tests, [](const TestResult& test) { return test.verdict != Verdict::pass; });
  EXPECT_THAT(summary_text(run, Style{}), HasSubstr("All as expected: 2 results on 2 targets"));
}

}  // namespace
}  // namespace tcpspec::reports
