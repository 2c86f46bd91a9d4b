#include "packet/checksum.hh"

#include <gtest/gtest.h>

#include "packet/test_segments.hh"

namespace tcpspec::packet {
namespace {

TEST(OnesComplementSum, IsThatOfTheExampleInRfc1071) {
  EXPECT_EQ(ones_complement_sum(test::bytes_of("0001 f203 f4f5 f6f7")), 0xddf2);
}

TEST(OnesComplementSum, EdgesAndInitial) {
  EXPECT_EQ(ones_complement_sum({}), 0);
  EXPECT_EQ(ones_complement_sum({}, 0x12345), 0x2346);
  EXPECT_EQ(ones_complement_sum(test::bytes_of("ab")), 0xab00);
  EXPECT_EQ(ones_complement_sum(test::bytes_of("ffff")), 0xffff);
  EXPECT_EQ(ones_complement_sum(test::bytes_of("ffff 0001")), 1);
  EXPECT_EQ(ones_complement_sum(test::bytes_of("0001"), 0xffffffff), 1);
}

TEST(OnesComplementSum, AgreesWithTheBytewiseOneAtAnyLengthAndAlignment) {
  SCOPED_TRACE(testing::Message() << "TCPSPEC_SEED=" << test::seed());
  test::RandomSegments random(test::seed());
  for (int round = 0; round < 20000; ++round) {
    const Bytes bytes = random.bytes(random.below(80));
    const std::size_t skipped = std::min<std::size_t>(random.below(4), bytes.size());
    const BytesView view = BytesView(bytes).subspan(skipped);
    ASSERT_EQ(ones_complement_sum(view), test::bytewise_sum(view)) << view.size();
  }
  const Bytes ones(70000, std::byte{0xff});
  EXPECT_EQ(ones_complement_sum(ones), 0xffff);
}

}  // namespace
}  // namespace tcpspec::packet
