#include "packet/option.hh"

#include <gtest/gtest.h>

namespace tcpspec::packet {
namespace {

TEST(Option, Text) {
  EXPECT_EQ(to_string(EndOfList{}), "eol");
  EXPECT_EQ(to_string(Nop{}), "nop");
  EXPECT_EQ(to_string(Mss{1460}), "mss 1460");
  EXPECT_EQ(to_string(WindowScale{255}), "wscale 255");
  EXPECT_EQ(to_string(SackPermitted{}), "sack_permitted");
  EXPECT_EQ(to_string(Timestamps{100, 7}), "ts 100 7");
  EXPECT_EQ(to_string(Timestamps{0xffffffff, 0}), "ts 4294967295 0");
  EXPECT_EQ(to_string(Sack{{{1001, 2001}}}), "sack 1001-2001");
  EXPECT_EQ(to_string(Sack{{{1001, 2001}, {3001, 4001}}}), "sack 1001-2001 3001-4001");
  EXPECT_EQ(to_string(Sack{}), "sack");
  EXPECT_EQ(to_string(UnknownOption{254, {std::byte{1}, std::byte{2}}}), "kind-254 0102");
  EXPECT_EQ(to_string(UnknownOption{34, {}}), "kind-34");
  EXPECT_EQ(to_string(RawBytes{{std::byte{2}, std::byte{0}}}), "raw 0200");
  EXPECT_EQ(to_string(RawBytes{}), "raw");
}

}  // namespace
}  // namespace tcpspec::packet
