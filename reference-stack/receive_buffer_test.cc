#include "reference/receive_buffer.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "reference/test_octets.hh"

namespace tcpspec::reference {
namespace {

using test::octets_from;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// 100 octets before the wrap. Positions in the tests count from here.
constexpr Seq32 kNext{0xffffff9c};

Seq32 at(std::uint32_t position) {
  return kNext + position;
}
SackBlock block(std::uint32_t left, std::uint32_t right) {
  return {at(left), at(right)};
}

struct ReceiveBufferTest : ::testing::Test {
  ReceiveBuffer::Outcome insert(std::uint32_t left, std::uint32_t right) {
    return buffer.insert(at(left), octets_from(at(left), right - left));
  }
  // What can be read, as how many octets of the right kind that is.
  std::size_t read_all() {
    Bytes into(10'000);
    into.resize(buffer.read(into));
    EXPECT_EQ(into, octets_from(read_to, into.size()));
    read_to += static_cast<std::uint32_t>(into.size());
    return into.size();
  }

  ReceiveBuffer buffer{kNext, 10'000, 256};
  Seq32 read_to = kNext;
};

TEST_F(ReceiveBufferTest, InOrderMovesNextAcrossTheWrap) {
  const auto outcome = insert(0, 200);
  EXPECT_EQ(outcome.advanced, 200u);
  EXPECT_FALSE(outcome.out_of_order);
  EXPECT_FALSE(outcome.filled_gap);
  EXPECT_EQ(outcome.duplicate, 0u);
  EXPECT_EQ(buffer.next(), Seq32(100));
  EXPECT_FALSE(buffer.has_gap());
  EXPECT_THAT(buffer.take_sack_blocks(4), IsEmpty());
  EXPECT_EQ(read_all(), 200u);
}

TEST_F(ReceiveBufferTest, NothingIsNothing) {
  EXPECT_EQ(buffer.insert(at(50), {}).out_of_order, false);
  EXPECT_FALSE(buffer.has_gap());
}

TEST_F(ReceiveBufferTest, OneOctetBehindNextWaits) {
  const auto outcome = insert(1, 11);
  EXPECT_EQ(outcome.advanced, 0u);
  EXPECT_TRUE(outcome.out_of_order);
  EXPECT_FALSE(outcome.filled_gap);
  EXPECT_TRUE(buffer.has_gap());
  EXPECT_EQ(buffer.readable(), 0u);
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(1, 11)));
  const auto closing = insert(0, 1);
  EXPECT_EQ(closing.advanced, 11u);
  EXPECT_TRUE(closing.filled_gap);
  EXPECT_FALSE(closing.out_of_order);
  EXPECT_EQ(read_all(), 11u);
}

TEST_F(ReceiveBufferTest, PartOfAGapIsFilledFromBothEndsAndTheMiddle) {
  insert(50, 60);
  EXPECT_TRUE(insert(0, 10).filled_gap);
  EXPECT_TRUE(insert(40, 50).filled_gap);
  const auto middle = insert(20, 30);
  EXPECT_TRUE(middle.filled_gap);
  EXPECT_TRUE(middle.out_of_order);
  EXPECT_EQ(buffer.next(), at(10));
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(20, 30), block(40, 60)));
}

TEST_F(ReceiveBufferTest, WhatIsBehindAllThatWaitsFillsNoGap) {
  insert(50, 60);
  EXPECT_FALSE(insert(60, 70).filled_gap);
  EXPECT_FALSE(insert(80, 90).filled_gap);
  EXPECT_FALSE(insert(85, 95).filled_gap);
  EXPECT_TRUE(insert(70, 71).filled_gap);
}

// Every way in which a segment can lie beside the block [100, 120): what waits then, and what was there before.
struct Shape {
  std::uint32_t left, right;
  std::vector<SackBlock> waiting;
  std::uint32_t duplicate;
};
struct ReceiveBufferShapes : ReceiveBufferTest, ::testing::WithParamInterface<Shape> {};

TEST_P(ReceiveBufferShapes, Overlap) {
  insert(100, 120);
  (void)buffer.take_sack_blocks(4);
  const Shape& shape = GetParam();
  EXPECT_EQ(insert(shape.left, shape.right).duplicate, shape.duplicate);
  EXPECT_EQ(buffer.take_sack_blocks(4), shape.waiting);
  insert(0, 130);
  EXPECT_EQ(read_all(), std::max(130u, shape.right));
}

INSTANTIATE_TEST_SUITE_P(All, ReceiveBufferShapes,
                         ::testing::Values(Shape{80, 99, {block(80, 99), block(100, 120)}, 0},     // before, apart
                                           Shape{80, 100, {block(80, 120)}, 0},                    // before, touching
                                           Shape{80, 101, {block(100, 101), block(80, 120)}, 1},   // over its beginning
                                           Shape{80, 120, {block(100, 120), block(80, 120)}, 20},  // up to its end
                                           Shape{80, 121, {block(100, 120), block(80, 121)}, 20},  // all around it
                                           Shape{100, 110, {block(100, 110), block(100, 120)}, 10},  // its beginning
                                           Shape{105, 110, {block(105, 110), block(100, 120)}, 5},   // within
                                           Shape{110, 120, {block(110, 120), block(100, 120)}, 10},  // its end
                                           Shape{100, 120, {block(100, 120), block(100, 120)}, 20},  // the same
                                           Shape{100, 125, {block(100, 120), block(100, 125)}, 20},  // beyond its end
                                           Shape{119, 125, {block(119, 120), block(100, 125)}, 1},   // over its end
                                           Shape{120, 125, {block(100, 125)}, 0},                    // behind, touching
                                           Shape{121, 125, {block(121, 125), block(100, 120)}, 0}));  // behind, apart

TEST_F(ReceiveBufferTest, JoinsSeveralBlocksAndKeepsTheOctetsThatCameFirst) {
  insert(10, 20);
  insert(30, 40);
  insert(60, 70);
  Bytes others = octets_from(at(15), 50);
  for (std::byte& octet : others) octet ^= std::byte{0xff};
  const auto outcome = buffer.insert(at(15), others);
  EXPECT_EQ(outcome.duplicate, 5u + 10 + 5);
  EXPECT_TRUE(outcome.filled_gap);
  EXPECT_EQ(buffer.octets_held(), 60u);
  insert(0, 10);
  Bytes into(100);
  ASSERT_EQ(buffer.read(into), 70u);
  const Bytes first = octets_from(kNext, 70);
  for (std::size_t n = 0; n < 70; ++n) {
    const bool came_later = (n >= 20 && n < 30) || (n >= 40 && n < 60);
    EXPECT_EQ(into[n], came_later ? first[n] ^ std::byte{0xff} : first[n]) << n;
  }
}

// RFC 2018 section 4: the first block holds what came most recently; the others repeat
// those that were first before.
TEST_F(ReceiveBufferTest, TellsTheMostRecentBlockFirst) {
  insert(10, 20);
  insert(50, 60);
  insert(30, 40);
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(30, 40), block(50, 60), block(10, 20)));
  insert(60, 65);
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(50, 65), block(30, 40), block(10, 20)));
  EXPECT_THAT(buffer.take_sack_blocks(2), ElementsAre(block(50, 65), block(30, 40)));
  EXPECT_THAT(buffer.take_sack_blocks(0), IsEmpty());
  insert(20, 30);
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(10, 40), block(50, 65)));
}

// RFC 2883 section 4.1: below the cumulative acknowledgment, once, and before the rest.
TEST_F(ReceiveBufferTest, TellsADuplicateBelowNextOnce) {
  insert(0, 30);
  insert(50, 60);
  buffer.note_duplicate(at(10), at(20));
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(10, 20), block(50, 60)));
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(50, 60)));
}

TEST_F(ReceiveBufferTest, KeepsADuplicateForWhichThereWasNoRoom) {
  insert(0, 30);
  buffer.note_duplicate(at(10), at(20));
  EXPECT_THAT(buffer.take_sack_blocks(0), IsEmpty());
  EXPECT_THAT(buffer.take_sack_blocks(1), ElementsAre(block(10, 20)));
}

TEST_F(ReceiveBufferTest, ADuplicateEndsAtNext) {
  insert(0, 30);
  buffer.note_duplicate(at(20), at(31));
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(20, 30)));
  buffer.note_duplicate(at(30), at(40));
  EXPECT_THAT(buffer.take_sack_blocks(4), IsEmpty());
}

// RFC 2883 section 4.2: a segment of which the beginning was here.
TEST_F(ReceiveBufferTest, TellsTheBeginningOfASegmentThatBringsNewOctetsToo) {
  insert(0, 30);
  insert(60, 70);
  buffer.note_duplicate(at(20), at(30));
  const auto outcome = insert(30, 65);
  EXPECT_EQ(outcome.duplicate, 5u);
  EXPECT_EQ(outcome.advanced, 40u);
  // Of two duplicates in one segment the first is told (section 4.2).
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(20, 30)));
}

// Section 4.1, and 4 (4): within a block that waits, and then that block; the others as always.
TEST_F(ReceiveBufferTest, TellsTheBlockAroundADuplicateNext) {
  insert(10, 40);
  insert(50, 60);
  insert(80, 90);
  EXPECT_EQ(insert(20, 30).duplicate, 10u);
  EXPECT_THAT(buffer.take_sack_blocks(3), ElementsAre(block(20, 30), block(10, 40), block(80, 90)));
}

// Section 4.2: two parts of a segment were here; only the first is told.
TEST_F(ReceiveBufferTest, TellsTheFirstOfTwoDuplicatesInASegment) {
  insert(10, 20);
  insert(30, 40);
  insert(15, 35);
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(15, 20), block(10, 40)));
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(10, 40)));
}

// Section 4 (1): the most recent segment only.
TEST_F(ReceiveBufferTest, ForgetsADuplicateThatWasNotToldBeforeTheNextSegment) {
  insert(10, 40);
  insert(20, 30);
  insert(60, 70);
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(60, 70), block(10, 40)));
  insert(20, 30);
  insert(30, 45);
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(30, 40), block(10, 45), block(60, 70)));
}

TEST_F(ReceiveBufferTest, TellsADuplicateThatIsDeliveredWithItsSegment) {
  insert(20, 40);
  insert(0, 30);
  EXPECT_EQ(buffer.next(), at(40));
  EXPECT_THAT(buffer.take_sack_blocks(4), ElementsAre(block(20, 30)));
}

TEST_F(ReceiveBufferTest, BeyondTheBoundTheFurthestIsForgotten) {
  ReceiveBuffer bounded(kNext, 10'000, 2);
  const auto add = [&](std::uint32_t left, std::uint32_t right) {
    return bounded.insert(at(left), octets_from(at(left), right - left));
  };
  add(10, 20);
  add(50, 60);
  EXPECT_EQ(bounded.octets_held(), 20u);
  EXPECT_TRUE(add(70, 80).out_of_order);
  EXPECT_THAT(bounded.take_sack_blocks(4), ElementsAre(block(50, 60), block(10, 20)));
  add(30, 35);
  EXPECT_THAT(bounded.take_sack_blocks(4), ElementsAre(block(30, 35), block(10, 20)));
  EXPECT_EQ(bounded.octets_held(), 15u);
  EXPECT_EQ(add(0, 60).advanced, 60u);
}

TEST_F(ReceiveBufferTest, WithNoBlocksAllowedOnlyOrderCounts) {
  ReceiveBuffer bounded(kNext, 10'000, 0);
  EXPECT_TRUE(bounded.insert(at(1), octets_from(at(1), 5)).out_of_order);
  EXPECT_FALSE(bounded.has_gap());
  EXPECT_EQ(bounded.insert(at(0), octets_from(at(0), 5)).advanced, 5u);
}

TEST_F(ReceiveBufferTest, TheRoomIsWhatTheApplicationLeaves) {
  ReceiveBuffer small(kNext, 100, 8);
  small.insert(at(0), octets_from(at(0), 60));
  EXPECT_EQ(small.room(), 40u);
  small.insert(at(70), octets_from(at(70), 20));
  EXPECT_EQ(small.room(), 40u);  // what waits lies within it
  EXPECT_EQ(small.octets_held(), 80u);
  Bytes into(50);
  EXPECT_EQ(small.read(into), 50u);
  EXPECT_EQ(small.room(), 90u);
  small.set_capacity(10);
  EXPECT_EQ(small.room(), 0u);
  EXPECT_EQ(small.readable(), 10u);
  EXPECT_EQ(small.read(std::span(into).first(1)), 1u);
  EXPECT_EQ(small.room(), 1u);
}

TEST_F(ReceiveBufferTest, ForgetsWhatWaitsWhenTold) {
  insert(0, 5);
  insert(10, 20);
  buffer.drop_out_of_order();
  EXPECT_FALSE(buffer.has_gap());
  EXPECT_EQ(buffer.octets_held(), 5u);
  EXPECT_EQ(insert(5, 15).advanced, 10u);
}

TEST_F(ReceiveBufferTest, BeginsAgainAtALateIrs) {
  ReceiveBuffer late(Seq32(0), 100, 8);
  late.start_at(kNext);
  EXPECT_EQ(late.insert(kNext, octets_from(kNext, 5)).advanced, 5u);
}

// What the buffer should be, octet by octet. Positions count from the first octet.
class Model {
 public:
  // A segment as it arrives, which may begin before next().
  ReceiveBuffer::Outcome arrive(std::uint32_t left, const Bytes& octets) {
    ++arrivals_;
    duplicate_.reset();
    ReceiveBuffer::Outcome outcome;
    const std::uint32_t before = next();
    const auto highest = waiting_.empty() ? std::nullopt : std::optional(waiting_.rbegin()->first);
    bool counts = true;  // only the first run of duplicates is told
    for (std::uint32_t n = left; n != left + octets.size(); ++n) {
      const auto held = waiting_.find(n);
      if (n < before || held != waiting_.end()) {
        if (n >= before) ++outcome.duplicate;
        if (counts) duplicate_ = {duplicate_ ? duplicate_->first : n, n + 1};
        if (held != waiting_.end()) held->second.touched = arrivals_;
      } else {
        counts = counts && !duplicate_;
        outcome.filled_gap = outcome.filled_gap || (highest && n < *highest);
        waiting_[n] = {octets[n - left], arrivals_};
      }
    }
    outcome.out_of_order = left > before;
    for (auto it = waiting_.find(next()); it != waiting_.end() && it->first == next(); it = waiting_.erase(it))
      in_order_.push_back(it->second.octet);
    outcome.advanced = next() - before;
    return outcome;
  }

  [[nodiscard]] std::uint32_t next() const { return static_cast<std::uint32_t>(in_order_.size()); }
  [[nodiscard]] const Bytes& in_order() const { return in_order_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::vector<SackBlock> blocks(Seq32 first) const {
    std::vector<std::pair<int, SackBlock>> runs;
    for (const auto& [n, octet] : waiting_) {
      if (runs.empty() || runs.back().second.right != first + n) runs.push_back({0, {first + n, first + n}});
      runs.back().second.right += 1;
      runs.back().first = std::max(runs.back().first, octet.touched);
    }
    std::ranges::sort(runs, std::greater(), [](const auto& run) { return run.first; });
    std::vector<SackBlock> result;
    if (duplicate_) result.push_back({first + duplicate_->first, first + duplicate_->second});
    for (const auto& [touched, run] : runs) result.push_back(run);
    return result;
  }

 private:
  struct Octet {
    std::byte octet;
    int touched;
  };
  Bytes in_order_;
  std::map<std::uint32_t, Octet> waiting_;
  std::optional<std::pair<std::uint32_t, std::uint32_t>> duplicate_;
  int arrivals_ = 0;
};

TEST(ReceiveBuffer, DoesWhatANaiveModelDoes) {
  test::Random random;
  for (int run = 0; run < 300; ++run) {
    const Seq32 first = Seq32(0) - random.below(200);
    ReceiveBuffer buffer(first, 1000, 256);
    Model model;
    Bytes read;
    for (int step = 0; step < 60; ++step) {
      // Some before next(), most not far behind it; each with octets of its own, so that it
      // shows which of two came first.
      const std::uint32_t left = model.next() - std::min(model.next(), random.below(12)) + random.below(50);
      Bytes octets(1 + random.below(15));
      for (std::byte& octet : octets) octet = std::byte(static_cast<std::uint8_t>(random.below(256)));
      const std::uint32_t cut =
          std::min(model.next() - std::min(model.next(), left), static_cast<std::uint32_t>(octets.size()));
      if (cut > 0) buffer.note_duplicate(first + left, first + left + cut);
      const auto outcome = buffer.insert(first + left + cut, BytesView(octets).subspan(cut));
      const auto expected = model.arrive(left, octets);
      ASSERT_EQ(outcome.advanced, expected.advanced);
      ASSERT_EQ(outcome.out_of_order, expected.out_of_order);
      ASSERT_EQ(outcome.filled_gap, expected.filled_gap);
      ASSERT_EQ(outcome.duplicate, expected.duplicate);
      ASSERT_EQ(buffer.next(), first + model.next());
      ASSERT_EQ(buffer.has_gap(), model.waiting() > 0);
      ASSERT_EQ(buffer.octets_held(), model.next() - read.size() + model.waiting());
      ASSERT_EQ(buffer.take_sack_blocks(100), model.blocks(first));
      if (random.once_in(3)) {
        Bytes into(random.below(20));
        into.resize(buffer.read(into));
        read.insert(read.end(), into.begin(), into.end());
      }
    }
    Bytes rest(10'000);
    rest.resize(buffer.read(rest));
    read.insert(read.end(), rest.begin(), rest.end());
    ASSERT_EQ(read, model.in_order());
  }
}

}  // namespace
}  // namespace tcpspec::reference
