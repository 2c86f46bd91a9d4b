#pragma once
// What flows in a conversation where the script gives no octets of its own: octet `offset` of a stream
// is recognisable, and without a short period, so that lost, repeated or shifted data shows.

#include <cstddef>
#include <cstdint>
#include <span>

namespace tcpspec::engine {

enum class Stream : std::uint8_t { from_tester, from_target };

[[nodiscard]] constexpr std::byte pattern_octet(Stream stream, std::uint64_t offset) {
  const auto x = static_cast<std::uint32_t>(offset) * 2654435761u + (stream == Stream::from_target ? 0x9e3779b9u : 0u);
  return static_cast<std::byte>(x >> 24);
}

// The octets from `offset` on.
void write_pattern(Stream stream, std::uint64_t offset, std::span<std::byte> octets);
// How many of `octets`, from their first on, are those of the stream from `offset` on.
[[nodiscard]] std::size_t matching_pattern(Stream stream, std::uint64_t offset, std::span<const std::byte> octets);

}  // namespace tcpspec::engine
