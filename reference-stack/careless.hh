#pragma once
// What C does with a length that is wrong: it believes it. The harm that the unsafe mutants of
// mutants.def do, with the small buffers that others had. Called behind MUTANT(name) alone.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "reference/receive_buffer.hh"

namespace tcpspec::reference::careless {

// As many octets as asked for, whatever lies there.
inline void read(const std::byte* from, std::size_t count) {
  const volatile std::byte* at = from;
  for (; count > 0; --count) (void)*at++;
}

// Into a buffer that somebody else has measured.
inline void copy(BytesView from, std::size_t buffer) {
  if (from.empty()) return;
  Bytes into(buffer);
  std::memcpy(into.data(), from.data(), from.size());
  read(into.data(), into.size());
}

// The last `count` octets of what came: a negative number is a very large one.
inline void copy_end(BytesView from, std::int32_t count) {
  if (count == 0) return;
  Bytes into(from.size());
  std::memcpy(into.data(), from.data() + (static_cast<std::ptrdiff_t>(from.size()) - count),
              static_cast<std::size_t>(count));
  read(into.data(), into.size());
}

// A list of options, each as long as its second octet says.
inline void copy_options(BytesView area) {
  const std::byte* at = area.data();
  const std::byte* const end = at + area.size();
  while (at < end && *at != std::byte{0}) {
    const std::size_t length = *at == std::byte{1} ? 1 : std::to_integer<std::size_t>(at[1]);
    if (length == 0) return;
    read(at, length);
    at += length;
  }
}

// Beside timestamps there is room for three blocks. There are segments without timestamps.
template <class Blocks>
void copy_sack_blocks(const Blocks& blocks) {
  std::array<typename Blocks::value_type, 3> into{};
  std::copy(blocks.begin(), blocks.end(), into.begin());
  read(reinterpret_cast<const std::byte*>(into.data()), sizeof(into));
}

// Counts to `most`, with 16 bits.
inline void count_to(std::uint32_t most) {
  volatile std::uint16_t counted = 0;
  while (counted < most) counted = static_cast<std::uint16_t>(counted + 1);
}

// Nobody knows of it any more.
inline void lose(const ReceiveBuffer& buffer) {
  read(reinterpret_cast<const std::byte*>(new ReceiveBuffer(buffer)), 1);
}

}  // namespace tcpspec::reference::careless
