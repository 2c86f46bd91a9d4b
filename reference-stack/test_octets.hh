#pragma once
// What the tests of this folder share: octets that tell their own sequence number, and
// random numbers from a seed that is printed.

#include <gtest/gtest.h>

#include <cstdlib>
#include <ostream>
#include <random>
#include <string>

#include "packet/segment.hh"
#include "reference/receive_buffer.hh"

namespace tcpspec::reference {

inline void PrintTo(const SackBlock& block, std::ostream* out) {
  *out << '[' << block.left.raw() << ", " << block.right.raw() << ')';
}

}  // namespace tcpspec::reference

namespace tcpspec::reference::test {

// Low octet of a product, so that neighbours differ and no period of 256 hides a shift.
inline std::byte octet_at(packet::Seq32 seq) {
  return std::byte(static_cast<std::uint8_t>(seq.raw() * 2654435761U >> 24));
}

inline packet::Bytes octets_from(packet::Seq32 seq, std::size_t count) {
  packet::Bytes octets;
  for (std::uint32_t n = 0; n < count; ++n) octets.push_back(octet_at(seq + n));
  return octets;
}

// TCPSPEC_SEED when it is set, so that a failure can be had again.
inline std::uint64_t seed() {
  const char* given = std::getenv("TCPSPEC_SEED");
  return given == nullptr ? 0x5f31 : std::stoull(given, nullptr, 0);
}

class Random {
 public:
  Random() : trace_(__FILE__, __LINE__, "TCPSPEC_SEED=" + std::to_string(seed())), engine_(seed()) {}

  [[nodiscard]] std::uint32_t below(std::uint32_t bound) {
    return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(engine_);
  }
  [[nodiscard]] bool once_in(std::uint32_t n) { return below(n) == 0; }

 private:
  ::testing::ScopedTrace trace_;
  std::mt19937_64 engine_;
};

}  // namespace tcpspec::reference::test
