// Timestamps and SACK.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oracle/invariant_test_wire.hh"

namespace tcpspec::oracle::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Said stamped(std::uint32_t value, std::uint32_t echo) {
  return {.flags = A, .seq = 1, .ack = 1, .options = {Timestamps{value, echo}}};
}
const Said plain{.flags = A, .seq = 1, .ack = 1};

// The tester has sent 100 and 101, the target 5000.
Wire stamped_connection() {
  Wire wire;
  wire.open({Timestamps{100, 0}}, {Timestamps{5000, 100}});
  return wire;
}

TEST(TimestampsOnEverySegment, OnceNegotiated) {
  Wire wire = stamped_connection();
  EXPECT_THAT(wire.target(stamped(5000, 101)), IsEmpty());
  EXPECT_THAT(wire.target(plain), ElementsAre("timestamps-on-every-segment"));
  EXPECT_THAT(wire.target({.flags = RA, .seq = 1, .ack = 1}), IsEmpty());
}

TEST(TimestampsOnEverySegment, NotWhereAHistoryWithoutThemIsPossible) {
  Wire refused;
  refused.open({Timestamps{100, 0}});
  EXPECT_THAT(refused.target(plain), IsEmpty());

  Wire two_syns = stamped_connection();
  two_syns.tester({.flags = S, .seq = 300});
  EXPECT_THAT(two_syns.target(plain), IsEmpty());

  Wire cookie;  // an acknowledgment without timestamps makes a connection without them
  cookie.tester({.flags = S, .options = {Timestamps{100, 0}}});
  cookie.target({.flags = SA, .ack = 1, .options = {Timestamps{5000, 100}}});
  cookie.tester({.flags = A, .seq = 1, .ack = 1});
  EXPECT_THAT(cookie.target(plain), IsEmpty());

  Wire zero;
  zero.open({Timestamps{0, 0}}, {Timestamps{5000, 0}});
  EXPECT_THAT(zero.target(plain), IsEmpty());
}

TEST(TimestampsOnEverySegment, WhoeverOpens) {
  Wire wire;
  EXPECT_THAT(wire.target({.flags = S, .options = {Timestamps{5000, 0}}}), IsEmpty());
  wire.tester({.flags = SA, .ack = 1, .options = {Timestamps{100, 5000}}});
  EXPECT_THAT(wire.target(stamped(5001, 100)), IsEmpty());
  EXPECT_THAT(wire.target(plain), ElementsAre("timestamps-on-every-segment"));
}

TEST(TimestampsOnlyIfNegotiated, BothSynsCarryThem) {
  Wire neither;
  neither.open();
  EXPECT_THAT(neither.target(stamped(5000, 0)), ElementsAre("timestamps-only-if-negotiated"));

  Wire refused;
  refused.open({Timestamps{100, 0}});
  EXPECT_THAT(refused.target(stamped(5000, 100)), ElementsAre("timestamps-only-if-negotiated"));

  Wire refused_by_tester;
  refused_by_tester.target({.flags = S, .options = {Timestamps{5000, 0}}});
  refused_by_tester.tester({.flags = SA, .ack = 1});
  EXPECT_THAT(refused_by_tester.target(stamped(5000, 0)), ElementsAre("timestamps-only-if-negotiated"));
}

TEST(TimestampsOnlyIfNegotiated, AnyOfTheIncarnationsMayHaveNegotiatedThem) {
  Wire wire;
  wire.tester({.flags = S, .options = {Timestamps{100, 0}}});
  wire.tester({.flags = S, .seq = 400});
  wire.target({.flags = SA, .ack = 1, .options = {Timestamps{5000, 100}}});
  wire.target({.flags = SA, .seq = 700, .ack = 401});
  EXPECT_THAT(wire.target(stamped(5001, 100)), IsEmpty());
  EXPECT_THAT(wire.target(plain), IsEmpty());
}

TEST(TimestampEchoWasSent, SomeTsvalOrZero) {
  Wire wire = stamped_connection();
  EXPECT_THAT(wire.target(stamped(5000, 100)), IsEmpty());
  EXPECT_THAT(wire.target(stamped(5000, 101)), IsEmpty());
  EXPECT_THAT(wire.target(stamped(5000, 0)), IsEmpty());
  EXPECT_THAT(wire.target(stamped(5000, 102)), ElementsAre("timestamp-echo-was-sent"));
  EXPECT_THAT(wire.target(stamped(5000, 99)), ElementsAre("timestamp-echo-was-sent"));
  wire.tester({.flags = R, .seq = 77, .options = {Timestamps{99, 0}}});
  EXPECT_THAT(wire.target(stamped(5000, 99)), IsEmpty());
}

TEST(TimestampEchoWasSent, OptionsThatCanBeReadInTwoWaysExplainAnything) {
  for (const Options& options : {Options{Timestamps{1, 0}, Timestamps{2, 0}},
                                 Options{RawBytes{{std::byte{8}, std::byte{9}, std::byte{5}, std::byte{1}}}}}) {
    Wire wire = stamped_connection();
    wire.tester({.flags = A, .seq = 1, .ack = 1, .options = options});
    EXPECT_THAT(wire.target(stamped(5000, 31337)), IsEmpty());
  }
}

TEST(TimestampNeverRetreats, ByASmallStep) {
  Wire wire = stamped_connection();
  EXPECT_THAT(wire.target(stamped(5000, 100)), IsEmpty());
  EXPECT_THAT(wire.target(stamped(5001, 100)), IsEmpty());
  EXPECT_THAT(wire.target(stamped(5000, 100)), ElementsAre("timestamp-never-retreats"));
}

TEST(TimestampNeverRetreats, AlsoAcrossTheWrap) {
  Wire wire;
  wire.open({Timestamps{100, 0}}, {Timestamps{0xfffffff0, 100}});
  EXPECT_THAT(wire.target(stamped(0xffffffff, 100)), IsEmpty());
  EXPECT_THAT(wire.target(stamped(1, 100)), IsEmpty());
  EXPECT_THAT(wire.target(stamped(0xffffffff, 100)), ElementsAre("timestamp-never-retreats"));
}

TEST(TimestampNeverRetreats, ManyDaysOfSilenceAreNoStepBack) {
  Wire wire = stamped_connection();
  EXPECT_THAT(wire.target(stamped(5000 + (1U << 31) + 9, 100)), IsEmpty());
  EXPECT_THAT(wire.target(stamped(5000 - (1U << 20), 100)), IsEmpty());
  EXPECT_THAT(wire.target(stamped(4999 - (1U << 20), 100)), ElementsAre("timestamp-never-retreats"));
}

TEST(TimestampNeverRetreats, ANewIncarnationHasAnotherClock) {
  Wire wire = stamped_connection();
  EXPECT_THAT(wire.target(stamped(5100, 100)), IsEmpty());
  wire.tester({.flags = S, .seq = 900, .options = {Timestamps{200, 0}}});
  EXPECT_THAT(wire.target({.flags = SA, .seq = 70, .ack = 901, .options = {Timestamps{40, 200}}}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = A, .seq = 71, .ack = 901, .options = {Timestamps{41, 200}}}), IsEmpty());
}

Option block(std::uint32_t left, std::uint32_t right) {
  return Sack{{{tester_iss + left, tester_iss + right}}};
}
Said sacking(const Option& option) {
  return {.flags = A, .seq = 1, .ack = 1, .options = {option}};
}

TEST(SackOnlyIfPermitted, ByASynOfTheTester) {
  for (const bool permitted : {true, false}) {
    Wire wire;
    wire.open(permitted ? Options{SackPermitted{}} : Options{}, {SackPermitted{}});
    wire.tester({.flags = A, .seq = 100, .ack = 1, .data = 50});
    const auto broken = wire.target(sacking(block(100, 150)));
    if (permitted) {
      EXPECT_THAT(broken, IsEmpty());
    } else {
      EXPECT_THAT(broken, ElementsAre("sack-only-if-permitted"));
    }
  }
}

TEST(SackBlocksWereSent, EdgesAndEmptiness) {
  Wire wire;
  wire.open({SackPermitted{}});
  wire.tester({.flags = A, .seq = 100, .ack = 1, .data = 50});
  wire.tester({.flags = FA, .seq = 200, .ack = 1, .data = 50});
  for (const auto& [left, right] : {std::pair{100, 150}, {110, 120}, {200, 251}, {0, 1}})
    EXPECT_THAT(wire.target(sacking(block(left, right))), IsEmpty()) << left << "-" << right;
  for (const auto& [left, right] : {std::pair{99, 150}, {100, 151}, {100, 250}, {120, 120}, {150, 100}, {200, 252}})
    EXPECT_THAT(wire.target(sacking(block(left, right))), ElementsAre("sack-blocks-were-sent")) << left << "-" << right;
}

TEST(SackBlocksWereSent, DuplicatesBelowTheAckAreReportedSo) {
  Wire wire;
  wire.open({SackPermitted{}});
  wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 50});
  wire.tester({.flags = A, .seq = 1, .ack = 1, .data = 50});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 51, .options = {block(1, 51)}}), IsEmpty());
}

TEST(SackBlocksWereSent, EveryBlockIsRead) {
  Wire wire;
  wire.open({SackPermitted{}});
  wire.tester({.flags = A, .seq = 100, .ack = 1, .data = 50});
  const Sack two{{{tester_iss + 100, tester_iss + 150}, {tester_iss + 300, tester_iss + 350}}};
  EXPECT_THAT(wire.target(sacking(two)), ElementsAre("sack-blocks-were-sent"));
}

}  // namespace
}  // namespace tcpspec::oracle::test
