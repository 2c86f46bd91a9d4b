#pragma once
// From a test of the language to a program: the test is played on the reference stack, and what goes
// to the stack is written down: the segments of the script and of a peer that plays along, ICMP errors,
// calls, and the time between. That makes one line of alternatives, repeats and captures. Its numbers
// become symbolic, so that the program says to another stack what it said to this one; what the test
// expects is no part of it.

#include <cstdint>
#include <expected>
#include <string>

#include "engine/peer.hh"
#include "fuzz/program.hh"
#include "script/model.hh"

namespace tcpspec::fuzz {

struct CompileOptions {
  std::uint64_t seed = 1;
  engine::MakePeer make_peer = nullptr;  // for tests with `peer: auto`
};

// Or why it cannot be compiled: one sentence. Played with the same seed (player.hh) the program does to
// the reference stack what the test did, octet by octet and at the same instants; only the
// identification field of IPv4, which a peer counts by itself, may differ.
[[nodiscard]] std::expected<Program, std::string> compile(const script::Test& test, const CompileOptions& options);

// Without a fixture: all of its steps are there.
[[nodiscard]] std::expected<Program, std::string> compile_whole(const script::Test& test,
                                                                const CompileOptions& options);

}  // namespace tcpspec::fuzz
