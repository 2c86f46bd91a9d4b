// The machine as a whole: what is sent by default, verdicts, the end of a test.

#include "engine/play.hh"

#include <gmock/gmock.h>

#include "engine/test_rig.hh"
#include "packet/icmp.hh"

namespace tcpspec::engine {
namespace {

using namespace std::chrono_literals;
using packet::Flags;
using test::Rig;
using testing::HasSubstr;

TEST(Send, DefaultsFollowTheConnection) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - send: {flags: PA, data: 10}\n  - send: {flags: A, win: 100}\n  - send: {flags: "
      "A}\n");
  rig.establish();
  const auto& data = rig.sent(2);
  EXPECT_EQ(data.payload().size(), 10u);
  EXPECT_EQ(data.window(), 65535);
  EXPECT_EQ(rig.sent(1).window(), 100);
  EXPECT_EQ(rig.sent().window(), 100);  // advertised last
  EXPECT_EQ(rig.sent_seq(), 11u);
  EXPECT_EQ(rig.sent_ack(), 1u);
}

TEST(Send, NumbersWrapWithBothIss) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - call: {send: 1000}\n  - expect: {flags: A, seq: 1, len: 1000}\n  - send: "
      "{flags: A, seq: rcv_nxt + 600, ack: snd_nxt}\n");
  rig.establish();
  rig.complete_last(1000);
  rig.reply({"A", 1, 1, 1000});
  EXPECT_EQ(rig.sent_seq(), 601u);
  EXPECT_EQ(rig.sent_ack(), 1001u);
  EXPECT_LT(rig.sent().ack().raw(), Rig::target_iss);  // it did wrap
  EXPECT_EQ(rig.verdict(), Verdict::pass);
}

// The target has allowed what is sent next, though no step has looked at its acknowledgement.
TEST(Send, AWindowHoldsFromItsArrival) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - send: {flags: PA, data: 600}\n  - {call: {recv: 600}, is: 600}\n"
      "  - send: {flags: PA, data: 600}\n  - send: {flags: PA, data: 600}\n  - send: {flags: A}\n");
  rig.complete_last();
  rig.go();
  rig.reply({"SA", 0, 1, 0, 1000});
  rig.complete_last();
  rig.go();
  rig.arrive({"A", 1, 601, 0, 1000});
  rig.complete_last(600);
  rig.go();
  EXPECT_EQ(rig.sent(1).seq().raw() - rig.iss.at(rig.tester_port), 1201u);
  EXPECT_EQ(rig.sent_seq(), 1601u);  // what lies behind the window need not be taken
}

TEST(Send, WhatMustNotBeTakenMovesNothing) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - send: {flags: PA, data: 10, checksum: bad}\n  - send: {flags: PA, data: 10, "
      "ignored: true}\n  - send: {flags: A}\n");
  rig.establish();
  EXPECT_EQ(rig.sent_seq(), 1u);
}

TEST(Send, AnIssThatNamesAConnectionThatIsNotThereYetIsZeroBased) {
  Rig rig("connections: {a: {iss: rcv_nxt + 5}}\nsteps:\n  - send: {flags: S, options: [mss: 1460]}\n");
  EXPECT_EQ(rig.sent().seq().raw(), 5u);
}

TEST(Verdicts, ADivergenceWeighsAsItsLevelSays) {
  for (const auto& [level, verdict] : {std::pair{script::Level::must, Verdict::fail},
                                       {script::Level::should, Verdict::warn},
                                       {script::Level::may, Verdict::info},
                                       {script::Level::practice, Verdict::info}}) {
    engine::Setup setup;
    setup.level = level;
    Rig rig("given: ESTABLISHED\nsteps:\n  - expect: {flags: F}\n", setup);
    rig.establish();
    EXPECT_EQ(rig.verdict(), verdict);
    EXPECT_THAT(rig.outcome().reason, HasSubstr("did not come within 1s"));
  }
}

TEST(Verdicts, AFixtureThatIsNotReachedIsInconclusive) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - send: {flags: A}\n");
  rig.complete_last();
  rig.go();
  EXPECT_EQ(rig.verdict(), Verdict::inconclusive);
  EXPECT_THAT(rig.outcome().reason, HasSubstr("not reached"));
}

TEST(Verdicts, CrashAndHangAreSaidAtOnce) {
  for (const auto& [kind, verdict] : {std::pair{target::TargetFailure::Kind::crash, Verdict::crash},
                                      {target::TargetFailure::Kind::hang, Verdict::hang},
                                      {target::TargetFailure::Kind::garbled, Verdict::error}}) {
    Rig rig("given: ESTABLISHED\nsteps:\n  - wait: 1s\n");
    rig.establish();
    rig.fail(kind);
    EXPECT_TRUE(rig.finished());
    EXPECT_EQ(rig.verdict(), verdict);
    EXPECT_EQ(rig.outcome().reason, "it died");
  }
}

TEST(Verdicts, LastWordsAreForTheReason) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - wait: 1s\n");
  rig.establish();
  rig.play().on_failure({0, target::TargetFailure::Kind::crash, "it died. It said:\none\ntwo"}, rig.now);
  EXPECT_EQ(rig.outcome().reason, "it died. It said:\none\ntwo");
  EXPECT_EQ(rig.outcome().trace.back().text, "it died");
}

TEST(Verdicts, AFloodEndsTheTest) {
  engine::Setup setup;
  setup.most_packets = 3;
  Rig rig("given: ESTABLISHED\ntolerate: [any]\nsteps:\n  - wait: 1s\n", setup);
  rig.establish();
  for (int i = 0; i < 3; ++i) rig.arrive({"A", 1, 1});
  rig.go();
  ASSERT_TRUE(rig.finished());
  EXPECT_THAT(rig.outcome().reason, HasSubstr("floods"));
  EXPECT_EQ(rig.verdict(), Verdict::fail);
}

TEST(Verdicts, AFloodFailsOnTheWayToWhereTheTestBegins) {
  engine::Setup setup;
  setup.most_packets = 3;
  Rig rig("given: ESTABLISHED\nsteps:\n  - wait: 1s\n", setup);
  rig.complete_last();
  for (int i = 0; i < 4; ++i) rig.arrive({"A", 1, 1});
  rig.go();
  EXPECT_EQ(rig.verdict(), Verdict::fail);
}

TEST(Verdicts, AnInvariantFailsTheTestAndThePacketStandsInTheTraceOnce) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - expect: {flags: A, seq: 1, ack: 5000}\n");
  rig.establish();
  rig.reply({"A", 1, 5000});  // acknowledges what was never sent
  EXPECT_EQ(rig.verdict(), Verdict::fail);
  ASSERT_EQ(rig.outcome().findings.size(), 1u);
  const auto& entry = rig.outcome().trace.at(rig.outcome().findings[0].entry);
  EXPECT_EQ(entry.mark, Mark::invariant);
  EXPECT_THAT(entry.comment, HasSubstr(rig.outcome().findings[0].name));
  std::size_t received = 0;
  for (const auto& each : rig.outcome().trace) received += each.kind == EntryKind::received;
  EXPECT_EQ(received, 2u);  // the SYN-ACK, and this one
}

TEST(Verdicts, AnInvariantIsSeenInWhatNoStepLookedAt) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - expect: {flags: F}\n");
  rig.establish();
  rig.arrive({"A", 1, 1});  // diverges here
  rig.arrive({"A", 1, 5000});
  rig.go();
  EXPECT_EQ(rig.outcome().findings.size(), 1u);
  EXPECT_EQ(rig.count(Mark::mismatch), 1u);
  EXPECT_EQ(rig.count(Mark::invariant), 1u);
}

TEST(Drain, WhatComesAfterTheLastStepDiverges) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - send: {flags: A}\n");
  rig.establish();
  rig.pass(149ms);
  EXPECT_FALSE(rig.finished());
  rig.reply({"A", 1, 1});
  EXPECT_EQ(rig.verdict(), Verdict::fail);
}

TEST(Drain, LastsAsLongAsTheTestSays) {
  Rig rig("given: ESTABLISHED\ndrain: 300ms\nsteps:\n  - send: {flags: A}\n");
  rig.establish();
  rig.pass(300ms - 1ns);
  EXPECT_FALSE(rig.finished());
  rig.pass(1ns);
  EXPECT_TRUE(rig.finished());
  EXPECT_EQ(rig.verdict(), Verdict::pass);
}

TEST(Drain, WhatCameBehindItIsNotJudged) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - send: {flags: A}\n");
  rig.establish();
  const auto end = rig.play().deadline().value();
  rig.now = end + 20ms;
  rig.arrive({"A", 1, 1}, end - 1ms, end + 1ms);
  rig.go();
  EXPECT_EQ(rig.verdict(), Verdict::pass);
}

TEST(Drain, AStrayPortDiverges) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - send: {flags: A}\n");
  rig.establish();
  rig.tester_port = 9;
  rig.reply({"R", 1, 0});
  EXPECT_EQ(rig.verdict(), Verdict::fail);
  EXPECT_EQ(rig.count(Mark::unexpected), 1u);
}

TEST(Finish, EachConnectionThatWasUsedEndsWithAReset) {
  Rig rig(
      "connections: {a: {}, b: {}, unused: {}}\nsteps:\n  - send: {flags: S, options: [mss: 1460]}\n  - {send: {flags: "
      "S, options: [mss: 1460]}, on: b}\n");
  rig.to_the_end();
  ASSERT_EQ(rig.injected.size(), 4u);
  EXPECT_EQ(rig.sent(0).flags(), Flags::rst | Flags::ack);
  EXPECT_EQ(rig.sent(1).flags(), Flags::rst | Flags::ack);
  EXPECT_NE(rig.sent(0).source_port(), rig.sent(1).source_port());
  EXPECT_EQ(rig.sent_seq(), 1u);
}

TEST(Deadline, IsThatOfTheStepUntilTheEnd) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - expect: {flags: F}\n    within: 3s\n");
  rig.establish();
  EXPECT_EQ(rig.play().deadline(), rig.now + 3s);
  rig.to_the_end();
  EXPECT_EQ(rig.play().deadline(), std::nullopt);
}

TEST(Deadline, IsStretchedByTheTimeScaleButNotAWait) {
  engine::Setup setup;
  setup.time_scale = 2;
  Rig rig("given: ESTABLISHED\nsteps:\n  - wait: 1s\n  - expect: {flags: F}\n", setup);
  rig.establish();
  EXPECT_EQ(rig.play().deadline(), rig.now + 1s);
  rig.pass(1s);
  EXPECT_EQ(rig.play().deadline(), rig.now + 2s);
}

TEST(Repeat, PlaysItsStepsSoOften) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - repeat:\n      times: 3\n      steps:\n        - send: {flags: PA, data: 10}\n");
  rig.establish();
  EXPECT_EQ(rig.sent_seq(), 21u);
  EXPECT_EQ(rig.verdict(), Verdict::pass);
}

TEST(Captures, TakeNumbersAndFields) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - capture: {before: rcv_nxt}\n  - send: {flags: PA, data: 10}\n  - expect: "
      "{flags: A, ack: 11}\n    capture: {w: win, a: ack}\n  - send: {flags: A, seq: before, win: w - a}\n");
  rig.establish();
  rig.reply({"A", 1, 11, 0, 777});
  EXPECT_EQ(rig.sent_seq(), 1u);
  EXPECT_EQ(rig.sent().window(), 766);
}

TEST(Captures, AreTakenOfAnAlternativeToo) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - expect: {flags: F}\n    capture: {w: win}\n    or: [{expect: {flags: A}, why: "
      "because}]\n  - send: {flags: A, win: w}\n");
  rig.establish();
  rig.reply({"A", 1, 1, 0, 777});
  EXPECT_EQ(rig.sent().window(), 777);
}

TEST(Connections, AreKeptApart) {
  Rig rig(
      "connections: {a: {}, b: {}}\nsteps:\n  - send: {flags: S, options: [mss: 1460]}\n  - {send: {flags: S, options: "
      "[mss: 1460]}, on: b}\n  - expect: {flags: RA, seq: 0, ack: 1}\n  - {expect: {flags: RA, seq: 0, ack: 1}, on: "
      "b}\n");
  const auto a = rig.sent(1).source_port(), b = rig.sent(0).source_port();
  for (const auto port : {b, a}) {  // the other order
    auto segment = rig.make({"RA", 0, 0});
    segment.seq = packet::Seq32(0);
    segment.destination.port = port;
    segment.ack = packet::Seq32(rig.iss.at(port) + 1);
    rig.arrive(packet::serialize(segment), rig.now, rig.now);
  }
  rig.go();
  EXPECT_EQ(rig.verdict(), Verdict::pass);
}

TEST(Connections, ALaterIncarnationTakesOverTheTuple) {
  Rig rig(
      "connections: {a: {}, b: {tuple: a, iss: rcv_nxt + 1000}}\nsteps:\n  - send: {flags: S, options: [mss: 1460]}\n  "
      "- expect: {flags: SA, seq: 0, ack: 1}\n  - {send: {flags: S, options: [mss: 1460]}, on: b}\n  - {expect: "
      "{flags: A, ack: 0}, on: b}\n");
  const auto port = rig.tester_port;
  const auto first = rig.iss.at(port);
  rig.reply({"SA", 0, 1, 0, 65000, {packet::Mss{1460}}});
  EXPECT_EQ(rig.tester_port, port);
  EXPECT_EQ(rig.iss.at(port), first + 1001);
}

TEST(Icmp, QuotesTheLastSegmentOfTheTarget) {
  Rig rig(
      "given: ESTABLISHED\ntolerate: [any]\nsteps:\n  - wait: 1s\n  - icmp: {type: 3, code: 4, mtu: 600}\n  - icmp: "
      "{type: 3, code: 4, mtu: 600, seq: snd_nxt + 7}\n");
  rig.establish();
  rig.arrive({"A", 1, 1, 0, 1234});
  rig.pass(1s);
  for (const std::size_t back : {0u, 1u}) {
    const auto icmp = packet::view_icmp(rig.sent(back).bytes());
    ASSERT_TRUE(icmp);
    EXPECT_EQ(icmp->code, 4);
    EXPECT_EQ(icmp->rest_of_header, 600u);
    const packet::SegmentView quoted{icmp->quoted};
    EXPECT_EQ(quoted.source_port(), 5000);
    EXPECT_EQ(quoted.seq().raw() - Rig::target_iss, back == 0 ? 8u : 1u);
  }
}

TEST(Icmp, WithNothingToQuoteSaysNothingOfTheTarget) {
  Rig rig("steps:\n  - icmp: {type: 3, code: 1}\n");
  EXPECT_EQ(rig.verdict(), Verdict::inconclusive);
  EXPECT_THAT(rig.outcome().reason, HasSubstr("cannot go on"));
}

}  // namespace
}  // namespace tcpspec::engine
