#pragma once
// Big-endian numbers in bytes. The caller has checked that the octets are there.

#include <cstddef>
#include <cstdint>
#include <span>

namespace tcpspec::packet::wire {

[[nodiscard]] inline std::uint8_t load8(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}
[[nodiscard]] inline std::uint16_t load16(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(load8(bytes, at) << 8 | load8(bytes, at + 1));
}
[[nodiscard]] inline std::uint32_t load32(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint32_t>(load16(bytes, at)) << 16 | load16(bytes, at + 2);
}

inline void store8(std::span<std::byte> bytes, std::size_t at, std::uint8_t value) {
  bytes[at] = std::byte{value};
}
inline void store16(std::span<std::byte> bytes, std::size_t at, std::uint16_t value) {
  store8(bytes, at, static_cast<std::uint8_t>(value >> 8));
  store8(bytes, at + 1, static_cast<std::uint8_t>(value));
}
inline void store32(std::span<std::byte> bytes, std::size_t at, std::uint32_t value) {
  store16(bytes, at, static_cast<std::uint16_t>(value >> 16));
  store16(bytes, at + 2, static_cast<std::uint16_t>(value));
}

// The constants of the headers that more than one file needs, in octets.
inline constexpr std::size_t ipv4_header_octets = 20;
inline constexpr std::size_t ipv6_header_octets = 40;
inline constexpr std::size_t tcp_header_octets = 20;
inline constexpr std::size_t icmp_header_octets = 8;

inline constexpr std::uint8_t protocol_icmp = 1;
inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_icmpv6 = 58;

}  // namespace tcpspec::packet::wire
