#pragma once
// The reference stack as the peer that plays the tester's side where a test says `peer: auto`.

#include <memory>

#include "engine/peer.hh"

namespace tcpspec::runner {

[[nodiscard]] std::unique_ptr<engine::Peer> make_reference_peer(const engine::PeerPlace& place);

}  // namespace tcpspec::runner
