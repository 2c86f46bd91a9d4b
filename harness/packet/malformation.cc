#include "packet/malformation.hh"

#include <algorithm>

#include "packet/checksum.hh"
#include "packet/wire.hh"

namespace tcpspec::packet {
namespace {

constexpr std::size_t tcp_checksum_at = 16;  // within the TCP header

void store_low_bits(Bytes& bytes, std::size_t at, std::uint8_t mask, std::uint8_t value) {
  const std::uint8_t kept = wire::load8(bytes, at) & static_cast<std::uint8_t>(~mask);
  wire::store8(bytes, at, kept | (value & mask));
}

// Returns the octets that the IP header takes now.
std::size_t insert_ip_options(const Bytes& options, Bytes& datagram) {
  const std::size_t padded = (options.size() + 3) / 4 * 4;
  const auto behind_header = datagram.begin() + static_cast<std::ptrdiff_t>(wire::ipv4_header_octets);
  const auto inserted = datagram.insert(behind_header, padded, std::byte{0});
  std::ranges::copy(options, inserted);
  const std::size_t header_octets = wire::ipv4_header_octets + padded;
  store_low_bits(datagram, 0, 0x0f, static_cast<std::uint8_t>(std::min<std::size_t>(header_octets / 4, 15)));
  wire::store16(datagram, 2, static_cast<std::uint16_t>(std::min<std::size_t>(datagram.size(), 0xffff)));
  return header_octets;
}

void break_ip_header(const Malformation& m, Family family, std::size_t header_octets, Bytes& datagram) {
  if (m.ip_total_length) wire::store16(datagram, family == Family::ipv4 ? 2 : 4, *m.ip_total_length);
  if (m.ip_protocol) wire::store8(datagram, family == Family::ipv4 ? 9 : 6, *m.ip_protocol);
  if (family == Family::ipv6) return;
  wire::store16(datagram, 10, 0);
  const auto right = static_cast<std::uint16_t>(
      ~ones_complement_sum(BytesView(datagram).first(std::min<std::size_t>(header_octets, 60))));
  wire::store16(datagram, 10, right ^ m.ip_checksum_xor.value_or(0));
}

// The segment as a receiver takes it from the datagram: as far as the length field
// says and there are octets; all octets where the field leaves no TCP header.
std::span<std::byte> delimited_segment(Family family, std::size_t tcp_offset, Bytes& datagram) {
  const std::size_t stated =
      family == Family::ipv4 ? wire::load16(datagram, 2) : wire::ipv6_header_octets + wire::load16(datagram, 4);
  const std::size_t end =
      stated < tcp_offset + wire::tcp_header_octets ? datagram.size() : std::min(stated, datagram.size());
  return std::span(datagram).subspan(tcp_offset, end - tcp_offset);
}

void store_tcp_checksum(const Malformation& m, Family family, std::size_t tcp_offset, Bytes& datagram) {
  if (datagram.size() < tcp_offset + tcp_checksum_at + 2) return;
  const std::uint8_t protocol = wire::load8(datagram, family == Family::ipv4 ? 9 : 6);
  const auto segment = delimited_segment(family, tcp_offset, datagram);
  wire::store16(segment, tcp_checksum_at, 0);
  const auto right =
      static_cast<std::uint16_t>(~pseudo_header_sum(address_octets(datagram, family), protocol, segment));
  wire::store16(segment, tcp_checksum_at, m.tcp_checksum.value_or(right) ^ m.tcp_checksum_xor.value_or(0));
}

}  // namespace

bool Malformation::empty() const {
  return !tcp_checksum && !tcp_checksum_xor && !data_offset && !reserved && !ip_total_length && !ip_checksum_xor &&
         !ip_protocol && ip_options.empty() && !truncate_to;
}

void apply(const Malformation& malformation, Family family, Bytes& datagram) {
  std::size_t tcp_offset = family == Family::ipv4 ? wire::ipv4_header_octets : wire::ipv6_header_octets;
  if (family == Family::ipv4 && !malformation.ip_options.empty())
    tcp_offset = insert_ip_options(malformation.ip_options, datagram);
  if (malformation.data_offset)
    store_low_bits(datagram, tcp_offset + 12, 0xf0, static_cast<std::uint8_t>(*malformation.data_offset << 4));
  if (malformation.reserved)
    store_low_bits(datagram, tcp_offset + 12, 0x0e, static_cast<std::uint8_t>(*malformation.reserved << 1));
  break_ip_header(malformation, family, tcp_offset, datagram);
  if (malformation.truncate_to) datagram.resize(std::min(datagram.size(), *malformation.truncate_to));
  store_tcp_checksum(malformation, family, tcp_offset, datagram);
}

}  // namespace tcpspec::packet
