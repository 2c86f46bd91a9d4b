#pragma once
// ICMP and ICMPv6 error messages that quote a datagram (RFC 792, RFC 4443).

#include <cstdint>
#include <optional>

#include "packet/segment.hh"

namespace tcpspec::packet {

struct IcmpError {
  Address source;       // who reports: a router, or the tester itself
  Address destination;  // the target; decides ICMP or ICMPv6
  std::uint8_t type = 3;
  std::uint8_t code = 0;
  std::uint32_t rest_of_header = 0;  // next-hop MTU for "fragmentation needed" (RFC 1191) and "packet too big"
  Bytes quoted = {};                 // the datagram that drew it, from its IP header; cut to what the RFCs allow
};
[[nodiscard]] Bytes serialize(const IcmpError& error);

// A quoted segment with another sequence number or source port: what a forger would send. Checksums
// are not repaired: RFC 792 lets a receiver see eight octets only. Does nothing to what is no TCP.
void forge_quotation(Bytes& quoted, std::optional<std::uint32_t> seq, std::optional<std::uint16_t> source_port);

struct IcmpView {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t rest_of_header = 0;
  BytesView quoted = {};
};
// nullopt when the datagram is not ICMP or is shorter than an ICMP header.
[[nodiscard]] std::optional<IcmpView> view_icmp(BytesView datagram);

}  // namespace tcpspec::packet
