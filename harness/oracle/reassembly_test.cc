#include "oracle/reassembly.hh"

#include <gtest/gtest.h>

namespace tcpspec::oracle {
namespace {

using Ending = Reassembly::Ending;

Reassembly from(std::uint32_t next) {
  Reassembly r;
  r.begin(next);
  return r;
}

TEST(Reassembly, JoinsWhatFillsAHoleAcrossTheWrap) {
  auto r = from(0xfffffff0u);
  r.add(0x10, 0x20, Ending::open);
  r.add(0xfffffff8u, 0x08, Ending::open);
  EXPECT_EQ(r.next(), 0xfffffff0u);
  r.add(0xfffffff0u, 0xfffffff8u, Ending::open);
  EXPECT_EQ(r.next(), 0x08u);
  r.add(0, 0x12, Ending::open);
  EXPECT_EQ(r.next(), 0x20u);
}

TEST(Reassembly, NothingFollowsAFin) {
  auto r = from(1);
  r.add(1, 12, Ending::fin);
  r.add(12, 20, Ending::open);
  EXPECT_EQ(r.next(), 12u);
  r.add(5, 20, Ending::fin);
  EXPECT_EQ(r.next(), 12u);
}

TEST(Reassembly, AFinOutOfOrderCutsWhatWasHeldBehindIt) {
  auto r = from(1);
  r.add(12, 20, Ending::open);
  r.add(5, 15, Ending::fin);
  EXPECT_EQ(r.next(), 1u);
  r.add(1, 5, Ending::open);
  EXPECT_EQ(r.next(), 15u);
}

TEST(Reassembly, AnOldFinEndsNothing) {
  auto r = from(100);
  r.add(1, 11, Ending::fin);
  r.add(100, 110, Ending::open);
  EXPECT_EQ(r.next(), 110u);
}

TEST(Reassembly, CatchingUpTakesOverTheFin) {
  auto possible = from(1);
  possible.add(1, 12, Ending::fin);
  auto r = from(1);
  r.catch_up(12, possible);
  r.add(12, 20, Ending::open);
  EXPECT_EQ(r.next(), 12u);
}

TEST(Reassembly, CatchingUpJoinsWhatWasHeldAndNeverGoesBack) {
  auto r = from(1);
  r.add(11, 21, Ending::open);
  r.catch_up(11, from(11));
  EXPECT_EQ(r.next(), 21u);
  r.catch_up(5, from(5));
  EXPECT_EQ(r.next(), 21u);
}

}  // namespace
}  // namespace tcpspec::oracle
