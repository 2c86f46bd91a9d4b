#include "host/network.hh"

#include <gtest/gtest.h>

namespace tcpspec::host {
namespace {

std::string kernel_of(std::string_view text) {
  const auto stack = parse_network_address(text);
  return stack ? to_string(kernel_address(*stack)) : "none";
}

TEST(Network, TheKernelTakesTheFirstAddressThatIsFree) {
  EXPECT_EQ(kernel_of("10.0.0.2/24"), "10.0.0.1");
  EXPECT_EQ(kernel_of("10.0.0.1/24"), "10.0.0.2");
  EXPECT_EQ(kernel_of("10.0.0.6/30"), "10.0.0.5");
  EXPECT_EQ(kernel_of("10.0.0.5/30"), "10.0.0.6");
  EXPECT_EQ(kernel_of("10.9.8.7/8"), "10.0.0.1");
  EXPECT_EQ(kernel_of("172.17.130.9/17"), "172.17.128.1");
  EXPECT_EQ(kernel_of("fd00::2/64"), "fd00::1");
  EXPECT_EQ(kernel_of("fd00::1/126"), "fd00::2");
}

TEST(Network, WhatIsNoAddressInANetwork) {
  for (const auto* wrong : {"", "10.0.0.2", "10.0.0.2/", "10.0.0.2/x", "10.0.0.2/31", "10.0.0.2/32", "10.0.0.2/33",
                            "10.0.0.2/0", "10.0.0/24", "fd00::2/127", "/24", "10.0.0.2/24 "})
    EXPECT_EQ(parse_network_address(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace tcpspec::host
