#pragma once
// The reference stack as a packet stack, its calls in the dress of the sockets interface.

#include <memory>

#include "reference/settings.hh"
#include "target/packet_stack.hh"

namespace tcpspec::target {

[[nodiscard]] std::unique_ptr<PacketStack> make_reference_packet_stack(const reference::Settings& settings,
                                                                       packet::Family family, Instant now);

}  // namespace tcpspec::target
