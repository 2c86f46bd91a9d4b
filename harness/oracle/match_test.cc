#include "oracle/match.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oracle/view_test_talk.hh"

namespace tcpspec::oracle::test {
namespace {

using script::ExpectOption;
using script::ExpectSegment;
using script::NumberMatch;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Match : public ::testing::Test, public script::Scope {
 protected:
  [[nodiscard]] std::int64_t variable(script::Variable name, int) const override { return talk[name]; }
  [[nodiscard]] std::int64_t capture(int) const override { return 0; }

  static NumberMatch number(std::string_view text) { return NumberMatch::parse(text, {}).value(); }
  static ExpectSegment with(ExpectOption option) {
    ExpectSegment expected;
    expected.options = {std::move(option)};
    return expected;
  }
  static ExpectOption absent(ExpectOption::Kind kind) {
    ExpectOption option;
    option.kind = kind;
    option.absent = true;
    return option;
  }
  static ExpectOption mss(std::string_view value) {
    ExpectOption option;
    option.value = number(value);
    return option;
  }
  static Said saying(Options options) { return {.flags = A, .seq = 1, .ack = 1, .options = std::move(options)}; }

  // "field: expected / observed"
  [[nodiscard]] std::vector<std::string> compare(const ExpectSegment& expected, const packet::Bytes& bytes) const {
    std::vector<std::string> out;
    const packet::SegmentView segment(bytes);
    for (const auto& d : differences(expected, segment, talk.view, *this))
      out.push_back(d.field + ": " + d.expected + " / " + d.observed);
    EXPECT_EQ(out.empty(), matches(expected, segment, talk.view, *this));
    return out;
  }
  [[nodiscard]] std::vector<std::string> compare(const ExpectSegment& expected, const Said& said) const {
    return compare(expected, serialize(talk.wire.from_target(said)));
  }

  Talk talk;
};

TEST_F(Match, EveryField) {
  talk.open();
  auto segment = talk.wire.from_target({.flags = SA, .seq = 5, .ack = 7, .data = 3, .window = 9});
  segment.urgent = 4;
  segment.ip.ttl = 6;
  segment.ip.traffic_class = 8;
  ExpectSegment expected;
  EXPECT_THAT(compare(expected, serialize(segment)), IsEmpty());
  expected.flags = A;
  expected.flags_cared = S | A | R | F;
  expected.seq = expected.ack = expected.window = expected.urgent = number("1");
  expected.length = expected.ttl = expected.traffic_class = number("1");
  EXPECT_THAT(compare(expected, serialize(segment)),
              ElementsAre("flags: A / SA", "seq: 1 / 5", "ack: 1 / 7", "len: 1 / 3", "win: 1 / 9", "urg: 1 / 4",
                          "ttl: 1 / 6", "tos: 1 / 8"));
  expected.flags = SA;
  expected.seq = number("5");
  expected.ack = number("7");
  expected.window = number("9");
  expected.urgent = number("4");
  expected.length = number("3");
  expected.ttl = number("6");
  expected.traffic_class = number("8");
  EXPECT_THAT(compare(expected, serialize(segment)), IsEmpty());
}

TEST_F(Match, FlagsThatNobodyCaresAbout) {
  talk.open();
  ExpectSegment expected;
  expected.flags = A;
  expected.flags_cared = S | A | R | F;
  EXPECT_THAT(compare(expected, {.flags = A | Flags::psh | Flags::ece}), IsEmpty());
  expected.flags_cared = expected.flags_cared | Flags::psh;
  EXPECT_THAT(compare(expected, {.flags = A | Flags::psh}), ElementsAre("flags: A!P / PA"));
}

TEST_F(Match, NumbersOnTheCircle) {
  talk.open();
  ExpectSegment expected;
  expected.seq = number("rcv_nxt - 3 .. 5");
  for (const std::uint32_t seq : {0xfffffffeu, 0u, 5u})
    EXPECT_THAT(compare(expected, {.flags = A, .seq = seq}), IsEmpty());
  EXPECT_THAT(compare(expected, {.flags = A, .seq = 6}), ElementsAre("seq: 4294967294..5 / 6"));
  EXPECT_THAT(compare(expected, {.flags = A, .seq = 0xfffffffd}), ElementsAre("seq: 4294967294..5 / 4294967293"));
}

TEST_F(Match, TheFirstSynDefinesTheSpace) {
  ExpectSegment expected;
  expected.seq = number("0");
  EXPECT_THAT(compare(expected, {.flags = S}), IsEmpty());
  EXPECT_THAT(compare(expected, {.flags = R}), ElementsAre("seq: 0 / 2147483642"));  // as it is
  talk.got({.flags = S});
  EXPECT_THAT(compare(expected, {.flags = S, .seq = 1}), ElementsAre("seq: 0 / 1"));
}

TEST_F(Match, AcknowledgementWithoutItsFlagIsShownAsItIs) {
  talk.open();
  auto segment = talk.wire.from_target({.flags = R, .seq = 1});
  segment.ack = Seq32(77);
  ExpectSegment expected;
  expected.ack = number("0");
  EXPECT_THAT(compare(expected, serialize(segment)), ElementsAre("ack: 0 / 77"));
}

TEST_F(Match, OptionsThereAndNotThere) {
  talk.open();
  const auto scale_then_mss = saying({WindowScale{7}, Mss{1460}});
  EXPECT_THAT(compare(with(mss("536..1460")), scale_then_mss), IsEmpty());
  EXPECT_THAT(compare(with(mss("any")), saying({})), ElementsAre("mss: present / absent"));
  EXPECT_THAT(compare(with(mss("536")), scale_then_mss), ElementsAre("mss: 536 / 1460"));
  EXPECT_THAT(compare(with(absent(ExpectOption::Kind::mss)), scale_then_mss), ElementsAre("mss: absent / 1460"));
  EXPECT_THAT(compare(with(absent(ExpectOption::Kind::sack_permitted)), scale_then_mss), IsEmpty());
}

TEST_F(Match, SeveralOfOneKindMustAllBeRight) {
  talk.open();
  EXPECT_THAT(compare(with(mss("1460")), saying({Mss{1460}, Mss{536}})), ElementsAre("mss: 1460 / 1460, 536"));
  EXPECT_THAT(compare(with(mss("1460")), saying({Mss{1460}, Mss{1460}})), IsEmpty());
}

TEST_F(Match, AKnownKindOfAWrongLengthIsThereButHasNoValue) {
  talk.open();
  const auto broken = saying({RawBytes{{std::byte{2}, std::byte{3}, std::byte{9}}}});
  EXPECT_THAT(compare(with(absent(ExpectOption::Kind::mss)), broken), ElementsAre("mss: absent / with length 3"));
  EXPECT_THAT(compare(with(mss("any")), broken), ElementsAre("mss: present / with length 3"));
}

TEST_F(Match, NothingIsKnownToBeAbsentBehindADefect) {
  talk.open();
  const auto broken = saying({Mss{1460}, RawBytes{{std::byte{3}, std::byte{0}}}});
  EXPECT_THAT(compare(with(mss("1460")), broken), IsEmpty());
  EXPECT_THAT(compare(with(absent(ExpectOption::Kind::timestamps)), broken),
              ElementsAre("ts: absent / malformed: kind 3 at octet 4 says length 0"));
  ExpectSegment none;
  none.no_options = true;
  EXPECT_THAT(compare(none, saying({RawBytes{{std::byte{3}, std::byte{0}}}})),
              ElementsAre("options: none / malformed: kind 3 at octet 0 says length 0"));
}

TEST_F(Match, NoOptionsLeavesRoomForPadding) {
  talk.open();
  ExpectSegment none;
  none.no_options = true;
  EXPECT_THAT(compare(none, saying({})), IsEmpty());
  EXPECT_THAT(compare(none, saying({packet::Nop{}, packet::Nop{}, packet::EndOfList{}})), IsEmpty());
  EXPECT_THAT(compare(none, saying({packet::Nop{}, SackPermitted{}})),
              ElementsAre("options: none / nop, sack_permitted, eol"));
}

TEST_F(Match, UnknownKinds) {
  talk.open();
  ExpectOption option;
  option.kind = ExpectOption::Kind::unknown;
  option.number = 254;
  const auto said = saying({packet::UnknownOption{254, {std::byte{1}, std::byte{2}}}});
  EXPECT_THAT(compare(with(option), said), IsEmpty());
  option.absent = true;
  EXPECT_THAT(compare(with(option), said), ElementsAre("kind-254: absent / 0102"));
  option.number = 2;
  EXPECT_THAT(compare(with(option), saying({Mss{5}})), ElementsAre("kind-2: absent / 5"));
}

TEST_F(Match, TimestampsAreOnTheCircleToo) {
  talk.open();
  ExpectOption stamp;
  stamp.kind = ExpectOption::Kind::timestamps;
  stamp.value = number(">= 0xfffffff0");
  stamp.echo = number("0 - 1");
  EXPECT_THAT(compare(with(stamp), saying({Timestamps{3, 0xffffffff}})), IsEmpty());
  EXPECT_THAT(compare(with(stamp), saying({Timestamps{0xffffffef, 4}})),
              ElementsAre("ts: val >= 4294967280 ecr 4294967295 / val 4294967279 ecr 4"));
}

TEST_F(Match, SackBlocksAreRelativeToOurIss) {
  talk.open();
  ExpectOption sack;
  sack.kind = ExpectOption::Kind::sack;
  const auto said = saying({Sack{{{tester_iss + 11, tester_iss + 21}, {tester_iss + 31, tester_iss + 41}}}});
  EXPECT_THAT(compare(with(sack), said), IsEmpty());
  sack.blocks = {{number("11"), number("21")}, {number("31"), number("41")}};
  EXPECT_THAT(compare(with(sack), said), IsEmpty());
  std::swap(sack.blocks[0], sack.blocks[1]);
  EXPECT_THAT(compare(with(sack), said), ElementsAre("sack: 31-41 11-21 / 11-21 31-41"));
  sack.blocks.pop_back();
  EXPECT_THAT(compare(with(sack), said), ElementsAre("sack: 31-41 / 11-21 31-41"));
}

TEST_F(Match, WhatIsNoSegmentMatchesNothing) {
  EXPECT_THAT(compare(ExpectSegment{}, packet::Bytes(3)),
              ElementsAre("segment: a TCP segment / 3 octets that are not a TCP segment"));
}

}  // namespace
}  // namespace tcpspec::oracle::test
