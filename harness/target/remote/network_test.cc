#include "target/remote/network.hh"

#include <gtest/gtest.h>

namespace tcpspec::target {
namespace {

packet::Address address(const char* text) {
  return *packet::Address::parse(text);
}

TEST(Network, IsAnAddressAndALengthWithoutHostBits) {
  EXPECT_EQ(to_string(Network::parse("10.9.0.128/25").value()), "10.9.0.128/25");
  EXPECT_EQ(to_string(Network::parse("fd09::/64").value()), "fd09::/64");
  EXPECT_EQ(to_string(Network::parse("0.0.0.0/0").value()), "0.0.0.0/0");
  for (const auto* text : {"10.9.0.128", "10.9.0.129/25", "10.9.0.0/33", "10.9.0.0/", "10.9.0.0/2x", "10.9/16",
                           "fd09::1/64", "fd09::/129", "/8", ""})
    EXPECT_FALSE(Network::parse(text)) << text;
}

TEST(Network, ContainsWhatBeginsLikeIt) {
  const auto network = *Network::parse("10.9.0.128/25");
  EXPECT_TRUE(network.contains(address("10.9.0.128")));
  EXPECT_TRUE(network.contains(address("10.9.0.255")));
  EXPECT_FALSE(network.contains(address("10.9.0.127")));
  EXPECT_FALSE(network.contains(address("10.9.1.128")));
  EXPECT_FALSE(network.contains(address("::10.9.0.128")));
  EXPECT_TRUE(Network::parse("fd09::/64")->contains(address("fd09::ffff:0:0:1")));
  EXPECT_FALSE(Network::parse("fd09::/64")->contains(address("fd09:0:0:1::1")));
}

TEST(Network, CountsHostsWithoutTheNetworkAndTheBroadcastAddress) {
  const auto network = *Network::parse("10.9.0.128/25");
  ASSERT_EQ(network.hosts(), 126u);
  EXPECT_EQ(to_string(network.host(0)), "10.9.0.129");
  EXPECT_EQ(to_string(network.host(125)), "10.9.0.254");
  EXPECT_EQ(Network::parse("10.9.0.128/30")->hosts(), 2u);
  EXPECT_EQ(Network::parse("10.9.0.128/31")->hosts(), 0u);
  EXPECT_EQ(Network::parse("10.9.0.128/32")->hosts(), 0u);
}

TEST(Network, OfSixHasNoBroadcastAddressAndAnEnd) {
  const auto network = *Network::parse("fd09::1:0/112");
  ASSERT_EQ(network.hosts(), 65535u);
  EXPECT_EQ(to_string(network.host(0)), "fd09::1:1");
  EXPECT_EQ(to_string(network.host(65534)), "fd09::1:ffff");
  EXPECT_EQ(Network::parse("fd09::/64")->hosts(), (1u << 20) - 1);
}

}  // namespace
}  // namespace tcpspec::target
