#pragma once
// The reference stack as the peer that plays the tester's side, as ever without a mistake:
// the mutant is the target's.

#include <memory>

#include "engine/peer.hh"

namespace tcpspec::mutants {

[[nodiscard]] std::unique_ptr<engine::Peer> make_right_peer(const engine::PeerPlace& place);

}  // namespace tcpspec::mutants
