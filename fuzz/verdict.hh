#pragma once
// One suite's text played by the engine, as `tcpspec run` would, on a target in this process.

#include <string>

#include "engine/play.hh"
#include "target/target.hh"

namespace tcpspec::fuzz {

// Of the first test. `error` where the text does not load.
[[nodiscard]] engine::Verdict verdict_of(const std::string& yaml, target::Target& target, std::uint64_t seed);

}  // namespace tcpspec::fuzz
