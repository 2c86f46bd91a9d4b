#include "host/network.hh"

#include <fmt/format.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "target/linux/netlink.hh"

namespace tcpspec::host {
namespace {

using packet::Address;
using target::EnvironmentError;
using target::Link;
using target::Netlink;

using Outcome = std::expected<void, EnvironmentError>;

// Deep enough for a window of every connection: what the kernel drops here is loss that
// nobody asked for.
constexpr unsigned transmit_queue = 8192;

Address network_of(const NetworkAddress& whole) {
  Address network = whole.address;
  for (unsigned bit = whole.length; bit < 8 * network.size(); ++bit)
    network.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
  return network;
}

Outcome give_address(Netlink& netlink, const Link& link, const NetworkAddress& stack) {
  const auto kernel = kernel_address(stack);
  if (auto done = netlink.add_address(link.interface(), kernel); !done) return done;
  if (const auto mac = link.gateway())
    if (auto done = netlink.add_neighbour(link.interface(), stack.address, *mac); !done) return done;
  return netlink.add_link_route(link.interface(), network_of(stack), stack.length, kernel);
}

Outcome configure(const Link& link, const NetworkOptions& options) {
  auto netlink = Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  if (auto done = netlink->bring_up(link.interface(), options.mtu, transmit_queue); !done) return done;
  // Where the kernel was built without IPv6 there is nobody to talk to over it.
  const bool has_ipv6 = access("/proc/sys/net/ipv6", F_OK) == 0;
  for (const auto& stack : options.stack) {
    if (stack.address.family == packet::Family::ipv6 && !has_ipv6) continue;
    if (auto done = give_address(*netlink, link, stack); !done) return done;
  }
  return {};
}

std::expected<std::unique_ptr<Link>, EnvironmentError> open_private_link(const NetworkOptions& options,
                                                                         const target::Namespace& space) {
  auto tun = target::open_tun(options.device, options.interface);
  if (tun || options.mtu > target::link_mtu) return tun;
  auto veth = target::open_veth(space);
  if (veth) return veth;
  return std::unexpected(EnvironmentError{.what = fmt::format("{}; and {}", tun.error().what, veth.error().what),
                                          .hint = fmt::format("{}; or: {}", tun.error().hint, veth.error().hint)});
}

}  // namespace

std::optional<NetworkAddress> parse_network_address(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto address = Address::parse(text.substr(0, slash));
  const auto digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (!address || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  // Two addresses of hosts, beside the network's own and the broadcast address.
  if (length < 1 || length + 2 > 8 * address->size()) return std::nullopt;
  return NetworkAddress{*address, length};
}

std::string to_string(const NetworkAddress& address) {
  return fmt::format("{}/{}", to_string(address.address), address.length);
}

Address kernel_address(const NetworkAddress& stack) {
  Address first = network_of(stack);
  first.bytes[first.size() - 1] |= 1;
  if (first != stack.address) return first;
  first.bytes[first.size() - 1] ^= 3;
  return first;
}

std::expected<std::unique_ptr<Link>, EnvironmentError> open_network(const NetworkOptions& options) {
  const bool was_there = if_nametoindex(options.interface.c_str()) != 0;
  auto link = target::open_tun(options.device, options.interface);
  if (!link || was_there) return link;
  if (auto done = configure(**link, options); !done) return std::unexpected(done.error());
  return link;
}

std::expected<PrivateNetwork, EnvironmentError> open_private_network(const NetworkOptions& options) {
  auto space = target::Namespace::create();
  if (!space) return std::unexpected(space.error());
  auto netlink = Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  if (auto done = netlink->bring_up("lo", 0, 0); !done) return std::unexpected(done.error());
  auto link = open_private_link(options, *space);
  if (!link) return std::unexpected(link.error());
  if (auto done = configure(**link, options); !done) return std::unexpected(done.error());
  return PrivateNetwork{std::move(*space), std::move(*link)};
}

}  // namespace tcpspec::host
