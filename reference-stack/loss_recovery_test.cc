// Congestion windows, and recovery without SACK. With SACK: sack_recovery_test.cc.
#include "reference/loss_recovery.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/test_sender.hh"

namespace tcpspec::reference {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using enum LossRecovery::Syn;
using Sack = LossRecovery::Sack;
using test::again;
using test::at;
using test::fresh;
using test::segment;
using test::Sender;

struct NewReno : ::testing::Test {
  // Sends `count` segments, of which `acknowledged` arrive in order, one by one; then the
  // window is what a loss has made of it, and no segment waits to be sent again.
  static void recover_from_a_loss(Sender& sender) {
    sender.send();
    for (int n = 0; n < 3; ++n) sender.duplicate();
    sender.send();
    sender.acknowledge(sender.flight.nxt);
  }
  void duplicates(int count) {
    for (int n = 0; n < count; ++n) sender.duplicate();
  }
  Sender sender{Sack::no};
};

// RFC 6928 section 2: min(10 * MSS, max(2 * MSS, 14600)).
TEST_F(NewReno, BeginsWithTheInitialWindow) {
  const auto initial = [](std::uint32_t smss, LossRecovery::Syn syn) {
    return LossRecovery(smss, Sack::no, syn, Seq32(0), 256).cwnd();
  };
  EXPECT_EQ(initial(536, arrived), 5360u);
  EXPECT_EQ(initial(1460, arrived), 14'600u);
  EXPECT_EQ(initial(1461, arrived), 14'600u);
  EXPECT_EQ(initial(7300, arrived), 14'600u);
  EXPECT_EQ(initial(7301, arrived), 14'602u);
  EXPECT_EQ(initial(1460, was_lost), 1460u);
  EXPECT_THAT(sender.send(), SizeIs(10));
}

// RFC 5681 section 3.1: arbitrarily high, and so slow start it is.
TEST_F(NewReno, SlowStartGrowsByWhatIsAcknowledgedAndByOneSegmentAtTheMost) {
  sender.send();
  EXPECT_GT(sender.loss.ssthresh(), 1'000'000'000u);
  sender.acknowledge(segment(1));
  EXPECT_EQ(sender.loss.cwnd(), 11'000u);
  EXPECT_THAT(sender.send(), ElementsAre(fresh(10), fresh(11)));
  sender.acknowledge(segment(3));  // two at once
  EXPECT_EQ(sender.loss.cwnd(), 12'000u);
  sender.acknowledge(segment(3) + 1);  // divided acknowledgments gain nothing
  EXPECT_EQ(sender.loss.cwnd(), 12'001u);
  sender.acknowledge(segment(4));
  EXPECT_EQ(sender.loss.cwnd(), 13'000u);
}

TEST_F(NewReno, CongestionAvoidanceGrowsByOneSegmentForAWindowOfOctets) {
  recover_from_a_loss(sender);
  ASSERT_EQ(sender.loss.ssthresh(), 5000u);
  ASSERT_EQ(sender.loss.cwnd(), 2000u);  // RFC 6582 section 3.2 step 3 (1): no burst
  for (std::uint32_t grown = 3000; grown <= 5000; grown += 1000) {
    sender.send();
    sender.acknowledge(sender.flight.una + 1000);
    ASSERT_EQ(sender.loss.cwnd(), grown);
  }
  sender.send();
  sender.acknowledge(sender.flight.una + 4999);
  EXPECT_EQ(sender.loss.cwnd(), 5000u);
  sender.acknowledge(sender.flight.una + 1);
  EXPECT_EQ(sender.loss.cwnd(), 6000u);
  sender.send();
  sender.acknowledge(sender.flight.una + 5999);
  EXPECT_EQ(sender.loss.cwnd(), 6000u);
}

TEST_F(NewReno, TheWindowHasABound) {
  LossRecovery loss(65'000, Sack::no, arrived, Seq32(0), 0);
  Seq32 una{0};
  for (int n = 0; n < 20'000; ++n) {
    loss.acknowledged({.una_before = una, .flight = {una + 65'000, una + 130'000}});
    una += 65'000;
  }
  EXPECT_EQ(loss.cwnd(), 65'535u << 14);
}

// RFC 3042 section 2.
TEST_F(NewReno, EachOfTheFirstTwoDuplicatesLetsOneSegmentGo) {
  sender.send();
  sender.duplicate();
  EXPECT_THAT(sender.send(), ElementsAre(fresh(10)));
  sender.duplicate();
  EXPECT_THAT(sender.send(), ElementsAre(fresh(11)));
  EXPECT_EQ(sender.loss.cwnd(), 10'000u);
  EXPECT_FALSE(sender.loss.recovering());
  sender.acknowledge(segment(1));  // it was reordering, and the allowance is over
  EXPECT_THAT(sender.send(), IsEmpty());
  EXPECT_EQ(sender.loss.cwnd(), 11'000u);
}

// RFC 5681 section 3.2 steps 2 to 6.
TEST_F(NewReno, TheThirdDuplicateSendsTheFirstSegmentAgain) {
  sender.send();
  duplicates(2);
  EXPECT_THAT(sender.send(), ElementsAre(fresh(10), fresh(11)));
  sender.duplicate();
  EXPECT_TRUE(sender.loss.recovering());
  EXPECT_EQ(sender.loss.ssthresh(), 5000u);  // half of 10, not of 12
  EXPECT_EQ(sender.loss.cwnd(), 8000u);
  EXPECT_THAT(sender.send(), ElementsAre(again(0)));
  duplicates(4);  // 12 are in flight
  EXPECT_EQ(sender.loss.cwnd(), 12'000u);
  EXPECT_THAT(sender.send(), IsEmpty());
  sender.duplicate();
  EXPECT_THAT(sender.send(), ElementsAre(fresh(12)));
  sender.acknowledge(segment(12));
  EXPECT_FALSE(sender.loss.recovering());
  EXPECT_EQ(sender.loss.cwnd(), 2000u);  // one in flight and one more
  EXPECT_EQ(sender.loss.ssthresh(), 5000u);
  EXPECT_THAT(sender.send(), ElementsAre(fresh(13)));
}

TEST_F(NewReno, WhatWasNotBeyondTheWindowIsNoLimitedTransmit) {
  sender.unsent = 4000;
  sender.send();
  sender.duplicate();
  sender.unsent = 2000;
  EXPECT_THAT(sender.send(), ElementsAre(fresh(4), fresh(5)));
  duplicates(2);
  EXPECT_EQ(sender.loss.ssthresh(), 3000u);
}

TEST_F(NewReno, OnlyThePartBeyondTheWindowIsLimitedTransmit) {
  sender.unsent = 9500;
  sender.send();
  sender.unsent = 1500;
  sender.duplicate();
  EXPECT_THAT(sender.send(), SizeIs(2));
  duplicates(2);
  EXPECT_EQ(sender.loss.ssthresh(), 5000u);  // of 11
}

TEST_F(NewReno, WhatLimitedTransmitSentIsInTheWindowOnceItMovesOn) {
  sender.send();
  duplicates(2);
  EXPECT_THAT(sender.send(), SizeIs(2));
  sender.acknowledge(segment(1));
  duplicates(3);
  EXPECT_EQ(sender.loss.ssthresh(), 5500u);
}

// Equation 4: two segments at the least.
TEST_F(NewReno, TheThresholdIsTwoSegmentsAtLeast) {
  sender.unsent = 4002;
  sender.send();
  duplicates(3);
  EXPECT_EQ(sender.loss.ssthresh(), 2001u);
  Sender less(Sack::no);
  less.unsent = 3999;
  less.send();
  for (int n = 0; n < 3; ++n) less.duplicate();
  EXPECT_EQ(less.loss.ssthresh(), 2000u);
}

TEST_F(NewReno, AFullAcknowledgmentLeavesTheThresholdWhereMuchIsInFlight) {
  sender.send();
  duplicates(3);
  sender.send();
  duplicates(9);  // cwnd 17
  EXPECT_THAT(sender.send(), SizeIs(7));
  sender.acknowledge(segment(10));
  EXPECT_EQ(sender.loss.cwnd(), 5000u);
}

// RFC 6582 section 3.2 step 3.
TEST_F(NewReno, APartialAcknowledgmentSendsTheNextSegmentAgain) {
  sender.send();
  duplicates(3);
  EXPECT_THAT(sender.send(), ElementsAre(again(0)));
  duplicates(5);
  ASSERT_EQ(sender.loss.cwnd(), 13'000u);
  EXPECT_THAT(sender.send(), ElementsAre(fresh(10), fresh(11), fresh(12)));
  sender.acknowledge(segment(4));
  EXPECT_TRUE(sender.loss.recovering());
  EXPECT_EQ(sender.loss.cwnd(), 10'000u);  // 13 - 4 + 1
  EXPECT_THAT(sender.send(), ElementsAre(again(4), fresh(13)));
  sender.acknowledge(segment(4) + 999);
  EXPECT_EQ(sender.loss.cwnd(), 9001u);  // less than a segment: nothing is added back
  EXPECT_THAT(sender.send(), ElementsAre(test::Sent{LossRecovery::Transmission::again, 4999, 1000}));
  sender.acknowledge(segment(9) + 999);
  EXPECT_TRUE(sender.loss.recovering());
  EXPECT_THAT(sender.send(), ElementsAre(test::Sent{LossRecovery::Transmission::again, 9999, 1}, fresh(14)));
  sender.acknowledge(segment(10));
  EXPECT_FALSE(sender.loss.recovering());
}

// The impatient variant.
TEST_F(NewReno, OnlyTheFirstPartialAcknowledgmentRestartsTheTimer) {
  sender.send();
  sender.acknowledge(segment(1));
  EXPECT_TRUE(sender.loss.restarts_timer());
  sender.send();
  duplicates(3);
  sender.send();
  sender.acknowledge(segment(2));
  EXPECT_TRUE(sender.loss.restarts_timer());
  sender.acknowledge(segment(3));
  EXPECT_FALSE(sender.loss.restarts_timer());
  sender.acknowledge(segment(12));
  ASSERT_FALSE(sender.loss.recovering());
  EXPECT_TRUE(sender.loss.restarts_timer());
  // And so in the next recovery.
  sender.unsent = 8000;
  sender.send();
  sender.acknowledge(segment(13));
  sender.send();
  duplicates(3);
  ASSERT_TRUE(sender.loss.recovering());
  sender.send();
  sender.acknowledge(segment(14));
  EXPECT_TRUE(sender.loss.restarts_timer());
}

// RFC 6582 section 3.2 step 2, and section 4: duplicates at `recover` may come of what was sent again in vain.
TEST_F(NewReno, NoRecoveryBeginsBeforeMoreThanRecoverIsAcknowledged) {
  recover_from_a_loss(sender);
  EXPECT_THAT(sender.send(), SizeIs(2));
  duplicates(3);
  EXPECT_FALSE(sender.loss.recovering());
  EXPECT_EQ(sender.loss.ssthresh(), 5000u);
  EXPECT_THAT(sender.send(), SizeIs(2));  // limited transmit still
  sender.acknowledge(sender.flight.una + 1);
  duplicates(3);
  EXPECT_TRUE(sender.loss.recovering());
}

// RFC 5681 section 3.1, equation 4 and the loss window.
TEST_F(NewReno, ATimeoutSendsEverythingAgainFromOneSegmentOn) {
  sender.send();
  sender.time_out();
  EXPECT_EQ(sender.loss.cwnd(), 1000u);
  EXPECT_EQ(sender.loss.ssthresh(), 5000u);
  EXPECT_THAT(sender.send(), ElementsAre(again(0)));
  sender.acknowledge(segment(1));
  EXPECT_THAT(sender.send(), ElementsAre(again(1), again(2)));
  sender.acknowledge(segment(3));
  EXPECT_THAT(sender.send(), ElementsAre(again(3), again(4), again(5)));
  sender.acknowledge(segment(9));  // the others had arrived
  EXPECT_EQ(sender.loss.cwnd(), 4000u);
  EXPECT_THAT(sender.send(), ElementsAre(again(9), fresh(10), fresh(11), fresh(12)));
}

TEST_F(NewReno, AShortSegmentAtTheEndIsSentAgainWhereTheWindowHasRoomForIt) {
  sender.unsent = 3500;
  sender.send();
  sender.time_out();
  sender.send();
  sender.acknowledge(at(499));
  ASSERT_EQ(sender.loss.cwnd(), 1499u);
  EXPECT_THAT(sender.send(), IsEmpty());  // 501 are in flight
  EXPECT_EQ(sender.loss.fresh_octets_allowed(sender.flight), 0u);
  sender.acknowledge(at(501));
  EXPECT_THAT(sender.send(), ElementsAre(again(1)));
  sender.acknowledge(segment(2));
  EXPECT_THAT(sender.send(), ElementsAre(again(2), test::Sent{LossRecovery::Transmission::again, 3000, 500}));
}

TEST_F(NewReno, AShortSegmentNeedsNoMoreRoomThanItsLength) {
  for (const auto& [octets, goes] : {std::pair{998U, true}, {999U, false}}) {
    Sender small(Sack::no);
    small.unsent = 1000 + octets;
    small.send();
    small.time_out();
    small.send();
    small.acknowledge(at(499));  // room for 998
    EXPECT_EQ(small.send().size(), goes ? 1u : 0u) << octets;
  }
}

TEST_F(NewReno, ASecondTimeoutOfTheSameSegmentLeavesTheThreshold) {
  sender.send();
  sender.time_out();
  sender.send();
  sender.time_out();
  EXPECT_EQ(sender.loss.ssthresh(), 5000u);
  EXPECT_EQ(sender.loss.cwnd(), 1000u);
  EXPECT_THAT(sender.send(), ElementsAre(again(0)));
  // Another segment: what was sent since the timeout counts, and that is two.
  sender.acknowledge(segment(1));
  EXPECT_THAT(sender.send(), SizeIs(2));
  sender.time_out();
  EXPECT_EQ(sender.loss.ssthresh(), 2000u);
}

// RFC 6582 section 3.2 step 4.
TEST_F(NewReno, ATimeoutEndsRecoveryAndKeepsAnotherFromBeginning) {
  sender.send();
  duplicates(3);
  sender.send();
  sender.time_out();
  EXPECT_FALSE(sender.loss.recovering());
  EXPECT_THAT(sender.send(), ElementsAre(again(0)));
  sender.acknowledge(segment(1));
  sender.send();
  duplicates(3);
  EXPECT_FALSE(sender.loss.recovering());
  sender.acknowledge(segment(10));
  sender.send();
  duplicates(3);
  EXPECT_FALSE(sender.loss.recovering());
  sender.acknowledge(segment(11));
  sender.send();
  duplicates(3);
  EXPECT_TRUE(sender.loss.recovering());
}

TEST_F(NewReno, WithoutSackBlocksTellNothing) {
  sender.send();
  sender.duplicate({test::segments(1, 9)});
  EXPECT_FALSE(sender.loss.recovering());
  EXPECT_THAT(sender.loss.sacked(), IsEmpty());
}

// RFC 5681 section 4.1: RW = min(IW, cwnd).
TEST_F(NewReno, AfterIdleTheWindowIsTheInitialOneAtMost) {
  for (int n = 0; n < 30; ++n) {
    sender.send();
    sender.acknowledge(sender.flight.una + 1000);
  }
  ASSERT_EQ(sender.loss.cwnd(), 40'000u);
  sender.loss.restart_after_idle();
  EXPECT_EQ(sender.loss.cwnd(), 10'000u);
  sender.acknowledge(sender.flight.nxt);
  sender.send();
  sender.time_out();
  sender.loss.restart_after_idle();
  EXPECT_EQ(sender.loss.cwnd(), 1000u);
}

// RFC 6928 section 2: after a loss in an initial window, restart with RFC 3390's.
TEST_F(NewReno, ALossInTheInitialWindowMakesLaterRestartsSmaller) {
  const auto window_after_idle = [](std::uint32_t arrived_before) {
    Sender lossy(Sack::no);
    for (std::uint32_t n = 1; n <= arrived_before; ++n) {
      lossy.send();
      lossy.acknowledge(segment(n));
    }
    lossy.send();
    lossy.time_out();
    for (int n = 0; n < 40; ++n) {
      lossy.send();
      lossy.acknowledge(lossy.flight.una + 1000);
    }
    lossy.loss.restart_after_idle();
    return lossy.loss.cwnd();
  };
  EXPECT_EQ(window_after_idle(9), 4000u);
  EXPECT_EQ(window_after_idle(10), 10'000u);
}

TEST_F(NewReno, ALossInARestartWindowMakesLaterRestartsSmallerToo) {
  const auto window_after_idle = [](std::uint32_t acknowledged) {
    Sender lossy(Sack::no);
    lossy.loss.acknowledged({.una_before = segment(0), .flight = {segment(10), segment(10)}});
    lossy.flight = {segment(10), segment(10)};
    lossy.loss.restart_after_idle();
    lossy.send();
    lossy.acknowledge(segment(10 + acknowledged));
    lossy.send();
    lossy.time_out();
    for (int n = 0; n < 40; ++n) {
      lossy.send();
      lossy.acknowledge(lossy.flight.una + 1000);
    }
    lossy.loss.restart_after_idle();
    return lossy.loss.cwnd();
  };
  EXPECT_EQ(window_after_idle(9), 4000u);
  EXPECT_EQ(window_after_idle(10), 10'000u);
}

// RFC 5681 section 3.1; RFC 1191 section 6.4.
TEST_F(NewReno, ASmallerSegmentSizeKeepsTheNumberOfSegments) {
  sender.send();
  sender.loss.smss_became(400);
  EXPECT_EQ(sender.loss.cwnd(), 4000u);
  sender.loss.resend_all(sender.flight);
  EXPECT_GT(sender.loss.ssthresh(), 1'000'000'000u);
  const auto part = [](std::uint32_t from) { return test::Sent{LossRecovery::Transmission::again, from, 400}; };
  EXPECT_THAT(sender.send(), ElementsAre(part(0)));
  sender.acknowledge(at(400));
  EXPECT_THAT(sender.send(), ElementsAre(part(400), part(800)));
  sender.acknowledge(at(1200));
  EXPECT_THAT(sender.send(), ElementsAre(part(1200), part(1600), part(2000)));
}

TEST_F(NewReno, SegmentsThatWereTooLargeCostNoWindow) {
  recover_from_a_loss(sender);
  for (int n = 0; n < 20; ++n) {
    sender.send();
    sender.acknowledge(sender.flight.una + 1000);
  }
  const std::uint32_t before = sender.loss.cwnd();
  ASSERT_GT(before, sender.loss.ssthresh());
  sender.send();
  sender.loss.resend_all(sender.flight);
  EXPECT_EQ(sender.loss.cwnd(), 1000u);
  EXPECT_EQ(sender.loss.ssthresh(), before);
}

TEST_F(NewReno, ALargerSegmentSizeLeavesTheWindow) {
  sender.loss.smss_became(1400);
  EXPECT_EQ(sender.loss.cwnd(), 10'000u);
}

TEST_F(NewReno, ALargerSegmentSizeHoldsOneSegmentAtLeast) {
  sender.send();
  sender.time_out();
  sender.loss.smss_became(1400);
  EXPECT_EQ(sender.loss.cwnd(), 1400u);
}

// What was remembered by sequence number is no longer true when the numbers come round.
TEST_F(NewReno, NothingIsRememberedForATurnOfTheNumbers) {
  const auto acknowledge_much = [&](int quarters) {
    for (; quarters > 0; --quarters) {
      sender.flight.nxt = sender.flight.una + (1U << 30);
      sender.acknowledge(sender.flight.nxt);
    }
  };
  sender.send();
  sender.time_out();
  acknowledge_much(3);
  sender.flight.nxt = sender.flight.una + 10'000;
  duplicates(3);
  EXPECT_TRUE(sender.loss.recovering());
  acknowledge_much(1);
  ASSERT_EQ(sender.flight.una, test::kFirst);
  const std::uint32_t threshold = sender.loss.ssthresh();
  sender.flight.nxt = sender.flight.una + 100'000;
  sender.time_out();
  EXPECT_NE(sender.loss.ssthresh(), threshold);
}

// A FIN is one octet behind the text.
TEST_F(NewReno, AFinIsSentAgainLikeAnOctet) {
  sender.unsent = 1;
  sender.send();
  sender.time_out();
  EXPECT_THAT(sender.send(), ElementsAre(test::Sent{LossRecovery::Transmission::again, 0, 1}));
  EXPECT_THAT(sender.send(), IsEmpty());
}

}  // namespace
}  // namespace tcpspec::reference
