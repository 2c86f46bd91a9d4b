#include "engine/pattern.hh"

#include <gtest/gtest.h>

#include <vector>

namespace tcpspec::engine {
namespace {

// Where the table ends, and where 32 bits do.
constexpr std::uint64_t places[] = {0, 1, 131'000, 131'072, 4'294'967'290, 1ULL << 40U};

TEST(Pattern, IsWrittenAsItsOctetsAre) {
  for (const auto stream : {Stream::from_tester, Stream::from_target}) {
    for (const auto place : places) {
      std::vector<std::byte> octets(300);
      write_pattern(stream, place, octets);
      for (std::size_t i = 0; i < octets.size(); ++i) ASSERT_EQ(octets[i], pattern_octet(stream, place + i)) << place;
    }
  }
}

TEST(Pattern, TellsWhereItIsLeft) {
  for (const auto place : places) {
    std::vector<std::byte> octets(300);
    write_pattern(Stream::from_target, place, octets);
    EXPECT_EQ(matching_pattern(Stream::from_target, place, octets), 300u) << place;
    for (const std::size_t wrong : {0u, 71u, 299u}) {
      auto other = octets;
      other[wrong] ^= std::byte{1};
      EXPECT_EQ(matching_pattern(Stream::from_target, place, other), wrong) << place;
    }
  }
  EXPECT_EQ(matching_pattern(Stream::from_tester, 0, {}), 0u);
}

}  // namespace
}  // namespace tcpspec::engine
