#include "packet/seq32.hh"

#include <gtest/gtest.h>

#include <concepts>

namespace tcpspec::packet {
namespace {

static_assert(!std::totally_ordered<Seq32>, "an order on a circle is the bug that Seq32 exists to prevent");

TEST(Seq32, WrapsForwardsAndBackwards) {
  EXPECT_EQ(Seq32(0xffffffff) + 1, Seq32(0));
  EXPECT_EQ(Seq32(0) - 1, Seq32(0xffffffff));
  Seq32 s(0xfffffff0);
  s += 0x20;
  EXPECT_EQ(s, Seq32(0x10));
}

TEST(Seq32, DistanceIsSignedAcrossTheWrap) {
  EXPECT_EQ(distance(Seq32(0xffffffff), Seq32(2)), 3);
  EXPECT_EQ(distance(Seq32(2), Seq32(0xffffffff)), -3);
  EXPECT_EQ(distance(Seq32(7), Seq32(7)), 0);
  EXPECT_EQ(distance(Seq32(0), Seq32(0x7fffffff)), 0x7fffffff);
  EXPECT_EQ(distance(Seq32(0), Seq32(0x80000001)), -0x7fffffff);
}

TEST(Seq32, WindowIsHalfOpenAlsoAcrossTheWrap) {
  const Seq32 left(0xfffffffe);
  EXPECT_FALSE(in_window(left - 1, left, 4));
  EXPECT_TRUE(in_window(left, left, 4));
  EXPECT_TRUE(in_window(Seq32(1), left, 4));
  EXPECT_FALSE(in_window(Seq32(2), left, 4));
  EXPECT_FALSE(in_window(left, left, 0));
}

TEST(Seq32, LaterIsTheOneAhead) {
  EXPECT_EQ(later(Seq32(0xfffffffe), Seq32(1)), Seq32(1));
  EXPECT_EQ(later(Seq32(1), Seq32(0xfffffffe)), Seq32(1));
  EXPECT_EQ(later(Seq32(5), Seq32(5)), Seq32(5));
}

}  // namespace
}  // namespace tcpspec::packet
