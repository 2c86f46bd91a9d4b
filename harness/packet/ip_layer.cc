#include "packet/ip_layer.hh"

#include <tins/ip.h>
#include <tins/ip_address.h>
#include <tins/ipv6.h>
#include <tins/ipv6_address.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "packet/wire.hh"

namespace tcpspec::packet {
namespace {

Tins::IPv4Address tins_ipv4(const Address& address) {
  std::uint32_t network_order = 0;
  std::memcpy(&network_order, address.bytes.data(), sizeof network_order);
  return Tins::IPv4Address(network_order);
}

Bytes written(Tins::PDU& pdu) {
  const auto octets = pdu.serialize();
  Bytes bytes(octets.size());
  std::memcpy(bytes.data(), octets.data(), octets.size());
  return bytes;
}

Bytes ipv4_datagram(const IpAddresses& addresses, const IpHeader& header, std::uint8_t protocol,
                    std::unique_ptr<Tins::PDU> payload) {
  // Given 0.0.0.0 as source, libtins asks the machine's routing table for a better
  // one. All ones stand in for it: zero in one's complement too, so that every
  // checksum comes out the same (RFC 1071 section 1).
  const bool unspecified = std::ranges::all_of(addresses.source.octets(), [](std::uint8_t b) { return b == 0; });
  Tins::IP ip(tins_ipv4(addresses.destination),
              unspecified ? Tins::IPv4Address(0xffffffffU) : tins_ipv4(addresses.source));
  ip.ttl(header.ttl);
  ip.tos(header.traffic_class);
  ip.id(header.identification);
  if (header.dont_fragment) ip.flags(Tins::IP::DONT_FRAGMENT);
  ip.protocol(protocol);
  ip.inner_pdu(payload.release());
  Bytes bytes = written(ip);
  if (unspecified) wire::store32(bytes, 12, 0);
  return bytes;
}

Bytes ipv6_datagram(const IpAddresses& addresses, const IpHeader& header, std::uint8_t protocol,
                    std::unique_ptr<Tins::PDU> payload) {
  Tins::IPv6 ip(Tins::IPv6Address(addresses.destination.bytes.data()),
                Tins::IPv6Address(addresses.source.bytes.data()));
  ip.hop_limit(header.ttl);
  ip.traffic_class(header.traffic_class);
  ip.flow_label(header.flow_label & 0xfffffU);
  ip.next_header(protocol);
  ip.inner_pdu(payload.release());
  return written(ip);
}

}  // namespace

Bytes ip_datagram(const IpAddresses& addresses, const IpHeader& header, std::uint8_t protocol,
                  std::unique_ptr<Tins::PDU> payload) {
  assert(addresses.source.family == addresses.destination.family && "source and destination must be of one IP family");
  return addresses.source.family == Family::ipv4 ? ipv4_datagram(addresses, header, protocol, std::move(payload))
                                                 : ipv6_datagram(addresses, header, protocol, std::move(payload));
}

}  // namespace tcpspec::packet
