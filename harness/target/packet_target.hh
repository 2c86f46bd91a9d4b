#pragma once
// A target made of packet stacks: each attachment has a stack of its own, whose time begins
// when it attaches, so that a test does the same whatever is played beside or before it.

#include <expected>
#include <functional>
#include <memory>

#include "target/packet_stack.hh"
#include "target/target.hh"

namespace tcpspec::target {

// What a stack is made for.
struct Seating {
  packet::Address local;  // the stack's own
  packet::Address peer;   // the tester's
  std::uint16_t mtu = 1500;
  std::uint64_t seed = 0;
  Instant now;  // its clock begins here
};

using MakeStack = std::function<std::expected<std::unique_ptr<PacketStack>, EnvironmentError>(const Seating&)>;

// The description's clock is `simulated`.
[[nodiscard]] std::unique_ptr<Target> make_packet_target(Description description, MakeStack make_stack);

}  // namespace tcpspec::target
