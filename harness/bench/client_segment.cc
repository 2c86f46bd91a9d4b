#include "bench/client_segment.hh"

#include "packet/checksum.hh"
#include "packet/wire.hh"

namespace tcpspec::bench {

namespace wire = packet::wire;

ClientSegment::ClientSegment(const packet::Endpoint& server, packet::Flags flags, std::vector<packet::Option> options) {
  packet::Segment segment;
  segment.source = {packet::Address::ipv4(10, 64, 0, 1), 1};
  segment.destination = server;
  segment.flags = flags;
  segment.window = 65535;
  segment.options = std::move(options);
  datagram_ = packet::serialize(segment);
}

packet::BytesView ClientSegment::with(std::uint16_t port, packet::Seq32 seq, packet::Seq32 ack) {
  const auto tcp = std::span(datagram_).subspan(wire::ipv4_header_octets);
  wire::store16(tcp, 0, port);
  wire::store32(tcp, 4, seq.raw());
  wire::store32(tcp, 8, ack.raw());
  wire::store16(tcp, 16, 0);
  const auto addresses = packet::address_octets(datagram_, packet::Family::ipv4);
  const auto sum = packet::pseudo_header_sum(addresses, wire::protocol_tcp, tcp);
  wire::store16(tcp, 16, static_cast<std::uint16_t>(~sum));
  return datagram_;
}

}  // namespace tcpspec::bench
