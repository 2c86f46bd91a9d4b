#include "oracle/connection_view.hh"

#include <gtest/gtest.h>

#include "oracle/view_test_talk.hh"

namespace tcpspec::oracle::test {
namespace {

using script::Variable;
using enum script::Variable;

class View : public ::testing::TestWithParam<Start> {
 protected:
  Talk talk{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(AtTheWrap, View,
                         ::testing::Values(Start{0xffffff00u, 0x7fffffffu}, Start{0x7fffffffu, 0xffffffffu},
                                           Start{0xffffffffu, 0xffffff00u}, Start{0xffffffffu, 0xffffffffu}));

TEST_P(View, BeforeAnything) {
  for (const auto variable :
       {rcv_nxt, snd_nxt, snd_una, rcv_wnd, snd_wnd, snd_wind_shift, rcv_wind_shift, ts_recent, ts_val})
    EXPECT_EQ(talk[variable], 0) << script::to_string(variable);
  EXPECT_EQ(talk[snd_mss], 536);
  EXPECT_EQ(talk[rcv_mss], 536);
  EXPECT_EQ(talk[mtu], 1500);
  EXPECT_FALSE(talk.view.used());
  EXPECT_EQ(talk.view.last_window_sent(), 65535);
}

TEST_P(View, PassiveHandshake) {
  talk.sent({.flags = S, .options = {Mss{1460}, WindowScale{3}, Timestamps{7, 0}}, .window = 5000});
  EXPECT_EQ(talk[rcv_nxt], 1);
  EXPECT_EQ(talk[snd_wnd], 5000);
  EXPECT_EQ(talk[snd_mss], 1460);
  EXPECT_EQ(talk[ts_recent], 7);
  talk.got({.flags = SA, .ack = 1, .options = {Mss{1400}, WindowScale{15}, Timestamps{9, 7}}, .window = 1000});
  EXPECT_EQ(talk[snd_nxt], 1);
  EXPECT_EQ(talk[snd_una], 0);
  EXPECT_EQ(talk[rcv_wnd], 1000);  // the window of a SYN is not scaled
  EXPECT_EQ(talk[rcv_mss], 1400);
  EXPECT_EQ(talk[snd_wind_shift], 3);
  EXPECT_EQ(talk[rcv_wind_shift], 14);
  EXPECT_EQ(talk[ts_val], 9);
  talk.sent({.flags = A, .seq = 1, .ack = 1, .window = 5});
  EXPECT_EQ(talk[snd_una], 1);
  EXPECT_EQ(talk[snd_wnd], 40);
  talk.got({.flags = A, .seq = 1, .ack = 1, .window = 2});
  EXPECT_EQ(talk[rcv_wnd], 2 << 14);
}

TEST_P(View, NoScalingUnlessBothOffer) {
  talk.open({WindowScale{3}});
  EXPECT_EQ(talk[snd_wind_shift], 0);
  EXPECT_EQ(talk[snd_wnd], 5000);
}

TEST_P(View, ActiveHandshake) {
  talk.got({.flags = S, .window = 1000});
  EXPECT_EQ(talk[snd_nxt], 1);
  EXPECT_EQ(talk[rcv_nxt], 0);
  talk.sent({.flags = SA, .ack = 1, .window = 77});
  EXPECT_EQ(talk[rcv_nxt], 1);
  EXPECT_EQ(talk[snd_una], 1);
  EXPECT_EQ(talk[snd_wnd], 77);
  // The window of its SYN counts before anything else of it is seen.
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 10});
  EXPECT_EQ(talk[rcv_nxt], 11);
}

TEST_P(View, SynAckWithAWrongAcknowledgementIsNoSyn) {
  talk.got({.flags = S});
  for (const std::uint32_t ack : {0u, 2u, 0x80000000u}) talk.sent({.flags = SA, .ack = ack, .options = {Mss{99}}});
  EXPECT_EQ(talk[rcv_nxt], 0);
  EXPECT_EQ(talk[snd_una], 0);
  EXPECT_EQ(talk[snd_mss], 536);
}

TEST_P(View, SynWithRstOrRefusedIsNoSyn) {
  talk.sent({.flags = S | R});
  talk.sent({.flags = S, .window = 3}, Acceptance::refused);
  EXPECT_EQ(talk[rcv_nxt], 0);
  EXPECT_EQ(talk.view.last_window_sent(), 65535);
}

TEST_P(View, SimultaneousOpen) {
  talk.got({.flags = S, .options = {WindowScale{2}}, .window = 1000});
  talk.sent({.flags = S, .options = {WindowScale{1}}, .window = 5000});
  EXPECT_EQ(talk[rcv_nxt], 1);
  talk.sent({.flags = SA, .ack = 1, .window = 5000});
  EXPECT_EQ(talk[snd_una], 1);
  EXPECT_EQ(talk[snd_wnd], 5000);
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 10});
  EXPECT_EQ(talk[rcv_nxt], 11);
  talk.got({.flags = SA, .ack = 1, .window = 1000});  // without wscale: that counts
  EXPECT_EQ(talk[rcv_wind_shift], 0);
}

TEST_P(View, SynInASynchronizedStateChangesNothing) {
  talk.open({WindowScale{3}, Mss{1460}}, {WindowScale{3}});
  const auto before = talk.view.variables();
  talk.sent({.flags = S, .seq = 1, .options = {Mss{5}, Timestamps{5, 5}}, .data = 3, .window = 9});
  talk.sent({.flags = SA, .seq = 0, .ack = 1, .window = 9});
  talk.sent({.flags = S, .seq = 5000, .window = 9});
  EXPECT_EQ(talk.view.variables(), before);
}

TEST_P(View, DataOnASynCountsOnceItIsAcknowledged) {
  talk.sent({.flags = S, .data = 10});
  EXPECT_EQ(talk[rcv_nxt], 1);
  talk.got({.flags = SA, .ack = 6});
  EXPECT_EQ(talk[rcv_nxt], 6);
}

TEST_P(View, AWindowHoldsFromItsArrival) {
  talk.open();
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 600});
  talk.arrived({.flags = A, .seq = 1, .ack = 601, .window = 1000});
  talk.sent({.flags = A, .seq = 601, .ack = 1, .data = 1100});
  EXPECT_EQ(talk[rcv_nxt], 1601);
  EXPECT_EQ(talk[rcv_wnd], 1000);
  // An acknowledgement of more counts once the script takes notice of it.
  talk.arrived({.flags = A, .seq = 1, .ack = 1701, .window = 0});
  EXPECT_EQ(talk[rcv_nxt], 1601);
  talk.got({.flags = A, .seq = 1, .ack = 1701, .window = 0});
  EXPECT_EQ(talk[rcv_nxt], 1701);
}

TEST_P(View, WhatArrivesWithoutAnAcknowledgementAllowsNothing) {
  talk.sent({.flags = S, .data = 10});
  talk.arrived({.flags = SA, .ack = 1, .window = 1000});  // its numbers are not known yet
  talk.open();
  for (const auto flags : {S, SA, R | A}) talk.arrived({.flags = flags, .ack = 1, .window = 5000});
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 1100});
  EXPECT_EQ(talk[rcv_nxt], 1001);
}

TEST_P(View, InOrderOutOfOrderAndOverlapping) {
  talk.open();
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 10});
  EXPECT_EQ(talk[rcv_nxt], 11);
  talk.sent({.flags = A, .seq = 21, .ack = 1, .data = 10});
  EXPECT_EQ(talk[rcv_nxt], 11);
  talk.sent({.flags = A, .seq = 5, .ack = 1, .data = 20});  // old at its beginning, overlapping at its end
  EXPECT_EQ(talk[rcv_nxt], 31);
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 10});
  EXPECT_EQ(talk[rcv_nxt], 31);
}

TEST_P(View, CutAtTheFurthestRightEdge) {
  talk.open();
  talk.got({.flags = A, .seq = 1, .ack = 1, .window = 500});  // shrunk: the edge stays where it was
  talk.sent({.flags = FA, .seq = 1, .ack = 1, .data = 1000});
  EXPECT_EQ(talk[rcv_nxt], 1001);  // not the FIN
  talk.got({.flags = A, .seq = 1, .ack = 1002, .window = 0});
  EXPECT_EQ(talk[rcv_nxt], 1002);  // but it was taken
  talk.sent({.flags = A, .seq = 1002, .ack = 1, .data = 1});
  EXPECT_EQ(talk[rcv_nxt], 1002);
}

TEST_P(View, LastOctetOfTheWindowAndTheFirstBehindIt) {
  talk.open();
  talk.sent({.flags = A, .seq = 1000, .ack = 1, .data = 2});
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 999});
  EXPECT_EQ(talk[rcv_nxt], 1001);
}

TEST_P(View, ZeroWindowTakesAcknowledgementsButNoData) {
  talk.open({}, {}, 0);
  talk.got({.flags = A, .seq = 1, .ack = 1, .data = 5, .window = 0});
  talk.sent({.flags = FA, .seq = 1, .ack = 6, .data = 1, .window = 8});
  EXPECT_EQ(talk[rcv_nxt], 1);
  EXPECT_EQ(talk[snd_una], 6);
  EXPECT_EQ(talk[snd_wnd], 8);
}

TEST_P(View, FinInAndOutOfOrder) {
  talk.open();
  talk.sent({.flags = FA, .seq = 11, .ack = 1});
  EXPECT_EQ(talk[rcv_nxt], 1);
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 10});
  EXPECT_EQ(talk[rcv_nxt], 12);
  talk.sent({.flags = A, .seq = 12, .ack = 1, .data = 10});
  EXPECT_EQ(talk[rcv_nxt], 12);
}

TEST_P(View, WhatIsNotTakenMovesNothing) {
  talk.open();
  talk.got({.flags = A, .seq = 1, .ack = 1, .data = 20});
  const auto before = talk.view.variables();
  talk.sent({.flags = Flags::psh, .seq = 1, .data = 5, .window = 9});           // no ACK
  talk.sent({.flags = R, .seq = 1, .data = 5, .window = 9});                    // RST
  talk.sent({.flags = RA, .seq = 1, .ack = 21, .window = 9});                   // RST
  talk.sent({.flags = A, .seq = 1, .ack = 22, .data = 5, .window = 9});         // never sent
  talk.sent({.flags = A, .seq = 1, .ack = 1u - 5001, .data = 5, .window = 9});  // RFC 5961 section 5.2
  talk.sent({.flags = A, .seq = 1001, .ack = 21, .data = 5, .window = 9});      // right of the window
  talk.sent({.flags = A, .seq = 0, .ack = 21, .window = 9});                    // left of it
  talk.sent({.flags = A, .seq = 1, .ack = 21, .data = 5, .window = 9}, Acceptance::refused);
  auto after = talk.view.variables();
  EXPECT_EQ(after, before);
}

TEST_P(View, OldDuplicateAcknowledgementsDoNoHarm) {
  talk.open();
  talk.got({.flags = A, .seq = 1, .ack = 1, .data = 6000});
  talk.sent({.flags = A, .seq = 1, .ack = 6001, .window = 5000});
  talk.sent({.flags = A, .seq = 1, .ack = 1001, .data = 5, .window = 9});  // SND.UNA - MAX.SND.WND
  EXPECT_EQ(talk[rcv_nxt], 6);
  talk.sent({.flags = A, .seq = 6, .ack = 1000, .data = 5, .window = 9});
  EXPECT_EQ(talk[rcv_nxt], 6);
  EXPECT_EQ(talk[snd_wnd], 5000);
  EXPECT_EQ(talk[snd_una], 6001);
}

TEST_P(View, InSynReceivedOnlyTheSynsAcknowledgementIsGood) {
  talk.sent({.flags = S});
  talk.got({.flags = SA, .ack = 1});
  talk.sent({.flags = A, .seq = 1, .ack = 0, .data = 5});
  EXPECT_EQ(talk[rcv_nxt], 1);
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 5});
  EXPECT_EQ(talk[rcv_nxt], 6);
}

TEST_P(View, OurAcknowledgementOfThingsNotYetConsumed) {
  talk.open();
  talk.sent({.flags = A, .seq = 1, .ack = 101, .data = 5});
  EXPECT_EQ(talk[snd_una], 1);
  talk.got({.flags = A, .seq = 1, .ack = 1, .data = 60});
  EXPECT_EQ(talk[snd_una], 1);
  talk.got({.flags = A, .seq = 61, .ack = 6, .data = 60});
  EXPECT_EQ(talk[snd_una], 101);
  EXPECT_EQ(talk[snd_nxt], 121);
  EXPECT_EQ(talk[rcv_nxt], 6);  // the target says that it took that data
}

TEST_P(View, AnAcknowledgementOfWhatWasRefusedDoesNotMoveRcvNxt) {
  talk.open();
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 5}, Acceptance::refused);
  talk.got({.flags = A, .seq = 1, .ack = 6});
  EXPECT_EQ(talk[rcv_nxt], 1);
}

TEST_P(View, AnOldSegmentsWindowIsNotTaken) {
  talk.open();
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 10, .window = 4000});
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 20, .window = 3});  // partially old, SND.WL1
  EXPECT_EQ(talk[snd_wnd], 3);
  talk.sent({.flags = A, .seq = 15, .ack = 1, .data = 10, .window = 44});
  talk.sent({.flags = A, .seq = 14, .ack = 1, .data = 20, .window = 5});
  EXPECT_EQ(talk[snd_wnd], 44);
}

TEST_P(View, AnOlderTimestampIsDropped) {
  talk.open({Timestamps{0xffffffff, 0}}, {Timestamps{1, 0}});
  talk.sent({.flags = A, .seq = 1, .ack = 1, .options = {Timestamps{0xfffffffe, 1}}, .data = 5, .window = 9});
  EXPECT_EQ(talk[rcv_nxt], 1);
  EXPECT_EQ(talk[ts_recent], 0xffffffff);
  EXPECT_EQ(talk[snd_wnd], 5000);
  talk.sent({.flags = A, .seq = 1, .ack = 1, .options = {Timestamps{0, 1}}, .data = 5});
  EXPECT_EQ(talk[rcv_nxt], 6);
  EXPECT_EQ(talk[ts_recent], 0);
  talk.sent({.flags = A, .seq = 11, .ack = 1, .options = {Timestamps{50, 1}}, .data = 5});
  EXPECT_EQ(talk[ts_recent], 0);  // above a hole (RFC 7323 section 4.3)
}

TEST_P(View, After24DaysAnOlderTimestampIsGood) {
  talk.open({Timestamps{1000, 0}}, {Timestamps{1, 0}});
  const Said old{.flags = A, .seq = 1, .ack = 1, .options = {Timestamps{5, 1}}, .data = 5};
  talk.sent(old, Acceptance::expected, packet::Instant{} + std::chrono::days(24));
  EXPECT_EQ(talk[rcv_nxt], 1);
  talk.sent(old, Acceptance::expected, packet::Instant{} + std::chrono::days(24) + packet::Duration(1));
  EXPECT_EQ(talk[rcv_nxt], 6);
}

TEST_P(View, TimestampsThatWereNotAgreedOnRejectNothing) {
  talk.open({Timestamps{1000, 0}});
  talk.sent({.flags = A, .seq = 1, .ack = 1, .options = {Timestamps{5, 1}}, .data = 5});
  EXPECT_EQ(talk[rcv_nxt], 6);
}

TEST_P(View, AnotherIncarnationsSegmentsAreNotThisOnes) {
  talk.sent({.flags = S});
  talk.got({.flags = A, .seq = 0x40000000, .ack = 0x40000000, .window = 9});
  EXPECT_EQ(talk[snd_nxt], 0);
  EXPECT_EQ(talk[rcv_wnd], 0);
  talk.got({.flags = SA, .ack = 1, .window = 1000});
  EXPECT_EQ(talk[snd_nxt], 1);
  EXPECT_EQ(talk.view.acked(), 1u);
  talk.got({.flags = SA, .seq = 500, .ack = 1, .window = 5});
  talk.got({.flags = R, .seq = 500, .window = 5});
  EXPECT_EQ(talk[snd_nxt], 1);
  EXPECT_EQ(talk[rcv_wnd], 1000);
}

TEST(ViewOfIpv6, DefaultMss) {
  const Talk talk({}, Family::ipv6);
  EXPECT_EQ(talk[snd_mss], 1220);
  EXPECT_EQ(talk[rcv_mss], 1220);
}

// ---- a peer that plays the tester's side is ahead of the script

TEST_P(View, DataOfAPeerCountsThoughItAcknowledgesWhatTheScriptHasNotSeen) {
  talk.open();
  const Said data{.flags = A, .seq = 1, .ack = 1, .data = 100, .window = 1000};
  talk.heard(data);
  talk.sent({.flags = A, .seq = 1, .ack = 101, .data = 20, .window = 5000}, Acceptance::certain);
  EXPECT_EQ(talk[rcv_nxt], 21);
  EXPECT_EQ(talk[snd_nxt], 1);
  EXPECT_EQ(talk[snd_una], 1);
  talk.got(data);
  EXPECT_EQ(talk[snd_nxt], 101);
  EXPECT_EQ(talk[snd_una], 101);
}

TEST_P(View, APeerMaySendWhatTheTargetHasAllowedAlready) {
  talk.open();
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 1000, .window = 5000}, Acceptance::certain);
  talk.heard({.flags = A, .seq = 1, .ack = 1001, .window = 500});
  talk.sent({.flags = A, .seq = 1001, .ack = 1, .data = 501, .window = 5000}, Acceptance::certain);
  EXPECT_EQ(talk[rcv_nxt], 1501);
  EXPECT_EQ(talk.view.acked(), 1u) << "of that the script has taken no notice";
}

TEST_P(View, APeerAnswersASynBeforeTheScriptLooksAtIt) {
  const Said syn{.flags = S, .options = {Mss{1400}}, .window = 1000};
  talk.heard(syn);
  EXPECT_TRUE(talk.view.target_iss_known());
  EXPECT_EQ(talk[snd_nxt], 0);
  talk.sent({.flags = SA, .ack = 1, .options = {Mss{1460}}, .window = 5000}, Acceptance::certain);
  EXPECT_EQ(talk[rcv_nxt], 1);
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 1000, .window = 5000}, Acceptance::certain);
  EXPECT_EQ(talk[rcv_nxt], 1001);
  talk.got(syn);
  EXPECT_EQ(talk[snd_nxt], 1);
  EXPECT_EQ(talk[snd_una], 1);
  EXPECT_EQ(talk[rcv_mss], 1400);
}

TEST_P(View, KnowsTheFins) {
  talk.open({SackPermitted{}}, {SackPermitted{}});
  EXPECT_TRUE(talk.view.sack_in_force());
  EXPECT_FALSE(talk.view.tester_fin_taken() || talk.view.target_fin_seen());
  talk.sent({.flags = FA, .seq = 2, .ack = 1, .window = 5000});
  EXPECT_FALSE(talk.view.tester_fin_taken()) << "behind a gap";
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 1, .window = 5000});
  EXPECT_TRUE(talk.view.tester_fin_taken());
  talk.sent({.flags = FA, .seq = 3, .ack = 1, .window = 5000});
  EXPECT_TRUE(talk.view.tester_fin_taken()) << "nothing follows a FIN, no other FIN either";
  talk.got({.flags = FA, .seq = 1, .ack = 3, .window = 1000});
  EXPECT_TRUE(talk.view.target_fin_seen());
}

}  // namespace
}  // namespace tcpspec::oracle::test
