#pragma once
// Two reference stacks against each other on a simulated clock, over a link that loses,
// repeats, reorders and damages datagrams, with applications that call at random. Held
// against: the invariants of harness/oracle on each segment of both, the octets that
// arrive, an end of file only where the other side closed, and that nothing is left when
// all is over. One seed, one history.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "oracle/invariants.hh"
#include "reference/stack.hh"

namespace tcpspec::fuzz {

using packet::Bytes;
using packet::BytesView;
using packet::Duration;
using packet::Instant;

struct SimulationOptions {
  std::uint64_t seed = 1;
  Duration length = std::chrono::seconds(100'000);
  // One epoch alone, by the seed and the beginning that a complaint names.
  std::optional<std::uint64_t> epoch = std::nullopt;
  Duration begins{};
};

struct SimulationResult {
  std::uint64_t epochs = 0, connections = 0, datagrams = 0, lost = 0, octets = 0, aborted = 0, retransmissions = 0;
  Duration simulated{};
  std::uint64_t fingerprint = 0;        // of every octet on the link and its instant
  std::vector<std::string> complaints;  // empty: all held; the first few only
};

[[nodiscard]] SimulationResult simulate(const SimulationOptions& options);

}  // namespace tcpspec::fuzz
