#include <gtest/gtest.h>

#include "packet/segment_view.hh"
#include "packet/test_segments.hh"
#include "packet/wire.hh"

namespace tcpspec::packet {
namespace {

class Malformations : public testing::TestWithParam<Family> {
 protected:
  [[nodiscard]] Bytes with(const Malformation& malformation) const { return serialize(segment_, malformation); }
  [[nodiscard]] bool ipv4() const { return GetParam() == Family::ipv4; }
  [[nodiscard]] std::size_t tcp_at() const { return ipv4() ? 20 : 40; }

  // The octets in which the two differ, except the checksums.
  [[nodiscard]] std::vector<std::size_t> changed(const Bytes& bytes) const {
    std::vector<std::size_t> result;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const bool in_checksum = (i / 2 * 2 == tcp_at() + 16) || (ipv4() && i / 2 * 2 == 10);
      if (!in_checksum && bytes[i] != plain_[i]) result.push_back(i);
    }
    return result;
  }
  static bool tcp_sum_is_right(const Bytes& bytes, std::size_t tcp_at) {
    return test::bytewise_transport_sum(bytes, 6, BytesView(bytes).subspan(tcp_at)) == 0xffff;
  }

  Segment segment_ = [] {
    Segment segment = test::syn(GetParam());
    segment.payload = test::bytes_of("0102030405");
    return segment;
  }();
  Bytes plain_ = serialize(segment_);
};
using Octets = std::vector<std::size_t>;

class Ipv4Malformations : public Malformations {};
class Ipv6Malformations : public Malformations {};

TEST_P(Malformations, NoneIsEmptyAndEachFieldIsNot) {
  EXPECT_TRUE(Malformation{}.empty());
  for (const Malformation& one :
       {Malformation{.tcp_checksum = 0}, Malformation{.tcp_checksum_xor = 0}, Malformation{.data_offset = 0},
        Malformation{.reserved = 0}, Malformation{.ip_total_length = 0}, Malformation{.ip_checksum_xor = 0},
        Malformation{.ip_protocol = 0}, Malformation{.ip_options = Bytes(1)}, Malformation{.truncate_to = 0}})
    EXPECT_FALSE(one.empty());
}

TEST_P(Malformations, TcpChecksum) {
  const Bytes bytes = with({.tcp_checksum = 0xbeef});
  EXPECT_EQ(wire::load16(bytes, tcp_at() + 16), 0xbeef);
  EXPECT_EQ(changed(bytes), Octets{});
  EXPECT_FALSE(SegmentView(bytes).checksum_ok());
  EXPECT_TRUE(SegmentView(bytes).ip_checksum_ok());
}

TEST_P(Malformations, TcpChecksumXor) {
  const Bytes bytes = with({.tcp_checksum_xor = 0x0101});
  EXPECT_EQ(wire::load16(bytes, tcp_at() + 16), wire::load16(plain_, tcp_at() + 16) ^ 0x0101);
  EXPECT_EQ(changed(bytes), Octets{});
  EXPECT_EQ(with({.tcp_checksum_xor = 0}), plain_);
}

TEST_P(Malformations, DataOffsetMovesNoOctet) {
  for (std::uint8_t words = 0; words <= 15; ++words) {
    const Bytes bytes = with({.data_offset = words});
    EXPECT_EQ(SegmentView(bytes).data_offset(), words);
    EXPECT_EQ(changed(bytes), words == 10 ? Octets{} : Octets{tcp_at() + 12});
    EXPECT_TRUE(tcp_sum_is_right(bytes, tcp_at()));
    EXPECT_TRUE(SegmentView(bytes).checksum_ok());
  }
  EXPECT_TRUE(SegmentView(with({.data_offset = 4})).payload().empty());
  EXPECT_TRUE(SegmentView(with({.data_offset = 12})).payload().empty());
}

TEST_P(Malformations, ReservedBitsLeaveTheFlagsAlone) {
  segment_.flags = Flags::syn | Flags::ae;
  const Bytes bytes = with({.reserved = 5});
  EXPECT_EQ(SegmentView(bytes).reserved(), 5);
  EXPECT_EQ(SegmentView(bytes).flags(), Flags::syn | Flags::ae);
  EXPECT_EQ(wire::load8(bytes, tcp_at() + 12), 0xa0 | 5 << 1 | 1);
  EXPECT_TRUE(tcp_sum_is_right(bytes, tcp_at()));
}

TEST_P(Malformations, IpTotalLengthTooLongLiesAboutTheEnd) {
  const Bytes bytes = with({.ip_total_length = 1000});
  EXPECT_EQ(bytes.size(), plain_.size());
  EXPECT_EQ(wire::load16(bytes, ipv4() ? 2 : 4), 1000);
  EXPECT_TRUE(SegmentView(bytes).ip_checksum_ok());
  EXPECT_TRUE(SegmentView(bytes).checksum_ok());
}

TEST_P(Malformations, IpTotalLengthTooShortDelimitsWhatTheChecksumCovers) {
  const std::uint16_t right = wire::load16(plain_, ipv4() ? 2 : 4);
  const Bytes bytes = with({.ip_total_length = static_cast<std::uint16_t>(right - 2)});
  EXPECT_EQ(bytes.size(), plain_.size());
  EXPECT_EQ(SegmentView(bytes).payload().size(), 3U);
  EXPECT_TRUE(SegmentView(bytes).checksum_ok());
  const Bytes zero = with({.ip_total_length = 0});
  EXPECT_TRUE(tcp_sum_is_right(zero, tcp_at()));
  EXPECT_FALSE(SegmentView(zero).has_tcp_header());
}

TEST_P(Malformations, IpProtocol) {
  const Bytes bytes = with({.ip_protocol = 17});
  EXPECT_EQ(changed(bytes), (Octets{ipv4() ? 9U : 6U}));
  EXPECT_FALSE(SegmentView(bytes).is_tcp());
  EXPECT_TRUE(SegmentView(bytes).ip_checksum_ok());
  EXPECT_EQ(test::bytewise_transport_sum(bytes, 17, BytesView(bytes).subspan(tcp_at())), 0xffff);
}

TEST_P(Ipv6Malformations, HaveNoIpChecksumAndNoIpOptions) {
  EXPECT_EQ(with({.ip_checksum_xor = 0xffff, .ip_options = Bytes(4)}), plain_);
}

TEST_P(Ipv4Malformations, IpChecksumXor) {
  const Bytes bytes = with({.ip_checksum_xor = 0x8000});
  EXPECT_EQ(wire::load16(bytes, 10), wire::load16(plain_, 10) ^ 0x8000);
  EXPECT_FALSE(SegmentView(bytes).ip_checksum_ok());
  EXPECT_TRUE(SegmentView(bytes).checksum_ok());
}

TEST_P(Ipv4Malformations, IpOptionsMoveTheSegment) {
  const Bytes bytes = with({.ip_options = test::bytes_of("9404000001")});
  EXPECT_EQ(bytes.size(), plain_.size() + 8);
  EXPECT_EQ(wire::load8(bytes, 0), 0x47);
  EXPECT_EQ(wire::load16(bytes, 2), bytes.size());
  EXPECT_EQ(Bytes(bytes.begin() + 20, bytes.begin() + 28), test::bytes_of("9404000001000000"));
  EXPECT_EQ(test::bytewise_sum(BytesView(bytes).first(28)), 0xffff);
  const SegmentView view(bytes);
  EXPECT_TRUE(view.checksum_ok());
  EXPECT_EQ(view.source(), segment_.source);
  EXPECT_EQ(view.payload().size(), 5U);
  EXPECT_EQ(wire::load8(with({.ip_options = Bytes(44)}), 0), 0x4f);
}

TEST_P(Malformations, TruncationKeepsTheLengthFieldsAndSumsWhatIsSent) {
  const Bytes bytes = with({.truncate_to = plain_.size() - 2});
  EXPECT_EQ(bytes.size(), plain_.size() - 2);
  EXPECT_EQ(changed(bytes), Octets{});
  EXPECT_EQ(SegmentView(bytes).payload().size(), 3U);
  EXPECT_TRUE(SegmentView(bytes).checksum_ok());
  for (std::size_t size = 0; size <= plain_.size() + 1; ++size)
    EXPECT_EQ(with({.truncate_to = size}).size(), std::min(size, plain_.size()));
}

INSTANTIATE_TEST_SUITE_P(Families, Malformations, testing::Values(Family::ipv4, Family::ipv6),
                         [](const auto& family) { return family.param == Family::ipv4 ? "ipv4" : "ipv6"; });

INSTANTIATE_TEST_SUITE_P(Families, Ipv4Malformations, testing::Values(Family::ipv4));
INSTANTIATE_TEST_SUITE_P(Families, Ipv6Malformations, testing::Values(Family::ipv6));

}  // namespace
}  // namespace tcpspec::packet
