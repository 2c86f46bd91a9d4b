#pragma once
// Big-endian numbers in bytes. The caller has checked that the octets are there.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tcpspec::packet::wire {

namespace detail {
// The machine's order to the wire's, and back.
template <class Integer>
[[nodiscard]] constexpr Integer big_endian(Integer value) {
  if constexpr (std::endian::native == std::endian::little) return std::byteswap(value);
  return value;
}
template <class Integer>
[[nodiscard]] Integer load(std::span<const std::byte> bytes, std::size_t at) {
  Integer value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return big_endian(value);
}
template <class Integer>
void store(std::span<std::byte> bytes, std::size_t at, Integer value) {
  value = big_endian(value);
  std::memcpy(bytes.data() + at, &value, sizeof value);
}
}  // namespace detail

[[nodiscard]] inline std::uint8_t load8(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}
[[nodiscard]] inline std::uint16_t load16(std::span<const std::byte> bytes, std::size_t at) {
  return detail::load<std::uint16_t>(bytes, at);
}
[[nodiscard]] inline std::uint32_t load32(std::span<const std::byte> bytes, std::size_t at) {
  return detail::load<std::uint32_t>(bytes, at);
}

inline void store8(std::span<std::byte> bytes, std::size_t at, std::uint8_t value) {
  bytes[at] = std::byte{value};
}
inline void store16(std::span<std::byte> bytes, std::size_t at, std::uint16_t value) {
  detail::store(bytes, at, value);
}
inline void store32(std::span<std::byte> bytes, std::size_t at, std::uint32_t value) {
  detail::store(bytes, at, value);
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
