#pragma once
// The raw limit: one thread, one TUN, and nothing between them and the kernel but a
// template of each segment whose numbers are patched. What an engine is measured by.

#include <cstdint>
#include <expected>
#include <memory>

#include "target/linux/stage.hh"

namespace tcpspec::bench {

// Whether each conversation opens a listening socket of its own, as a test does, or
// all share one.
enum class Listener : std::uint8_t { own, shared };

// listen, SYN, SYN-ACK, ACK, accept, FIN, close, FIN, ACK: opens and closes connections
// until `duration` has passed, and returns how many per second.
[[nodiscard]] double bare_conversations_per_second(target::Stage& stage, Listener listener, packet::Duration duration);

}  // namespace tcpspec::bench
