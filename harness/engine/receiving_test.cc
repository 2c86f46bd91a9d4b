// Expectations, alternatives, tolerances, silence, streams.

#include <gmock/gmock.h>

#include "engine/test_rig.hh"

namespace tcpspec::engine {
namespace {

using namespace std::chrono_literals;
using test::Reply;
using test::Rig;
using testing::HasSubstr;

constexpr std::string_view kWantsFin = "given: ESTABLISHED\nsteps:\n  - expect: {flags: FA, seq: 1, ack: 1}\n";

TEST(Expect, AnotherSegmentDivergesFieldByField) {
  Rig rig(kWantsFin);
  rig.establish();
  rig.reply({"RA", 1, 1});
  EXPECT_EQ(rig.verdict(), Verdict::fail);
  ASSERT_NE(rig.divergence(), nullptr);
  EXPECT_EQ(rig.divergence()->mark, Mark::mismatch);
  ASSERT_EQ(rig.divergence()->differences.size(), 1u);
  EXPECT_EQ(rig.divergence()->differences[0].field, "flags");
  EXPECT_EQ(rig.divergence()->differences[0].observed, "RA");
}

TEST(Expect, WaitsUntilItsDeadlineAndNoLonger) {
  Rig rig(kWantsFin);
  rig.establish();
  rig.pass(1s - 1ns);
  EXPECT_FALSE(rig.finished());
  rig.pass(1ns);
  EXPECT_TRUE(rig.finished());
  EXPECT_EQ(rig.divergence()->mark, Mark::missing);
}

TEST(Expect, TakesWhatMayHaveComeInTimeThoughItWasSeenLate) {
  for (const auto& [not_before, good] : {std::pair{-1ns, true}, std::pair{0ns, false}}) {
    Rig rig("given: ESTABLISHED\nsteps:\n  - expect: {flags: FA}\n");
    rig.establish();
    const auto deadline = rig.play().deadline().value();
    rig.now = deadline + 50ms;
    rig.arrive({"FA", 1, 1}, deadline + not_before, rig.now);
    rig.go();
    EXPECT_EQ(rig.verdict() == Verdict::pass, good);
  }
}

TEST(Expect, JudgesEventsOfAVoidOfTimeBeforeItsDeadline) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - expect: {flags: FA}\n  - expect: {flags: FA}\n    within: 2s\n");
  rig.establish();
  const auto began = rig.now;
  rig.now += 1h;
  rig.arrive({"FA", 1, 1}, began, rig.now);
  rig.go();
  ASSERT_FALSE(rig.finished());
  EXPECT_EQ(rig.play().deadline(), rig.now + 2s);  // the next step has its whole time
}

TEST(Expect, LooksAtWhatCameWhileAnotherStepWaited) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - call: state\n  - wait: 1s\n  - expect: {flags: FA}\n");
  rig.establish();
  rig.reply({"FA", 1, 1});
  EXPECT_FALSE(rig.finished());
  rig.complete_last();
  rig.pass(500ms);
  rig.pass(500ms);
  EXPECT_EQ(rig.verdict(), Verdict::pass);
}

struct ToleranceCase {
  std::string_view name, tolerate, before;
  Reply segment;
};

class Tolerated : public testing::TestWithParam<ToleranceCase> {};

TEST_P(Tolerated, PassesOnlyWhereItIsNamed) {
  const auto& param = GetParam();
  for (const bool named : {true, false}) {
    const std::string list = named ? std::string(param.tolerate) : "nothing";
    Rig rig("given: ESTABLISHED\ntolerate: [" + list + "]\nsteps:\n" + std::string(param.before) +
            "  - silence: 500ms\n");
    rig.establish();
    if (param.before.find("call") != std::string_view::npos) {
      rig.complete_last(1);
      rig.reply({"A", 1, 1, 1});
    }
    rig.reply(param.segment);
    EXPECT_EQ(rig.verdict(), named ? Verdict::pass : Verdict::fail) << rig.outcome().reason;
  }
}

constexpr std::string_view kSendsData = "  - send: {flags: PA, data: 10}\n";
constexpr std::string_view kTakesData = "  - call: {send: 1}\n  - expect: {flags: A, seq: 1, len: 1}\n";
INSTANTIATE_TEST_SUITE_P(Each, Tolerated,
                         testing::Values(ToleranceCase{"ack", "ack", kSendsData, {"A", 1, 11}},
                                         ToleranceCase{"window", "window-update", "", {"A", 1, 1, 0, 64000}},
                                         ToleranceCase{"duplicate", "duplicate-ack", "", {"A", 1, 1}},
                                         ToleranceCase{"retransmission", "retransmission", kTakesData, {"A", 1, 1, 1}},
                                         ToleranceCase{"probe", "probe", "", {"A", 0, 1}},
                                         ToleranceCase{"any", "any", "", {"FA", 1, 1}}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Tolerance, SeveralInTheQueueAreTakenOneByOne) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - send: {flags: PA, data: 10}\n  - send: {flags: PA, data: 10}\n  - expect: "
      "{flags: FA}\n");
  rig.establish();
  rig.arrive({"A", 1, 11});
  rig.arrive({"A", 1, 21});
  rig.arrive({"A", 1, 21, 0, 64000});
  rig.reply({"FA", 1, 21});
  EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
  EXPECT_EQ(rig.count(Mark::tolerated), 3u);
}

TEST(Tolerance, AnyIncludesOtherPorts) {
  Rig rig("given: ESTABLISHED\ntolerate: [any]\nsteps:\n  - silence: 100ms\n");
  rig.establish();
  rig.tester_port = 9;
  rig.reply({"R", 1, 0});
  EXPECT_EQ(rig.verdict(), Verdict::pass);
}

std::string with_alternative(std::string_view alternative, std::string_view rest = "") {
  return "given: ESTABLISHED\nsteps:\n  - send: {flags: PA, data: 10}\n  - expect: {flags: FA}\n    or: [{" +
         std::string(alternative) + ", why: because}]\n" + std::string(rest);
}

TEST(Alternatives, EachOutcomeIsAVerdict) {
  for (const auto& [word, verdict] : {std::pair{"pass", Verdict::pass},
                                      {"info", Verdict::info},
                                      {"warn", Verdict::warn},
                                      {"fail", Verdict::fail},
                                      {"unsupported", Verdict::unsupported}}) {
    Rig rig(with_alternative(std::string("expect: {flags: R}, then: end, outcome: ") + word));
    rig.establish();
    rig.reply({"R", 1, 0});
    EXPECT_EQ(rig.verdict(), verdict);
    EXPECT_EQ(rig.outcome().reason, verdict == Verdict::pass ? "" : "because");
    EXPECT_EQ(rig.count(Mark::alternative), 1u);
  }
}

TEST(Alternatives, GoOnEndOrPlayStepsAndEnd) {
  const std::string rest = "  - send: {flags: PA, data: 5}\n";
  for (const auto& [then, seq] : {std::pair{"continue", 11u}, {"end", 1u}, {"[{send: {flags: A, seq: 77}}]", 77u}}) {
    Rig rig(with_alternative(std::string("expect: {flags: R}, then: ") + then, rest));
    rig.establish();
    rig.reply({"R", 1, 0});
    EXPECT_EQ(rig.sent_seq(), seq) << then;
    EXPECT_EQ(rig.verdict(), Verdict::pass);
  }
}

TEST(Alternatives, AMentionedSegmentIsNotMerelyTolerated) {
  Rig rig(with_alternative("expect: {flags: A, ack: 11}, outcome: warn, then: end"));
  rig.establish();
  rig.reply({"A", 1, 11});
  EXPECT_EQ(rig.verdict(), Verdict::warn);
}

TEST(Alternatives, SilenceHoldsThoughAToleratedAckCame) {
  Rig rig(with_alternative("silence: 2s, outcome: info"));
  rig.establish();
  const auto began = rig.now;
  rig.pass(500ms);
  rig.reply({"A", 1, 11});
  rig.now = began + 2s - 1ns;
  rig.go();
  EXPECT_EQ(rig.count(Mark::alternative), 1u);
  EXPECT_EQ(rig.verdict(), Verdict::info) << rig.outcome().reason;
}

TEST(Alternatives, SilenceIsOverWhenItsTimeIs) {
  // What came behind it, or perhaps behind it, is for the next step.
  for (const auto not_before : {0ns, -1ns}) {
    Rig rig(with_alternative("silence: 1s, outcome: info", "  - expect: {flags: RA}\n"));
    rig.establish();
    const auto deadline = rig.play().deadline().value();
    rig.now = deadline + 20ms;
    rig.arrive({"RA", 1, 11}, deadline + not_before, deadline + 1ns);
    rig.go();
    EXPECT_EQ(rig.verdict(), Verdict::info) << rig.outcome().reason;
  }
}

TEST(Alternatives, AfterAnEarlyEndCompletionsAreNotJudged) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - {call: {recv: 1}, as: reading}\n  - expect: {flags: FA}\n    or: [{expect: "
      "{flags: R}, outcome: warn, why: because, then: end}]\n  - {result: reading, is: eof}\n");
  rig.establish();
  rig.arrive({"R", 1, 0});
  rig.complete_last(0, ECONNRESET);
  rig.go();
  EXPECT_EQ(rig.verdict(), Verdict::warn) << rig.outcome().reason;
}

TEST(Silence, EndsAtItsTimeAndNotBefore) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - silence: 500ms\n  - send: {flags: A, seq: 77}\n");
  rig.establish();
  rig.pass(500ms - 1ns);
  EXPECT_NE(rig.sent_seq(), 77u);
  rig.pass(1ns);
  EXPECT_EQ(rig.sent_seq(), 77u);
}

TEST(Silence, IsNotBrokenByWhatComesBehindIt) {
  for (const auto& [after, good] : {std::pair{0ns, false}, std::pair{1ns, true}}) {
    Rig rig("given: ESTABLISHED\nsteps:\n  - silence: 500ms\n  - expect: {flags: FA}\n");
    rig.establish();
    const auto deadline = rig.play().deadline().value();
    rig.now = deadline + 20ms;
    rig.arrive({"FA", 1, 1}, deadline - 1ms, deadline + after);
    rig.go();
    EXPECT_EQ(rig.verdict() == Verdict::pass, good);
  }
}

TEST(Silence, StrictToleratesOnlyWhatCameBeforeIt) {
  for (const bool before : {true, false}) {
    Rig rig(
        "given: ESTABLISHED\nsteps:\n  - send: {flags: PA, data: 10}\n  - wait: 1s\n  - silence: {for: 500ms, strict: "
        "true}\n");
    rig.establish();
    if (before) rig.arrive({"A", 1, 11});
    rig.pass(1s);
    if (!before) rig.reply({"A", 1, 11});
    EXPECT_EQ(rig.verdict() == Verdict::pass, before);
  }
}

// ---- streams

constexpr std::string_view kStream =
    "given: ESTABLISHED\nsteps:\n  - {call: {send: 2000}, as: writing}\n  - expect-stream: {data: "
    "snd_nxt..snd_nxt+2000, reply: ack}\n  - result: writing\n";

TEST(ExpectStream, TakesAnySegmentationAndOverlaps) {
  Rig rig(kStream);
  rig.establish();
  rig.reply({"A", 1, 1, 700});
  EXPECT_EQ(rig.sent_ack(), 701u);
  rig.reply({"A", 1, 1, 700});  // again
  rig.reply({"A", 401, 1, 800});
  EXPECT_EQ(rig.sent_ack(), 1201u);
  rig.reply({"PA", 1201, 1, 800});
  EXPECT_EQ(rig.sent_ack(), 2001u);
  rig.complete_last(2000);
  rig.go();
  EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
}

TEST(ExpectStream, AHoleOrTooMuchDiverges) {
  for (const Reply& wrong : {Reply{"A", 2, 1, 10}, Reply{"A", 1, 1, 2001}, Reply{"FA", 1, 1, 10}, Reply{"RA", 1, 1}}) {
    Rig rig(kStream);
    rig.establish();
    rig.reply(wrong);
    EXPECT_EQ(rig.verdict(), Verdict::fail);
    EXPECT_THAT(rig.divergence()->expected_text, HasSubstr("data 1..2001"));
  }
}

TEST(ExpectStream, StopsAtItsDeadline) {
  Rig rig(kStream);
  rig.establish();
  rig.reply({"A", 1, 1, 1000});
  EXPECT_EQ(rig.verdict(), Verdict::fail);
  EXPECT_THAT(rig.divergence()->text, HasSubstr("data up to 1001 only"));
}

TEST(ExpectStream, EachSegmentHasTheLengthThatIsSaid) {
  for (const auto& [length, good] : {std::pair{536u, true}, std::pair{537u, false}}) {
    Rig rig("given: ESTABLISHED\nsteps:\n  - call: {send: 537}\n  - expect-stream: {data: 1..538, len: <= 536}\n");
    rig.establish();
    rig.complete_last(537);
    rig.go();
    rig.reply({"A", 1, 1, length});
    if (good) rig.reply({"A", 537, 1, 1});
    EXPECT_EQ(rig.verdict() == Verdict::pass, good) << rig.outcome().reason;
  }
}

TEST(ExpectStream, AFinMayRideOnTheDataOrFollowIt) {
  for (const bool rides : {true, false}) {
    Rig rig(
        "given: ESTABLISHED\nsteps:\n  - call: {send: 100}\n  - expect-stream: {data: 1..101, fin: true, reply: "
        "ack}\n");
    rig.establish();
    rig.complete_last(100);
    rig.go();
    if (rides) {
      rig.reply({"FA", 1, 1, 100});
    } else {
      rig.reply({"A", 1, 1, 100});
      rig.reply({"FA", 101, 1});
    }
    EXPECT_EQ(rig.sent_ack(), 102u);
    EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
  }
}

TEST(ExpectStream, AcknowledgementsComeInAnyNumber) {
  Rig rig(
      "given: ESTABLISHED\ntolerate: [nothing]\nsteps:\n  - send: {flags: PA, data: 10}\n  - send: {flags: PA, data: "
      "10}\n  - expect-stream: {acked: rcv_nxt}\n");
  rig.establish();
  rig.reply({"A", 1, 11});
  rig.reply({"A", 1, 11});
  rig.reply({"A", 1, 21});
  EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
}

// ---- what the target writes

TEST(Data, MustBeWhatTheApplicationWrote) {
  for (const std::size_t shifted : {0u, 1u}) {
    Rig rig("given: ESTABLISHED\nsteps:\n  - call: {send: 10}\n  - expect: {flags: A, len: 10}\n");
    rig.establish();
    rig.complete_last(10);
    rig.reply({"A", 1, 1, 10, 65000, {}, shifted});
    EXPECT_EQ(rig.found("data-intact"), shifted == 1);
    EXPECT_EQ(rig.verdict() == Verdict::fail, shifted == 1);
  }
}

TEST(Data, BeyondWhatWasWrittenIsAnInvention) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - call: {send: 10}\n  - expect: {flags: A, len: 11}\n");
  rig.establish();
  rig.complete_last(10);
  rig.reply({"A", 1, 1, 11});
  EXPECT_TRUE(rig.found("data-was-written"));
}

// A keep-alive's octet may be anything; one that was not acknowledged yet may not.
TEST(Data, OneOctetAtAnOldNumberIsAKeepAlive) {
  for (const bool acknowledged : {true, false}) {
    Rig rig(std::string("given: ESTABLISHED\ntolerate: [any]\nsteps:\n  - call: {send: 10}\n"
                        "  - expect: {flags: A, len: 10}\n") +
            (acknowledged ? "  - send: {flags: A}\n" : "") + "  - silence: 1s\n");
    rig.establish();
    rig.complete_last(10);
    rig.reply({"A", 1, 1, 10});
    rig.reply({"A", 10, 1, 1, 65000, {}, 99});
    EXPECT_EQ(rig.found("data-intact"), !acknowledged);
  }
}

TEST(Data, AnOctetByItselfIsLookedAt) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - call: {send: 1}\n  - expect: {flags: A, len: 1}\n");
  rig.establish();
  rig.complete_last(1);
  rig.reply({"A", 1, 1, 1, 65000, {}, 1});
  EXPECT_TRUE(rig.found("data-intact"));
}

}  // namespace
}  // namespace tcpspec::engine
