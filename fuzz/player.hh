#pragma once
// Plays programs against a target, and records what it does. No verdicts here: oracles
// (oracles.hh) judge a record. As in the engine, at one instant everything that the target did
// comes before the next stimulus; unlike there, every answer is taken notice of at once, so that
// the variables of a step count all that came before it.

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/program.hh"
#include "oracle/connection_view.hh"
#include "oracle/invariants.hh"
#include "target/target.hh"

namespace tcpspec::fuzz {

using packet::Instant;

struct Entry {
  enum class Kind : std::uint8_t { sent, answered, called, completed, paused };
  Kind kind = Kind::sent;
  std::uint32_t step = 0;       // of Played::steps: sent, called, paused: this one; else after this one had begun
  std::uint32_t call = 0;       // called, completed: the step of the call
  std::int32_t connection = 0;  // -1: an answer to ports that no connection has
  Instant at;
  // The target's state just before, as far as the wire and the calls show it; sent, called, paused.
  script::State state = script::State::closed;
  std::uint32_t place = 0;    // sent: where it lies against the target's variables (transitions.hh)
  Bytes datagram;             // sent, answered: from the IP header
  target::CallResult result;  // completed
};

struct Breach {  // of an invariant
  oracle::Violation violation;
  std::size_t entry = 0;
};

struct Played {
  std::vector<Step> steps;        // of the fixture, then of the program
  std::size_t fixture_steps = 0;  // how many of them are the fixture's
  std::vector<Entry> entries;     // in order
  std::vector<Breach> breaches;
  std::optional<target::TargetFailure> failure;  // it crashed or hung, and the play ended there
  bool flooded = false;                          // more answers than PlayOptions::most_answers: the play ended there
  Instant started, ended;
};

struct PlayOptions {
  std::uint64_t seed = 1;  // of the tester's ISSs and ports, and of what the target chooses at random
  // Of real time, for targets whose clock is not simulated: longer pauses are cut to it.
  Duration longest_pause = std::chrono::milliseconds(50);
  Duration drain{};  // how long it listens behind the last step
  std::size_t most_answers = 20'000;
  // Told of each entry: a stimulus before the target gets it, so that what kills is told, too.
  std::function<void(const Entry&)> witness = nullptr;
};

[[nodiscard]] std::expected<Played, target::EnvironmentError> play(Program program, target::Target& target,
                                                                   const PlayOptions& options);

}  // namespace tcpspec::fuzz
