// Times: an instant of the target's is an interval, and doubt is the target's.

#include <gmock/gmock.h>

#include "engine/test_rig.hh"

namespace tcpspec::engine {
namespace {

using namespace std::chrono_literals;
using test::Rig;
using testing::HasSubstr;

// 1 s less 5 % and 10 ms is 940 ms; 2 s and 5 % and 10 ms is 2110 ms.
constexpr std::string_view kRange =
    "given: ESTABLISHED\nsteps:\n  - send: {flags: A}\n  - expect: {flags: FA}\n    after: 1s..2s\n";

struct RangeCase {
  Duration not_before, not_after;
  bool good;
};

class After : public testing::TestWithParam<RangeCase> {};

TEST_P(After, ComesInItsRangeOrMayHave) {
  Rig rig(kRange);
  rig.establish();
  const auto sent = rig.now;
  rig.now += GetParam().not_after;
  rig.arrive({"FA", 1, 1}, sent + GetParam().not_before, rig.now);
  rig.go();
  EXPECT_EQ(rig.verdict() == Verdict::pass, GetParam().good) << rig.outcome().reason;
  if (GetParam().good) return;
  ASSERT_EQ(rig.divergence()->differences.size(), 1u);
  EXPECT_EQ(rig.divergence()->differences[0].field, "after");
  EXPECT_FALSE(rig.divergence()->packet.empty());  // the segment itself is marked
}

INSTANTIATE_TEST_SUITE_P(Bounds, After,
                         testing::Values(RangeCase{0ms, 940ms - 1ns, false}, RangeCase{0ms, 940ms, true},
                                         RangeCase{2110ms, 2111ms, true}, RangeCase{2110ms + 1ns, 2111ms, false},
                                         RangeCase{0ms, 1h, true}));

TEST(AfterRange, IsMissedAtItsEnd) {
  Rig rig(kRange);
  rig.establish();
  EXPECT_EQ(rig.play().deadline(), rig.now + 2120ms);
}

TEST(AfterRange, CountsFromAnArrivalThatIsItselfAnInterval) {
  // Seen 200 ms late: the real distance may well be 1 s.
  Rig rig(
      "given: ESTABLISHED\ntolerate: [nothing]\nsteps:\n  - expect: {flags: FA}\n  - expect: {flags: FA}\n    after: "
      "1s..2s\n");
  rig.establish();
  const auto began = rig.now;
  rig.now += 200ms;
  rig.arrive({"FA", 1, 1}, began, rig.now);
  rig.go();
  rig.now = began + 1s;
  rig.reply({"FA", 1, 1});
  EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
}

TEST(AfterRange, CountsFromAMark) {
  for (const auto& [wait, good] : {std::pair{940ms, true}, std::pair{939ms, false}}) {
    Rig rig(
        "given: ESTABLISHED\nsteps:\n  - send: {flags: A}\n    mark: t0\n  - wait: 500ms\n  - expect: {flags: FA}\n    "
        "after: 1s..2s\n    since: t0\n");
    rig.establish();
    const auto began = rig.now;
    rig.pass(500ms);
    rig.now = began + wait;
    rig.reply({"FA", 1, 1});
    EXPECT_EQ(rig.verdict() == Verdict::pass, good);
  }
}

TEST(AfterRange, TheTimeScaleStretchesTheLatest) {
  engine::Setup setup;
  setup.time_scale = 2;
  Rig rig(kRange, setup);
  rig.establish();
  rig.pass(4200ms);
  rig.reply({"FA", 1, 1});
  EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
}

TEST(AfterRange, OfAStreamIsThatOfEachSegmentFromTheStepBefore) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - {call: {send: 20}, as: writing}\n  - expect-stream: {data: 1..21}\n    after: "
      "2s..3s\n  - result: writing\n");
  rig.establish();
  rig.pass(2s);
  EXPECT_FALSE(rig.finished());
  rig.reply({"A", 1, 1, 10});
  rig.pass(1ms);
  rig.reply({"A", 11, 1, 10});
  rig.complete_last(20);
  rig.go();
  EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
}

TEST(AfterRange, OfACompletion) {
  for (const auto& [wait, good] : {std::pair{939ms, false}, {940ms, true}, {3160ms, true}}) {
    Rig rig(
        "given: ESTABLISHED\nsteps:\n  - {call: {recv: 1}, as: reading}\n  - {result: reading, is: ETIMEDOUT, after: "
        "1s..3s}\n");
    rig.establish();
    rig.pass(wait);
    EXPECT_FALSE(rig.finished());
    rig.complete_last(0, ETIMEDOUT);
    rig.go();
    EXPECT_EQ(rig.verdict() == Verdict::pass, good) << rig.outcome().reason;
  }
}

std::string gaps(std::string_view ratio) {
  return "given: ESTABLISHED\ntolerate: [nothing]\nsteps:\n  - repeat:\n      times: 3\n      steps:\n        - "
         "expect: {flags: FA, gap: " +
         std::string(ratio) + "}\n          within: 10s\n";
}

TEST(Gap, IsTheRatioOfIntervals) {
  for (const auto& [second, good] : {std::pair{2000ms, true}, {1400ms, false}, {2700ms, false}, {1490ms, true}}) {
    Rig rig(gaps("1.5..2.5"));
    rig.establish();
    rig.reply({"FA", 1, 1});
    rig.now += 1s;
    rig.reply({"FA", 1, 1});
    rig.now += second;
    rig.reply({"FA", 1, 1});
    EXPECT_EQ(rig.verdict() == Verdict::pass, good) << rig.outcome().reason;
    if (!good) {
      EXPECT_EQ(rig.divergence()->differences.at(0).field, "gap");
    }
  }
}

TEST(Gap, DoubtIsTheTargets) {
  Rig rig(gaps("1.9..2.1"));
  rig.establish();
  const auto began = rig.now;
  rig.reply({"FA", 1, 1});
  rig.now = began + 1300ms;
  rig.arrive({"FA", 1, 1}, began + 900ms, rig.now);  // perhaps at 1 s
  rig.go();
  rig.now = began + 3s;
  rig.reply({"FA", 1, 1});
  EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
}

}  // namespace
}  // namespace tcpspec::engine
