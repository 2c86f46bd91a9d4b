#include "packet/icmp.hh"

#include <tins/rawpdu.h>

#include <algorithm>

#include "packet/checksum.hh"
#include "packet/ip_layer.hh"
#include "packet/segment_view.hh"
#include "packet/wire.hh"

namespace tcpspec::packet {
namespace {

// The whole message's limit: RFC 1812 section 4.3.2.3, RFC 4443 section 2.4 (c).
std::size_t quotable_octets(Family family) {
  const std::size_t largest_datagram = family == Family::ipv4 ? 576 : 1280;
  const std::size_t ip_header = family == Family::ipv4 ? wire::ipv4_header_octets : wire::ipv6_header_octets;
  return largest_datagram - ip_header - wire::icmp_header_octets;
}

Bytes message_without_checksum(const IcmpError& error, Family family) {
  const std::size_t quoted = std::min(error.quoted.size(), quotable_octets(family));
  Bytes message(wire::icmp_header_octets + quoted);
  wire::store8(message, 0, error.type);
  wire::store8(message, 1, error.code);
  wire::store32(message, 4, error.rest_of_header);
  std::ranges::copy(BytesView(error.quoted).first(quoted), message.begin() + wire::icmp_header_octets);
  return message;
}

}  // namespace

Bytes serialize(const IcmpError& error) {
  const Family family = error.destination.family;
  const Bytes message = message_without_checksum(error, family);
  const std::uint8_t protocol = family == Family::ipv4 ? wire::protocol_icmp : wire::protocol_icmpv6;
  const auto* octets = reinterpret_cast<const std::uint8_t*>(message.data());
  Bytes datagram = ip_datagram({error.source, error.destination}, IpHeader{}, protocol,
                               std::make_unique<Tins::RawPDU>(octets, static_cast<std::uint32_t>(message.size())));
  // ICMP sums its own message (RFC 792), ICMPv6 a pseudo header too (RFC 4443 section 2.3).
  const std::uint16_t sum = family == Family::ipv4
                                ? ones_complement_sum(message)
                                : pseudo_header_sum(address_octets(datagram, family), protocol, message);
  wire::store16(datagram, datagram.size() - message.size() + 2, static_cast<std::uint16_t>(~sum));
  return datagram;
}

void forge_quotation(Bytes& quoted, std::optional<std::uint32_t> seq, std::optional<std::uint16_t> source_port) {
  const SegmentView view{BytesView(quoted)};
  if (!view.has_tcp_header()) return;
  const auto tcp = static_cast<std::size_t>(view.ip_payload().data() - quoted.data());
  if (source_port) wire::store16(quoted, tcp, *source_port);
  if (seq) wire::store32(quoted, tcp + 4, *seq);
}

std::optional<IcmpView> view_icmp(BytesView datagram) {
  const SegmentView view(datagram);
  const BytesView message = view.ip_payload();
  if (!view.is_icmp() || message.size() < wire::icmp_header_octets) return std::nullopt;
  return IcmpView{.type = wire::load8(message, 0),
                  .code = wire::load8(message, 1),
                  .rest_of_header = wire::load32(message, 4),
                  .quoted = message.subspan(wire::icmp_header_octets)};
}

}  // namespace tcpspec::packet
