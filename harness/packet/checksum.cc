#include "packet/checksum.hh"

#include <array>
#include <bit>
#include <cstring>

#include "packet/wire.hh"

namespace tcpspec::packet {
namespace {

std::uint16_t fold(std::uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

}  // namespace

// The sum does not depend on byte order (RFC 1071 section 2 (B)): words are added
// as the machine loads them and the result is swapped once.
std::uint16_t ones_complement_sum(BytesView bytes, std::uint32_t initial) {
  std::uint64_t sum = 0;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  // By blocks: what instruments the loads looks at each of them.
  std::array<std::uint32_t, 16> block{};
  for (; left >= sizeof block; at += sizeof block, left -= sizeof block) {
    std::memcpy(block.data(), at, sizeof block);
    for (const auto word : block) sum += word;
  }
  // Zeros behind the last octet, as RFC 1071 section 1 pads.
  block.fill(0);
  if (left > 0) std::memcpy(block.data(), at, left);
  for (const auto word : block) sum += word;
  std::uint16_t folded = fold(sum);
  if constexpr (std::endian::native == std::endian::little) folded = std::byteswap(folded);
  return fold(std::uint64_t{folded} + initial);
}

std::uint16_t pseudo_header_sum(BytesView addresses, std::uint8_t protocol, BytesView message) {
  const std::uint32_t length_and_protocol =
      static_cast<std::uint32_t>((message.size() >> 16) + (message.size() & 0xffff)) + protocol;
  return ones_complement_sum(message, ones_complement_sum(addresses, length_and_protocol));
}

BytesView address_octets(BytesView datagram, Family family) {
  return family == Family::ipv4 ? datagram.subspan(12, 8) : datagram.subspan(8, 32);
}

}  // namespace tcpspec::packet
