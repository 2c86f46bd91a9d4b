#pragma once
// slirp gives a connection that it opens itself the address of its gateway (vhost) and a port
// that the kernel picks. On the wire it has the stack's address and the port that was asked for.
// Checksums are changed by the difference (RFC 1624), so that a wrong one stays as wrong.

#include <cstdint>
#include <optional>
#include <span>

namespace tcpspec::slirp {

using Ipv4Address = std::uint32_t;  // as on the wire

struct Endpoint {
  Ipv4Address address = 0;
  std::uint16_t port = 0;  // in the host's order
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct Endpoints {
  Endpoint source;
  Endpoint destination;
};
// Of a datagram with TCP in it; nullopt: it has none, is a later fragment, or too short.
[[nodiscard]] std::optional<Endpoints> tcp_endpoints(std::span<const std::uint8_t> datagram);

// Only for datagrams that have tcp_endpoints().
void replace_source(std::span<std::uint8_t> datagram, const Endpoint& source);
void replace_destination(std::span<std::uint8_t> datagram, const Endpoint& destination);

}  // namespace tcpspec::slirp
