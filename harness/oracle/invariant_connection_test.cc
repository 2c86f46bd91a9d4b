// Acknowledgments, SYNs and RSTs, through several incarnations.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oracle/invariant_test_wire.hh"

namespace tcpspec::oracle::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t minus(std::uint32_t n) {
  return 0U - n;
}

TEST(AcksOnlyWhatWasSent, UpToTheLastOctetInOrder) {
  Wire wire;
  EXPECT_THAT(wire.open(), IsEmpty());
  wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 100});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 40}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 101}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 102}), ElementsAre("acks-only-what-was-sent"));
}

TEST(AcksOnlyWhatWasSent, NotTheOctetsBehindAHole) {
  Wire wire;
  wire.open();
  wire.tester({.flags = A, .seq = 101, .ack = 1, .data = 100});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 201}), ElementsAre("acks-only-what-was-sent"));
  wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 100});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 201}), IsEmpty());
}

TEST(AcksOnlyWhatWasSent, TheFinCounts) {
  Wire wire;
  wire.open();
  wire.tester({.flags = FA, .seq = 1, .ack = 1, .data = 10});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 12}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 13}), ElementsAre("acks-only-what-was-sent"));
}

TEST(AcksOnlyWhatWasSent, ASynIsNeededFirst) {
  Wire wire;
  wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 10});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 1}), ElementsAre("acks-only-what-was-sent"));
  wire.tester({.flags = S});
  EXPECT_THAT(wire.target({.flags = SA, .ack = 0}), ElementsAre("acks-only-what-was-sent"));
  EXPECT_THAT(wire.target({.flags = SA, .ack = 1}), IsEmpty());
}

TEST(AcksOnlyWhatWasSent, AnyIncarnationMayAnswer) {
  Wire wire;
  wire.open();
  wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 100});
  wire.tester({.flags = S, .seq = 50000});  // a restart that the target may not have heard of
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 101}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = SA, .seq = 7000, .ack = 50001}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 7001, .ack = 50002}), ElementsAre("acks-only-what-was-sent"));
}

TEST(AcksOnlyWhatWasSent, HostileSegmentsOfTheTesterExplainOnlyWhatTheyCould) {
  Wire wire;
  wire.open();
  for (const std::uint32_t seq : {90000U, 1U << 30, 1U << 31, 3U << 30})
    wire.tester({.flags = FA, .seq = seq, .ack = seq + 1000, .data = 30});
  wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 10}, {.tcp_checksum_xor = 1});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 90031}), ElementsAre("acks-only-what-was-sent"));
}

// RFC 9293 section 3.10.7.4, MAY-2: back to TIME-WAIT when the SYN turns out to be an old duplicate.
TEST(AckNeverRetreats, TimeWaitMayComeBack) {
  Wire wire;
  wire.open();
  EXPECT_THAT(wire.target({.flags = FA, .seq = 1, .ack = 1}), IsEmpty());
  wire.tester({.flags = FA, .seq = 1, .ack = 2});
  EXPECT_THAT(wire.target({.flags = A, .seq = 2, .ack = 2}), IsEmpty());
  wire.tester({.flags = S, .seq = 50000});
  EXPECT_THAT(wire.target({.flags = SA, .seq = 7000, .ack = 50001}), IsEmpty());
  wire.tester({.flags = S, .seq = 50100});
  EXPECT_THAT(wire.target({.flags = A, .seq = 7001, .ack = 50001}), IsEmpty());
  wire.tester({.flags = R, .seq = 50001});
  wire.tester({.flags = F, .seq = 1});
  EXPECT_THAT(wire.target({.flags = A, .seq = 2, .ack = 2}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 2, .ack = 1}), ElementsAre("ack-never-retreats"));
}

TEST(AckNeverRetreats, WithinOneIncarnation) {
  Wire wire;
  wire.open();
  wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 100});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 101}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 101}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 100}), ElementsAre("ack-never-retreats"));
  EXPECT_THAT(wire.target({.flags = RA, .seq = 1, .ack = 1}), IsEmpty());
}

TEST(AckNeverRetreats, ANewSynOfTheTargetBeginsAgain) {
  Wire wire;
  wire.open();
  wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 100});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 101}), IsEmpty());
  wire.tester({.flags = R, .seq = 101});
  wire.tester({.flags = S});                                                // the same ISS again
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 101}), IsEmpty());  // it has not heard of the RST yet
  EXPECT_THAT(wire.target({.flags = SA, .seq = 0, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 1}), IsEmpty());
}

TEST(AckNeverRetreats, SynCookiesMayEstablishTheEarlierSyn) {
  Wire wire;
  wire.tester({.flags = S});
  wire.tester({.flags = S, .seq = 500});
  EXPECT_THAT(wire.target({.flags = SA, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = SA, .seq = 900, .ack = 501}), IsEmpty());
  wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 10});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 11, .data = 50}), IsEmpty());
}

TEST(AckNeverRetreats, SynCookiesMayReviveAConnectionWithoutASynAck) {
  for (const Flags last : {R, A}) {
    Wire wire;
    wire.open();
    wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 100});
    EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 101, .data = 10}), IsEmpty());
    wire.tester({.flags = last, .seq = 101, .ack = 11});
    wire.tester({.flags = A, .seq = 1, .ack = 1});
    const Said again{.flags = FA, .seq = 1, .ack = 1, .data = 5, .change = 1};
    if (last == R) {
      EXPECT_THAT(wire.target(again), IsEmpty());
    } else {
      EXPECT_THAT(wire.target(again), testing::UnorderedElementsAre("ack-never-retreats", "nothing-beyond-fin",
                                                                    "retransmission-same-octets"));
    }
  }
}

TEST(IssStable, ARetransmissionKeepsIt) {
  Wire wire;
  wire.tester({.flags = S});
  EXPECT_THAT(wire.target({.flags = SA, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = SA, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = SA, .seq = 1, .ack = 1}), ElementsAre("iss-stable"));
}

TEST(IssStable, AnotherSynMayHaveBegunAnotherConnection) {
  Wire wire;
  wire.tester({.flags = S});
  wire.tester({.flags = S});
  EXPECT_THAT(wire.target({.flags = SA, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = SA, .seq = 777, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = SA, .seq = 999, .ack = 1}), ElementsAre("iss-stable"));
}

TEST(IssStable, SaysNothingOfConnectionsThatTheTargetOpens) {
  Wire wire;
  EXPECT_THAT(wire.target({.flags = S}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = S, .seq = 5000}), IsEmpty());  // the application has tried again
}

TEST(OfferedFirst, WhatASynAckMayCarry) {
  struct Case {
    Option option;
    const char* invariant;
  };
  for (const auto& [option, invariant] :
       {Case{WindowScale{7}, "window-scale-offered-first"}, Case{Timestamps{9, 0}, "timestamps-offered-first"}}) {
    EXPECT_THAT(Wire().open({}, {option}), ElementsAre(invariant));
    EXPECT_THAT(Wire().open({option}, {option}), IsEmpty());
    Wire two;  // the SYN that it answers decides
    two.tester({.flags = S, .options = {option}});
    two.tester({.flags = S, .seq = 300});
    EXPECT_THAT(two.target({.flags = SA, .ack = 1, .options = {option}}), IsEmpty());
    EXPECT_THAT(two.target({.flags = SA, .seq = 50, .ack = 301, .options = {option}}), ElementsAre(invariant));
    Wire again;  // without the option once, with it once
    again.tester({.flags = S});
    again.tester({.flags = S, .options = {option}});
    EXPECT_THAT(again.target({.flags = SA, .ack = 1, .options = {option}}), IsEmpty());
    Wire crossing;
    EXPECT_THAT(crossing.target({.flags = S, .options = {option}}), IsEmpty());
    crossing.tester({.flags = S});
    EXPECT_THAT(crossing.target({.flags = SA, .ack = 1, .options = {option}}), IsEmpty());
    Wire unclear;  // who knows what the target finds in there
    unclear.tester({.flags = S, .options = {RawBytes{{std::byte{2}, std::byte{3}, std::byte{5}, std::byte{1}}}}});
    EXPECT_THAT(unclear.target({.flags = SA, .ack = 1, .options = {option}}), IsEmpty());
  }
  EXPECT_THAT(Wire().open({}, {SackPermitted{}}), IsEmpty());  // each side for itself (RFC 2018 section 2)
}

TEST(OfferedFirst, Ecn) {
  const auto answer = [](Flags syn, Flags syn_ack) {
    Wire wire;
    wire.tester({.flags = syn});
    return wire.target({.flags = syn_ack, .ack = 1});
  };
  EXPECT_THAT(answer(S | Flags::ece | Flags::cwr, SA | Flags::ece), IsEmpty());
  EXPECT_THAT(answer(S, SA | Flags::ece), ElementsAre("ecn-offered-first"));
  EXPECT_THAT(answer(S | Flags::ece, SA | Flags::ece), ElementsAre("ecn-offered-first"));
  EXPECT_THAT(answer(S, SA | Flags::ece | Flags::cwr), IsEmpty());  // not an agreement
}

TEST(NoRstForRst, OnlyWhereNothingElseWasSent) {
  Wire wire;
  wire.tester({.flags = R, .seq = 5});
  EXPECT_THAT(wire.target({.flags = RA, .seq = minus(target_iss), .ack = 5}), ElementsAre("no-rst-for-rst"));
  wire.tester({.flags = RA, .seq = 5, .ack = 90});
  EXPECT_THAT(wire.target({.flags = R, .seq = 90}), ElementsAre("no-rst-for-rst"));
  wire.tester({.flags = A, .seq = 5, .ack = 90});
  EXPECT_THAT(wire.target({.flags = R, .seq = 90}), IsEmpty());
}

TEST(NoRstForRst, TheTargetMayAbortWhatItOpened) {
  Wire wire;
  wire.target({.flags = S});
  wire.tester({.flags = R, .seq = 5});
  EXPECT_THAT(wire.target({.flags = R, .seq = 1}), IsEmpty());
}

TEST(RstSequenceLegal, FromNowhereItIsWhatTheSegmentAcknowledged) {
  Wire wire;
  wire.tester({.flags = A, .seq = 70, .ack = 1234, .data = 3});
  EXPECT_THAT(wire.target({.flags = R, .seq = 1234}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = R, .seq = 1235}), ElementsAre("rst-sequence-legal"));
  EXPECT_THAT(wire.target({.flags = R, .seq = minus(target_iss)}), ElementsAre("rst-sequence-legal"));
}

TEST(RstSequenceLegal, ZeroAnswersASegmentWithoutAck) {
  Wire wire;
  wire.tester({.flags = S, .seq = 0});
  const std::uint32_t zero = minus(target_iss);
  EXPECT_THAT(wire.target({.flags = RA, .seq = zero, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = RA, .seq = zero + 1, .ack = 1}), ElementsAre("rst-sequence-legal"));
}

TEST(RstSequenceLegal, AnAbortLiesAmongItsOwnNumbers) {
  Wire wire;
  wire.open({}, {}, 100);
  wire.target({.flags = A, .seq = 1, .ack = 1, .data = 50});
  EXPECT_THAT(wire.target({.flags = RA, .seq = 51, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = R, .seq = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = R, .seq = 103}), IsEmpty());  // FIN and probe beyond the window of 100
  EXPECT_THAT(wire.target({.flags = R, .seq = 104}), ElementsAre("rst-sequence-legal"));
  EXPECT_THAT(wire.target({.flags = R, .seq = minus(1)}), ElementsAre("rst-sequence-legal"));
}

TEST(RstAckLegal, EndOfASegmentOrWhatWasReceived) {
  Wire wire;
  wire.tester({.flags = S | F, .seq = 0, .data = 5});
  const std::uint32_t zero = minus(target_iss);
  EXPECT_THAT(wire.target({.flags = RA, .seq = zero, .ack = 7}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = RA, .seq = zero, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = RA, .seq = zero, .ack = minus(tester_iss)}), IsEmpty());  // zero: nothing received
  EXPECT_THAT(wire.target({.flags = RA, .seq = zero, .ack = 8}), ElementsAre("rst-ack-legal"));
  wire.tester({.flags = Flags::psh, .seq = 4000, .data = 5});
  EXPECT_THAT(wire.target({.flags = RA, .seq = zero, .ack = 4005}), IsEmpty());
}

TEST(Monitor, KeepsConnectionsApart) {
  Wire wire;
  wire.open();
  wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 10});
  wire.tester_port = 40001;
  EXPECT_THAT(wire.open(), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 11}), ElementsAre("acks-only-what-was-sent"));
  wire.tester_port = 40000;
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 11}), IsEmpty());
}

TEST(Monitor, FragmentsOfTheTesterLeaveOnlyTheFormToJudge) {
  Wire wire;
  wire.open();
  auto fragment = serialize(wire.from_tester({.flags = A, .seq = 1, .ack = 1, .data = 40}));
  fragment[6] = std::byte{0x20};
  wire.monitor.sent(fragment);
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 9999}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = F, .seq = 1}), ElementsAre("ack-set-when-synchronized"));
}

TEST(Monitor, ABrokenSynAckIsReportedOnceAndNotForEver) {
  Wire wire;
  wire.tester({.flags = S, .options = {Timestamps{5, 0}}});
  EXPECT_THAT(wire.target({.flags = SA, .ack = 1, .options = {Timestamps{9, 5}}}, {.tcp_checksum_xor = 4}),
              ElementsAre("tcp-checksum-correct"));
  wire.tester({.flags = A, .seq = 1, .ack = 1, .options = {Timestamps{6, 9}}});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 1, .options = {Timestamps{10, 6}}}), IsEmpty());
}

TEST(Monitor, SpeaksInRelativeNumbers) {
  Wire wire;
  wire.open();
  const auto violations = wire.monitor.received(serialize(wire.from_target({.flags = A, .seq = 1, .ack = 2})));
  ASSERT_EQ(violations.size(), 1U);
  EXPECT_EQ(violations[0].what, "ack 2 covers octets that were not sent");
}

}  // namespace
}  // namespace tcpspec::oracle::test
