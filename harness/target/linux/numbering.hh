#pragma once
// Hands out tester addresses and blocks of ports. Both go round in a circle, so that
// a number rests as long as possible before it is used again: kernels remember peers.

#include <cstdint>
#include <optional>
#include <vector>

#include "packet/address.hh"

namespace tcpspec::target {

// Tester address number n, 0 <= n < tester_addresses: 10.1.0.0 upwards, fd00:0:0:1::1 upwards.
inline constexpr std::uint32_t tester_addresses = 254u << 16;
[[nodiscard]] packet::Address tester_address(packet::Family family, std::uint32_t number);

// The numbers 0 to size-1; take() gives the one that was free, and not given out, for longest.
class Circle {
 public:
  explicit Circle(std::uint32_t size, std::uint32_t first = 0) : taken_(size, false), next_(first % size) {}
  [[nodiscard]] std::optional<std::uint32_t> take();
  void give_back(std::uint32_t number) { taken_[number] = false; }

 private:
  std::vector<bool> taken_;
  std::uint32_t next_ = 0;
};

inline constexpr std::uint16_t ports_per_block = 4;
inline constexpr std::uint16_t first_port = 1024;
inline constexpr std::uint16_t last_port = 29999;
inline constexpr std::uint32_t port_blocks = (last_port - first_port + 1) / ports_per_block;
[[nodiscard]] constexpr std::uint16_t port_of_block(std::uint32_t block) {
  return static_cast<std::uint16_t>(first_port + block * ports_per_block);
}

}  // namespace tcpspec::target
