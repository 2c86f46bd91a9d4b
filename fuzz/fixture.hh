#pragma once
// The fixtures of the language (harness/script/fixtures.yaml) as steps of a program.

#include <vector>

#include "fuzz/program.hh"

namespace tcpspec::fuzz {

// The steps that bring connection 0 into the fixture's state, from CLOSED.
[[nodiscard]] const std::vector<Step>& steps_of(const Fixture& fixture, packet::Family family);

}  // namespace tcpspec::fuzz
