#include "packet/icmp.hh"

#include <gtest/gtest.h>

#include "packet/segment_view.hh"
#include "packet/test_segments.hh"

namespace tcpspec::packet {
namespace {

IcmpError fragmentation_needed(Bytes quoted) {
  return {.source = test::address("10.0.0.9"),
          .destination = test::address("10.0.0.1"),
          .type = 3,
          .code = 4,
          .rest_of_header = 1400,
          .quoted = std::move(quoted)};
}
IcmpError packet_too_big(Bytes quoted) {
  return {.source = test::address("fd00::9"),
          .destination = test::address("fd00::1"),
          .type = 2,
          .code = 0,
          .rest_of_header = 1400,
          .quoted = std::move(quoted)};
}

TEST(Icmp, FragmentationNeededIpv4) {
  const Bytes bytes = serialize(fragmentation_needed(test::bytes_of("45000028")));
  // Sum of the message without its checksum: 0304 + 0578 + 4500 + 0028 = 4da4.
  EXPECT_EQ(Bytes(bytes.begin() + 20, bytes.end()), test::bytes_of("0304 b25b 0000 0578 45000028"));
  EXPECT_EQ(std::to_integer<int>(bytes[9]), 1);
  EXPECT_TRUE(SegmentView(bytes).ip_checksum_ok());
  EXPECT_EQ(to_string(SegmentView(bytes).source_address()), "10.0.0.9");
}

TEST(Icmp, PacketTooBigIpv6CoversThePseudoHeader) {
  const Bytes bytes = serialize(packet_too_big(test::bytes_of("60000000")));
  const BytesView message = BytesView(bytes).subspan(40);
  // fd00+9 + fd00+1 + length 12 + 58 + 0200 + 0578 + 6000 = 261c8, folded 61ca.
  EXPECT_EQ(Bytes(message.begin(), message.end()), test::bytes_of("0200 9e35 0000 0578 60000000"));
  EXPECT_EQ(std::to_integer<int>(bytes[6]), 58);
  EXPECT_EQ(test::bytewise_transport_sum(bytes, 58, message), 0xffff);
}

TEST(Icmp, ViewGivesBackWhatWasSaid) {
  const Bytes quoted = serialize(test::syn(Family::ipv6));
  const Bytes bytes = serialize(packet_too_big(quoted));
  const auto view = view_icmp(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->type, 2);
  EXPECT_EQ(view->code, 0);
  EXPECT_EQ(view->rest_of_header, 1400U);
  EXPECT_EQ(Bytes(view->quoted.begin(), view->quoted.end()), quoted);
  EXPECT_EQ(SegmentView(view->quoted).destination_port(), 80);
}

TEST(Icmp, QuoteIsCutToWhatTheRfcsAllow) {
  EXPECT_EQ(serialize(fragmentation_needed(Bytes(576 - 28))).size(), 576U);
  EXPECT_EQ(serialize(fragmentation_needed(Bytes(576 - 27))).size(), 576U);
  EXPECT_EQ(serialize(fragmentation_needed(Bytes(576 - 29))).size(), 575U);
  EXPECT_EQ(serialize(packet_too_big(Bytes(1280 - 48))).size(), 1280U);
  EXPECT_EQ(serialize(packet_too_big(Bytes(2000))).size(), 1280U);
}

TEST(Icmp, EightQuotedOctetsOfTcpStillName) {
  Bytes quoted = serialize(test::syn(Family::ipv4));
  quoted.resize(28);  // all that RFC 792 promises
  const Bytes bytes = serialize(fragmentation_needed(quoted));
  const auto view = view_icmp(bytes);
  ASSERT_TRUE(view);
  const SegmentView inner(view->quoted);
  EXPECT_FALSE(inner.has_tcp_header());
  EXPECT_EQ(inner.source_port(), 1000);
  EXPECT_EQ(inner.seq(), Seq32(0xfffffffe));
  EXPECT_EQ(inner.ack(), Seq32(0));
}

TEST(Icmp, NothingElseIsIcmp) {
  EXPECT_FALSE(view_icmp({}));
  EXPECT_FALSE(view_icmp(serialize(test::syn(Family::ipv4))));
  Bytes bytes = serialize(fragmentation_needed({}));
  EXPECT_TRUE(view_icmp(bytes));
  bytes.pop_back();
  EXPECT_FALSE(view_icmp(bytes));
  bytes = serialize(fragmentation_needed({}));
  bytes[9] = std::byte{58};  // ICMPv6 belongs to IPv6
  EXPECT_FALSE(view_icmp(bytes));
}

}  // namespace
}  // namespace tcpspec::packet
