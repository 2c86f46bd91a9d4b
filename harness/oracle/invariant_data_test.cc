// Data of the target: window, MSS, FIN, retransmissions.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oracle/invariant_octets.hh"
#include "oracle/invariant_test_wire.hh"
#include "oracle/invariant_window.hh"

namespace tcpspec::oracle::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint16_t large = 9000;

Said data(std::uint32_t seq, std::size_t octets) {
  return {.flags = A, .seq = seq, .ack = 1, .data = octets};
}

TEST(DataWithinWindow, TheEdgeAndOneProbeBeyond) {
  Wire wire;
  wire.open({Mss{large}}, {}, 100);
  EXPECT_THAT(wire.target(data(1, 100)), IsEmpty());
  EXPECT_THAT(wire.target(data(101, 1)), IsEmpty());
  EXPECT_THAT(wire.target(data(101, 2)), ElementsAre("data-within-window"));
  wire.tester({.flags = A, .seq = 1, .ack = 51, .window = 100});
  EXPECT_THAT(wire.target(data(101, 51)), IsEmpty());
}

TEST(DataWithinWindow, TheFurthestEdgeCounts) {
  Wire wire;
  wire.open({Mss{large}}, {}, 1000);
  wire.tester({.flags = A, .seq = 1, .ack = 101, .window = 0});
  EXPECT_THAT(wire.target(data(1, 1000)), IsEmpty());
  EXPECT_THAT(wire.target(data(1, 1002)), ElementsAre("data-within-window"));
}

// RFC 9293 section 3.10.7.4: SND.UNA moves with every acceptable ACK, SND.WND only with one that is not older
// than SND.WL1.
TEST(DataWithinWindow, AnOlderSegmentMovesTheWindowThatItDoesNotSet) {
  Wire wire;
  wire.open({Mss{large}}, {}, 1000);
  wire.tester({.flags = A, .seq = 2, .ack = 1, .window = 1000});  // one octet before it is missing
  EXPECT_THAT(wire.target(data(1, 1000)), IsEmpty());
  wire.tester({.flags = A, .seq = 1, .ack = 1001, .window = 0});
  EXPECT_THAT(wire.target(data(1001, 1001)), IsEmpty());
  EXPECT_THAT(wire.target(data(1001, 1002)), ElementsAre("data-within-window"));
}

TEST(DataWithinWindow, NotOneThatIsNotAcceptable) {
  Wire wire;
  wire.open({Mss{large}}, {}, 1000);
  wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 10});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 11, .data = 1000}), IsEmpty());
  wire.tester({.flags = A, .seq = 10, .ack = 1001, .window = 0});
  EXPECT_THAT(wire.target(data(1001, 2)), ElementsAre("ack-never-retreats", "data-within-window"));
}

TEST(DataWithinWindow, ScaledExceptOnSyn) {
  Wire wire;
  wire.tester({.flags = S, .options = {Mss{large}, WindowScale{3}}, .window = 500});
  wire.target({.flags = SA, .ack = 1, .options = {WindowScale{0}}});
  EXPECT_THAT(wire.target(data(1, 501)), IsEmpty());
  EXPECT_THAT(wire.target(data(1, 502)), ElementsAre("data-within-window"));
  wire.tester({.flags = A, .seq = 1, .ack = 1, .window = 100});
  EXPECT_THAT(wire.target(data(1, 801)), IsEmpty());
  EXPECT_THAT(wire.target(data(1, 802)), ElementsAre("data-within-window"));
}

TEST(DataWithinWindow, AShiftAbove14CountsAs14) {
  Wire wire;
  wire.open({Mss{large}, WindowScale{200}}, {WindowScale{0}}, 1);
  EXPECT_THAT(wire.target(data(16380, 5)), IsEmpty());
  EXPECT_THAT(wire.target(data(16380, 7)), ElementsAre("data-within-window"));
}

TEST(DataWithinWindow, AnAckBeforeTheSynAckWasSeenCounts) {
  Wire wire;
  wire.tester({.flags = S, .options = {Mss{large}}, .window = 10});
  wire.tester({.flags = A, .seq = 1, .ack = 1, .window = 2000});
  wire.target({.flags = SA, .ack = 1});
  EXPECT_THAT(wire.target(data(1, 2000)), IsEmpty());
  EXPECT_THAT(wire.target(data(1, 2002)), ElementsAre("data-within-window"));
}

TEST(DataWithinWindow, SynOfTheTesterInAnswer) {
  Wire wire;
  wire.target({.flags = S});
  wire.tester({.flags = SA, .ack = 1, .options = {Mss{large}, WindowScale{5}}, .window = 100});
  EXPECT_THAT(wire.target(data(1, 101)), IsEmpty());
  EXPECT_THAT(wire.target(data(1, 102)), ElementsAre("data-within-window"));
}

TEST(DataWithinWindow, ASynCookieMayHaveLearntAnotherShift) {
  Wire wire;
  wire.tester({.flags = S, .options = {Mss{large}, Timestamps{1, 0}, WindowScale{0}}, .window = 10});
  wire.target({.flags = SA, .ack = 1, .options = {Timestamps{640, 1}, WindowScale{0}}});
  wire.tester({.flags = A, .seq = 1, .ack = 1, .options = {Timestamps{2, 641}}, .window = 10});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 1, .options = {Timestamps{641, 2}}, .data = 4000}), IsEmpty());
}

TEST(SendLimit, ANewIssKeepsWhatMayHaveBeenMeantForIt) {
  SendLimit limit;
  limit.begin(Seq32(1000));
  EXPECT_FALSE(limit.right_edge());
  limit.allow(Seq32(1001), 50);
  EXPECT_EQ(limit.right_edge(), 51);
  limit.allow(Seq32(801), 20);  // behind this ISS: perhaps for the next
  EXPECT_EQ(limit.right_edge(), 51);
  limit.begin(Seq32(900));
  EXPECT_EQ(limit.right_edge(), 151);
  limit.begin(Seq32(5000));
  EXPECT_FALSE(limit.right_edge());
  limit.allow_from_syn(30);
  EXPECT_EQ(limit.right_edge(), 31);
  for (std::uint32_t i = 0; i < 20; ++i) limit.allow(Seq32(10 * i), 0);
  EXPECT_EQ(limit.right_edge(), 31);
  limit.begin(Seq32(100));  // too much has been forgotten to say anything
  EXPECT_FALSE(limit.right_edge());
}

TEST(SegmentWithinMss, DataAndOptions) {
  Wire wire;
  wire.open({Mss{500}});
  EXPECT_THAT(wire.target(data(1, 500)), IsEmpty());
  EXPECT_THAT(wire.target(data(1, 501)), ElementsAre("segment-within-mss"));

  Wire stamped;
  stamped.open({Mss{500}, Timestamps{1, 0}}, {Timestamps{9, 1}});
  Said said{.flags = A, .seq = 1, .ack = 1, .options = {Timestamps{9, 1}}, .data = 488};
  EXPECT_THAT(stamped.target(said), IsEmpty());
  said.data = 489;
  EXPECT_THAT(stamped.target(said), ElementsAre("segment-within-mss"));
}

TEST(SegmentWithinMss, AnyOfSeveralMayCount) {
  Wire wire;
  wire.open({Mss{100}, Mss{0}});
  EXPECT_THAT(wire.target(data(1, 536)), IsEmpty());
  EXPECT_THAT(wire.target(data(1, 537)), ElementsAre("segment-within-mss"));
}

TEST(SegmentWithinMss, Defaults) {
  for (const auto& [family, mss] : {std::pair{Family::ipv4, 536U}, std::pair{Family::ipv6, 1220U}}) {
    for (const Options& offered : {Options{}, Options{Mss{0}}}) {
      Wire wire(family);
      wire.open(offered, {}, 9000);
      EXPECT_THAT(wire.target(data(1, mss)), IsEmpty());
      EXPECT_THAT(wire.target(data(1, mss + 1)), ElementsAre("segment-within-mss"));
    }
  }
}

TEST(SegmentWithinMss, TheLargestThatWasAnnounced) {
  Wire wire;
  wire.tester({.flags = S, .options = {Mss{100}, Mss{700}}, .window = large});
  wire.tester({.flags = S, .seq = 99, .options = {Mss{600}}, .window = large});
  wire.target({.flags = SA, .ack = 1});
  EXPECT_THAT(wire.target(data(1, 700)), IsEmpty());
  EXPECT_THAT(wire.target(data(1, 701)), ElementsAre("segment-within-mss"));
}

TEST(SegmentWithinMss, ATinyOneNeedNotBeKept) {
  Wire wire;
  wire.open({Mss{8}});
  EXPECT_THAT(wire.target(data(1, 48)), IsEmpty());
  EXPECT_THAT(wire.target(data(1, 49)), ElementsAre("segment-within-mss"));
}

TEST(SegmentWithinMss, NothingIsSaidOfASyn) {
  Wire wire;
  EXPECT_THAT(wire.target({.flags = S, .data = 1400}), IsEmpty());
  wire.tester({.flags = SA, .ack = 1, .options = {Mss{100}}});
  EXPECT_THAT(wire.target({.flags = S, .data = 1400}), IsEmpty());
}

TEST(NothingBeyondFin, DataAndAnotherFin) {
  Wire wire;
  wire.open();
  wire.target(data(1, 10));
  EXPECT_THAT(wire.target({.flags = FA, .seq = 11, .ack = 1, .data = 10}), IsEmpty());  // FIN at 21
  EXPECT_THAT(wire.target(data(1, 20)), IsEmpty());
  EXPECT_THAT(wire.target({.flags = FA, .seq = 1, .ack = 1, .data = 20}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 22, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target(data(1, 21)), ElementsAre("nothing-beyond-fin"));
  EXPECT_THAT(wire.target(data(22, 5)), ElementsAre("nothing-beyond-fin"));
  EXPECT_THAT(wire.target({.flags = FA, .seq = 22, .ack = 1}), ElementsAre("nothing-beyond-fin"));
  EXPECT_THAT(wire.target({.flags = FA, .seq = 20, .ack = 1}), ElementsAre("nothing-beyond-fin"));
}

TEST(NothingBeyondFin, AKeepAliveRepeatsTheNumberOfTheFin) {
  Wire wire;
  wire.open();
  wire.target({.flags = FA, .seq = 1, .ack = 1, .data = 10});
  EXPECT_THAT(wire.target(data(11, 1)), IsEmpty());
  EXPECT_THAT(wire.target(data(12, 1)), ElementsAre("nothing-beyond-fin"));
}

TEST(NothingBeyondFin, AFinBeforeWhatWasSent) {
  Wire wire;
  wire.open();
  wire.target(data(1, 10));
  EXPECT_THAT(wire.target({.flags = FA, .seq = 10, .ack = 1}), ElementsAre("nothing-beyond-fin"));
}

TEST(NothingBeyondFin, ANewIncarnationHasAnother) {
  Wire wire;
  wire.open();
  wire.target({.flags = FA, .seq = 1, .ack = 1});
  wire.other_iss += 5;
  EXPECT_THAT(wire.open(), IsEmpty());
  EXPECT_THAT(wire.target(data(1, 10)), IsEmpty());
}

TEST(RetransmissionSameOctets, InAnySegmentation) {
  Wire wire;
  wire.open();
  EXPECT_THAT(wire.target(data(1, 10)), IsEmpty());
  EXPECT_THAT(wire.target(data(11, 10)), IsEmpty());
  EXPECT_THAT(wire.target(data(5, 30)), IsEmpty());
  Said changed = data(34, 3);
  changed.change = 1;
  EXPECT_THAT(wire.target(changed), ElementsAre("retransmission-same-octets"));
  changed.seq = 35;  // partly new
  EXPECT_THAT(wire.target(data(35, 4)), IsEmpty());
  EXPECT_THAT(wire.target(changed), ElementsAre("retransmission-same-octets"));
  changed.seq = 500;  // behind a hole nothing is known
  EXPECT_THAT(wire.target(changed), IsEmpty());
}

TEST(RetransmissionSameOctets, KeepAlivesCarryAnything) {
  Wire wire;
  wire.open();
  Said probe = data(0, 1);
  probe.change = 1;
  EXPECT_THAT(wire.target(probe), IsEmpty());  // nothing was sent yet
  wire.target(data(1, 10));
  probe.seq = 10;
  EXPECT_THAT(wire.target(probe), IsEmpty());
  probe.seq = 9;
  EXPECT_THAT(wire.target(probe), ElementsAre("retransmission-same-octets"));
  EXPECT_THAT(wire.target(data(11, 10)), IsEmpty());
  EXPECT_THAT(wire.target(data(1, 20)), IsEmpty());
}

TEST(RetransmissionSameOctets, ANewIncarnationBeginsAgainWithTheSameIss) {
  Wire wire;
  wire.open();
  wire.target(data(1, 10));
  wire.tester({.flags = R, .seq = 1});
  EXPECT_THAT(wire.open(), IsEmpty());
  Said other = data(1, 10);
  other.change = 1;
  EXPECT_THAT(wire.target(other), IsEmpty());
}

TEST(RetransmissionSameOctets, DataOfASynBeginsBehindIt) {
  Wire wire;
  EXPECT_THAT(wire.target({.flags = S, .data = 10}), IsEmpty());
  wire.tester({.flags = SA, .ack = 1});
  EXPECT_THAT(wire.target(data(1, 10)), IsEmpty());
  Said other = data(1, 10);
  other.change = 1;
  EXPECT_THAT(wire.target(other), ElementsAre("retransmission-same-octets"));
}

TEST(OctetRecord, IsBounded) {
  OctetBudget budget{.left = 1500};
  OctetRecord first(budget), second(budget);
  const packet::Bytes octets(1000, std::byte{1}), others(1000, std::byte{2});
  EXPECT_FALSE(first.add(0, octets));
  EXPECT_FALSE(second.add(0, octets));
  EXPECT_EQ(second.size(), 500U);
  EXPECT_EQ(budget.left, 0U);
  EXPECT_EQ(second.add(499, others), 499U);
  EXPECT_FALSE(second.add(500, others));
  first.clear();
  EXPECT_EQ(budget.left, 1000U);

  OctetBudget ample;
  OctetRecord record(ample);
  const packet::Bytes much(3U << 19);
  EXPECT_FALSE(record.add(0, much));
  EXPECT_EQ(record.size(), 1U << 20);
}

}  // namespace
}  // namespace tcpspec::oracle::test
