#include "target/linux/netlink.hh"

#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <sys/socket.h>

namespace tcpspec::target {
namespace {

template <class T, void (*Put)(T*)>
struct Release {
  void operator()(T* object) const { Put(object); }
};
using LinkPtr = std::unique_ptr<rtnl_link, Release<rtnl_link, rtnl_link_put>>;
using AddrPtr = std::unique_ptr<rtnl_addr, Release<rtnl_addr, rtnl_addr_put>>;
using RoutePtr = std::unique_ptr<rtnl_route, Release<rtnl_route, rtnl_route_put>>;
using NeighPtr = std::unique_ptr<rtnl_neigh, Release<rtnl_neigh, rtnl_neigh_put>>;
using NlAddrPtr = std::unique_ptr<nl_addr, Release<nl_addr, nl_addr_put>>;

int family_of(const packet::Address& address) {
  return address.family == packet::Family::ipv4 ? AF_INET : AF_INET6;
}

NlAddrPtr build(const packet::Address& address) {
  return NlAddrPtr{nl_addr_build(family_of(address), address.bytes.data(), address.size())};
}
NlAddrPtr build(const MacAddress& mac) {
  return NlAddrPtr{nl_addr_build(AF_LLC, mac.data(), mac.size())};
}

Netlink::Outcome outcome(int code, const std::string& what) {
  if (code >= 0) return {};
  return std::unexpected(EnvironmentError{
      .what = fmt::format("rtnetlink: {}: {}", what, nl_geterror(code)),
      .hint = "the kernel lacks this kind of link or address family, or we lack CAP_NET_ADMIN in our own "
              "namespace (`tcpspec doctor` tells which)"});
}

int index_of(const std::string& interface) {
  return static_cast<int>(if_nametoindex(interface.c_str()));
}

void add_hop(rtnl_route& route, const std::string& interface, nl_addr* gateway) {
  rtnl_nexthop* hop = rtnl_route_nh_alloc();  // the route takes it over
  rtnl_route_nh_set_ifindex(hop, index_of(interface));
  if (gateway != nullptr) {
    rtnl_route_nh_set_gateway(hop, gateway);
    rtnl_route_nh_set_flags(hop, RTNH_F_ONLINK);
  }
  rtnl_route_add_nexthop(&route, hop);
}

}  // namespace

void Netlink::Close::operator()(nl_sock* socket) const {
  nl_socket_free(socket);
}

std::expected<Netlink, EnvironmentError> Netlink::open() {
  Netlink netlink;
  netlink.socket_.reset(nl_socket_alloc());
  if (auto done = outcome(nl_connect(netlink.socket_.get(), NETLINK_ROUTE), "connect"); !done)
    return std::unexpected(done.error());
  return netlink;
}

Netlink::Outcome Netlink::create_veth(const VethEnd& here, const VethEnd& there, int namespace_of_there) {
  const LinkPtr link{rtnl_link_veth_alloc()};
  rtnl_link_set_name(link.get(), here.name.c_str());
  rtnl_link_set_addr(link.get(), build(here.address).get());
  const LinkPtr peer{rtnl_link_veth_get_peer(link.get())};
  rtnl_link_set_name(peer.get(), there.name.c_str());
  rtnl_link_set_addr(peer.get(), build(there.address).get());
  rtnl_link_set_ns_fd(peer.get(), namespace_of_there);
  return outcome(rtnl_link_add(socket_.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL),
                 fmt::format("add veth {} with peer {}", here.name, there.name));
}

Netlink::Outcome Netlink::bring_up(const std::string& interface, unsigned mtu, unsigned transmit_queue) {
  const LinkPtr which{rtnl_link_alloc()};
  rtnl_link_set_ifindex(which.get(), index_of(interface));
  const LinkPtr change{rtnl_link_alloc()};
  rtnl_link_set_flags(change.get(), IFF_UP);
  if (mtu != 0) rtnl_link_set_mtu(change.get(), mtu);
  if (transmit_queue != 0) rtnl_link_set_txqlen(change.get(), transmit_queue);
  return outcome(rtnl_link_change(socket_.get(), which.get(), change.get(), 0), fmt::format("set {} up", interface));
}

Netlink::Outcome Netlink::add_address(const std::string& interface, const packet::Address& address) {
  const AddrPtr assignment{rtnl_addr_alloc()};
  rtnl_addr_set_ifindex(assignment.get(), index_of(interface));
  rtnl_addr_set_local(assignment.get(), build(address).get());
  if (address.family == packet::Family::ipv6) rtnl_addr_set_flags(assignment.get(), IFA_F_NODAD);
  auto added = outcome(rtnl_addr_add(socket_.get(), assignment.get(), NLM_F_CREATE | NLM_F_EXCL),
                       fmt::format("add address {} to {}", to_string(address), interface));
  if (!added || address.family == packet::Family::ipv4) return added;
  // For IPv6 the kernel adds the route to its own address later, from a work queue,
  // and drops what arrives before; so we add one at once.
  return add_local_route(interface, address);
}

Netlink::Outcome Netlink::add_local_route(const std::string& interface, const packet::Address& address) {
  const RoutePtr route{rtnl_route_alloc()};
  rtnl_route_set_family(route.get(), static_cast<std::uint8_t>(family_of(address)));
  rtnl_route_set_dst(route.get(), build(address).get());
  rtnl_route_set_type(route.get(), RTN_LOCAL);
  rtnl_route_set_table(route.get(), RT_TABLE_LOCAL);
  rtnl_route_set_protocol(route.get(), RTPROT_KERNEL);
  add_hop(*route, interface, nullptr);
  return outcome(rtnl_route_add(socket_.get(), route.get(), NLM_F_CREATE),
                 fmt::format("add local route to {}", to_string(address)));
}

Netlink::Outcome Netlink::add_default_route(const std::string& interface, const packet::Address& gateway) {
  const RoutePtr route{rtnl_route_alloc()};
  const auto everything = build(packet::Address{.family = gateway.family, .bytes = {}});
  nl_addr_set_prefixlen(everything.get(), 0);
  rtnl_route_set_family(route.get(), static_cast<std::uint8_t>(family_of(gateway)));
  rtnl_route_set_dst(route.get(), everything.get());
  rtnl_route_set_table(route.get(), RT_TABLE_MAIN);
  rtnl_route_set_protocol(route.get(), RTPROT_STATIC);
  rtnl_route_set_scope(route.get(), RT_SCOPE_UNIVERSE);
  const auto via = build(gateway);
  add_hop(*route, interface, via.get());
  return outcome(rtnl_route_add(socket_.get(), route.get(), NLM_F_CREATE | NLM_F_EXCL),
                 fmt::format("add default route via {} on {}", to_string(gateway), interface));
}

Netlink::Outcome Netlink::add_link_route(const std::string& interface, const packet::Address& prefix, unsigned length,
                                         const packet::Address& source) {
  const RoutePtr route{rtnl_route_alloc()};
  const auto destination = build(prefix);
  nl_addr_set_prefixlen(destination.get(), static_cast<int>(length));
  rtnl_route_set_family(route.get(), static_cast<std::uint8_t>(family_of(prefix)));
  rtnl_route_set_dst(route.get(), destination.get());
  rtnl_route_set_pref_src(route.get(), build(source).get());
  rtnl_route_set_table(route.get(), RT_TABLE_MAIN);
  rtnl_route_set_protocol(route.get(), RTPROT_STATIC);
  rtnl_route_set_scope(route.get(), RT_SCOPE_LINK);
  add_hop(*route, interface, nullptr);
  return outcome(rtnl_route_add(socket_.get(), route.get(), NLM_F_CREATE | NLM_F_EXCL),
                 fmt::format("add route to {}/{} on {}", to_string(prefix), length, interface));
}

Netlink::Outcome Netlink::add_neighbour(const std::string& interface, const packet::Address& address,
                                        const MacAddress& mac) {
  const NeighPtr neighbour{rtnl_neigh_alloc()};
  rtnl_neigh_set_ifindex(neighbour.get(), index_of(interface));
  rtnl_neigh_set_dst(neighbour.get(), build(address).get());
  rtnl_neigh_set_lladdr(neighbour.get(), build(mac).get());
  rtnl_neigh_set_state(neighbour.get(), NUD_PERMANENT);
  return outcome(rtnl_neigh_add(socket_.get(), neighbour.get(), NLM_F_CREATE | NLM_F_REPLACE),
                 fmt::format("add neighbour {} on {}", to_string(address), interface));
}

}  // namespace tcpspec::target
