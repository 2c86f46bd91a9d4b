#pragma once
// What the tester's side of a play draws from its seed: where its connections begin.

#include <cstddef>
#include <cstdint>
#include <random>

#include "packet/seq32.hh"

namespace tcpspec::engine {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : engine_(seed) {}
  [[nodiscard]] std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(engine_() >> 33) % bound; }

 private:
  // Cheap to seed, as every play does. Knuth's MMIX; its low bits are worth little.
  std::linear_congruential_engine<std::uint64_t, 6364136223846793005u, 1442695040888963407u, 0> engine_;
};

struct Beginning {
  packet::Seq32 iss;
  std::uint16_t port = 0;
};

// Of connection `index`; to be drawn in the order of the connections.
[[nodiscard]] inline Beginning draw_beginning(Draw& draw, std::size_t index) {
  // Just before the wrap and just before the sign bit: arithmetic that forgets to be
  // modular shows at once.
  constexpr std::uint32_t starts[] = {0xffffff00u, 0x7fffff00u, 0xfffffffeu, 0x7ffffffeu};
  const auto start = starts[draw.below(4)];
  const packet::Seq32 iss(start + draw.below(2));
  return {iss, static_cast<std::uint16_t>(10000 + 16 * index + draw.below(16))};
}

// The tester's clock of RFC 7323 section 5.4, which wants 1 ms to 1 s per tick, starts before the wrap.
inline constexpr std::uint32_t first_timestamp = 0xfffff000u;

}  // namespace tcpspec::engine
