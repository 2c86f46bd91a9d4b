#pragma once
// Interfaces, addresses, routes and neighbours of one network namespace, by rtnetlink.

#include <net/if.h>

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "packet/address.hh"
#include "target/target.hh"

struct nl_sock;

namespace tcpspec::target {

using MacAddress = std::array<std::uint8_t, 6>;

class Netlink {
 public:
  using Outcome = std::expected<void, EnvironmentError>;

  // Of the namespace that the calling thread is in.
  [[nodiscard]] static std::expected<Netlink, EnvironmentError> open();

  struct VethEnd {
    std::string name;
    MacAddress address{};
  };
  // `there` appears in the namespace behind the descriptor.
  [[nodiscard]] Outcome create_veth(const VethEnd& here, const VethEnd& there, int namespace_of_there);
  [[nodiscard]] Outcome bring_up(const std::string& interface, unsigned mtu, unsigned transmit_queue);
  // The address alone, without an on-link prefix and without duplicate address detection;
  // datagrams to it are accepted when this returns.
  [[nodiscard]] Outcome add_address(const std::string& interface, const packet::Address& address);
  // Everything goes through `gateway`, which is taken to be on the link.
  [[nodiscard]] Outcome add_default_route(const std::string& interface, const packet::Address& gateway);
  // Everything whose first `length` bits are those of `prefix` lies on the link; whoever sends
  // there does so from `source`, which is an address of ours.
  [[nodiscard]] Outcome add_link_route(const std::string& interface, const packet::Address& prefix, unsigned length,
                                       const packet::Address& source);
  // Permanent: it is never asked for by ARP or neighbour discovery.
  [[nodiscard]] Outcome add_neighbour(const std::string& interface, const packet::Address& address,
                                      const MacAddress& mac);

 private:
  [[nodiscard]] Outcome add_local_route(const std::string& interface, const packet::Address& address);

  struct Close {
    void operator()(nl_sock* socket) const;
  };
  std::unique_ptr<nl_sock, Close> socket_;
};

}  // namespace tcpspec::target
