#include "packet/segment_view.hh"

#include <gtest/gtest.h>

#include "packet/test_segments.hh"
#include "packet/wire.hh"

namespace tcpspec::packet {
namespace {

Bytes with_option_area(std::string_view hex) {
  Segment segment = test::syn(Family::ipv4);
  segment.options = {RawBytes{test::bytes_of(hex)}};
  return serialize(segment);
}

// Puts extension headers between the IPv6 header and the segment.
Bytes with_extensions(std::uint8_t first, std::string_view hex) {
  Segment segment = test::syn(Family::ipv6);
  segment.payload = test::bytes_of("aabb");
  Bytes bytes = serialize(segment);
  const Bytes extensions = test::bytes_of(hex);
  bytes.insert(bytes.begin() + 40, extensions.begin(), extensions.end());
  wire::store8(bytes, 6, first);
  wire::store16(bytes, 4, static_cast<std::uint16_t>(bytes.size() - 40));
  return bytes;
}

TEST(SegmentView, FieldsOfASyn) {
  const Bytes bytes = serialize(test::syn(Family::ipv4));
  const SegmentView view(bytes);
  EXPECT_EQ(view.family(), Family::ipv4);
  EXPECT_TRUE(view.has_tcp_header());
  EXPECT_FALSE(view.is_icmp());
  EXPECT_EQ(to_string(view.source()), "10.0.0.1:1000");
  EXPECT_EQ(to_string(view.destination()), "10.0.0.2:80");
  EXPECT_EQ(view.ttl(), 64);
  EXPECT_EQ(view.identification(), 0xabcd);
  EXPECT_TRUE(view.dont_fragment());
  EXPECT_EQ(view.seq(), Seq32(0xfffffffe));
  EXPECT_EQ(view.data_offset(), 10);
  EXPECT_EQ(view.window(), 0xffff);
  EXPECT_EQ(view.checksum(), 0x2fc6);
  EXPECT_EQ(view.length(), 1U);
  EXPECT_EQ(view.find<Mss>(), Mss{1460});
  EXPECT_EQ(view.find<WindowScale>(), WindowScale{7});
  EXPECT_EQ(view.find<Sack>(), std::nullopt);
  EXPECT_EQ(view.options().options.back().offset, 17U);
}

TEST(SegmentView, NothingSaysNothing) {
  const SegmentView view;
  EXPECT_EQ(view.family(), std::nullopt);
  EXPECT_FALSE(view.is_tcp());
  EXPECT_FALSE(view.is_icmp());
  EXPECT_FALSE(view.ip_checksum_ok());
  EXPECT_FALSE(view.checksum_ok());
  EXPECT_EQ(view.source(), Endpoint{});
  EXPECT_EQ(view.length(), 0U);
  EXPECT_TRUE(view.options().options.empty());
}

TEST(SegmentView, BytesBeyondTheLengthFieldDoNotCount) {
  Bytes bytes = serialize(test::syn(Family::ipv4));
  bytes.resize(bytes.size() + 6);
  const SegmentView view(bytes);
  EXPECT_EQ(view.bytes().size(), 66U);
  EXPECT_EQ(view.ip_payload().size(), 40U);
  EXPECT_TRUE(view.payload().empty());
  EXPECT_TRUE(view.checksum_ok());
}

TEST(SegmentView, HeaderLengthOfIpv4IsChecked) {
  for (const auto& [first_octet, is_tcp] : {std::pair{0x44, false}, {0x45, true}, {0x4f, true}, {0x55, false}}) {
    Bytes bytes = serialize(test::syn(Family::ipv4));
    bytes[0] = std::byte(first_octet);
    EXPECT_EQ(SegmentView(bytes).is_tcp(), is_tcp) << first_octet;
  }
  Bytes bytes = serialize(test::syn(Family::ipv4));
  bytes.resize(23);
  bytes[0] = std::byte{0x46};
  EXPECT_FALSE(SegmentView(bytes).is_tcp());
}

TEST(SegmentView, OnlyAFirstFragmentOfIpv4HasATcpHeader) {
  Bytes bytes = serialize(test::syn(Family::ipv4));
  wire::store16(bytes, 6, 0x2000);  // more fragments, offset 0
  EXPECT_TRUE(SegmentView(bytes).has_tcp_header());
  wire::store16(bytes, 6, 0x0001);  // offset 8 octets
  const SegmentView later(bytes);
  EXPECT_FALSE(later.is_tcp());
  EXPECT_EQ(later.ip_payload().size(), 40U);
  EXPECT_EQ(later.source_port(), 0);
}

TEST(SegmentView, ExtensionHeadersOfIpv6AreWalked) {
  struct Case {
    std::uint8_t first;
    std::string_view headers;
  };
  for (const auto& [first, headers] :
       {Case{0, "0600 010400000000"}, Case{43, "0600 0000 00000000"}, Case{60, "0601 010c 000000000000 000000000000"},
        Case{44, "0600 0001 12345678"},
        Case{0, "2b00010400000000 3c00000000000000 2c00010400000000 0600000012345678"}}) {
    const Bytes bytes = with_extensions(first, headers);
    const SegmentView view(bytes);
    EXPECT_TRUE(view.has_tcp_header()) << headers;
    EXPECT_EQ(view.source_port(), 1000) << headers;
    EXPECT_EQ(view.payload().size(), 2U) << headers;
    EXPECT_TRUE(view.checksum_ok()) << headers;
    EXPECT_EQ(parse(bytes), std::nullopt) << headers;
  }
}

TEST(SegmentView, ALaterFragmentOrABrokenChainOfIpv6HasNoTcpHeader) {
  for (const auto& [first, headers] : {std::pair{44, "0600 0008 12345678"},
                                       {44, "0600 fff9 12345678"},
                                       {60, "06ff 010400000000"},
                                       {59, "0600 010400000000"},
                                       {0, "1100 010400000000"}}) {
    const Bytes bytes = with_extensions(static_cast<std::uint8_t>(first), headers);
    EXPECT_FALSE(SegmentView(bytes).is_tcp()) << headers;
    EXPECT_FALSE(SegmentView(bytes).checksum_ok()) << headers;
  }
  Bytes cut = with_extensions(60, "0600 010400000000");
  cut.resize(47);
  EXPECT_FALSE(SegmentView(cut).is_tcp());
  cut.resize(41);
  EXPECT_FALSE(SegmentView(cut).is_tcp());
}

TEST(SegmentView, OptionsUpToTheFirstDefect) {
  struct Case {
    std::string_view area;
    std::size_t parsed;
    std::optional<std::string> defect;
  };
  for (const auto& [area, parsed, defect] :
       {Case{"02040001", 1, std::nullopt}, Case{"02000001", 0, "kind 2 at octet 0 says length 0"},
        Case{"01080101", 1, "kind 8 at octet 1 says length 1"},
        Case{"010108 0a", 2, "kind 8 at octet 2 says length 10 where 2 octets are left"},
        Case{"010304 05", 1, "kind 3 at octet 1 says length 4 where 3 octets are left"},
        Case{"010101 03", 3, "kind 3 at octet 3 has no length"},
        Case{"0401 0000", 0, "kind 4 at octet 0 says length 1"}}) {
    const Bytes bytes = with_option_area(area);
    const ParsedOptions options = SegmentView(bytes).options();
    EXPECT_EQ(options.options.size(), parsed) << area;
    EXPECT_EQ(options.defect, defect) << area;
    EXPECT_TRUE(options.after_end_of_list.empty()) << area;
  }
}

TEST(SegmentView, EndOfListEndsTheList) {
  const Bytes bytes = with_option_area("01 00 02ff 05060708");
  const ParsedOptions options = SegmentView(bytes).options();
  ASSERT_EQ(options.options.size(), 2U);
  EXPECT_EQ(options.options[1].option, Option{EndOfList{}});
  EXPECT_EQ(options.options[1].offset, 1U);
  EXPECT_EQ(options.after_end_of_list.size(), 6U);
  EXPECT_EQ(options.defect, std::nullopt);
}

TEST(SegmentView, AKnownKindWithAnotherLengthIsKeptAsItCame) {
  const Bytes bytes = with_option_area("0203aa 0303 07 0402 050601020304 0502");
  const ParsedOptions options = SegmentView(bytes).options();
  ASSERT_EQ(options.options.size(), 5U);
  EXPECT_EQ(options.options[0].option, (Option{UnknownOption{2, test::bytes_of("aa")}}));
  EXPECT_EQ(options.options[1].option, Option{WindowScale{7}});
  EXPECT_EQ(options.options[2].option, Option{SackPermitted{}});
  EXPECT_EQ(options.options[3].option, (Option{UnknownOption{5, test::bytes_of("01020304")}}));
  EXPECT_EQ(options.options[4].option, Option{Sack{}});
}

TEST(SegmentView, OptionBytesReachAsFarAsTheOctets) {
  Segment segment = test::syn(Family::ipv4);
  segment.options = {Mss{1}};
  const Bytes bytes = serialize(segment, {.data_offset = 15});
  EXPECT_EQ(SegmentView(bytes).option_bytes().size(), 4U);
  EXPECT_TRUE(SegmentView(bytes).payload().empty());
  const Bytes low = serialize(segment, {.data_offset = 3});
  EXPECT_TRUE(SegmentView(low).option_bytes().empty());
  EXPECT_TRUE(SegmentView(low).payload().empty());
}

}  // namespace
}  // namespace tcpspec::packet
