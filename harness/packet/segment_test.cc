#include "packet/segment.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "packet/segment_view.hh"
#include "packet/test_segments.hh"

namespace tcpspec::packet {
namespace {

using testing::ElementsAre;

// The checksums in these two were worked out apart from this code.
TEST(Serialize, SynWithOptionsIpv4) {
  EXPECT_EQ(serialize(test::syn(Family::ipv4)), test::bytes_of("4500 003c abcd 4000 4006 7aec 0a000001 0a000002"
                                                               "03e8 0050 fffffffe 00000000 a002 ffff 2fc6 0000"
                                                               "020405b4 0402 080a 00000001 00000000 01 030307"));
}

TEST(Serialize, SynWithOptionsIpv6) {
  EXPECT_EQ(serialize(test::syn(Family::ipv6)),
            test::bytes_of("60000000 0028 06 40"
                           "fd000000000000000000000000000001 fd000000000000000000000000000002"
                           "03e8 0050 fffffffe 00000000 a002 ffff 49d8 0000"
                           "020405a0 0402 080a 00000001 00000000 01 030307"));
}

TEST(Serialize, EveryFixedField) {
  Segment segment = test::syn(Family::ipv6);
  segment.ack = Seq32(0x01020304);
  segment.flags = Flags(0x1ff);
  segment.urgent = 0x0506;
  segment.options.clear();
  segment.payload = test::bytes_of("aabbcc");
  segment.ip = {.ttl = 1, .traffic_class = 0xab, .identification = 0, .dont_fragment = true, .flow_label = 0xcdef1};
  const Bytes bytes = serialize(segment);
  const SegmentView view(bytes);
  EXPECT_EQ(std::to_integer<int>(bytes[0]), 0x6a);
  EXPECT_EQ(std::to_integer<int>(bytes[1]), 0xbc);
  EXPECT_EQ(std::to_integer<int>(bytes[2]), 0xde);
  EXPECT_EQ(std::to_integer<int>(bytes[3]), 0xf1);
  EXPECT_EQ(view.ttl(), 1);
  EXPECT_EQ(view.traffic_class(), 0xab);
  EXPECT_EQ(view.ack(), Seq32(0x01020304));
  EXPECT_EQ(view.flags(), Flags(0x1ff));
  EXPECT_EQ(view.urgent(), 0x0506);
  EXPECT_EQ(view.length(), 5U);
  EXPECT_EQ(segment.length(), 5U);
}

TEST(Serialize, OptionsKeepOrderRepetitionAndPadding) {
  const auto area_of = [](std::vector<Option> options) {
    Segment segment = test::syn(Family::ipv4);
    segment.options = std::move(options);
    const Bytes bytes = serialize(segment);
    const SegmentView view(bytes);
    EXPECT_TRUE(view.checksum_ok());
    const BytesView area = view.option_bytes();
    return Bytes(area.begin(), area.end());
  };
  EXPECT_EQ(area_of({}), Bytes{});
  EXPECT_EQ(area_of({WindowScale{1}}), test::bytes_of("03030100"));
  EXPECT_EQ(area_of({Mss{1}, Mss{2}}), test::bytes_of("02040001 02040002"));
  EXPECT_EQ(area_of({EndOfList{}, Mss{1}}), test::bytes_of("00020400 01000000"));
  EXPECT_EQ(area_of({UnknownOption{254, {}}}), test::bytes_of("fe020000"));
  EXPECT_EQ(area_of({UnknownOption{0, test::bytes_of("07")}}), test::bytes_of("00030700"));
  EXPECT_EQ(area_of({Sack{}, Nop{}}), test::bytes_of("05020100"));
  EXPECT_EQ(area_of({Nop{}, RawBytes{test::bytes_of("0200")}, Sack{{{1, 2}}}}),
            test::bytes_of("01 0200 050a0000000100000002 000000"));
  EXPECT_EQ(area_of({RawBytes{test::bytes_of("02ff0102")}}), test::bytes_of("02ff0102"));
}

TEST(Serialize, FortyOctetsOfOptionsFitAndMoreAreWrittenAllTheSame) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    Segment segment = test::syn(family);
    segment.payload = test::bytes_of("ee");
    segment.options = {UnknownOption{254, Bytes(38, std::byte{7})}};
    const Bytes fits = serialize(segment);
    EXPECT_EQ(SegmentView(fits).data_offset(), 15);
    EXPECT_EQ(SegmentView(fits).payload().size(), 1U);

    segment.options.emplace_back(Mss{9});
    const Bytes exceeds = serialize(segment);
    EXPECT_EQ(SegmentView(exceeds).data_offset(), 15);
    EXPECT_TRUE(SegmentView(exceeds).checksum_ok());
    EXPECT_EQ(Bytes(SegmentView(exceeds).payload().begin(), SegmentView(exceeds).payload().end()),
              test::bytes_of("02040009 ee"));
    EXPECT_EQ(exceeds.size(), fits.size() + 4);

    segment.options = {UnknownOption{254, Bytes(300, std::byte{7})}};
    const Bytes too_long = serialize(segment);
    EXPECT_EQ(std::to_integer<int>(SegmentView(too_long).option_bytes()[1]), 255);
    EXPECT_EQ(SegmentView(too_long).payload().size(), 304U - 40 + 1);
  }
}

TEST(Serialize, LengthFieldsSaturate) {
  for (const auto& [family, headers] : {std::pair{Family::ipv4, 40U}, std::pair{Family::ipv6, 20U}}) {
    Segment segment = test::syn(family);
    segment.options.clear();
    segment.payload.resize(0xffff - headers);
    const Bytes largest = serialize(segment);
    EXPECT_TRUE(SegmentView(largest).checksum_ok());
    EXPECT_EQ(SegmentView(largest).payload().size(), segment.payload.size());
    segment.payload.push_back(std::byte{1});
    const Bytes too_large = serialize(segment);
    EXPECT_EQ(too_large.size(), largest.size() + 1);
    EXPECT_EQ(SegmentView(too_large).payload().size(), 0xffff - headers);
    EXPECT_TRUE(SegmentView(too_large).checksum_ok());
    EXPECT_EQ(parse(too_large), std::nullopt);
  }
}

TEST(Serialize, TheUnspecifiedSourceStays) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    Segment segment = test::syn(family);
    segment.source.address = {family, {}};
    const Bytes bytes = serialize(segment);
    EXPECT_EQ(SegmentView(bytes).source_address(), segment.source.address);
    EXPECT_TRUE(SegmentView(bytes).ip_checksum_ok());
    EXPECT_EQ(test::bytewise_transport_sum(bytes, 6, SegmentView(bytes).ip_payload()), 0xffff);
  }
}

TEST(Parse, PaddingIsNotAnOptionAndMoreThanPaddingIs) {
  const auto after_a_round = [](std::vector<Option> options) {
    Segment segment = test::syn(Family::ipv4);
    segment.options = std::move(options);
    return parse(serialize(segment)).value().options;
  };
  EXPECT_THAT(after_a_round({WindowScale{1}}), ElementsAre(WindowScale{1}));
  EXPECT_THAT(after_a_round({WindowScale{1}, EndOfList{}}), ElementsAre(WindowScale{1}));
  EXPECT_THAT(after_a_round({Mss{1}, EndOfList{}}), ElementsAre(Mss{1}, EndOfList{}));
  EXPECT_EQ(after_a_round({Mss{1}, EndOfList{}, EndOfList{}, EndOfList{}, EndOfList{}, EndOfList{}}).size(), 6U);
  EXPECT_THAT(after_a_round({UnknownOption{2, Bytes(1)}}), ElementsAre(UnknownOption{2, Bytes(1)}));
  EXPECT_THAT(after_a_round({RawBytes{test::bytes_of("020405b4")}}), ElementsAre(Mss{1460}));
}

TEST(Parse, RefusesWhatNoValidSegmentGives) {
  Segment segment = test::syn(Family::ipv4);
  const auto with = [&](Malformation m) { return parse(serialize(segment, m)); };
  EXPECT_EQ(with({}), segment);
  EXPECT_EQ(with({.tcp_checksum = 1}), std::nullopt);
  EXPECT_EQ(with({.ip_checksum_xor = 1}), std::nullopt);
  EXPECT_EQ(with({.reserved = 1}), std::nullopt);
  EXPECT_EQ(with({.data_offset = 4}), std::nullopt);
  EXPECT_EQ(with({.ip_total_length = 59}), std::nullopt);
  EXPECT_EQ(with({.ip_protocol = 17}), std::nullopt);
  EXPECT_EQ(with({.ip_options = test::bytes_of("01")}), std::nullopt);
  EXPECT_EQ(with({.truncate_to = 59}), std::nullopt);
  segment.options = {RawBytes{test::bytes_of("0201")}};
  EXPECT_EQ(with({}), std::nullopt);
  segment.options = {EndOfList{}, Nop{}};
  EXPECT_EQ(with({}), std::nullopt);
  EXPECT_EQ(parse({}), std::nullopt);
}

}  // namespace
}  // namespace tcpspec::packet
