#include <gtest/gtest.h>

#include "oracle/view_test_talk.hh"

namespace tcpspec::oracle::test {
namespace {

using enum ConnectionView::Character;

class Character : public ::testing::Test {
 protected:
  Talk talk;
  // Ten octets of the target, all acknowledged.
  void ten_octets() {
    talk.got({.flags = A, .seq = 1, .ack = 1, .data = 10});
    talk.sent({.flags = A, .seq = 1, .ack = 11, .window = 5000});
  }
};

TEST_F(Character, FirstSynIsNothingToTolerate) {
  EXPECT_EQ(talk.character({.flags = S}), other);
  EXPECT_EQ(talk.character({.flags = SA, .ack = 1}), other);
  EXPECT_EQ(talk.character({.flags = A, .ack = 1}), other);
}

TEST_F(Character, SynsThatComeAgain) {
  talk.got({.flags = S});
  EXPECT_EQ(talk.character({.flags = S}), retransmission);
  talk.sent({.flags = S});
  EXPECT_EQ(talk.character({.flags = SA, .ack = 1}), other);  // of a simultaneous open: news
  talk.got({.flags = SA, .ack = 1});
  EXPECT_EQ(talk.character({.flags = SA, .ack = 1}), retransmission);
  EXPECT_EQ(talk.character({.flags = SA, .seq = 100, .ack = 1}), other);
}

TEST_F(Character, Acknowledgements) {
  talk.open();
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 1}), duplicate_ack);
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 1, .window = 999}), window_update);
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 0}), other);
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 10});
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 1, .window = 999}), window_update);  // behind our data too
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 6}), advancing_ack);
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 11}), advancing_ack);
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 12}), other);  // never sent
  EXPECT_EQ(talk.character({.flags = A | Flags::urg, .seq = 1, .ack = 11}), other);
  EXPECT_EQ(talk.character({.flags = A | Flags::ece, .seq = 1, .ack = 11}), advancing_ack);
  EXPECT_EQ(talk.character({.flags = A, .seq = 2, .ack = 11}), other);
}

TEST_F(Character, AnAcknowledgementOfWhatMustNotBeTaken) {
  talk.open();
  talk.sent({.flags = A, .seq = 1, .ack = 1, .data = 10}, Acceptance::refused);
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 11}), other);
  talk.sent({.flags = Flags::psh, .seq = 1, .data = 10});
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 11}), other);
}

TEST_F(Character, RoundingOfAScaledWindowIsNoUpdate) {
  talk.open({WindowScale{7}}, {WindowScale{7}}, 65160);
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 1, .window = 509}), duplicate_ack);
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 1, .window = 508}), window_update);
}

TEST_F(Character, Retransmissions) {
  talk.open();
  talk.got({.flags = A, .seq = 1, .ack = 1, .data = 10});
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 1, .data = 10}), retransmission);
  EXPECT_EQ(talk.character({.flags = A, .seq = 10, .ack = 1, .data = 1}), retransmission);
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 1, .data = 11}), other);  // the last octet is new
  EXPECT_EQ(talk.character({.flags = A, .seq = 11, .ack = 1, .data = 1}), other);
  EXPECT_EQ(talk.character({.flags = FA, .seq = 11, .ack = 1}), other);
  talk.got({.flags = FA, .seq = 11, .ack = 1});
  EXPECT_EQ(talk.character({.flags = FA, .seq = 11, .ack = 1}), retransmission);
  EXPECT_EQ(talk.character({.flags = RA, .seq = 11, .ack = 1}), other);
}

TEST_F(Character, KeepAlives) {
  talk.open();
  EXPECT_EQ(talk.character({.flags = A, .seq = 0, .ack = 1}), probe);
  EXPECT_EQ(talk.character({.flags = A, .seq = 0, .ack = 1, .data = 1}), probe);
  ten_octets();
  EXPECT_EQ(talk.character({.flags = A, .seq = 10, .ack = 1}), probe);
  EXPECT_EQ(talk.character({.flags = A, .seq = 10, .ack = 1, .data = 1}), probe);
  EXPECT_EQ(talk.character({.flags = A, .seq = 9, .ack = 1}), other);
  EXPECT_EQ(talk.character({.flags = A, .seq = 9, .ack = 1, .data = 2}), retransmission);
}

TEST_F(Character, ZeroWindowProbes) {
  talk.open();
  talk.sent({.flags = A, .seq = 1, .ack = 1, .window = 0});
  EXPECT_EQ(talk.character({.flags = A, .seq = 0, .ack = 1}), probe);
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 1, .data = 1}), probe);
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 1, .data = 2}), other);
  EXPECT_EQ(talk.character({.flags = FA, .seq = 1, .ack = 1}), other);
  talk.got({.flags = A, .seq = 1, .ack = 1, .data = 1});
  EXPECT_EQ(talk.character({.flags = A, .seq = 1, .ack = 1, .data = 1}), probe);  // again
}

}  // namespace
}  // namespace tcpspec::oracle::test
