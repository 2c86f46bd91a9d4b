#include "reference/send_buffer.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "reference/test_octets.hh"

namespace tcpspec::reference {
namespace {

using packet::distance;
using Push = SendBuffer::Push;
using test::octets_from;

// Four octets before the wrap.
constexpr Seq32 kFirst{0xfffffffc};

void append(SendBuffer& buffer, std::size_t count, Push push = Push::no) {
  ASSERT_EQ(buffer.append(octets_from(buffer.end(), count), push), count);
}

TEST(SendBuffer, CopiesAcrossTheWrap) {
  SendBuffer buffer(kFirst, 100);
  append(buffer, 10);
  EXPECT_EQ(buffer.end(), Seq32(6));
  EXPECT_EQ(buffer.copy(kFirst, 10), octets_from(kFirst, 10));
  EXPECT_EQ(buffer.copy(kFirst + 2, 4), octets_from(kFirst + 2, 4));
  EXPECT_EQ(buffer.copy(Seq32(6), 0), Bytes());
}

TEST(SendBuffer, TakesWhatFitsAndNoMore) {
  SendBuffer buffer(kFirst, 8);
  EXPECT_EQ(buffer.append(octets_from(kFirst, 7), Push::no), 7u);
  EXPECT_EQ(buffer.room(), 1u);
  EXPECT_EQ(buffer.append(octets_from(kFirst + 7, 5), Push::no), 1u);
  EXPECT_EQ(buffer.room(), 0u);
  EXPECT_EQ(buffer.append(octets_from(kFirst + 8, 5), Push::no), 0u);
  buffer.acknowledge(kFirst + 1);
  EXPECT_EQ(buffer.room(), 1u);
  EXPECT_EQ(buffer.copy(kFirst + 1, 7), octets_from(kFirst + 1, 7));
}

TEST(SendBuffer, ASmallerCapacityDropsNothing) {
  SendBuffer buffer(kFirst, 10);
  append(buffer, 10);
  buffer.set_capacity(4);
  EXPECT_EQ(buffer.size(), 10u);
  EXPECT_EQ(buffer.room(), 0u);
  buffer.acknowledge(kFirst + 6);
  EXPECT_EQ(buffer.room(), 0u);
  buffer.acknowledge(kFirst + 7);
  EXPECT_EQ(buffer.room(), 1u);
}

TEST(SendBuffer, AnOldAcknowledgmentDropsNothing) {
  SendBuffer buffer(kFirst, 100);
  append(buffer, 10);
  buffer.acknowledge(kFirst + 5);
  buffer.acknowledge(kFirst + 4);
  EXPECT_EQ(buffer.begin(), kFirst + 5);
  EXPECT_EQ(buffer.size(), 5u);
}

TEST(SendBuffer, AnAcknowledgmentOfTheFinEndsAtTheLastOctet) {
  SendBuffer buffer(kFirst, 100);
  append(buffer, 10);
  buffer.acknowledge(kFirst + 11);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.begin(), kFirst + 10);
  EXPECT_EQ(buffer.end(), kFirst + 10);
}

TEST(SendBuffer, BeginsAgainAtALateIss) {
  SendBuffer buffer(Seq32(0), 100);
  buffer.start_at(kFirst);
  append(buffer, 3);
  EXPECT_EQ(buffer.begin(), kFirst);
  EXPECT_EQ(buffer.end(), kFirst + 3);
}

// RFC 9293 section 3.9.1.2.
TEST(SendBuffer, ThePushIsOnTheSegmentThatCarriesTheLastOctetOfIt) {
  SendBuffer buffer(kFirst, 100);
  append(buffer, 6, Push::yes);
  append(buffer, 4);
  EXPECT_FALSE(buffer.push_within(kFirst, kFirst + 5));
  EXPECT_TRUE(buffer.push_within(kFirst, kFirst + 6));
  EXPECT_TRUE(buffer.push_within(kFirst + 5, kFirst + 10));
  EXPECT_FALSE(buffer.push_within(kFirst + 6, kFirst + 10));
}

TEST(SendBuffer, CountsUpToTheLastPush) {
  SendBuffer buffer(kFirst, 100);
  EXPECT_EQ(buffer.pushed_from(kFirst), 0u);
  append(buffer, 3, Push::yes);
  append(buffer, 3, Push::yes);
  append(buffer, 4);
  EXPECT_EQ(buffer.pushed_from(kFirst), 6u);
  EXPECT_EQ(buffer.pushed_from(kFirst + 5), 1u);
  EXPECT_EQ(buffer.pushed_from(kFirst + 6), 0u);
  EXPECT_EQ(buffer.pushed_from(kFirst + 7), 0u);
}

TEST(SendBuffer, ThePushOfWhatDidNotFitEndsWhatDid) {
  SendBuffer buffer(kFirst, 4);
  EXPECT_EQ(buffer.append(octets_from(kFirst, 6), Push::yes), 4u);
  EXPECT_EQ(buffer.pushed_from(kFirst), 4u);
  EXPECT_EQ(buffer.append(octets_from(kFirst, 6), Push::yes), 0u);
  EXPECT_EQ(buffer.pushed_from(kFirst), 4u);
}

TEST(SendBuffer, AnAcknowledgedPushIsForgotten) {
  SendBuffer buffer(kFirst, 100);
  append(buffer, 6, Push::yes);
  append(buffer, 4);
  buffer.acknowledge(kFirst + 5);
  EXPECT_EQ(buffer.pushed_from(buffer.begin()), 1u);
  buffer.acknowledge(kFirst + 6);
  EXPECT_EQ(buffer.pushed_from(buffer.begin()), 0u);
  EXPECT_FALSE(buffer.push_within(kFirst + 6, kFirst + 10));
}

// What the buffer should be, octet by octet: position from the first octet -> whether a push ends behind it.
class Model {
 public:
  explicit Model(std::size_t capacity) : capacity_(capacity) {}

  std::size_t append(std::size_t count, Push push) {
    std::size_t taken = 0;
    while (taken < count && octets_.size() < capacity_) octets_[next_++] = false, ++taken;
    if (push == Push::yes && taken > 0) octets_.rbegin()->second = true;
    return taken;
  }
  void acknowledge(std::uint64_t una) { octets_.erase(octets_.begin(), octets_.lower_bound(una)); }

  [[nodiscard]] std::uint64_t begin() const { return next_ - octets_.size(); }
  [[nodiscard]] std::uint64_t end() const { return next_; }
  [[nodiscard]] bool push_within(std::uint64_t from, std::uint64_t to) const {
    return std::any_of(octets_.lower_bound(from), octets_.lower_bound(to),
                       [](const auto& octet) { return octet.second; });
  }
  [[nodiscard]] std::size_t pushed_from(std::uint64_t from) const {
    std::size_t result = 0;
    for (auto it = octets_.lower_bound(from); it != octets_.end(); ++it)
      if (it->second) result = it->first + 1 - from;
    return result;
  }

 private:
  std::size_t capacity_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, bool> octets_;
};

TEST(SendBuffer, DoesWhatANaiveModelDoes) {
  test::Random random;
  for (int run = 0; run < 200; ++run) {
    const Seq32 first = Seq32(0) - random.below(300);
    SendBuffer buffer(first, 100);
    Model model(100);
    const auto at = [&](std::uint64_t position) { return first + static_cast<std::uint32_t>(position); };
    for (int step = 0; step < 60; ++step) {
      const Push push = random.once_in(3) ? Push::yes : Push::no;
      const std::size_t count = random.below(40);
      ASSERT_EQ(buffer.append(octets_from(buffer.end(), count), push), model.append(count, push));
      if (random.once_in(2)) {
        const std::uint64_t una = model.begin() + random.below(static_cast<std::uint32_t>(buffer.size()) + 1);
        buffer.acknowledge(at(una));
        model.acknowledge(una);
      }
      ASSERT_EQ(buffer.begin(), at(model.begin()));
      ASSERT_EQ(buffer.end(), at(model.end()));
      const std::uint64_t from = model.begin() + random.below(static_cast<std::uint32_t>(buffer.size()) + 1);
      const std::uint64_t to = from + random.below(static_cast<std::uint32_t>(model.end() - from) + 1);
      ASSERT_EQ(buffer.copy(at(from), to - from), octets_from(at(from), to - from));
      ASSERT_EQ(buffer.push_within(at(from), at(to)), model.push_within(from, to));
      ASSERT_EQ(buffer.pushed_from(at(from)), model.pushed_from(from));
    }
  }
}

}  // namespace
}  // namespace tcpspec::reference
