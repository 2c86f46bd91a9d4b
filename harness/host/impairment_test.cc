#include "host/impairment.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

namespace tcpspec::host {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

Bytes numbered(std::uint8_t number) {
  return {std::byte(number), std::byte{0}, std::byte{0}, std::byte{0}};
}
int number_of(const Bytes& datagram) {
  return std::to_integer<int>(datagram[0]);
}
std::vector<int> numbers(const std::vector<Bytes>& datagrams) {
  std::vector<int> all;
  for (const auto& datagram : datagrams) all.push_back(number_of(datagram));
  return all;
}

constexpr Instant start{5s};

// What comes out of `count` datagrams, one each 100 us, and when all is out.
std::vector<Bytes> play(Impairment& wire, int count) {
  std::vector<Bytes> out;
  const auto collect = [&](Instant now) {
    for (auto& datagram : wire.release(now)) out.push_back(std::move(datagram));
  };
  Instant now = start;
  for (int i = 0; i < count; ++i, now += 100us) {
    wire.take(numbered(static_cast<std::uint8_t>(i)), now);
    collect(now);
  }
  for (auto at = wire.deadline(); at; at = wire.deadline()) collect(*at);
  return out;
}

TEST(Odds, Words) {
  EXPECT_EQ(parse_odds(""), Odds{});
  const auto all = parse_odds("drop=1%,duplicate=2.5%,reorder=100%,corrupt=0%,delay=0.5..20ms");
  ASSERT_TRUE(all) << all.error();
  EXPECT_EQ(
      *all,
      (Odds{
          .drop = 0.01, .duplicate = 0.025, .reorder = 1, .corrupt = 0, .least_delay = 500us, .greatest_delay = 20ms}));
  EXPECT_EQ(parse_odds("delay=3ms")->least_delay, 3ms);
  for (const auto* wrong : {"drop", "drop=", "drop=1", "drop=-1%", "drop=nan%", "drop=101%", "loss=1%", "delay=5", ",",
                            "delay=9..1ms", "delay=..1ms", "delay=1e9ms", "drop=1%;corrupt=1%"})
    EXPECT_FALSE(parse_odds(wrong)) << wrong;
}

TEST(Impairment, NoneChangesNothing) {
  Impairment wire({}, 1);
  wire.take(numbered(1), start);
  wire.take(numbered(2), start);
  EXPECT_EQ(wire.deadline(), start);
  EXPECT_THAT(numbers(wire.release(start)), ElementsAre(1, 2));
  EXPECT_EQ(wire.deadline(), std::nullopt);
}

TEST(Impairment, CertaintyIsCertain) {
  Impairment dropping({.drop = 1}, 1);
  EXPECT_THAT(play(dropping, 20), IsEmpty());
  EXPECT_EQ(dropping.counters(), (Impairment::Counters{.taken = 20, .dropped = 20}));

  Impairment duplicating({.duplicate = 1}, 1);
  EXPECT_THAT(numbers(play(duplicating, 2)), ElementsAre(0, 0, 1, 1));
}

TEST(Impairment, OneBitIsFlipped) {
  Impairment wire({.corrupt = 1}, 1);
  const auto out = play(wire, 50);
  ASSERT_EQ(out.size(), 50u);
  for (int i = 0; i < 50; ++i) {
    int flipped = 0;
    for (std::size_t at = 0; at < 4; ++at) {
      const auto difference = out[static_cast<std::size_t>(i)][at] ^ numbered(static_cast<std::uint8_t>(i))[at];
      flipped += std::popcount(std::to_integer<unsigned>(difference));
    }
    EXPECT_EQ(flipped, 1);
  }
}

TEST(Impairment, DelayKeepsTheOrder) {
  Impairment wire({.least_delay = 1ms, .greatest_delay = 5ms}, 1);
  wire.take(numbered(0), start);
  EXPECT_THAT(wire.release(start + 1ms - 1ns), IsEmpty());
  ASSERT_TRUE(wire.deadline());
  EXPECT_LE(*wire.deadline(), start + 5ms);
  EXPECT_EQ(wire.release(*wire.deadline()).size(), 1u);
  EXPECT_TRUE(std::ranges::is_sorted(numbers(play(wire, 100))));
}

TEST(Impairment, ReorderingLosesNothing) {
  Impairment wire({.reorder = 0.2}, 1);
  const auto out = numbers(play(wire, 200));
  ASSERT_EQ(out.size(), 200u);
  EXPECT_FALSE(std::ranges::is_sorted(out));
  EXPECT_GT(wire.counters().reordered, 20u);
  std::vector<int> sorted = out;
  std::ranges::sort(sorted);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(sorted[static_cast<std::size_t>(i)], i);
}

TEST(Impairment, WhatNothingOvertakesComesAllTheSame) {
  Impairment wire({.reorder = 1}, 1);
  wire.take(numbered(7), start);
  EXPECT_THAT(wire.release(start), IsEmpty());
  ASSERT_TRUE(wire.deadline());
  EXPECT_THAT(numbers(wire.release(*wire.deadline())), ElementsAre(7));
  EXPECT_EQ(wire.deadline(), std::nullopt);
}

TEST(Impairment, ASeedRepeatsIt) {
  constexpr Odds odds{.drop = 0.1, .duplicate = 0.1, .reorder = 0.1, .corrupt = 0.1, .greatest_delay = 1ms};
  Impairment one(odds, 42), same(odds, 42), other(odds, 43);
  const auto out = play(one, 200);
  EXPECT_EQ(out, play(same, 200));
  EXPECT_NE(out, play(other, 200));
}

}  // namespace
}  // namespace tcpspec::host
