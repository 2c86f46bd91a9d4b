#pragma once
// The wire between the stack and this machine's kernel, and the kernel's own address on it.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packet/address.hh"
#include "target/linux/link.hh"
#include "target/linux/namespace.hh"
#include "target/target.hh"

namespace tcpspec::host {

// An address, and how many of its bits name the network.
struct NetworkAddress {
  packet::Address address;
  unsigned length = 0;
  friend bool operator==(const NetworkAddress&, const NetworkAddress&) = default;
};
// "10.0.0.2/24"; nullopt where it is none, or leaves no room for the kernel beside the stack.
[[nodiscard]] std::optional<NetworkAddress> parse_network_address(std::string_view text);
[[nodiscard]] std::string to_string(const NetworkAddress& address);
// What the kernel has on the wire: the first address of the network, or where that is the
// stack's, the second.
[[nodiscard]] packet::Address kernel_address(const NetworkAddress& stack);

struct NetworkOptions {
  std::string device = "/dev/net/tun";
  std::string interface = "tun0";
  std::uint16_t mtu = 1500;
  std::vector<NetworkAddress> stack;
};

// In the namespace that the calling thread is in. An interface that was there before stays
// as it is; a new one comes up with the kernel's addresses, and goes with the link.
[[nodiscard]] std::expected<std::unique_ptr<target::Link>, target::EnvironmentError> open_network(
    const NetworkOptions& options);

// In a namespace of its own, which the calling thread enters. Over a veth pair where no
// TUN device is to be had.
struct PrivateNetwork {
  target::Namespace space;
  std::unique_ptr<target::Link> link;
};
[[nodiscard]] std::expected<PrivateNetwork, target::EnvironmentError> open_private_network(
    const NetworkOptions& options);

}  // namespace tcpspec::host
