#include "packet/flags.hh"

#include <gtest/gtest.h>

namespace tcpspec::packet {
namespace {

TEST(Flags, AreWrittenInOneOrder) {
  EXPECT_EQ(to_string(Flags()), "-");
  EXPECT_EQ(to_string(Flags::ack | Flags::syn), "SA");
  EXPECT_EQ(to_string(Flags(0x1ff)), "SFRPAUECN");
}

TEST(Flags, AreReadInAnyOrderAndCase) {
  EXPECT_EQ(Flags::parse("as"), Flags::syn | Flags::ack);
  EXPECT_EQ(Flags::parse("nCeuaprfs"), Flags(0x1ff));
  EXPECT_EQ(Flags::parse("-"), Flags());
}

TEST(Flags, RefuseWhatIsNoSetOfLetters) {
  for (const char* text : {"", "SS", "sS", "X", "S-", "--", "S A", "\xff"})
    EXPECT_EQ(Flags::parse(text), std::nullopt) << text;
}

TEST(Flags, EverySetSurvivesItsText) {
  for (std::uint16_t bits = 0; bits <= 0x1ff; ++bits) EXPECT_EQ(Flags::parse(to_string(Flags(bits))), Flags(bits));
}

TEST(Flags, HoldNineBits) {
  EXPECT_EQ(Flags(std::uint16_t{0xffff}).bits(), 0x1ff);
  EXPECT_EQ((Flags::fin | Flags::ack).without(Flags::fin), Flags(Flags::ack));
  EXPECT_FALSE(Flags(Flags::ack).has(Flags::ae));
  EXPECT_TRUE(Flags(std::uint16_t{0x100}).has(Flags::ae));
}

}  // namespace
}  // namespace tcpspec::packet
