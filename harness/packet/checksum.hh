#pragma once
// The checksums of IP and of what it carries (RFC 791 section 3.1, RFC 9293
// section 3.1, RFC 8200 section 8.1).

#include "packet/segment.hh"

namespace tcpspec::packet {

// The sum, not complemented, over a pseudo header and `message`. `addresses` are
// source and destination as they stand in the IP header, 8 or 32 octets. Where
// the message holds its right checksum the result is 0xffff.
[[nodiscard]] std::uint16_t pseudo_header_sum(BytesView addresses, std::uint8_t protocol, BytesView message);

// Source and destination in a datagram that holds a whole fixed IP header.
[[nodiscard]] BytesView address_octets(BytesView datagram, Family family);

}  // namespace tcpspec::packet
