#pragma once
// A TCP segment in an IP datagram that is valid by construction, what to break
// when it is written (Malformation), and the bytes that result.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "packet/address.hh"
#include "packet/flags.hh"
#include "packet/option.hh"
#include "packet/seq32.hh"

namespace tcpspec::packet {

using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

struct IpHeader {
  std::uint8_t ttl = 64;             // IPv6: hop limit
  std::uint8_t traffic_class = 0;    // DSCP and ECN
  std::uint16_t identification = 0;  // IPv4 only
  bool dont_fragment = true;         // IPv4 only
  std::uint32_t flow_label = 0;      // IPv6 only
  friend bool operator==(const IpHeader&, const IpHeader&) = default;
};

struct Segment {
  Endpoint source;  // the families of the two must agree
  Endpoint destination;
  Seq32 seq;
  Seq32 ack;  // written even when the ACK bit is off
  Flags flags;
  std::uint16_t window = 0;  // as on the wire, unscaled
  std::uint16_t urgent = 0;
  std::vector<Option> options;  // padded with zeros (EOL) to a multiple of four octets
  Bytes payload;
  IpHeader ip;

  // SEG.LEN of RFC 9293 section 3.3.1: payload, plus one each for SYN and FIN.
  [[nodiscard]] std::uint32_t length() const {
    return static_cast<std::uint32_t>(payload.size()) + (flags.has(Flags::syn) ? 1 : 0) +
           (flags.has(Flags::fin) ? 1 : 0);
  }
  friend bool operator==(const Segment&, const Segment&) = default;
};

// What to break. Each field overrides one thing on the wire, after which the
// checksums are computed over what is really sent, as far as the IP length that is
// sent reaches (all of it where that leaves no TCP header), unless they are
// themselves overridden. Every field has an initialiser, so that one can be named alone.
struct Malformation {
  std::optional<std::uint16_t> tcp_checksum = {};      // this value
  std::optional<std::uint16_t> tcp_checksum_xor = {};  // the right one, with these bits flipped
  std::optional<std::uint8_t> data_offset = {};        // in 32-bit words, 0 to 15; the bytes stay where they are
  std::optional<std::uint8_t> reserved = {};           // the three (RFC 9293: four, less AE) reserved bits
  std::optional<std::uint16_t> ip_total_length = {};   // IPv4 total length / IPv6 payload length
  std::optional<std::uint16_t> ip_checksum_xor = {};   // IPv4 only
  std::optional<std::uint8_t> ip_protocol = {};
  Bytes ip_options = {};                        // IPv4 only; padded with zeros to a multiple of four
  std::optional<std::size_t> truncate_to = {};  // octets of the datagram that are sent; length fields unchanged

  [[nodiscard]] bool empty() const;
  friend bool operator==(const Malformation&, const Malformation&) = default;
};

// The IP datagram. Options that exceed 40 octets are written all the same and the
// data offset is what fits in four bits: asking for the impossible is allowed here.
[[nodiscard]] Bytes serialize(const Segment& segment, const Malformation& malformation = {});

// One's complement sum over `bytes` (RFC 1071), folded, not complemented; `initial` in host order.
[[nodiscard]] std::uint16_t ones_complement_sum(BytesView bytes, std::uint32_t initial = 0);

}  // namespace tcpspec::packet
