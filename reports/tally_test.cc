#include "reports/tally.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/sample_run.hh"

namespace tcpspec::reports {
namespace {

TestResult result(std::string requirement, Verdict verdict) {
  TestResult test;
  test.target = "linux";
  test.requirements = {std::move(requirement)};
  test.verdict = verdict;
  return test;
}

TEST(Standings, AreTheWorstOfTheTestsThatNameARequirement) {
  const auto standings = requirement_standings({result("MUST-1", Verdict::pass), result("MUST-1", Verdict::fail),
                                                result("MUST-1", Verdict::warn), result("MUST-2", Verdict::pass)});
  EXPECT_EQ(standing_of(standings, "MUST-1", "linux"), Verdict::fail);
  EXPECT_EQ(standing_of(standings, "MUST-2", "linux"), Verdict::pass);
  EXPECT_EQ(standing_of(standings, "MUST-2", "lwip"), std::nullopt);
  EXPECT_EQ(standing_of(standings, "MUST-3", "linux"), std::nullopt);
  EXPECT_EQ(to_string(standing_of(standings, "MUST-3", "linux")), "untested");
}

TEST(Standings, UnsupportedCountsOnlyWhenAllTestsSaySo) {
  const auto standings =
      requirement_standings({result("a", Verdict::unsupported), result("a", Verdict::pass), result("b", Verdict::pass),
                             result("b", Verdict::unsupported), result("c", Verdict::unsupported)});
  EXPECT_EQ(standing_of(standings, "a", "linux"), Verdict::pass);
  EXPECT_EQ(standing_of(standings, "b", "linux"), Verdict::pass);
  EXPECT_EQ(standing_of(standings, "c", "linux"), Verdict::unsupported);
}

TEST(Standings, MetMeansPassOrInfo) {
  EXPECT_TRUE(is_met(Verdict::pass));
  EXPECT_TRUE(is_met(Verdict::info));
  EXPECT_FALSE(is_met(Verdict::warn));
  EXPECT_FALSE(is_met(Verdict::unsupported));
  EXPECT_FALSE(is_met(std::nullopt));
}

TEST(Standings, AreCountedByRfcAndTarget) {
  std::vector<TestResult> tests;
  std::vector<Requirement> catalogue;
  const auto add = [&](std::string id, std::string rfc) {
    auto& row = catalogue.emplace_back();
    row.id = std::move(id);
    row.rfc = std::move(rfc);
  };
  for (const auto verdict : {Verdict::pass, Verdict::info, Verdict::unsupported, Verdict::warn, Verdict::inconclusive,
                             Verdict::fail, Verdict::crash, Verdict::hang, Verdict::error}) {
    tests.push_back(result(std::string(to_string(verdict)), verdict));
    add(tests.back().requirements.front(), "9293");
  }
  add("untested", "9293");
  add("other", "793");
  const auto standings = requirement_standings(tests);
  EXPECT_EQ(count_standings(catalogue, "9293", standings, "linux"),
            (StandingCounts{.met = 2, .not_met = 4, .unsupported = 1, .undecided = 2, .untested = 1}));
  EXPECT_EQ(count_standings(catalogue, "793", standings, "linux"), StandingCounts{.untested = 1});
  EXPECT_EQ(count_standings(catalogue, "9293", standings, "lwip"), StandingCounts{.untested = 10});
}

TEST(Unexpected, IsWhatTheBaselineDoesNotExplain) {
  TestResult test;
  test.overlay = Overlay::none;
  test.verdict = Verdict::warn;
  EXPECT_FALSE(is_unexpected(test));
  test.verdict = Verdict::inconclusive;
  EXPECT_TRUE(is_unexpected(test));
  test.overlay = Overlay::expected;
  EXPECT_FALSE(is_unexpected(test));
  test.verdict = Verdict::pass;
  test.overlay = Overlay::unexpected;
  EXPECT_TRUE(is_unexpected(test));
  test.overlay = Overlay::fixed;
  EXPECT_FALSE(is_unexpected(test));
}

TEST(Targets, ComeFromTheRunAndFromItsResults) {
  auto run = sample_run();
  run.tests[0].target = "guest";
  EXPECT_THAT(target_names(run), testing::ElementsAre("linux", "lwip", "guest"));
  EXPECT_EQ(target_label(run, "lwip"), "lwip 2.1.3");
  EXPECT_EQ(target_label(run, "guest"), "guest");
}

TEST(SampleRun, HasEveryVerdictMarkOverlayAndLane) {
  const auto run = sample_run();
  for (const std::size_t count : count_verdicts(run.tests)) EXPECT_GE(count, 1U);
  std::set<Overlay> overlays;
  std::set<Mark> marks;
  std::set<Lane> lanes;
  for (const TestResult& test : run.tests) {
    overlays.insert(test.overlay);
    for (const ConversationLine& line : test.conversation) {
      marks.insert(line.mark);
      lanes.insert(line.lane);
    }
  }
  EXPECT_EQ(overlays.size(), 5U);
  EXPECT_EQ(marks.size(), 8U);
  EXPECT_EQ(lanes.size(), 5U);
}

}  // namespace
}  // namespace tcpspec::reports
