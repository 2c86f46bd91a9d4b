// Recovery with SACK: RFC 6675.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/loss_recovery.hh"
#include "reference/test_sender.hh"

namespace tcpspec::reference {
namespace {

using test::again;
using test::at;
using test::fresh;
using test::segment;
using test::segments;
using test::Sender;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct SackRecovery : ::testing::Test {
  Sender sender{LossRecovery::Sack::yes};
};

// Section 2: only what tells something new is a duplicate.
TEST_F(SackRecovery, DuplicatesThatTellNothingStartNothing) {
  sender.send();
  for (int n = 0; n < 5; ++n) sender.duplicate();
  EXPECT_THAT(sender.send(), IsEmpty());
  const SackBlock told = segments(1, 1);
  for (int n = 0; n < 5; ++n) sender.duplicate({told});
  EXPECT_FALSE(sender.loss.recovering());
  EXPECT_THAT(sender.send(), ElementsAre(fresh(10)));  // the first of them did
}

TEST_F(SackRecovery, ADSackStartsNothing) {
  sender.send();
  sender.acknowledge(segment(2));
  for (std::uint32_t n = 0; n < 5; ++n) sender.duplicate({{at(n), segment(1)}});
  EXPECT_FALSE(sender.loss.recovering());
  EXPECT_THAT(sender.loss.sacked(), IsEmpty());
}

// Section 5 (1): three duplicates, however little each of them tells.
TEST_F(SackRecovery, TheThirdDuplicateStartsRecovery) {
  sender.send();
  sender.duplicate({{segment(1), segment(1) + 1}});
  sender.duplicate({{segment(1), segment(1) + 2}});
  EXPECT_FALSE(sender.loss.recovering());
  sender.duplicate({{segment(1), segment(1) + 3}});
  EXPECT_TRUE(sender.loss.recovering());
  EXPECT_EQ(sender.loss.cwnd(), 5000u);
  EXPECT_EQ(sender.loss.ssthresh(), 5000u);
  EXPECT_THAT(sender.send(), ElementsAre(again(0)));
}

// Section 5 (2): one duplicate that tells of more than two segments.
TEST_F(SackRecovery, OneDuplicateWithMoreThanTwoSegmentsStartsRecovery) {
  sender.send();
  sender.duplicate({segments(1, 2)});
  EXPECT_FALSE(sender.loss.recovering());
  Sender other(LossRecovery::Sack::yes);
  other.send();
  other.duplicate({{segment(1), segment(3) + 1}});
  EXPECT_TRUE(other.loss.recovering());
}

TEST_F(SackRecovery, AnAcknowledgmentThatMovesOnMayBeADuplicateToo) {
  sender.send();
  sender.acknowledge(segment(1), {segments(2, 4)});
  EXPECT_TRUE(sender.loss.recovering());
  EXPECT_THAT(sender.send(), Contains(again(1)));
}

// Section 5 (3): as much as has left the network, in whole segments.
TEST_F(SackRecovery, LimitedTransmitIsBoundByThePipe) {
  sender.send();
  sender.duplicate({{segment(1), segment(1) + 999}});
  EXPECT_THAT(sender.send(), IsEmpty());
  sender.duplicate({segments(1, 1)});
  EXPECT_THAT(sender.send(), ElementsAre(fresh(10)));
  // And what it sent does not count for the threshold (RFC 5681 section 3.2 step 2).
  sender.duplicate({segments(1, 2)});
  EXPECT_EQ(sender.loss.ssthresh(), 5000u);
}

TEST_F(SackRecovery, LimitedTransmitGoesByWholeSegments) {
  sender.send();
  const auto allowed = [&](std::uint32_t reported) {
    sender.duplicate({{segment(1), segment(1) + reported}});
    return sender.loss.fresh_octets_allowed(sender.flight);
  };
  EXPECT_EQ(allowed(999), 0u);
  EXPECT_EQ(allowed(1999), 1000u);
}

// Section 5 (C): a short hole needs room for a whole segment too.
TEST_F(SackRecovery, SendsNothingAgainWhereTheRoomIsLessThanASegment) {
  sender.send();
  // 0 is lost, and the first 300 octets of 2.
  sender.duplicate({segments(1, 1), {segment(2) + 300, segment(4) + 700}});
  ASSERT_TRUE(sender.loss.recovering());
  EXPECT_THAT(sender.send(), ElementsAre(again(0)));
  // 1000 of 0, and what follows: 4000 octets of the window are full.
  sender.duplicate({{segment(4) + 700, segment(6) + 999}});
  EXPECT_THAT(sender.send(), IsEmpty());
  sender.duplicate({{segment(6) + 999, segment(7)}});
  EXPECT_THAT(sender.send(), ElementsAre(test::Sent{LossRecovery::Transmission::again, 2000, 300}));
}

TEST_F(SackRecovery, SendsTheLostHolesFirstAndThenWhatIsFresh) {
  sender.send();
  // 0, 2 and 4 are lost; 9 arrives last.
  sender.duplicate({segments(1, 1)});
  sender.duplicate({segments(3, 3), segments(1, 1)});
  EXPECT_THAT(sender.send(), ElementsAre(fresh(10), fresh(11)));
  sender.duplicate({segments(5, 5), segments(3, 3), segments(1, 1)});
  // pipe: 2 and 4 are not lost yet, 6 to 11 are in flight, and so is 0 again.
  EXPECT_THAT(sender.send(), ElementsAre(again(0)));
  sender.duplicate({segments(5, 7), segments(3, 3), segments(1, 1)});
  // 2 and 4 are lost now: 8 to 11 and 0 fill the pipe.
  EXPECT_THAT(sender.send(), IsEmpty());
  sender.duplicate({segments(5, 9), segments(3, 3), segments(1, 1)});
  EXPECT_THAT(sender.send(), ElementsAre(again(2), again(4)));
  sender.acknowledge(segment(2), {segments(5, 10), segments(3, 3)});
  EXPECT_THAT(sender.send(), ElementsAre(fresh(12), fresh(13)));
  // (A): ends at RecoveryPoint, not before.
  sender.acknowledge(segment(11));
  EXPECT_TRUE(sender.loss.recovering());
  sender.acknowledge(segment(12));
  EXPECT_FALSE(sender.loss.recovering());
  EXPECT_EQ(sender.loss.cwnd(), 5000u);
}

// NextSeg (3), where nothing fresh is left.
TEST_F(SackRecovery, SendsHolesThatAreNotLostYetWhereNothingIsFresh) {
  sender.unsent = 6000;
  sender.send();
  sender.duplicate({segments(1, 3)});
  EXPECT_THAT(sender.send(), ElementsAre(again(0)));  // pipe: 0, 4 and 5; cwnd: 3
  sender.duplicate({segments(5, 5), segments(1, 3)});
  EXPECT_THAT(sender.send(), ElementsAre(again(4)));  // only one range above it
}

// NextSeg (4): one rescue, of the last segment.
TEST_F(SackRecovery, RescuesTheLastSegmentOnce) {
  sender.unsent = 8000;
  sender.send();
  sender.duplicate({segments(2, 5)});
  EXPECT_EQ(sender.loss.cwnd(), 4000u);
  // 6 and 7 are lost too, but nobody can know; they fill the pipe with 0 and 1.
  EXPECT_THAT(sender.send(), ElementsAre(again(0), again(1)));
  // The answer to 0: HighACK is not beyond RescueRxt, the end of that segment.
  sender.acknowledge(segment(1), {segments(2, 5)});
  EXPECT_THAT(sender.send(), IsEmpty());
  sender.acknowledge(segment(6));
  EXPECT_TRUE(sender.loss.recovering());
  EXPECT_THAT(sender.send(), ElementsAre(again(7)));
  EXPECT_THAT(sender.send(), IsEmpty());
  // It tells of the hole before it, for which a timeout is left.
  sender.duplicate({segments(7, 7)});
  EXPECT_THAT(sender.send(), ElementsAre(again(6)));
  sender.acknowledge(segment(8));
  EXPECT_FALSE(sender.loss.recovering());
}

TEST_F(SackRecovery, FreshDataGoesBeforeTheLastResort) {
  sender.unsent = 6000;
  sender.send();
  sender.duplicate({segments(1, 3)});
  sender.send();
  sender.unsent = 1000;
  sender.duplicate({segments(5, 5), segments(1, 3)});
  EXPECT_THAT(sender.send(), ElementsAre(fresh(6)));
}

// Section 4, rule (1) and (C.2): a hole is sent again once in a recovery.
TEST_F(SackRecovery, SendsEachHoleAgainOnceOnly) {
  sender.send();
  sender.duplicate({segments(1, 4)});
  EXPECT_THAT(sender.send(), ElementsAre(again(0)));
  sender.duplicate({segments(1, 8)});
  EXPECT_THAT(sender.send(), ElementsAre(fresh(10), fresh(11), fresh(12)));
  sender.duplicate({segments(1, 12)});
  EXPECT_THAT(sender.send(), ElementsAre(fresh(13), fresh(14), fresh(15), fresh(16)));
}

TEST_F(SackRecovery, CutsWhatItSendsAgainAtWhatArrived) {
  sender.send();
  sender.duplicate({{segment(0) + 300, segment(4)}});
  EXPECT_THAT(sender.send(), Contains(test::Sent{LossRecovery::Transmission::again, 0, 300}));
}

// (A): what was reported above RecoveryPoint stays known, and may start the next recovery at once.
TEST_F(SackRecovery, KeepsWhatWasReportedWhenRecoveryEnds) {
  sender.send();
  sender.duplicate({segments(1, 4)});
  sender.duplicate({segments(1, 8)});
  EXPECT_THAT(sender.send(), ElementsAre(again(0), fresh(10), fresh(11), fresh(12)));
  sender.acknowledge(segment(10), {segments(11, 12)});
  EXPECT_FALSE(sender.loss.recovering());
  EXPECT_THAT(sender.loss.sacked(), ElementsAre(segments(11, 12)));
  EXPECT_THAT(sender.send(), ElementsAre(fresh(13), fresh(14), fresh(15), fresh(16)));
  sender.duplicate({segments(11, 13)});
  EXPECT_TRUE(sender.loss.recovering());
  EXPECT_THAT(sender.send(), Contains(again(10)));
}

// Section 5 (3.1): HighRxt is HighACK then, so that 10 counts as lost, and not as sent again.
TEST_F(SackRecovery, WhatWasSentAgainIsForgottenWhenRecoveryEnds) {
  sender.send();
  sender.duplicate({segments(1, 4)});
  sender.duplicate({segments(1, 8)});
  EXPECT_THAT(sender.send(), ElementsAre(again(0), fresh(10), fresh(11), fresh(12)));
  sender.duplicate({segments(11, 12), segments(1, 9)});
  EXPECT_THAT(sender.send(), ElementsAre(fresh(13), fresh(14), fresh(15)));
  sender.duplicate({segments(11, 15), segments(1, 9)});
  EXPECT_THAT(sender.send(), ElementsAre(again(10), fresh(16), fresh(17), fresh(18)));
  sender.acknowledge(segment(10), {});
  ASSERT_FALSE(sender.loss.recovering());
  EXPECT_THAT(sender.send(), ElementsAre(fresh(19), fresh(20)));
}

// Section 5.1, and RFC 2018 section 5: what was reported before is forgotten, what is reported since is not sent again.
TEST_F(SackRecovery, ATimeoutSendsTheHolesAgainInOrder) {
  sender.send();
  sender.duplicate({segments(1, 2)});
  sender.send();
  sender.time_out();
  EXPECT_THAT(sender.loss.sacked(), IsEmpty());
  EXPECT_EQ(sender.loss.cwnd(), 1000u);
  EXPECT_THAT(sender.send(), ElementsAre(again(0)));
  // The answer tells of everything: 3 and 6 are missing.
  sender.acknowledge(segment(3), {segments(7, 9), segments(4, 5)});
  EXPECT_FALSE(sender.loss.recovering());  // not before RecoveryPoint
  EXPECT_THAT(sender.send(), ElementsAre(again(3), again(6)));
  sender.acknowledge(segment(6), {segments(7, 9)});
  EXPECT_THAT(sender.send(), ElementsAre(again(10), again(11)));
  sender.acknowledge(segment(12));
  EXPECT_THAT(sender.send(), ElementsAre(fresh(12), fresh(13), fresh(14), fresh(15)));
}

TEST_F(SackRecovery, APeerThatDroppedWhatItReportedGetsIt) {
  sender.send();
  sender.duplicate({segments(1, 9)});
  sender.send();
  sender.time_out();
  EXPECT_THAT(sender.send(), ElementsAre(again(0)));
  sender.acknowledge(segment(1));
  EXPECT_THAT(sender.send(), ElementsAre(again(1), again(2)));
}

// Section 5.1: again from RecoveryPoint on.
TEST_F(SackRecovery, AfterATimeoutRecoveryBeginsAtRecoveryPointAndNotBefore) {
  sender.send();
  sender.duplicate({segments(1, 4)});
  sender.send();
  sender.time_out();
  sender.send();
  sender.acknowledge(segment(9), {});
  sender.send();
  const Seq32 nxt = sender.flight.nxt;
  ASSERT_GE(test::distance(segment(10), nxt), 1);
  sender.duplicate({{segment(10), nxt}});
  EXPECT_FALSE(sender.loss.recovering());
  sender.acknowledge(segment(10));
  sender.send();
  sender.duplicate({{segment(11), segment(11) + 1}});
  sender.duplicate({{segment(11), segment(11) + 2}});
  sender.duplicate({{segment(11), segment(11) + 3}});
  EXPECT_TRUE(sender.loss.recovering());
}

// RFC 1191: what arrived needs no smaller segments.
TEST_F(SackRecovery, SegmentsThatWereTooLargeAreSentAgainUnlessTheyArrived) {
  sender.send();
  sender.duplicate({segments(1, 2)});
  sender.loss.smss_became(500);
  sender.loss.resend_all(sender.flight);
  const auto part = [](std::uint32_t from) { return test::Sent{LossRecovery::Transmission::again, from, 500}; };
  EXPECT_THAT(sender.send(), ElementsAre(part(0)));
  sender.acknowledge(at(500), {segments(1, 2)});
  EXPECT_THAT(sender.send(), ElementsAre(part(500), part(3000)));
}

TEST_F(SackRecovery, TheTimerRestartsWithEveryAcknowledgmentOfNewData) {
  sender.send();
  sender.duplicate({segments(5, 9)});
  sender.send();
  for (std::uint32_t n = 1; n < 5; ++n) {
    sender.acknowledge(segment(n));
    EXPECT_TRUE(sender.loss.restarts_timer());
  }
}

}  // namespace
}  // namespace tcpspec::reference
