#include "runner/schedule.hh"

#include <gmock/gmock.h>

#include "runner/test_target.hh"

namespace tcpspec::runner {
namespace {

using namespace std::chrono_literals;
using engine::Verdict;
using test::FakeTarget;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kSuite = R"(suite: s
requirement: R
tests:
  - {id: open, about: x, given: ESTABLISHED, steps: [{send: {flags: PA, data: 10}}, {expect: {flags: A, ack: 11}}, {call: {recv: 10}}]}
  - {id: refused, about: x, steps: [{send: {flags: S, options: [mss: 1460]}}, {expect: {flags: RA, seq: 0, ack: 1}}]}
  - {id: long, about: x, steps: [{wait: 5s}]}
  - {id: wrong, about: x, given: ESTABLISHED, steps: [{expect: {flags: F}}]}
  - {id: acts, about: x, given: ESTABLISHED, steps: [{wait: 1s}, {send: {flags: A}}, {expect: {flags: F}}]}
  - {id: sends, about: x, given: ESTABLISHED, steps: [{wait: 1s}, {send: {flags: A}}, {wait: 1s}]}
  - {id: idle, about: x, steps: [{call: listen}, {send: {flags: S, options: [mss: 1460]}}, {wait: 500ms}, {expect: {flags: SA}}, {expect: {flags: F}}]}
  - {id: moves, about: x, steps: [{call: listen}, {send: {flags: S, options: [mss: 1460]}}, {expect: {flags: SA}}, {expect: {flags: F}}]}
  - {id: needy, about: x, needs: [teleport], steps: [{wait: 1s}]}
  - {id: set, about: x, sysctl: {net.a: 1}, steps: [{wait: 1s}]}
  - {id: six, about: x, family: ipv6, steps: [{wait: 1s}]}
  - {id: numbered, about: x, needs: [target.msl], steps: [{wait: 2 * $target.msl}]}
)";

class ScheduleTest : public testing::Test {
 protected:
  ScheduleTest() {
    auto loaded = script::load_suite(test::source(kSuite), {}, {{"msl", "1s"}});
    if (!loaded) throw std::runtime_error(script::to_string(loaded.error().front()));
    suite = std::move(*loaded);
  }
  Ending play(std::initializer_list<const char*> ids) {
    std::vector<const script::Test*> tests;
    for (const std::string id : ids)
      for (const auto& each : suite.tests)
        if (each.base_id == "s/" + id) tests.push_back(&each);
    return play_all(
        tests, catalogue, target, options, interrupt,
        [this](Played&& one) {
          order.push_back(one.test->base_id.substr(2));
          played.push_back(std::move(one));
        },
        on_progress);
  }

  script::Suite suite;
  Catalogue catalogue;
  FakeTarget target;
  ScheduleOptions options;
  std::atomic<int> interrupt{0};
  OnProgress on_progress;
  std::vector<Played> played;
  std::vector<std::string> order;
};

TEST_F(ScheduleTest, PlaysToAVerdict) {
  EXPECT_EQ(play({"open", "refused"}), Ending::complete);
  ASSERT_EQ(played.size(), 2u);
  for (const auto& one : played)
    EXPECT_EQ(one.outcome.verdict, Verdict::pass) << one.test->id << ": " << one.outcome.reason;
  EXPECT_EQ(target.attached, 0u);
}

TEST_F(ScheduleTest, ManyAreInFlightButNoMoreThanJobs) {
  options.repeat = 40;
  options.jobs = 7;
  const auto began = target.now();
  play({"long"});
  EXPECT_EQ(played.size(), 40u);
  EXPECT_EQ(target.most_attached, 7u);
  EXPECT_LT(target.now() - began, 6 * 5200ms);
}

TEST_F(ScheduleTest, NorMoreThanTheTargetHasRoomFor) {
  options.repeat = 10;
  target.room_for(3);
  play({"long"});
  EXPECT_EQ(played.size(), 10u);
  EXPECT_EQ(target.most_attached, 3u);
}

TEST_F(ScheduleTest, NoJobsIsOneJob) {
  options.jobs = 0;
  play({"open", "refused"});
  EXPECT_EQ(played.size(), 2u);
  EXPECT_EQ(target.most_attached, 1u);
}

TEST_F(ScheduleTest, StartsWithTheLongestAndKeepsTheOrderOfEquals) {
  options.jobs = 1;
  play({"open", "refused", "long"});
  EXPECT_THAT(order, ElementsAre("long", "open", "refused"));
}

TEST_F(ScheduleTest, RepeatsEachWithASeedOfItsOwn) {
  options.repeat = 3;
  play({"open"});
  ASSERT_EQ(played.size(), 3u);
  EXPECT_NE(played[0].seed, played[1].seed);
  EXPECT_EQ(played[0].repetition + played[1].repetition + played[2].repetition, 3);
}

TEST_F(ScheduleTest, StopsAtTheFirstDeviationWhenAsked) {
  options.jobs = 1;
  options.stop = ScheduleOptions::Stop::at_first_deviation;
  EXPECT_EQ(play({"wrong", "open", "refused"}), Ending::stopped);
  EXPECT_THAT(order, ElementsAre("wrong"));
  EXPECT_EQ(target.attached, 0u);
}

TEST_F(ScheduleTest, ADeviationOfTheLastTestLeavesNothingUndone) {
  options.stop = ScheduleOptions::Stop::at_first_deviation;
  EXPECT_EQ(play({"wrong"}), Ending::complete);
}

TEST_F(ScheduleTest, AnInterruptDropsWhatIsInFlight) {
  on_progress = [this](std::size_t, std::size_t in_flight, std::size_t) {
    if (in_flight > 0) interrupt = 2;
  };
  EXPECT_EQ(play({"long"}), Ending::interrupted);
  EXPECT_TRUE(played.empty());
  EXPECT_EQ(target.detached, 1u);
}

TEST_F(ScheduleTest, ATesterThatIsAlwaysLateSaysNothing) {
  target.jump = 30ms;
  play({"acts"});
  ASSERT_EQ(played.size(), 1u);
  EXPECT_EQ(played[0].attempts, 5);
  EXPECT_EQ(played[0].outcome.verdict, Verdict::inconclusive);
  EXPECT_THAT(played[0].outcome.reason, HasSubstr("late"));
}

TEST_F(ScheduleTest, ALatenessWithinTheSlackIsNoExcuse) {
  target.jump = 24ms;
  play({"acts"});
  EXPECT_EQ(played.at(0).attempts, 1);
  EXPECT_EQ(played[0].outcome.verdict, Verdict::fail);
}

TEST_F(ScheduleTest, TheTimeScaleStretchesTheSlack) {
  target.jump = 30ms;
  options.time_scale = 2;
  play({"acts"});
  EXPECT_EQ(played.at(0).attempts, 1);
}

// Only silence was to be judged: that it was judged late makes it no less true.
TEST_F(ScheduleTest, LatenessIsNoExcuseWhereNothingWasToBeDone) {
  target.jump = 30ms;
  play({"wrong"});
  EXPECT_EQ(played.at(0).attempts, 1);
  EXPECT_EQ(played[0].outcome.verdict, Verdict::fail);
}

// The tolerated ACK is seen late, but nothing was to be done about it.
TEST_F(ScheduleTest, LatenessInSeeingWhatIsToleratedIsNoExcuse) {
  target.jump = 30ms;
  target.answer_after = 100ms;
  play({"idle"});
  EXPECT_EQ(played.at(0).attempts, 1);
  EXPECT_EQ(played[0].outcome.verdict, Verdict::fail);
}

// The answer is seen late, and the next step counts from there: what it then finds says nothing.
TEST_F(ScheduleTest, GoingOnLateVoidsTheAttempt) {
  target.jump = 30ms;
  target.answer_after = 100ms;
  play({"moves"});
  EXPECT_EQ(played.at(0).attempts, 5);
  EXPECT_EQ(played[0].outcome.verdict, Verdict::inconclusive);
}

TEST_F(ScheduleTest, APassStandsThoughTheTesterWasLate) {
  target.jump = 30ms;
  play({"open"});
  EXPECT_EQ(played.at(0).attempts, 1);
  EXPECT_EQ(played[0].outcome.verdict, Verdict::pass);
}

TEST_F(ScheduleTest, UnlessItContradictsWhatIsKnown) {
  target.jump = 30ms;
  int asked = 0;
  options.surprises = [&](const script::Test&, Verdict verdict) { return verdict == Verdict::pass && ++asked == 1; };
  play({"sends"});
  EXPECT_EQ(played.at(0).attempts, 2);
  EXPECT_EQ(played[0].outcome.verdict, Verdict::pass);
  // It is not held against the target that the tester is always late.
  played.clear();
  options.surprises = [](const script::Test&, Verdict) { return true; };
  play({"sends"});
  EXPECT_EQ(played.at(0).attempts, 5);
  EXPECT_EQ(played[0].outcome.verdict, Verdict::pass);
  // In time it stands.
  played.clear();
  target.jump = 0ms;
  play({"sends"});
  EXPECT_EQ(played.at(0).attempts, 1);
}

TEST_F(ScheduleTest, TimeThatPassesWhileScriptsActMakesThemLate) {
  target.on_inject = [](FakeTarget& fake, target::AttachmentId) { fake.pass(30ms); };
  play({"wrong"});
  EXPECT_EQ(played.at(0).attempts, 5);
}

TEST_F(ScheduleTest, ACrashIsReportedHoweverLateWeWere) {
  target.jump = 30ms;
  target.on_inject = [](FakeTarget& fake, target::AttachmentId id) {
    fake.post(fake.now() + 500ms, target::TargetFailure{id, target::TargetFailure::Kind::crash, "it died"});
  };
  play({"wrong"});
  EXPECT_EQ(played.at(0).attempts, 1);
  EXPECT_EQ(played[0].outcome.verdict, Verdict::crash);
}

// What was sent before a deadline is seen before the deadline is judged, though the wait
// ended just before it with another event, and the clock was read just behind it.
TEST_F(ScheduleTest, LooksOnceMoreBeforeADeadlineIsJudged) {
  target.answer_after = 1s;  // just as long as `refused` waits
  target.return_takes = 2ms;
  target.on_inject = [](FakeTarget& fake, target::AttachmentId id) {
    target::CallResult of_no_call;
    of_no_call.id = 99;
    fake.post(fake.now() + 999ms, target::CallCompletion{id, of_no_call});
  };
  play({"refused"});
  EXPECT_EQ(played.at(0).outcome.verdict, Verdict::pass) << played[0].outcome.reason;
}

TEST_F(ScheduleTest, ATargetThatRefusesIsAnError) {
  target.refuses = "no room";
  play({"open"});
  ASSERT_TRUE(played.at(0).refused);
  EXPECT_EQ(played[0].refused->what, "no room");
}

TEST_F(ScheduleTest, WhatTheTargetLacksIsNotPlayed) {
  play({"needy", "six"});
  ASSERT_EQ(played.size(), 2u);
  for (const auto& one : played)
    EXPECT_THAT(one.missing, ElementsAre(one.test->base_id == "s/needy" ? "teleport" : "ipv6"));
  EXPECT_EQ(target.detached, 0u);
}

TEST_F(ScheduleTest, SettingsThatAreOutOfReachAreACapabilityThatLacks) {
  play({"set"});
  EXPECT_THAT(played.at(0).missing, ElementsAre());
  target.able("fixed-sysctl");
  play({"set"});
  EXPECT_THAT(played.at(1).missing, ElementsAre("sysctl"));
  target.able("sysctl");
  play({"set"});
  EXPECT_THAT(played.at(2).missing, ElementsAre());
}

TEST_F(ScheduleTest, WhatNeedsANumberIsForTargetsWhoseFileGivesIt) {
  play({"numbered"});
  ASSERT_THAT(played.at(0).missing, ElementsAre("target.msl"));
  options.declared = {"msl"};
  play({"numbered"});
  EXPECT_TRUE(played.at(1).missing.empty());
}

TEST_F(ScheduleTest, OneSeedGivesOneRun) {
  std::vector<std::pair<target::AttachmentId, target::Bytes>> first;
  for (const std::uint64_t seed : {1u, 1u, 2u}) {
    target = FakeTarget();
    options.seed = seed;
    options.repeat = 5;
    play({"open", "refused", "long", "wrong"});
    if (first.empty()) first = target.wire;
    EXPECT_EQ(target.wire == first, seed == 1) << seed;
  }
}

TEST(SeedOf, DependsOnRunTestAndRepetitionAlone) {
  EXPECT_EQ(seed_of(1, "s/open", 0), 5267035309834682406ull);
  EXPECT_NE(seed_of(1, "s/open", 0), seed_of(2, "s/open", 0));
  EXPECT_NE(seed_of(1, "s/open", 0), seed_of(1, "s/open", 1));
  EXPECT_NE(seed_of(1, "s/open", 0), seed_of(1, "s/close", 0));
}

}  // namespace
}  // namespace tcpspec::runner
