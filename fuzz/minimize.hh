#pragma once
// A program to its least form: steps first, then what is in them.

#include <cstddef>
#include <functional>

#include "fuzz/program.hh"

namespace tcpspec::fuzz {

// Whether a program still shows what it is minimised for.
using StillShows = std::function<bool(const Program&)>;

// `program` shows it. At most so many trials; the order is fixed, so that the result is too.
[[nodiscard]] Program minimize(Program program, const StillShows& still_shows, std::size_t most_trials = 2000);

}  // namespace tcpspec::fuzz
