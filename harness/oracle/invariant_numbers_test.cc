#include "oracle/invariant_numbers.hh"

#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

namespace tcpspec::oracle {
namespace {

using packet::Seq32;

TEST(NumberSet, JoinsWhatMeets) {
  NumberSet set;
  EXPECT_TRUE(set.empty());
  set.add(Seq32(10), 5);
  set.add(Seq32(20), 5);
  EXPECT_FALSE(set.covers(Seq32(10), 15));
  set.add(Seq32(15), 5);
  EXPECT_TRUE(set.covers(Seq32(10), 15));
  EXPECT_FALSE(set.covers(Seq32(10), 16));
  EXPECT_FALSE(set.covers(Seq32(9), 2));
}

TEST(NumberSet, PlacesAreTouchedAndNotCovered) {
  NumberSet set;
  set.add(Seq32(10), 0);
  EXPECT_TRUE(set.touches(Seq32(10)));
  EXPECT_FALSE(set.covers(Seq32(10), 1));
  EXPECT_FALSE(set.touches(Seq32(11)));
  set.add(Seq32(20), 2);
  EXPECT_TRUE(set.touches(Seq32(22)));
  EXPECT_FALSE(set.touches(Seq32(23)));
}

TEST(NumberSet, GoesRoundTheCircle) {
  NumberSet set;
  set.add(Seq32(0xfffffff0), 0x20);
  EXPECT_TRUE(set.covers(Seq32(0xffffffff), 2));
  EXPECT_TRUE(set.touches(Seq32(0x10)));
  EXPECT_FALSE(set.touches(Seq32(0x11)));
  set.add(Seq32(0x10), 0xfffffff0U - 0x10U);
  EXPECT_TRUE(set.covers(Seq32(5), 0xffffffff));
}

TEST(NumberSet, WithTooManyRangesItClosesTheNarrowestGap) {
  NumberSet set;
  for (std::uint32_t i = 0; i < 16; ++i) set.add(Seq32(i * 1000), 10);
  EXPECT_FALSE(set.touches(Seq32(500)));
  set.add(Seq32(3020), 10);  // ten numbers behind the range before it
  EXPECT_TRUE(set.covers(Seq32(3000), 30));
  for (std::uint32_t i = 0; i < 16; ++i) EXPECT_TRUE(set.covers(Seq32(i * 1000), 10)) << i;
  EXPECT_FALSE(set.touches(Seq32(500)));
}

TEST(NumberSet, NeverLosesWhatWasAdded) {
  std::mt19937 engine(0x5f31);
  for (int round = 0; round < 200; ++round) {
    NumberSet set;
    std::vector<std::pair<Seq32, std::uint32_t>> added;
    for (int i = 0; i < 60; ++i) {
      added.emplace_back(Seq32(static_cast<std::uint32_t>(engine())), engine() % (i % 7 == 0 ? 1U << 31 : 2000));
      set.add(added.back().first, added.back().second);
      for (const auto& [begin, count] : added) ASSERT_TRUE(set.covers(begin, count));
    }
  }
}

}  // namespace
}  // namespace tcpspec::oracle
