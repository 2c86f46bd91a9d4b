#include "reference/retransmission_timeout.hh"

#include <gtest/gtest.h>

namespace tcpspec::reference {
namespace {

using namespace std::chrono_literals;

struct RetransmissionTimeoutTest : ::testing::Test {
  Times times = {.least_rto = 0s};
  RetransmissionTimeout rto{times};
};

TEST_F(RetransmissionTimeoutTest, IsOneSecondBeforeAnythingIsMeasured) {
  EXPECT_EQ(rto.value(), 1s);
  EXPECT_FALSE(rto.smoothed());
}

// Section 2.2: R + max(G, 4 * R/2).
TEST_F(RetransmissionTimeoutTest, TheFirstMeasurementCountsThreefold) {
  rto.measured(100ms);
  EXPECT_EQ(rto.smoothed(), 100ms);
  EXPECT_EQ(rto.value(), 300ms);
}

// Section 2.3: RTTVAR is computed from the SRTT before.
TEST_F(RetransmissionTimeoutTest, LaterMeasurementsAreFiltered) {
  rto.measured(100ms);  // RTTVAR 50
  rto.measured(180ms);  // RTTVAR 3/4*50 + 1/4*80 = 57.5, SRTT 7/8*100 + 1/8*180 = 110
  EXPECT_EQ(rto.smoothed(), 110ms);
  EXPECT_EQ(rto.value(), 110ms + 230ms);
  rto.measured(30ms);  // RTTVAR 3/4*57.5 + 1/4*80 = 63.125, SRTT 7/8*110 + 1/8*30 = 100
  EXPECT_EQ(rto.smoothed(), 100ms);
  EXPECT_EQ(rto.value(), 100ms + 252'500us);
}

// Section 4: a variance of nearly nothing counts for G.
TEST_F(RetransmissionTimeoutTest, TheVarianceCountsForTheGranularityAtLeast) {
  rto.measured(0ms);
  EXPECT_EQ(rto.value(), 1ms);
  for (int n = 0; n < 200; ++n) rto.measured(100ms);
  EXPECT_GE(rto.value(), *rto.smoothed() + 1ms);
  EXPECT_LT(rto.value(), *rto.smoothed() + 1ms + 100us);
}

TEST_F(RetransmissionTimeoutTest, ATimeThatRanBackwardsIsNone) {
  rto.measured(-5ms);
  EXPECT_EQ(rto.smoothed(), 0ms);
}

// Sections 2.4 and 2.5.
TEST(RetransmissionTimeout, StaysBetweenTheLeastAndTheGreatest) {
  const Times times;
  RetransmissionTimeout rto(times);
  rto.measured(333ms);
  EXPECT_EQ(rto.value(), 1s);
  RetransmissionTimeout longer(times);
  longer.measured(334ms);
  EXPECT_EQ(longer.value(), 1002ms);
  RetransmissionTimeout longest(times);
  longest.measured(20s);
  EXPECT_EQ(longest.value(), 60s);
  RetransmissionTimeout beyond(times);
  beyond.measured(21s);
  EXPECT_EQ(beyond.value(), 60s);
}

// Section 5.5, and 5.7's last paragraph: until something new is measured.
TEST(RetransmissionTimeout, DoublesUpToTheGreatestUntilSomethingIsMeasured) {
  const Times times;
  RetransmissionTimeout rto(times);
  for (const Duration expected : {2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    rto.expired();
    EXPECT_EQ(rto.value(), expected);
  }
  EXPECT_EQ(rto.backed_off(), 7);
  rto.measured(500ms);
  EXPECT_EQ(rto.value(), 1500ms);
  EXPECT_EQ(rto.backed_off(), 0);
}

TEST(RetransmissionTimeout, ALongInitialTimeoutIsNotShortenedByExpiring) {
  const Times times = {.initial_rto = 90s};
  RetransmissionTimeout rto(times);
  rto.expired();
  EXPECT_EQ(rto.value(), 90s);
}

// Section 5.7.
TEST(RetransmissionTimeout, ALostSynMakesItThreeSecondsWhenDataBegins) {
  const Times times;
  RetransmissionTimeout rto(times);
  rto.expired();
  rto.lost_syn();
  EXPECT_EQ(rto.value(), 3s);
  EXPECT_EQ(rto.backed_off(), 0);
  rto.expired();
  EXPECT_EQ(rto.value(), 6s);
}

TEST(RetransmissionTimeout, ALostSynChangesNothingWhereItWasThreeSecondsBefore) {
  const Times shorter = {.initial_rto = 2999ms};
  RetransmissionTimeout changed(shorter);
  changed.expired();
  changed.lost_syn();
  EXPECT_EQ(changed.value(), 3s);
  const Times three = {.initial_rto = 3s};
  RetransmissionTimeout kept(three);
  kept.expired();
  kept.lost_syn();
  EXPECT_EQ(kept.value(), 6s);
}

// RFC 7323 appendix G: a window of N samples moves the filters about as far as one sample of
// RFC 6298 does (by 1 - (1 - 1/8N)^N: 12.5 % where N is 1, 11.8 % at the most beyond).
TEST_F(RetransmissionTimeoutTest, ManySamplesOfOneWindowCountForOne) {
  rto.measured(100ms);
  for (int n = 0; n < 10; ++n) rto.measured(200ms, 10);
  EXPECT_GT(*rto.smoothed(), 111ms);
  EXPECT_LT(*rto.smoothed(), 113ms);
}

TEST_F(RetransmissionTimeoutTest, NoSamplesPerWindowIsTakenForOne) {
  rto.measured(100ms);
  rto.measured(180ms, 0);
  EXPECT_EQ(rto.smoothed(), 110ms);
}

}  // namespace
}  // namespace tcpspec::reference
