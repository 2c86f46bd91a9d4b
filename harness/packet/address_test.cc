#include "packet/address.hh"

#include <gtest/gtest.h>

#include <unordered_set>

namespace tcpspec::packet {
namespace {

TEST(Address, ReadsBothFamilies) {
  EXPECT_EQ(Address::parse("192.0.2.1"), Address::ipv4(192, 0, 2, 1));
  const auto six = Address::parse("2001:db8::ff");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->family, Family::ipv6);
  EXPECT_EQ(six->bytes, (std::array<std::uint8_t, 16>{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff}));
  EXPECT_EQ(six->octets().size(), 16U);
  EXPECT_EQ(Address::ipv4(1, 2, 3, 4).octets().size(), 4U);
}

TEST(Address, RefusesWhatIsNeither) {
  using namespace std::string_view_literals;
  for (const auto text : {""sv, "10.0.0"sv, "10.0.0.256"sv, "10.0.0.1 "sv, "fd00::1::2"sv, "fe80::1%eth0"sv,
                          "10.0.0.1\0"sv, "host"sv, "11111111111111111111111111111111111111111111111111111"sv})
    EXPECT_EQ(Address::parse(text), std::nullopt) << text;
}

TEST(Address, TextIsCanonicalAndReadBack) {
  for (const char* text : {"0.0.0.0", "255.255.255.255", "::", "fd00::1", "2001:db8:0:1:1:1:1:1", "::ffff:10.0.0.1"}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), text);
  }
  EXPECT_EQ(to_string(Address::parse("2001:0DB8:0:0:0:0:0:1").value()), "2001:db8::1");
}

TEST(Address, EndpointsBracketIpv6) {
  EXPECT_EQ(to_string(Endpoint{Address::ipv4(10, 0, 0, 1), 80}), "10.0.0.1:80");
  EXPECT_EQ(to_string(Endpoint{Address::parse("fd00::1").value(), 65535}), "[fd00::1]:65535");
}

TEST(Address, FamilyIsPartOfIdentity) {
  EXPECT_NE(Address::parse("0.0.0.0"), Address::parse("::"));
  EXPECT_LT(Address::ipv4(10, 0, 0, 1), Address::ipv4(10, 0, 0, 2));
}

TEST(Address, NeighboursHashApart) {
  std::unordered_set<std::size_t> low_bits;
  for (int i = 0; i < 256; ++i) {
    const Address address = Address::ipv4(10, 0, 0, static_cast<std::uint8_t>(i));
    EXPECT_EQ(AddressHash{}(address), AddressHash{}(Address{address}));
    low_bits.insert(AddressHash{}(address)&0xffff);
  }
  EXPECT_GT(low_bits.size(), 240U);
}

}  // namespace
}  // namespace tcpspec::packet
