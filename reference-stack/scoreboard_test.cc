#include "reference/scoreboard.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "reference/test_octets.hh"

namespace tcpspec::reference {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using News = Scoreboard::News;

// Positions count from SND.UNA, which lies 5000 octets before the wrap.
constexpr Seq32 kUna{0xffffffff - 4999};
constexpr Flight kFlight{kUna, kUna + 10'000};

Seq32 at(std::uint32_t position) {
  return kUna + position;
}
SackBlock block(std::uint32_t left, std::uint32_t right) {
  return {at(left), at(right)};
}

struct ScoreboardTest : ::testing::Test {
  News add(std::uint32_t left, std::uint32_t right) { return board.add(block(left, right), kFlight); }
  Scoreboard board{256};
};

TEST_F(ScoreboardTest, RemembersRangesByPosition) {
  EXPECT_EQ(add(5000, 6000), News::yes);
  EXPECT_EQ(add(1000, 2000), News::yes);
  EXPECT_EQ(add(8000, 10'000), News::yes);
  EXPECT_THAT(board.ranges(), ElementsAre(block(1000, 2000), block(5000, 6000), block(8000, 10'000)));
  EXPECT_EQ(board.highest(), at(10'000));
}

TEST_F(ScoreboardTest, JoinsWhatOverlapsOrTouches) {
  add(1000, 2000);
  add(3000, 4000);
  add(5000, 6000);
  EXPECT_EQ(add(2000, 3000), News::yes);
  EXPECT_THAT(board.ranges(), ElementsAre(block(1000, 4000), block(5000, 6000)));
  EXPECT_EQ(add(500, 9000), News::yes);
  EXPECT_THAT(board.ranges(), ElementsAre(block(500, 9000)));
}

TEST_F(ScoreboardTest, WhatWasTalkedOfBeforeIsNoNews) {
  add(1000, 3000);
  EXPECT_EQ(add(1000, 3000), News::no);
  EXPECT_EQ(add(1500, 2000), News::no);
  EXPECT_EQ(add(1500, 3001), News::yes);
  EXPECT_EQ(add(999, 3001), News::yes);
  EXPECT_THAT(board.ranges(), ElementsAre(block(999, 3001)));
}

TEST_F(ScoreboardTest, IgnoresTheAbsurd) {
  EXPECT_EQ(add(0, 1000), News::no);       // begins where the acknowledgment ends
  EXPECT_EQ(add(9999, 10'001), News::no);  // never sent
  EXPECT_EQ(add(10'000, 10'001), News::no);
  EXPECT_EQ(add(2000, 2000), News::no);
  EXPECT_EQ(add(2000, 1999), News::no);  // longer than half the circle
  EXPECT_EQ(add(0x7fffffff, 0xfffffffe), News::no);
  EXPECT_EQ(board.add({kUna - 1000, kUna}, kFlight), News::no);  // D-SACK
  EXPECT_EQ(board.add({kUna - 1000, kUna + 1000}, kFlight), News::no);
  EXPECT_EQ(board.add({kUna, kUna + 1}, {kUna, kUna}), News::no);  // nothing is in flight
  EXPECT_THAT(board.ranges(), IsEmpty());
  EXPECT_EQ(add(1, 2), News::yes);
  EXPECT_EQ(add(9999, 10'000), News::yes);
}

TEST_F(ScoreboardTest, ForgetsWhatIsAcknowledged) {
  add(1000, 2000);
  add(3000, 4000);
  board.acknowledge(at(2000));
  EXPECT_THAT(board.ranges(), ElementsAre(block(3000, 4000)));
  board.acknowledge(at(2999));
  EXPECT_THAT(board.ranges(), ElementsAre(block(3000, 4000)));
  // Up to it, or into it, and no further: the peer has it no longer.
  board.acknowledge(at(3000));
  EXPECT_THAT(board.ranges(), IsEmpty());
}

TEST_F(ScoreboardTest, HoldsNoMoreRangesThanItMay) {
  Scoreboard small(2);
  EXPECT_EQ(small.add(block(1000, 1100), kFlight), News::yes);
  EXPECT_EQ(small.add(block(5000, 5100), kFlight), News::yes);
  EXPECT_EQ(small.add(block(7000, 7100), kFlight), News::no);
  EXPECT_EQ(small.add(block(3000, 3100), kFlight), News::yes);
  EXPECT_THAT(small.ranges(), ElementsAre(block(1000, 1100), block(3000, 3100)));
  EXPECT_EQ(small.add(block(3100, 3200), kFlight), News::yes);
  EXPECT_THAT(small.ranges(), ElementsAre(block(1000, 1100), block(3000, 3200)));
  Scoreboard none(0);
  EXPECT_EQ(none.add(block(1000, 1100), kFlight), News::no);
}

// RFC 6675 section 4, IsLost(): DupThresh discontiguous ranges above.
TEST_F(ScoreboardTest, ThreeRangesAboveMeanLost) {
  add(3000, 3001);
  add(4000, 4001);
  EXPECT_EQ(board.lost_before(1000), std::nullopt);
  add(2000, 2001);
  EXPECT_EQ(board.lost_before(1000), at(2000));
  add(5000, 5001);
  EXPECT_EQ(board.lost_before(1000), at(3000));
}

// More than (DupThresh - 1) * SMSS octets above.
TEST_F(ScoreboardTest, MoreThanTwoSegmentsAboveMeanLost) {
  add(2000, 4000);
  EXPECT_EQ(board.lost_before(1000), std::nullopt);
  EXPECT_EQ(board.lost_before(999), at(2000));
  add(4000, 4001);
  EXPECT_EQ(board.lost_before(1000), at(2000));
}

TEST_F(ScoreboardTest, FindsHoles) {
  EXPECT_EQ(board.first_hole(at(0), at(10)), block(0, 10));
  add(1000, 2000);
  add(3000, 10'000);
  EXPECT_EQ(board.first_hole(at(0), at(10'000)), block(0, 1000));
  EXPECT_EQ(board.first_hole(at(999), at(10'000)), block(999, 1000));
  EXPECT_EQ(board.first_hole(at(1000), at(10'000)), block(2000, 3000));
  EXPECT_EQ(board.first_hole(at(1000), at(2000)), std::nullopt);
  EXPECT_EQ(board.first_hole(at(1000), at(2001)), block(2000, 2001));
  EXPECT_EQ(board.first_hole(at(3000), at(10'000)), std::nullopt);
  EXPECT_EQ(board.last_hole(at(0), at(10'000)), block(2000, 3000));
  EXPECT_EQ(board.last_hole(at(0), at(2000)), block(0, 1000));
  EXPECT_EQ(board.last_hole(at(1000), at(2000)), std::nullopt);
  EXPECT_EQ(board.octets_in_holes(at(0), at(10'000)), 2000u);
  EXPECT_EQ(board.octets_in_holes(at(500), at(2500)), 1000u);
  EXPECT_EQ(board.octets_in_holes(at(1000), at(2000)), 0u);
  EXPECT_EQ(board.octets_in_holes(at(2500), at(500)), 0u);
}

// Every octet by itself.
TEST_F(ScoreboardTest, DoesWhatASetOfOctetsDoes) {
  test::Random random;
  for (int run = 0; run < 300; ++run) {
    const Seq32 una = Seq32(0) - random.below(120);
    const Flight flight{una, una + 100};
    Scoreboard scoreboard(256);
    std::set<std::uint32_t> reported;
    for (int step = 0; step < 12; ++step) {
      const std::uint32_t left = 1 + random.below(98);
      const std::uint32_t right = left + 1 + random.below(std::min(12U, 100 - left));
      const std::size_t before = reported.size();
      for (std::uint32_t n = left; n != right; ++n) reported.insert(n);
      ASSERT_EQ(scoreboard.add({una + left, una + right}, flight) == News::yes, reported.size() > before);

      const auto is_hole = [&](std::uint32_t n) { return !reported.contains(n); };
      const std::uint32_t from = random.below(100);
      const std::uint32_t to = from + random.below(101 - from);
      std::uint32_t holes = 0;
      std::optional<std::uint32_t> first;
      std::optional<std::uint32_t> last;
      for (std::uint32_t n = from; n != to; ++n) {
        if (!is_hole(n)) continue;
        ++holes;
        if (!first) first = n;
        last = n;
      }
      ASSERT_EQ(scoreboard.octets_in_holes(una + from, una + to), holes);
      const auto first_hole = scoreboard.first_hole(una + from, una + to);
      const auto last_hole = scoreboard.last_hole(una + from, una + to);
      ASSERT_EQ(first_hole.has_value(), first.has_value());
      if (!first) continue;
      ASSERT_EQ(first_hole->left, una + *first);
      ASSERT_EQ(last_hole->right, una + *last + 1);
      ASSERT_EQ(scoreboard.octets_in_holes(first_hole->left, first_hole->right),
                static_cast<std::uint32_t>(packet::distance(first_hole->left, first_hole->right)));
    }
  }
}

}  // namespace
}  // namespace tcpspec::reference
