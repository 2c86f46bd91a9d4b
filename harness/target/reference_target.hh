#pragma once
// Target `reference`: the reference stack of this project, in this process, on a clock of
// its own. Each attachment has a host of its own whose time begins when it attaches, so
// that a test does the same whatever is played beside or before it.

#include <memory>

#include "target/target.hh"

namespace tcpspec::target {

[[nodiscard]] std::unique_ptr<Target> open_reference_target();

}  // namespace tcpspec::target
