#pragma once
// The fixtures of the language (harness/script/fixtures.yaml) as steps of a program: compiled from a
// test that has nothing but its `given`, once each.

#include <string>
#include <vector>

#include "fuzz/program.hh"

namespace tcpspec::fuzz {

// The steps that bring connection 0 into the fixture's state, from CLOSED. Their numbers are symbolic:
// they do so with any stack that answers at once.
[[nodiscard]] const std::vector<Step>& steps_of(const Fixture& fixture, packet::Family family);

// What stands behind `given:`, "ESTABLISHED", or in braces where there is more to say.
[[nodiscard]] std::string given_of(const Fixture& fixture);

}  // namespace tcpspec::fuzz
