#include "oracle/notation.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "oracle/view_test_talk.hh"
#include "packet/icmp.hh"

namespace tcpspec::oracle::test {
namespace {

using script::ExpectOption;
using script::ExpectSegment;
using script::NumberMatch;

struct NoScope : script::Scope {
  [[nodiscard]] std::int64_t variable(script::Variable, int) const override { return 1; }
  [[nodiscard]] std::int64_t capture(int) const override { return 0; }
};

NumberMatch number(std::string_view text) {
  return NumberMatch::parse(text, {}).value();
}

class Notation : public ::testing::TestWithParam<Family> {
 protected:
  [[nodiscard]] std::string text(const packet::Bytes& bytes, Sender sender = Sender::target) const {
    return segment_text(packet::SegmentView(bytes), sender, {Seq32(tester_iss), Seq32(target_iss)});
  }
  [[nodiscard]] std::string text(const Said& said, const Malformation& broken = {}) const {
    return text(serialize(wire.from_target(said), broken));
  }
  Wire wire{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Families, Notation, ::testing::Values(Family::ipv4, Family::ipv6));

TEST_P(Notation, TheSameWordsOnBothSides) {
  ExpectSegment expected;
  expected.flags = SA | Flags::psh;
  expected.seq = number("0");
  expected.ack = number("1");
  expected.length = number("3");
  expected.window = number("1000");
  ExpectOption mss, scale, permitted, sack, stamp;
  mss.value = number("1460");
  scale.kind = ExpectOption::Kind::window_scale;
  scale.value = number("7");
  permitted.kind = ExpectOption::Kind::sack_permitted;
  sack.kind = ExpectOption::Kind::sack;
  sack.blocks = {{number("11"), number("21")}};
  stamp.kind = ExpectOption::Kind::timestamps;
  stamp.value = number("5");
  stamp.echo = number("rcv_nxt - 2");
  expected.options = {mss, scale, permitted, sack, stamp};
  const Said said{.flags = SA | Flags::psh,
                  .ack = 1,
                  .options = {Mss{1460}, WindowScale{7}, SackPermitted{}, Sack{{{tester_iss + 11, tester_iss + 21}}},
                              Timestamps{5, 0xffffffff}, packet::EndOfList{}},
                  .data = 3};
  const std::string words =
      "SPA  seq 0 ack 1 len 3 win 1000 <mss 1460, wscale 7, sack_permitted, sack 11-21, ts val 5 ecr 4294967295";
  EXPECT_EQ(expected_text(expected, NoScope{}), words + ">");
  EXPECT_EQ(text(said), words + ", eol>");
}

TEST_P(Notation, WhatIsExpectedInOtherForms) {
  ExpectSegment expected;
  EXPECT_EQ(expected_text(expected, NoScope{}), "any");
  expected.flags = A;
  expected.flags_cared = A | Flags::psh | Flags::ece;
  expected.seq = number("rcv_nxt - 3");
  expected.ttl = number(">= 5");
  expected.traffic_class = number("0");
  expected.no_options = true;
  expected.gap = number("1..2");
  expected.gap->text = "1.5..2.5\x1b[31m";
  EXPECT_EQ(expected_text(expected, NoScope{}), "A!P!E  seq 4294967294 ttl >= 5 tos 0 <no options> gap x1.5..2.5 [31m");
  ExpectSegment kinds;
  ExpectOption unknown, absent, sack;
  unknown.kind = ExpectOption::Kind::unknown;
  unknown.number = 254;
  absent.absent = true;
  sack.kind = ExpectOption::Kind::sack;
  kinds.options = {unknown, absent, sack};
  EXPECT_EQ(expected_text(kinds, NoScope{}), "any  <kind-254, no mss, sack>");
}

TEST_P(Notation, EachSidesOwnSpace) {
  EXPECT_EQ(text(serialize(wire.from_tester(
                     {.flags = A, .seq = 5, .ack = 6, .options = {Sack{{{target_iss + 1, target_iss + 2}}}}})),
                 Sender::tester),
            "A  seq 5 ack 6 win 1000 <sack 1-2, eol>");
  EXPECT_EQ(text({.flags = R, .seq = 0xffffffff}), "R  seq 4294967295 win 1000");
  EXPECT_EQ(text({.flags = Flags()}), "-  seq 0 win 1000");
}

TEST_P(Notation, Urgent) {
  auto segment = wire.from_target({.flags = A | Flags::urg, .seq = 1, .ack = 1});
  segment.urgent = 9;
  EXPECT_EQ(text(serialize(segment)), "AU  seq 1 ack 1 win 1000 urg 9");
}

TEST_P(Notation, BrokenSegments) {
  EXPECT_EQ(text({.flags = A, .seq = 1, .ack = 1}, {.tcp_checksum_xor = 1}),
            "A  seq 1 ack 1 win 1000  (wrong checksum)");
  if (GetParam() == Family::ipv4) {
    EXPECT_EQ(text({.flags = A, .seq = 1, .ack = 1}, {.ip_checksum_xor = 1}),
              "A  seq 1 ack 1 win 1000  (wrong IP checksum)");
  }
  EXPECT_EQ(text({.flags = A,
                  .seq = 1,
                  .ack = 1,
                  .options = {packet::Nop{}, RawBytes{{std::byte{2}, std::byte{0}, std::byte{0}}}}}),
            "A  seq 1 ack 1 win 1000 <nop, malformed: kind 2 at octet 1 says length 0>");
  EXPECT_EQ(text({.flags = A,
                  .seq = 1,
                  .ack = 1,
                  .options = {RawBytes{{std::byte{2}, std::byte{2}, std::byte{5}, std::byte{2}}}}}),
            "A  seq 1 ack 1 win 1000 <mss with length 2, sack without blocks>");
  EXPECT_EQ(text(packet::Bytes{}), "0 octets that are not a TCP segment");
}

TEST_P(Notation, LongSackLists) {
  Sack sack;
  for (std::uint32_t i = 0; i < 4; ++i) sack.blocks.emplace_back(tester_iss + 20 * i, tester_iss + 20 * i + 10);
  EXPECT_EQ(text({.flags = A, .options = {sack, packet::Nop{}, packet::Nop{}}}),
            "A  seq 0 ack 0 win 1000 <sack 0-10 20-30 40-50 60-70, nop, nop>");
}

TEST_P(Notation, Icmp) {
  const auto segment = wire.from_tester({.flags = S});
  EXPECT_EQ(text(packet::serialize(
                packet::IcmpError{segment.source.address, segment.destination.address, 3, 4, 0, serialize(segment)})),
            "ICMP type 3 code 4");
}

TEST_P(Notation, NoControlCharacterReachesTheTerminal) {
  for (unsigned octet = 0; octet < 256; ++octet) {
    auto segment = wire.from_target(
        {.flags = A,
         .seq = octet,
         .options = {packet::UnknownOption{static_cast<std::uint8_t>(octet), packet::Bytes(6, std::byte(octet))}}});
    segment.payload.assign(20, std::byte(octet));
    for (const auto& words : {text(serialize(segment)), text(packet::Bytes(60, std::byte(octet)))})
      EXPECT_TRUE(std::ranges::all_of(words, [](unsigned char c) { return c >= 0x20 && c < 0x7f; })) << octet;
  }
}

}  // namespace
}  // namespace tcpspec::oracle::test
